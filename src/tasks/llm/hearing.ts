/** What has been heard of one answer so far: its text, reasoning and end, from one whole answer or from many chunks. */
import { TaskFailure } from '../../contract/task.ts';
import type { AnswerShape } from './answer-shape.ts';
import { toEndKind } from './end-reason.ts';
import type { Endpoint } from './endpoint.ts';
import { cutToBytes, type HeardAnswer } from './kept-answer.ts';
import { isFields, type MessageParts, readMessageParts } from './message-parts.ts';
import { createTextAfterThinking, splitThinking } from './thinking.ts';

/** What was said, checked for its shape alone. */
export interface ModelAnswer extends HeardAnswer {
  readonly responseModel: string | null;
  readonly calledTool: boolean;
  /** Kinds of parts that held no text and were left out. */
  readonly otherKinds: readonly string[];
  /** What went wrong when the answer was whole already; null where nothing did. */
  readonly afterword: string | null;
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
  /** Throws NETWORK for a stream that has ended before its answer, ANSWER_INVALID for a whole one with a broken piece. */
  endStream(stream: { readonly isWhole: boolean; readonly isBroken: boolean }): void;
  /** True once a text has come and the server has said that it is all. */
  isComplete(): boolean;
  /** Throws ANSWER_INVALID where no answer was heard at all. */
  whole(afterword?: string): ModelAnswer;
  heard(): HeardAnswer;
}

export function createHearing({ label }: Endpoint, onText: (text: string) => void): Hearing {
  const said = createCollection();
  const followed = createTextAfterThinking();
  let isAnswer = false;
  let isLast = false;
  let finishReason: string | null = null;
  let responseModel: string | null = null;
  let usage: unknown;
  let unread: unknown;

  const follow = (text: string) => {
    if (text !== '') onText(text);
  };

  const heard = () => {
    const { text, reasoning, refusal } = said.parts();
    return toHeard(text, reasoning, refusal, finishReason);
  };

  return {
    add(chunk, shape) {
      responseModel = shape.responseModel ?? responseModel;
      isLast ||= shape.isLast;
      if (shape.error === null && holdsBrokenChoices(chunk)) {
        throw new TaskFailure('ANSWER_INVALID', `${label} sent a piece that is none of a model's answer`);
      }
      if (!shape.isAnswer) {
        if (shape.error === null) unread ??= chunk;
        return;
      }
      isAnswer = true;
      finishReason = shape.endReason ?? finishReason;
      const text = said.add(shape);
      if (text !== '') follow(followed.add(text));
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
    endStream({ isWhole, isBroken }) {
      follow(followed.rest());
      const hasEnd = isWhole || isLast || finishReason !== null;
      if (isBroken) throw toBrokenFailure(label, hasEnd);
      if (isAnswer ? hasEnd : isWhole) return;
      const { length } = said.parts().text;
      throw new TaskFailure(
        'NETWORK',
        `the stream of ${label} ended before its answer did, after ${length} characters`,
      );
    },
    isComplete() {
      return finishReason !== null && toEndKind(finishReason) === 'whole' && said.parts().text.trim() !== '';
    },
    whole(afterword) {
      if (!isAnswer) throw toUnreadFailure(label, unread);
      const { callsTool, otherKinds } = said.parts();
      return { ...heard(), responseModel, calledTool: callsTool, otherKinds, afterword: afterword ?? null };
    },
    heard,
  };
}

/** The parts of all messages and pieces, put together. */
function createCollection() {
  const heard: MessageParts[] = [];
  let hasPieces = false;
  /** The latest message that holds all pieces so far. */
  let total: MessageParts | null = null;
  const join = (parts: readonly MessageParts[]): MessageParts => ({
    text: parts.map(({ text }) => text).join(''),
    reasoning: parts.map(({ reasoning }) => reasoning).join(''),
    refusal: parts.map(({ refusal }) => refusal).join(''),
    callsTool: parts.some(({ callsTool }) => callsTool),
    otherKinds: [...new Set(parts.flatMap(({ otherKinds }) => otherKinds))],
  });
  return {
    /** Returns the text that this adds. */
    add({ message, piece }: AnswerShape): string {
      const added = piece ?? (hasPieces ? undefined : message);
      if (message !== undefined && added !== message) total = readMessageParts(message);
      hasPieces ||= piece !== undefined;
      if (added === undefined) return '';
      const parts = readMessageParts(added);
      heard.push(parts);
      return parts.text;
    },
    /** A total counts where the pieces say nothing. */
    parts(): MessageParts {
      const pieces = join(heard);
      return total !== null && pieces.text === '' && pieces.reasoning === '' ? join([pieces, total]) : pieces;
    },
  };
}

function toBrokenFailure(label: string, hasEnd: boolean): TaskFailure {
  const piece = `a piece of the stream of ${label} is no JSON`;
  return hasEnd
    ? new TaskFailure('ANSWER_INVALID', `${piece}, so its text is not whole`)
    : new TaskFailure('NETWORK', `${piece}, or is cut`);
}

/** What was answered has been paid for, in whatever form it is: a person may read it. */
function toUnreadFailure(label: string, unread: unknown): TaskFailure {
  const message = `${label} answered JSON that holds no model's answer`;
  const text = JSON.stringify(unread) ?? '';
  if (text.length <= '{}'.length) return new TaskFailure('ANSWER_INVALID', message);
  const answer = { content: cutToBytes(text), characters: text.length };
  return new TaskFailure('ANSWER_INVALID', message, { metadata: { answer } });
}

function toHeard(text: string, reasoning: string, refusal: string, finishReason: string | null): HeardAnswer {
  const split = splitThinking(text);
  // Thinking that was cut is no answer; thinking without an end in an answer that has one is the text as it came.
  const isCutThinking = split.isOpen && toEndKind(finishReason) === 'length';
  const thinking = split.isOpen && !isCutThinking ? '' : split.thinking;
  return {
    content: isCutThinking ? '' : split.text,
    reasoning: `${reasoning}${thinking}`,
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
