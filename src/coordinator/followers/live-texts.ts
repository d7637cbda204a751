/**
 * The texts that running attempts have made so far, for followers of their workflow.
 *
 *   LT1  a new listener first gets, for each running attempt of the workflow, the whole text so far in one piece,
 *        then each piece as it comes: offsets join without a hole;
 *   LT2  texts are in memory only, with a limit for one attempt and one for all together. A text that reaches a limit
 *        is marked as cut, and the rest of it is dropped. So is one of which a piece is missing, from there on;
 *   LT3  the text of an attempt goes when the attempt ends: its outputs hold the whole text. A new attempt starts its
 *        own.
 */
import type { TokenSink } from '../../contract/coordinator.ts';
import type { TokenEvent } from '../../contract/event.ts';
import type { Said } from '../../contract/job.ts';
import { limits } from '../../contract/limits.ts';

/** The attempt that makes a text. */
interface Speaker {
  readonly workflowId: string;
  readonly stepId: string;
  readonly attempt: number;
}

interface LiveText {
  text: string;
  isCut: boolean;
}

export class LiveTexts {
  readonly #texts = new Map<Speaker, LiveText>();
  readonly #sinks = new Map<string, Set<TokenSink>>();
  /** Characters of all texts together. */
  #length = 0;

  add(speaker: Speaker, { at, text, isCut }: Omit<Said, 'jobId'>): void {
    const live = this.#texts.get(speaker) ?? { text: '', isCut: false };
    if (live.isCut) return;
    const offset = live.text.length;
    const isHole = at > offset;
    const news = isHole ? '' : text.slice(offset - at);
    const room = Math.min(limits.liveTextLengthMax - offset, limits.liveTextsLengthMax - this.#length);
    const piece = news.slice(0, room);
    live.text += piece;
    live.isCut = isHole || isCut || piece.length < news.length;
    // All of it was told before.
    if (piece === '' && !live.isCut) return;
    this.#length += piece.length;
    this.#texts.set(speaker, live);
    const sinks = this.#sinks.get(speaker.workflowId);
    if (sinks === undefined) return;
    const event = toEvent(speaker, offset, { text: piece, isCut: live.isCut });
    for (const sink of sinks) sink([event]);
  }

  end(speaker: Speaker): void {
    this.#length -= this.#texts.get(speaker)?.text.length ?? 0;
    this.#texts.delete(speaker);
  }

  listen(workflowId: string, sink: TokenSink): () => void {
    const sinks = this.#sinks.get(workflowId) ?? new Set();
    this.#sinks.set(workflowId, sinks.add(sink));
    const texts = [...this.#texts].filter(([speaker]) => speaker.workflowId === workflowId);
    if (texts.length > 0) sink(texts.map(([speaker, live]) => toEvent(speaker, 0, live)));
    return () => {
      sinks.delete(sink);
      if (sinks.size === 0 && this.#sinks.get(workflowId) === sinks) this.#sinks.delete(workflowId);
    };
  }
}

function toEvent({ workflowId, stepId, attempt }: Speaker, offset: number, { text, isCut }: LiveText): TokenEvent {
  return {
    kind: 'step.tokens',
    workflow_id: workflowId,
    step_id: stepId,
    attempt,
    offset,
    text,
    ...(isCut ? { cut: true } : {}),
  };
}
