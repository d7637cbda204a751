/**
 * "Did you mean" for a field that an object does not take. zod names the unknown fields and not the known ones, so a
 * parse notes these (`noteKnownFields`), and the list of faults asks for the nearest (`meantField`).
 *
 * Rules, numbered for tests:
 *   KF1  a near name of the object itself comes first, then a word of another system for one of its fields;
 *   KF2  nothing is suggested that the object does not take.
 */
import type { z } from 'zod';
import { nearest } from './nearest.ts';

/** Words of other systems (docs/coming-from.md), and names without their unit, by our field. */
const words: Readonly<Record<string, string>> = {
  id: 'key step_id',
  name: 'title label',
  description: 'desc summary notes',
  tags: 'labels',
  action: 'type uses task operator tool node activity run',
  params: 'with args arguments inputs input parameters config options variables vars',
  steps: 'tasks jobs nodes stages activities do',
  dependencies: 'depends_on depends needs after upstream requires wait_for',
  retry: 'retries max_retries retry_policy retry_strategy retry_on_fail',
  attemptsMax: 'max_attempts maximum_attempts attempts max_retries retries times',
  backoffMs: 'backoff delay retry_delay delay_ms interval initial_interval backoff_seconds',
  backoffMsMax: 'max_backoff max_backoff_ms max_delay max_retry_delay maximum_interval',
  timeoutMs: 'timeout timeout_seconds timeout_minutes timeout_in_minutes execution_timeout deadline',
  when: 'if condition run_if only_if',
  join: 'trigger_rule',
  tolerate: 'continue_on_error continue_on_fail continue_on ignore_errors allow_failure on_error',
  forEach: 'matrix with_items with_param items map expand each for',
  concurrency: 'max_parallel parallelism parallel',
  repeat: 'loop do_while while until',
  every: 'interval delay pause wait',
  max: 'max_rounds max_iterations limit times',
  cache: 'memoize caching',
  failurePolicy: 'fail_fast on_failure',
  finally: 'on_exit always cleanup teardown',
  budget: 'max_cost cost_limit',
  usd: 'dollars cost max_cost max_usd',
  schedule: 'on trigger triggers',
  cron: 'expression crontab schedule',
  timezone: 'tz zone',
  missed: 'catchup catch_up backfill',
};

const wordsOf = new Map(Object.entries(words).map(([field, text]) => [field, text.split(' ')]));

/** By the list of unknown fields of an issue: zod copies an issue and keeps this list. */
const knownBy = new WeakMap<readonly string[], readonly string[]>();

/** For `error` of a parse: notes what the object knows, and leaves the message to others. */
export function noteKnownFields(issue: z.core.$ZodRawIssue): undefined {
  if (issue.code !== 'unrecognized_keys') return;
  const def: unknown = issue.inst?._zod.def;
  if (typeof def !== 'object' || def === null || !('shape' in def)) return;
  if (typeof def.shape === 'object' && def.shape !== null) knownBy.set(issue.keys, Object.keys(def.shape));
}

/** The field that `written`, one of `unknown` fields of an object, was probably meant to be. */
export function meantField(written: string, unknown: readonly string[]): string | undefined {
  const known = knownBy.get(unknown) ?? [];
  const near = nearest(written, known);
  if (near !== undefined) return near;
  const foreign = known.flatMap((field) => (wordsOf.get(field) ?? []).map((word) => [word, field] as const));
  const exact = foreign.find(([word]) => word === written);
  if (exact !== undefined) return exact[1];
  const word = nearest(
    written,
    foreign.map(([each]) => each),
  );
  return foreign.find(([each]) => each === word)?.[1];
}
