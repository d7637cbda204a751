/**
 * The events that recovery decides, collected so that `store.begin` writes them in one piece; and the latest events,
 * old and new, for the followers that connect after the start.
 */
import type { EngineEvent } from '../../contract/event.ts';
import { type JournalEvent, toEventJson } from '../../contract/journal-event.ts';
import { limits } from '../../contract/limits.ts';
import type { WorkflowState } from '../../core/state.ts';
import type { Change } from '../../core/stop-steps.ts';
import { toIso } from '../../core/time.ts';
import { toEngineEvent } from '../followers/told-event.ts';
import type { Entry } from './found-events.ts';

export class FirstBatch {
  readonly payloads: string[] = [];
  readonly #published: EngineEvent[] = [];
  readonly #windowFrom: number;
  #seq: number;

  constructor(nextSeq: number) {
    this.#seq = nextSeq;
    this.#windowFrom = nextSeq - limits.eventWindowMax;
  }

  /** The sequence number of the event that is appended next. */
  get nextSeq(): number {
    return this.#seq;
  }

  /** For `undo`: what the batch holds now. */
  mark(): { payloads: number; published: number; seq: number } {
    return { payloads: this.payloads.length, published: this.#published.length, seq: this.#seq };
  }

  /** Takes out what was added since `mark`. */
  undo({ payloads, published, seq }: ReturnType<FirstBatch['mark']>): void {
    this.payloads.length = payloads;
    this.#published.length = published;
    this.#seq = seq;
  }

  /** Returns the sequence number that the event will have. */
  append(event: JournalEvent): number {
    const seq = this.#seq;
    this.#seq += 1;
    this.payloads.push(toEventJson(event));
    return seq;
  }

  publish(event: JournalEvent, seq: number, state: WorkflowState, change?: Change): void {
    if (seq >= this.#windowFrom) this.#published.push(toEngineEvent(event, seq, state, change));
  }

  publishDeleted({ seq, event }: Entry): void {
    if (seq < this.#windowFrom) return;
    const { kind, workflowId, at, version } = event;
    this.#published.push({ seq, kind, workflow_id: workflowId, at: toIso(at), status: 'STOPPED', version });
  }

  /** The latest events in order. They include every event after the number `publishedAfter`. */
  toWindow(): { published: EngineEvent[]; publishedAfter: number } {
    const published = this.#published.toSorted((a, b) => a.seq - b.seq);
    return { published, publishedAfter: this.#findPublishedAfter() };
  }

  /**
   * Events that only a checkpoint or a state.json covers are not in the journal, so followers cannot get them again.
   */
  #findPublishedAfter(): number {
    const seqs = new Set(this.#published.map(({ seq }) => seq));
    let seq = this.#seq - 1;
    while (seqs.has(seq)) seq -= 1;
    return seq;
  }
}
