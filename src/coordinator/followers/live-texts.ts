/**
 * The texts that running attempts make, as far as they have told them, for those who follow a workflow.
 *
 *   LT1  who begins to listen gets, of each running attempt of the workflow, all there is in one piece, then each piece as it
 *        comes: offsets join without a hole;
 *   LT2  held in memory alone, and bounded: of one attempt and of all together. What finds no room is told to be cut;
 *   LT3  an attempt that has ended is told no more: its outputs say it all, and a new attempt begins anew.
 */
import type { TokenSink } from '../../contract/coordinator.ts';
import type { TokenEvent } from '../../contract/event.ts';
import type { Said } from '../../contract/job.ts';
import { limits } from '../../contract/limits.ts';

/** Whose text it is. */
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
  /** Of all texts together. */
  #length = 0;

  add(speaker: Speaker, { text, isCut }: Pick<Said, 'text' | 'isCut'>): void {
    const told = this.#texts.get(speaker) ?? { text: '', isCut: false };
    if (told.isCut) return;
    const offset = told.text.length;
    const room = Math.min(limits.liveTextLengthMax - offset, limits.liveTextsLengthMax - this.#length);
    const piece = text.slice(0, room);
    told.text += piece;
    told.isCut = isCut || piece.length < text.length;
    this.#length += piece.length;
    this.#texts.set(speaker, told);
    const sinks = this.#sinks.get(speaker.workflowId);
    if (sinks === undefined) return;
    const event = toEvent(speaker, offset, { text: piece, isCut: told.isCut });
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
    if (texts.length > 0) sink(texts.map(([speaker, told]) => toEvent(speaker, 0, told)));
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
