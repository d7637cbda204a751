/**
 * A provider's refusal as one of our failures. Its text is rebuilt from an allow-list: the status, the provider's own type
 * and code, and its message with every key taken out. Providers repeat the key that they refuse, whole or in part.
 */
import type { FailureCode } from '../../contract/failures.ts';
import { TaskFailure } from '../../contract/task.ts';
import { readRetryAfterMs } from '../http/retry-after.ts';
import type { Endpoint } from './endpoint.ts';

/** What an error answer says, in whichever of the usual forms. */
interface ProviderError {
  readonly type: string | null;
  readonly code: string | null;
  readonly message: string | null;
  /** Google's names of the limits that were hit, such as GenerateRequestsPerDayPerProjectPerModel-FreeTier. */
  readonly quotaIds: readonly string[];
  /** Google says here, not in a header, when to come back. */
  readonly retryDelaySeconds: string | undefined;
}

export interface RefusedResponse {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly retryAfterMs: string | undefined;
  readonly text: string;
}

const messageShownMax = 300;
/** Waiting does not cure these: someone has to pay, or a day has to pass. */
const quotaCodes = new Set([
  'insufficient_quota',
  'billing_hard_limit_reached',
  'billing_not_active',
  'insufficient_balance',
  'quota_exceeded',
]);
const rateCodes = new Set(['rate_limit_exceeded', 'rate_limit_error', 'too_many_requests', 'RESOURCE_EXHAUSTED']);

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
  if (status === 402 || ((status === 429 || status === 403) && isQuota(error))) {
    return new TaskFailure('QUOTA_USED_UP', `${said}. The account's quota is used up, which repeating does not cure`);
  }
  if (status === 408 || status === 409 || status === 425 || status === 429 || status >= 500) {
    const retryAfterMs = readRetryAfterMs(
      {
        'retry-after': response.retryAfter ?? error.retryDelaySeconds,
        'retry-after-ms': response.retryAfterMs,
      },
      now,
    );
    const code: FailureCode = status === 429 ? 'RATE_LIMITED' : 'HTTP_RETRYABLE';
    return new TaskFailure(code, said, retryAfterMs === undefined ? {} : { retryAfterMs });
  }
  return new TaskFailure('PROVIDER_REJECTED', `${said}${wayOut(status, endpoint, model)}`);
}

/** An error that came inside an answer that had begun well, as `{error: {…}}`. */
export function toBrokenOffFailure(body: unknown, endpoint: Endpoint): TaskFailure {
  const error = readProviderError(body);
  const said = `${endpoint.label} broke off its answer${describe(error, endpoint)}`;
  if (isQuota(error)) return new TaskFailure('QUOTA_USED_UP', said);
  const isRate = [error.code, error.type].some((word) => word !== null && rateCodes.has(word)) || error.code === '429';
  return new TaskFailure(isRate ? 'RATE_LIMITED' : 'HTTP_RETRYABLE', said);
}

function wayOut(status: number, { keySetting }: Endpoint, model: string): string {
  if (status === 401)
    return keySetting === null ? '; it wants a key: name one with api_key_env' : `; check ${keySetting}`;
  if (status === 403) return `; ${keySetting === null ? 'the server' : keySetting} does not allow the model "${model}"`;
  if (status === 404) return `; check the model "${model}" and the base URL`;
  return '';
}

function isQuota({ code, type, quotaIds }: ProviderError): boolean {
  return (
    [code, type].some((word) => word !== null && quotaCodes.has(word)) || quotaIds.some((id) => /PerDay/i.test(id))
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // HTML of a gateway, or nothing: the status says what there is to say.
    return null;
  }
}

/** OpenAI: `{error: {message, type, code}}`. Google: the same in an array, with `status` and `details`. Others: `{message}`. */
function readProviderError(body: unknown): ProviderError {
  const whole = Array.isArray(body) ? body[0] : body;
  const error = get(whole, 'error') ?? whole;
  const details = [get(error, 'details')].flat().filter((detail) => detail !== undefined);
  return {
    type: toWord(get(error, 'type')),
    code: toWord(get(error, 'status')) ?? toWord(get(error, 'code')),
    message: typeof error === 'string' ? error : toText(get(error, 'message')),
    quotaIds: details
      .flatMap((detail) => get(detail, 'violations'))
      .flatMap((violation) => toText(get(violation, 'quotaId')) ?? []),
    retryDelaySeconds: details
      .map((detail) => toText(get(detail, 'retryDelay'))?.replace(/s$/, ''))
      .find((delay) => delay !== undefined),
  };
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
  const cleaned = apiKey === null ? text : text.replaceAll(apiKey, () => '[key]');
  return cleaned.replace(
    /\b(?:sk|pk|rk|gsk|xai)-[\w*.-]{6,}|\bAIza[\w*.-]{10,}|[^\s"'<>(),:;]{0,40}\*{3,}[^\s"'<>(),:;]{0,40}/g,
    '[key]',
  );
}
