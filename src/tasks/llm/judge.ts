/**
 * Whether what a model said is an answer. A step is COMPLETED only with one: an empty text, a refusal, half a JSON value or
 * a wish to call a tool is a failure that says so.
 */
import { TaskFailure } from '../../contract/task.ts';
import type { ModelAnswer } from './call.ts';
import { type JsonFormat, readJsonAnswer } from './json-answer.ts';

export interface Asked {
  readonly label: string;
  readonly format: JsonFormat | null;
  /** The step has said how long the answer may be. */
  readonly isBounded: boolean;
}

export interface Judged {
  readonly content: string;
  readonly json?: unknown;
  /** The step's own bound has cut the text. */
  readonly truncated?: true;
}

/** How answers end that are whole. A server that says nothing (not streaming) has sent all there is. */
const wholeReasons = new Set(['stop', 'end_turn', 'eos', 'stop_sequence', null]);

export function judgeAnswer(answer: ModelAnswer, { label, format, isBounded }: Asked): Judged {
  const { content } = answer;
  const reason = answer.finishReason?.toLowerCase() ?? null;
  if (answer.refusal !== '') {
    // Cut by whoever takes the keys out: half of one would not be found.
    throw new TaskFailure('ANSWER_REFUSED', `the model of ${label} refused to answer: ${answer.refusal}`);
  }
  if (reason?.startsWith('content_filter')) {
    throw new TaskFailure('ANSWER_REFUSED', `${label} withheld the answer (finish_reason content_filter)`);
  }
  if (answer.calledTool || reason === 'tool_calls' || reason === 'function_call') {
    throw new TaskFailure(
      'OUTPUT_INVALID',
      `the model of ${label} wants to call a tool instead of answering; steps run no tools: leave out tools`,
    );
  }
  if (reason === 'length') return judgeCut(answer, { label, format, isBounded });
  if (!wholeReasons.has(reason)) {
    throw new TaskFailure('ANSWER_INVALID', `the answer of ${label} ended early (finish_reason ${toWord(reason)})`);
  }
  if (content.trim() === '') throw new TaskFailure('ANSWER_INVALID', `the answer of ${label} is empty`);
  return format === null ? { content } : { content, json: readJsonAnswer(content, format) };
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
  return reason !== null && /^[\w.-]{1,64}$/.test(reason) ? reason : 'unknown';
}
