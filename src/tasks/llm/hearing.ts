/** What has been heard of one answer so far: its text, reasoning and end, from one whole answer or from many chunks. */
import { TaskFailure } from '../../contract/task.ts';
import type { AnswerShape } from './answer-shape.ts';
import { toEndKind } from './end-reason.ts';
import type { Endpoint } from './endpoint.ts';
import type { HeardAnswer } from './kept-answer.ts';
import { isFields, readMessageParts } from './message-parts.ts';
import { createTextAfterThinking, splitThinking } from './thinking.ts';

/** What was said, checked for its shape alone. */
export interface ModelAnswer extends HeardAnswer {
  readonly responseModel: string | null;
  readonly calledTool: boolean;
  /** Kinds of parts that held no text and were left out. */
  readonly otherKinds: readonly string[];
}

export interface UsageSaid {
  readonly usage: unknown;
  readonly responseModel: string | null;
  readonly serviceTier: string | null;
}

export interface Hearing {
  /** Throws ANSWER_INVALID for what is no part of an answer and no error either. */
  add(chunk: unknown, shape: AnswerShape): void;
  /** The usage as far as it is known with this chunk. */
  addUsage(shape: AnswerShape): UsageSaid;
  /** Throws NETWORK for a stream that has ended before its answer. */
  endStream(isWhole: boolean): void;
  /** Throws ANSWER_INVALID where no answer was heard at all. */
  whole(): ModelAnswer;
  heard(): HeardAnswer;
}

export function createHearing({ label }: Endpoint, onText: (text: string) => void): Hearing {
  const content: string[] = [];
  const reasoning: string[] = [];
  const refusal: string[] = [];
  const otherKinds = new Set<string>();
  const followed = createTextAfterThinking();
  let calledTool = false;
  let isAnswer = false;
  let isLast = false;
  let finishReason: string | null = null;
  let responseModel: string | null = null;
  let usage: unknown;

  const follow = (text: string) => {
    if (text !== '') onText(text);
  };

  const heard = () => toHeard(content.join(''), reasoning, refusal.join(''), finishReason);

  return {
    add(chunk, shape) {
      responseModel = shape.responseModel ?? responseModel;
      isLast ||= shape.isLast;
      if (shape.error === null && holdsBrokenChoices(chunk)) {
        throw new TaskFailure('ANSWER_INVALID', `${label} sent a piece that is none of a model's answer`);
      }
      if (!shape.isAnswer) return;
      isAnswer = true;
      finishReason = shape.endReason ?? finishReason;
      const parts = readMessageParts(shape.message);
      content.push(parts.text);
      reasoning.push(parts.reasoning);
      refusal.push(parts.refusal);
      calledTool ||= parts.callsTool;
      for (const kind of parts.otherKinds) otherKinds.add(kind);
      if (parts.text !== '') follow(followed.add(parts.text));
    },
    addUsage(shape) {
      // Anthropic says the input at the beginning of a stream and the output at its end.
      const isMore = isFields(usage) && isFields(shape.usage) && 'input_tokens' in usage;
      usage = isMore ? { ...(usage as object), ...(shape.usage as object) } : shape.usage;
      return {
        usage,
        responseModel: shape.responseModel ?? responseModel,
        serviceTier: shape.serviceTier,
      };
    },
    endStream(isWhole) {
      follow(followed.rest());
      if (isAnswer && (isWhole || isLast || finishReason !== null)) return;
      if (isWhole && !isAnswer) return;
      throw new TaskFailure(
        'NETWORK',
        `the stream of ${label} ended before its answer did, after ${content.join('').length} characters`,
      );
    },
    whole() {
      if (!isAnswer) {
        throw new TaskFailure('ANSWER_INVALID', `${label} answered JSON that holds no model's answer`);
      }
      return { ...heard(), responseModel, calledTool, otherKinds: [...otherKinds] };
    },
    heard,
  };
}

function toHeard(
  text: string,
  reasoning: readonly string[],
  refusal: string,
  finishReason: string | null,
): HeardAnswer {
  const split = splitThinking(text);
  // Thinking that was cut is no answer; thinking without an end in an answer that has one is the text as it came.
  const isCutThinking = split.isOpen && toEndKind(finishReason) === 'length';
  const thinking = split.isOpen && !isCutThinking ? '' : split.thinking;
  return {
    content: isCutThinking ? '' : split.text,
    reasoning: `${reasoning.join('')}${thinking}`,
    refusal,
    finishReason,
  };
}

/** `choices` that are no list of choices: what they hold would be lost in silence. */
function holdsBrokenChoices(chunk: unknown): boolean {
  if (!isFields(chunk)) return false;
  const { choices } = chunk;
  if (choices === undefined || choices === null) return false;
  return !Array.isArray(choices) || choices.some((choice) => !isFields(choice));
}
