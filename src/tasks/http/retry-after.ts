/** How long a server asks to be left alone, from the headers of a refusal. */

/** More than this is not waited for: the step's own backoff goes on instead of a day's pause. */
const retryAfterMsMax = 60_000;

interface RetryAfter {
  readonly 'retry-after'?: string | undefined;
  readonly 'retry-after-ms'?: string | undefined;
}

/**
 * `retry-after-ms: 1500` (used by model providers), `retry-after: 2` or an HTTP date. Milliseconds, at most a minute;
 * undefined where nothing usable is said.
 */
export function readRetryAfterMs(headers: RetryAfter, now: number): number | undefined {
  const askedMs = readAskedMs(headers);
  if (askedMs !== undefined) return bound(askedMs);
  const value = headers['retry-after'];
  // Every HTTP date names its day; Date.parse alone would take "-5" or "2" for a date too.
  const date = value !== undefined && /^[A-Za-z]{3,9},? /.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : bound(date - now);
}

/** What is said as a number, however long; a date tells little where two clocks differ. */
export function readAskedMs(headers: RetryAfter): number | undefined {
  const seconds = toNumber(headers['retry-after']);
  return toNumber(headers['retry-after-ms']) ?? (seconds === undefined ? undefined : seconds * 1_000);
}

function toNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\s*\d{1,15}(\.\d{1,9})?\s*$/.test(text) ? Number(text) : undefined;
}

function bound(ms: number): number {
  return Math.min(Math.max(Math.ceil(ms), 0), retryAfterMsMax);
}
