/**
 * The latest durable events, for clients that follow and for those that come back with the number of the last one they
 * saw. An older number than the window holds is answered with a gap, never with silence.
 */
import type { EventSink } from '../../contract/coordinator.ts';
import type { EngineEvent } from '../../contract/event.ts';

export class EventWindow {
  readonly #eventsMax: number;
  /** A ring would do; a list that is cut when it has doubled costs the same and stays in order. */
  #events: EngineEvent[] = [];
  #sinks = new Set<EventSink>();
  /** Everything after this number is held. */
  #floor = 0;

  readonly #lastSeq: () => number;

  /** `lastSeq`: the number of the latest event there is. */
  constructor(eventsMax: number, lastSeq: () => number) {
    this.#eventsMax = eventsMax;
    this.#lastSeq = lastSeq;
  }

  /** After a start: the events that can be told again, of which those after `floor` are all there are. */
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
    for (const sink of this.#sinks) sink(events);
  }

  subscribe(after: number | null, sink: EventSink): () => void {
    this.#sinks.add(sink);
    if (after !== null) {
      const backlog = this.#events.filter((event) => event.seq > after);
      // A number from the future was given out by another life of the data: its reader has to begin anew as well.
      if (after < this.#floor || after > this.#lastSeq())
        sink([{ kind: 'gap', after, oldest: this.#floor + 1 }, ...backlog]);
      else if (backlog.length > 0) sink(backlog);
    }
    return () => this.#sinks.delete(sink);
  }
}
