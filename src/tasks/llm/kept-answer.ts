/**
 * What a step that fails over its answer keeps of it, in `metadata.answer`: the text was paid for, and a person may still
 * use it. Metadata have a bound of 64 KiB, so a longer text is kept from its beginning, and says how long it was.
 */
import { TaskFailure } from '../../contract/task.ts';

export interface HeardAnswer {
  readonly content: string;
  readonly reasoning: string;
  readonly refusal: string;
  readonly finishReason: string | null;
}

/** Together well below the bound of metadata, which also hold names and numbers. */
const contentBytesMax = 36 * 1024;
const restBytesMax = 8 * 1024;

/** The same failure, with the text in its metadata; as it is where no text has come. */
export function keepAnswer(failure: TaskFailure, heard: HeardAnswer): TaskFailure {
  const { content, reasoning, refusal, finishReason } = heard;
  if (content === '' && reasoning === '' && refusal === '') return failure;
  const { code, message, retryAfterMs, cause, metadata } = failure;
  const kept = cutToBytes(content, contentBytesMax);
  const answer = {
    content: kept,
    characters: content.length,
    ...(kept.length < content.length ? { cut: true } : {}),
    ...(reasoning === '' ? {} : { reasoning: cutToBytes(reasoning, restBytesMax) }),
    ...(refusal === '' ? {} : { refusal: cutToBytes(refusal, restBytesMax) }),
    finish_reason: finishReason,
  };
  return new TaskFailure(code, message, { retryAfterMs, cause, metadata: { ...metadata, answer } });
}

/** As much of the beginning as takes so many bytes of JSON. */
export function cutToBytes(text: string, bytesMax = contentBytesMax): string {
  let kept = text.slice(0, bytesMax);
  for (let bytes = sizeOf(kept); bytes > bytesMax; bytes = sizeOf(kept)) {
    kept = kept.slice(0, Math.floor((kept.length * bytesMax) / bytes) - 1);
  }
  // Half of a surrogate pair is no character.
  return kept.replace(/[\ud800-\udbff]$/, '');
}

function sizeOf(text: string): number {
  return Buffer.byteLength(JSON.stringify(text));
}
