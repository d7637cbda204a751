/**
 * A provider's refusal as one of our failures. Its text is rebuilt from an allow-list: the status, the provider's own type
 * and code, and its message with every key taken out. Providers repeat the key that they refuse, whole or in part.
 */
import type { FailureCode } from '../../contract/failures.ts';
import { secretLengthMin } from '../../contract/secret-values.ts';
import { TaskFailure } from '../../contract/task.ts';
import { readAskedMs, readRetryAfterMs } from '../http/retry-after.ts';
import type { Endpoint } from './endpoint.ts';
import { cutToBytes } from './kept-answer.ts';

/** What an error answer says, in whichever of the usual forms. */
interface ProviderError {
  readonly type: string | null;
  readonly code: string | null;
  readonly message: string | null;
  /** The HTTP status that an error inside a 200 names as its code; null where it names none. */
  readonly status: number | null;
  /** The text that the provider holds back because it does not fit what was asked for (Groq's failed_generation). */
  readonly failedText: string | null;
  /** Google's names of the limits that were hit, such as GenerateRequestsPerDayPerProjectPerModel-FreeTier. */
  readonly quotaIds: readonly string[];
  /** Google says here, not in a header, when to come back. */
  readonly retryDelaySeconds: string | undefined;
  /** FastAPI's answer to a request that it does not take, whatever status it came with. */
  readonly isOurFault: boolean;
}

export interface RefusedResponse {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly retryAfterMs: string | undefined;
  readonly text: string;
}

const messageShownMax = 300;
/** A limit of a minute or an hour is over by then; who asks for more means one of a day, and no step waits for that. */
const rateWaitMsMax = 3_600_000;
/** Waiting does not cure these: someone has to pay, or a day has to pass. */
const quotaCodes = new Set([
  'insufficient_quota',
  'billing_hard_limit_reached',
  'billing_not_active',
  'insufficient_balance',
  'quota_exceeded',
]);
const rateCodes = new Set([
  'rate_limit_exceeded',
  'rate_limit_error',
  'rate_limit',
  'ratelimit',
  'throttled',
  'too_many_requests',
  'resource_exhausted',
]);
/** The request itself is at fault, and would be refused again. */
const requestCodes = new Set([
  'invalid_request_error',
  'invalid_request',
  'badrequesterror',
  'bad_request',
  'validation',
  'validation_error',
  'invalid_argument',
  'context_length_exceeded',
  'exceed_context_size_error',
  'authentication_error',
  'invalid_api_key',
  'permission_error',
  'permission_denied',
  'not_found_error',
  'notfounderror',
  'model_not_found',
]);
const withheldCodes = new Set(['content_filter', 'responsibleaipolicyviolation', 'content_policy_violation']);
const retriedStatuses = new Set([408, 409, 425, 429]);
/** Limits of a day or a month. A message that also names one of a minute leaves open which of them was hit. */
const dayWords =
  /\b(?:per|a|each)[\s_-]*(?:day|24[\s_-]*h(?:ours?)?|month)\b|\bper[\s_-]*86,?400\s*s|\bdaily\b|\bmonthly\b|\b[RT]PD\b/i;
const minuteWords = /\b(?:per|a|each)[\s_-]*(?:second|minute|hour)\b|\b[RT]P[SM]\b/i;

export function toRefusedFailure(
  response: RefusedResponse,
  endpoint: Endpoint,
  model: string,
  now: number,
): TaskFailure {
  const error = readProviderError(parseJson(response.text));
  const { status } = response;
  const said = `${endpoint.label} answered ${status}${describe(error, endpoint)}`;
  if (status >= 300 && status < 400) {
    return new TaskFailure(
      'PROVIDER_REJECTED',
      `${endpoint.label} answered ${status}, a redirect, which model calls do not follow: give the final address as base URL`,
    );
  }
  const asked = {
    'retry-after': response.retryAfter ?? error.retryDelaySeconds,
    'retry-after-ms': response.retryAfterMs,
  };
  const isLong = status === 429 && (readAskedMs(asked) ?? 0) > rateWaitMsMax;
  if (status === 402 || isLong || ((status === 429 || status === 403) && isQuota(error))) {
    return new TaskFailure('QUOTA_USED_UP', `${said}. The account's quota is used up, which repeating does not cure`);
  }
  const { failedText } = error;
  const kept = failedText === null ? undefined : { content: cutToBytes(failedText), characters: failedText.length };
  const metadata = kept && { answer: kept };
  if (retriedStatuses.has(status) || status >= 500) {
    const retryAfterMs = readRetryAfterMs(asked, now);
    const code: FailureCode = status === 429 ? 'RATE_LIMITED' : 'HTTP_RETRYABLE';
    return new TaskFailure(code, said, retryAfterMs === undefined ? {} : { retryAfterMs });
  }
  return new TaskFailure('PROVIDER_REJECTED', `${said}${wayOut(status, endpoint, model)}`, { metadata });
}

/**
 * An error that came inside an answer with a good status, on its own or after a part of the answer. It has the kind that
 * it would have had as a status.
 */
export function toBrokenOffFailure(body: unknown, endpoint: Endpoint): TaskFailure {
  const error = readProviderError(body);
  const said = `${endpoint.label} broke off its answer${describe(error, endpoint)}`;
  return new TaskFailure(kindOf(error), said);
}

function kindOf(error: ProviderError): FailureCode {
  const { status, code, type } = error;
  const words = [code, type].flatMap((word) => (word === null ? [] : [word.toLowerCase()]));
  if (status === 402 || isQuota(error)) return 'QUOTA_USED_UP';
  if (status === 429 || words.some((word) => rateCodes.has(word))) return 'RATE_LIMITED';
  if (words.some((word) => withheldCodes.has(word))) return 'ANSWER_REFUSED';
  if (error.isOurFault) return 'PROVIDER_REJECTED';
  const isOurs = status !== null && status >= 400 && status < 500 && !retriedStatuses.has(status);
  if (isOurs || words.some((word) => requestCodes.has(word))) return 'PROVIDER_REJECTED';
  return 'HTTP_RETRYABLE';
}

function wayOut(status: number, { keySetting }: Endpoint, model: string): string {
  if (status === 401)
    return keySetting === null ? '; it wants a key: name one with api_key_env' : `; check ${keySetting}`;
  if (status === 403) return `; ${keySetting === null ? 'the server' : keySetting} does not allow the model "${model}"`;
  if (status === 404) return `; check the model "${model}" and the base URL`;
  return '';
}

function isQuota({ code, type, message, quotaIds }: ProviderError): boolean {
  if ([code, type].some((word) => word !== null && quotaCodes.has(word))) return true;
  if (quotaIds.length > 0) return quotaIds.some((id) => /Per(?:Day|Month)/i.test(id));
  const said = [code, type, message].filter((text) => text !== null).join(' ');
  return dayWords.test(said) && !minuteWords.test(said);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // HTML of a gateway, or nothing: the status says what there is to say.
    return null;
  }
}

/**
 * OpenAI: `{error: {message, type, code}}`. Google: the same in a list, with `status` and `details`. FastAPI (vLLM, SGLang):
 * `{detail}`, text or a list. Cloudflare: `{errors: [{code, message}]}`. Others: `{message}`, `{msg}`, `{error: "text"}`.
 */
function readProviderError(body: unknown): ProviderError {
  const whole = Array.isArray(body) ? body[0] : body;
  const written = get(whole, 'error') ?? [get(whole, 'errors')].flat()[0] ?? whole;
  // OpenRouter repeats what its provider said, Azure says there which filter it was.
  const error = typeof written === 'object' && written !== null ? written : whole;
  const details = [get(error, 'details')].flat().filter((detail) => detail !== undefined);
  const code = get(error, 'status') ?? get(error, 'code') ?? get(error, 'error_code') ?? get(whole, 'statusCode');
  return {
    type: toWord(get(error, 'type') ?? get(error, 'error_type')),
    code: toWord(code),
    message: typeof written === 'string' && written !== '' ? written : readMessage(error, whole),
    status: toStatus(get(error, 'code')) ?? toStatus(code) ?? toStatus(get(error, 'status_code')),
    failedText: toText(get(error, 'failed_generation')),
    quotaIds: details
      .flatMap((detail) => get(detail, 'violations'))
      .flatMap((violation) => toText(get(violation, 'quotaId')) ?? []),
    retryDelaySeconds: details
      .map((detail) => toText(get(detail, 'retryDelay'))?.replace(/s$/, ''))
      .find((delay) => delay !== undefined),
    isOurFault: isDetailOfRequest(get(error, 'detail')) || isDetailOfRequest(get(whole, 'detail')),
  };
}

/** FastAPI and Starlette have these words for what has no status of its own. */
const detailWords = new Set(['not found', 'method not allowed', 'not authenticated', 'unauthorized', 'forbidden']);

/** A list of bad fields, as `readDetail` shows them; a wrapper may send it with a good status. */
function isDetailOfRequest(detail: unknown): boolean {
  if (typeof detail === 'string') return detailWords.has(detail.toLowerCase());
  return Array.isArray(detail) && detail.some((item) => get(item, 'loc') !== undefined);
}

function readMessage(error: unknown, whole: unknown): string | null {
  for (const place of [error, whole]) {
    for (const name of ['message', 'msg', 'error_msg', 'errorMessage', 'error_description', 'detail', 'title']) {
      const text = readDetail(get(place, name));
      if (text !== null) return text;
    }
  }
  return null;
}

/** FastAPI lists each bad field: `[{loc: ["body", "model"], msg: "field required"}]`. */
function readDetail(detail: unknown): string | null {
  if (typeof detail === 'string') return toText(detail);
  if (!Array.isArray(detail)) return toText(get(detail, 'message')) ?? toText(get(detail, 'error'));
  const lines = detail.slice(0, 5).flatMap((item) => {
    const text = typeof item === 'string' ? item : toText(get(item, 'msg') ?? get(item, 'message'));
    const at = [get(item, 'loc')].flat().filter((step) => typeof step === 'string' || typeof step === 'number');
    return text === null ? [] : [at.length === 0 ? text : `${at.join('.')}: ${text}`];
  });
  return lines.length === 0 ? null : lines.join('; ');
}

function toStatus(code: unknown): number | null {
  const status = Number(
    typeof code === 'string' && /^\d{3}$/.test(code) ? code : typeof code === 'number' ? code : NaN,
  );
  return Number.isInteger(status) && status >= 400 && status <= 599 ? status : null;
}

function get(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}

function toText(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

/** Types and codes are short names; anything else that stands in their place is not shown. */
function toWord(value: unknown): string | null {
  const word = typeof value === 'number' ? String(value) : value;
  return typeof word === 'string' && /^[\w.-]{1,64}$/.test(word) ? word : null;
}

function describe({ type, code, message }: ProviderError, { apiKey }: Endpoint): string {
  const words = [type, code].flatMap((word) => (word === null ? [] : [withoutKeys(word, apiKey)]));
  const shown = message === null ? '' : withoutKeys(message.slice(0, 4 * messageShownMax), apiKey);
  const line = shown
    .replace(/[\p{Cc}\s]+/gu, ' ')
    .trim()
    .slice(0, messageShownMax);
  return `${words.length > 0 ? ` (${words.join(', ')})` : ''}${line === '' ? '' : `: ${line}`}`;
}

/** The key itself, what looks like another key, and the masked forms that providers show (`sk-pr****wxyz`). */
function withoutKeys(text: string, apiKey: string | null): string {
  const isSearched = apiKey !== null && apiKey.length >= secretLengthMin;
  const cleaned = isSearched ? text.replaceAll(apiKey, () => '[key]') : text;
  return cleaned.replace(
    /\b(?:sk|pk|rk|gsk|xai)-[\w*.-]{6,}|\bAIza[\w*.-]{10,}|[^\s"'<>(),:;]{0,40}\*{3,}[^\s"'<>(),:;]{0,40}/g,
    '[key]',
  );
}
