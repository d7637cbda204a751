/** Checks of what callers give to the engine, before anything is asked of the coordinator. */
import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { parseBounded } from '../contract/bounded-parse.ts';
import type { IdempotencyClaim } from '../contract/coordinator.ts';
import type { CallOptions } from '../contract/engine.ts';
import { invalid, workflowNotFound } from '../contract/failures.ts';
import { toFieldErrors } from '../contract/field-errors.ts';
import { limits } from '../contract/limits.ts';
import { workflowIdSchema } from '../contract/workflow.ts';
import { toCanonicalJson } from '../core/canonical-json.ts';

export function check<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
  const parsed = parseBounded(schema, value);
  if (parsed.success) return parsed.data;
  throw invalid(`${what} is not valid`, toFieldErrors(parsed.error.issues));
}

/** Text that is not an id is answered like an unknown workflow, and never becomes part of a path. */
export function checkId(id: string): void {
  if (!workflowIdSchema.safeParse(id).success) throw workflowNotFound(String(id).slice(0, 64));
}

export function toClaim(call: string, args: unknown, { idempotencyKey }: CallOptions): { claim?: IdempotencyClaim } {
  if (idempotencyKey === undefined) return {};
  if (idempotencyKey === '' || idempotencyKey.length > limits.idempotencyKeyLengthMax) {
    const message = `an idempotency key has 1 to ${limits.idempotencyKeyLengthMax} characters`;
    throw invalid('The Idempotency-Key is not valid', [{ path: 'Idempotency-Key', message }]);
  }
  const asSent = JSON.stringify([call, args]);
  // From the text, not from the arguments: a program may pass dates and other objects that become JSON only there.
  const canonical = toCanonicalJson(JSON.parse(asSent));
  const requestAsSent = toSha256(asSent);
  const request = canonical === asSent ? requestAsSent : toSha256(canonical);
  return { claim: { key: idempotencyKey, request, requestAsSent } };
}

function toSha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
