/**
 * Whether what a model said is an answer. A step is COMPLETED only with one: an empty text, a refusal, half a JSON value or
 * a wish to call a tool is a failure that says so.
 */
import { TaskFailure } from '../../contract/task.ts';
import { toEndKind } from './end-reason.ts';
import type { ModelAnswer } from './hearing.ts';
import { type JsonFormat, readJsonAnswer } from './json-answer.ts';

export interface Asked {
  readonly label: string;
  readonly format: JsonFormat | null;
  /** The step has said how long the answer may be. */
  readonly isBounded: boolean;
  log(line: string): void;
}

export interface Judged {
  readonly content: string;
  readonly json?: unknown;
  /** The step's own bound has cut the text. */
  readonly truncated?: true;
}

/**
 * Failures over an answer that arrived whole are permanent: it has been paid for, and asking again would be paid again.
 * Only one that the server itself gave up on (`HTTP_RETRYABLE`) is asked for again.
 */
export function judgeAnswer(answer: ModelAnswer, { label, format, isBounded, log }: Asked): Judged {
  const { content, finishReason } = answer;
  const kind = toEndKind(finishReason);
  const reason = toWord(finishReason);
  if (answer.refusal.trim() !== '') {
    // Cut by whoever takes the keys out: half of one would not be found.
    throw new TaskFailure('ANSWER_REFUSED', `the model of ${label} refused to answer: ${answer.refusal}`);
  }
  if (kind === 'withheld') {
    throw new TaskFailure('ANSWER_REFUSED', `${label} withheld the answer (finish_reason ${reason})`);
  }
  if (answer.calledTool || (kind === 'tool' && content.trim() === '')) {
    throw new TaskFailure(
      'OUTPUT_INVALID',
      `the model of ${label} wants to call a tool instead of answering; steps run no tools: leave out tools`,
    );
  }
  if (kind === 'interrupted') {
    throw new TaskFailure('HTTP_RETRYABLE', `the answer of ${label} ended early (finish_reason ${reason})`);
  }
  if (kind === 'length') return judgeCut(answer, { label, format, isBounded, log });
  if (content.trim() === '') throw new TaskFailure('ANSWER_INVALID', toEmptyMessage(answer, label, reason));
  if (answer.afterword !== null) log(`Warning: the answer was whole before ${answer.afterword}`);
  if (kind === 'unknown') {
    log(`Warning: ${label} ended the answer with finish_reason ${reason}, which is not known; it was taken as whole`);
  }
  if (answer.otherKinds.length > 0) {
    log(`Warning: parts of the answer that are no text were left out: ${answer.otherKinds.join(', ')}`);
  }
  return format === null ? { content } : { content, json: readJsonAnswer(content, format, log) };
}

function toEmptyMessage({ reasoning, finishReason }: ModelAnswer, label: string, reason: string): string {
  const why = finishReason === null || toEndKind(finishReason) === 'whole' ? '' : ` (finish_reason ${reason})`;
  const where = reasoning === '' ? '' : `; all it says stands in its reasoning (${reasoning.length} characters)`;
  return `the answer of ${label} is empty${why}${where}`;
}

/** Who bounds an answer has asked for no more than that; an answer that the model's own limit cuts was meant to go on. */
function judgeCut({ content, reasoning }: ModelAnswer, { label, format, isBounded }: Asked): Judged {
  const way = isBounded ? 'raise max_tokens' : 'ask for less, or choose a model that can say more';
  if (content.trim() === '') {
    const spent = reasoning === '' ? '' : ': its reasoning took all of them';
    throw new TaskFailure('ANSWER_CUT', `the model of ${label} ran out of tokens before it answered${spent}; ${way}`);
  }
  if (format !== null) {
    throw new TaskFailure(
      'ANSWER_CUT',
      `the JSON answer of ${label} was cut after ${content.length} characters; ${way}`,
    );
  }
  if (!isBounded) {
    throw new TaskFailure(
      'ANSWER_CUT',
      `the answer of ${label} was cut after ${content.length} characters by the model's own limit; ${way}, or set max_tokens to accept a cut answer`,
    );
  }
  return { content, truncated: true };
}

function toWord(reason: string | null): string {
  return reason !== null && /^[\w. -]{1,64}$/.test(reason) ? reason : 'unknown';
}
