/**
 * The shape of each journal event, for those who cannot take it on trust: `doctor` and the tests. A start does not
 * load it: the journal's checksums vouch for what the engine has written, and a schema for each record would cost
 * more than the rest of recovery. The types of `journal-event.ts` are the original; a test compares them with the
 * schema at compile time.
 */
import { z } from 'zod';
import { budgetSchema } from './budget.ts';
import { failureCodes } from './failures.ts';
import { toFieldErrors } from './field-errors.ts';
import { readEventJson } from './journal-event.ts';
import type { JsonObject } from './json.ts';
import { reservationSchema, spendingRowSchema } from './ledger.ts';

const jsonObject = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'expected an object',
);
const count = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 in hex');
const lines = z.array(z.string()).readonly();
const spending = z.array(spendingRowSchema).readonly();
const inlineJson = z.strictObject({ json: z.string() });

const outputs = z.union([inlineJson, z.strictObject({ blob: sha256, bytes: count })]);

const idempotency = z.strictObject({
  key: z.string(),
  request: z.string(),
  reply: z.union([inlineJson, z.strictObject({ blob: sha256 })]),
});

const base = {
  workflowId: z.string().min(1),
  at: z.number(),
  version: count,
  idempotency: idempotency.exactOptional(),
};

const ofStep = { ...base, stepId: z.string().min(1) };
const ofAttempt = { ...ofStep, attempt: z.int().min(1) };
const ofOutcome = { ...ofAttempt, durationMs: count, logs: lines, metrics: jsonObject.nullable() };
const failure = { code: z.enum(failureCodes), error: z.string(), lost: z.literal(true).exactOptional() };

export const journalEventSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    ...base,
    kind: z.literal('workflow.created'),
    workflow: jsonObject,
    parent: z.strictObject({ id: z.string(), stepId: z.string(), version: count }).exactOptional(),
  }),
  z.strictObject({
    ...base,
    kind: z.enum(['workflow.adopted', 'workflow.taken_over']),
    sha256: sha256.exactOptional(),
    workflow: jsonObject,
    keys: z.array(idempotency).readonly().exactOptional(),
    spending: spending.exactOptional(),
  }),
  z.strictObject({
    ...base,
    kind: z.enum(['workflow.waiting', 'workflow.branched', 'workflow.stopped', 'workflow.retried']),
  }),
  z.strictObject({
    ...base,
    kind: z.literal('workflow.resumed'),
    budget: budgetSchema.exactOptional(),
    of: z.literal('day').exactOptional(),
  }),
  z.strictObject({ ...base, kind: z.literal('workflow.deleted'), spending: spending.exactOptional() }),
  z.strictObject({ ...base, kind: z.literal('workflow.recovered'), unclean: z.literal(true).exactOptional() }),
  z.strictObject({
    ...ofAttempt,
    kind: z.literal('step.started'),
    reserved: reservationSchema.exactOptional(),
    logs: lines.exactOptional(),
  }),
  z.strictObject({
    ...ofOutcome,
    kind: z.literal('step.completed'),
    outputs,
    metadata: jsonObject.nullable(),
    simulated: z.literal(true).exactOptional(),
  }),
  z.strictObject({ ...ofOutcome, ...failure, kind: z.literal('step.retrying'), delayMs: count, attemptsMax: count }),
  z.strictObject({ ...ofOutcome, ...failure, kind: z.literal('step.failed'), metadata: jsonObject.nullable() }),
  z.strictObject({
    ...ofStep,
    kind: z.literal('step.paused'),
    reason: z.string(),
    until: z.enum(['resume', 'day']),
  }),
  z.strictObject({
    ...ofAttempt,
    kind: z.literal('step.spent'),
    metrics: jsonObject.nullable(),
    lost: z.literal(true).exactOptional(),
  }),
  z.strictObject({
    ...ofStep,
    kind: z.literal('external_data.ingested'),
    added: z.strictObject({ name: z.string(), action: z.string() }).exactOptional(),
    outputs,
    metadata: jsonObject,
  }),
]);

/**
 * The first wrong field of an event as it stands in the journal: `stepId: expected string`; null when there is none.
 */
export function findEventFault(json: string): string | null {
  let event: unknown;
  try {
    event = readEventJson(json);
  } catch (error) {
    return `it is not JSON: ${(error as Error).message}`;
  }
  const { error } = journalEventSchema.safeParse(event);
  if (!error) return null;
  const [first] = toFieldErrors(error.issues);
  return [first?.path, first?.message].filter((part) => part).join(': ');
}
