/**
 * One answer, or one chunk of a streamed one, as the server sent it: where its message, its end, its usage and its errors
 * stand. OpenAI's form is the rule; answers of Anthropic, Cohere and Ollama, which some gateways pass on as they are, are
 * read too.
 */
import { readEndReason } from './end-reason.ts';
import { isFields, saysSomething } from './message-parts.ts';

export interface AnswerShape {
  /** Message, or piece of a message that does not call itself one; undefined where this chunk has none. */
  readonly message: unknown;
  /** What calls itself a piece, a `delta`. A message beside it holds all pieces so far. */
  readonly piece: unknown;
  /** Whether this is part of an answer at all. */
  readonly isAnswer: boolean;
  readonly endReason: string | null;
  /** undefined where nothing is said of it. */
  readonly usage: unknown;
  readonly responseModel: string | null;
  readonly serviceTier: string | null;
  /** What the server says went wrong, in a form that `provider-failure.ts` reads; null where nothing did. */
  readonly error: unknown;
  /** This chunk is the last of its stream. */
  readonly isLast: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

const nothing = { message: undefined, piece: undefined, isAnswer: false, endReason: null, isLast: false };

export function readAnswerShape(value: unknown): AnswerShape {
  const said = { usage: undefined, responseModel: null, serviceTier: null };
  // Google sends its errors in a list.
  const answer = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (!isFields(answer)) return { ...nothing, ...said, error: null };
  const choice = pickChoice(answer.choices);
  const place = choice === undefined ? readWithoutChoices(answer) : readChoice(choice);
  const error = findError(answer, choice, place.isAnswer);
  return { ...place, ...readUsagePlaces(answer, choice), error };
}

/** Only the first choice is the answer. In a stream of several, each has chunks of its own. */
function pickChoice(choices: unknown): Fields | undefined {
  if (!Array.isArray(choices)) return undefined;
  return choices.filter(isFields).find(({ index }) => Number(index ?? 0) === 0);
}

function readChoice(choice: Fields) {
  const { message, delta, text, finish_reason: reason, finish_details: details } = choice;
  return {
    message: message ?? (typeof text === 'string' ? { content: text } : undefined),
    piece: delta ?? undefined,
    isAnswer: true,
    endReason: readEndReason(reason) ?? readEndReason(choice.stop_reason) ?? readEndReason(details),
    isLast: false,
  };
}

function readWithoutChoices(answer: Fields) {
  const { type, delta, content_block: block, content, message } = answer;
  if (type === 'content_block_start') return { ...nothing, message: { content: [block] }, isAnswer: true };
  if (type === 'content_block_delta') return { ...nothing, message: { content: [delta] }, isAnswer: true };
  if (type === 'message_start') return { ...nothing, isAnswer: true };
  if (type === 'message_delta') {
    return { ...nothing, isAnswer: true, endReason: readEndReason(isFields(delta) ? delta.stop_reason : null) };
  }
  if (type === 'message_stop') return { ...nothing, isAnswer: true, isLast: true };
  const endReason =
    readEndReason(answer.stop_reason) ?? readEndReason(answer.finish_reason) ?? readEndReason(answer.done_reason);
  const isLast = answer.done === true;
  if (Array.isArray(content)) return { ...nothing, message: answer, isAnswer: true, endReason, isLast };
  if (isFields(message)) return { ...nothing, message, isAnswer: true, endReason, isLast };
  return nothing;
}

/** Groq says a stream's usage in `x_groq`, Moonshot in the choice, Anthropic in the message that begins it. */
function readUsagePlaces(answer: Fields, choice: Fields | undefined) {
  const { x_groq: groq, message, model, service_tier: tier } = answer;
  const begun = answer.type === 'message_start' && isFields(message) ? message : {};
  const places = [answer.usage, isFields(groq) ? groq.usage : undefined, choice?.usage, begun.usage];
  const ollama =
    typeof answer.prompt_eval_count === 'number' && typeof answer.eval_count === 'number'
      ? { prompt_tokens: answer.prompt_eval_count, completion_tokens: answer.eval_count }
      : undefined;
  const named = model ?? begun.model;
  return {
    usage: places.find(isFields) ?? ollama ?? places.find((usage) => usage !== undefined && usage !== null),
    responseModel: typeof named === 'string' && named !== '' && named.length <= 200 ? named : null,
    serviceTier: typeof tier === 'string' ? tier : null,
  };
}

/** Beside an answer only a field that is called an error is one; without an answer whatever tells of a failure is. */
function findError(answer: Fields, choice: Fields | undefined, isAnswer: boolean): unknown {
  if (saysSomething(answer.error)) return answer;
  if (saysSomething(choice?.error)) return { error: choice?.error };
  const { base_resp: base } = answer;
  if (isFields(base) && typeof base.status_code === 'number' && base.status_code !== 0) {
    return { error: { code: base.status_code, message: base.status_msg } };
  }
  if (isAnswer) return null;
  const { detail, errors, success, object, type, code, message, msg } = answer;
  if (saysSomething(detail) || saysSomething(errors) || success === false) return answer;
  if (object === 'error' || type === 'error') return answer;
  const isCoded = (code ?? answer.statusCode ?? answer.error_code ?? null) !== null;
  return isCoded && [message, msg, answer.error_msg].some((text) => typeof text === 'string') ? answer : null;
}
