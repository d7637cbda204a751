/**
 * The latest durable events, for clients that follow the engine and for clients that come back with the number of the
 * last event they saw.
 *
 *   EW1  a follower gets each event after its number once, in order; where some of them are no longer held it first
 *        gets a gap, even if none of the missing events was of its workflow;
 *   EW2  a follower of one workflow gets events of that workflow only. Publishing looks at each event once, however
 *        many followers there are, and calls each follower that gets some once.
 */
import type { EventSink } from '../../contract/coordinator.ts';
import type { EngineEvent } from '../../contract/event.ts';

export class EventWindow {
  readonly #eventsMax: number;
  /** In order. Cut back when it has doubled, which costs the same as a ring and is simpler to read. */
  #events: EngineEvent[] = [];
  /** By the workflow that they follow; null: sinks that follow all workflows. */
  readonly #sinks = new Map<string | null, Set<EventSink>>();
  /** Every event after this number is in `#events`. */
  #floor = 0;

  readonly #lastSeq: () => number;

  /** `lastSeq` gives the number of the latest durable event. */
  constructor(eventsMax: number, lastSeq: () => number) {
    this.#eventsMax = eventsMax;
    this.#lastSeq = lastSeq;
  }

  /** After a start: the recovered events. Every event after `floor` is among them. */
  restore(events: readonly EngineEvent[], floor: number): void {
    this.#events = events.filter(({ seq }) => seq > floor);
    this.#floor = floor;
  }

  publish(events: readonly EngineEvent[]): void {
    for (const event of events) this.#events.push(event);
    if (this.#events.length > 2 * this.#eventsMax) {
      const cut = this.#events.length - this.#eventsMax;
      this.#floor = this.#events[cut - 1]!.seq;
      this.#events = this.#events.slice(cut);
    }
    for (const sink of this.#sinks.get(null) ?? []) sink(events);
    // Each event is looked up once, however many followers there are.
    const followed = new Map<string, EngineEvent[]>();
    for (const event of events) {
      if (!this.#sinks.has(event.workflow_id)) continue;
      const own = followed.get(event.workflow_id);
      if (own) own.push(event);
      else followed.set(event.workflow_id, [event]);
    }
    for (const [workflowId, own] of followed) for (const sink of this.#sinks.get(workflowId) ?? []) sink(own);
  }

  /** `workflowId` null: the events of all workflows. */
  subscribe(after: number | null, workflowId: string | null, sink: EventSink): () => void {
    const sinks = this.#sinks.get(workflowId) ?? new Set();
    this.#sinks.set(workflowId, sinks.add(sink));
    if (after !== null) {
      const isFollowed = (event: EngineEvent) => workflowId === null || event.workflow_id === workflowId;
      const backlog = this.#events.filter((event) => event.seq > after && isFollowed(event));
      // A number from the future comes from data that this engine does not have: its reader must also start anew.
      if (after < this.#floor || after > this.#lastSeq())
        sink([{ kind: 'gap', after, oldest: this.#floor + 1 }, ...backlog]);
      else if (backlog.length > 0) sink(backlog);
    }
    return () => {
      sinks.delete(sink);
      if (sinks.size === 0 && this.#sinks.get(workflowId) === sinks) this.#sinks.delete(workflowId);
    };
  }
}
