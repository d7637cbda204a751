/**
 * The durable facts. One event is one atomic change: a result together with the dependents that it queues, a branch
 * together with its entry at the parent. No fact needs two events, so a crash between two events never leaves half a
 * fact. `core/evolve.ts` computes what an event changes, live and in recovery alike; `core/transitions.ts` says where
 * each kind may come.
 *
 * The types are those of the schema. `doctor` and the tests check events against it. A start does not: the journal's
 * checksums vouch for what the engine has written, and a check of each record would cost more than the rest of recovery.
 */
import { z } from 'zod';
import { budgetSchema } from './budget.ts';
import { failureCodes } from './failures.ts';
import { toFieldErrors } from './field-errors.ts';
import { stepIdOf, workflowIdOf } from './ids.ts';
import type { JsonObject } from './json.ts';
import { reservationSchema, spendingRowSchema } from './ledger.ts';

const jsonObject = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'expected an object',
);
const jsonValue = z.custom<unknown>(
  (value) => value === null || ['string', 'number', 'boolean', 'object'].includes(typeof value),
  'expected a JSON value',
);
const count = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'expected a SHA-256 in hex');
const lines = z.array(z.string()).readonly();
const spending = z.array(spendingRowSchema).readonly();
const inlineJson = z.strictObject({ json: z.string() }).readonly();

const outputs = z.union([inlineJson, z.strictObject({ blob: sha256, bytes: count }).readonly()]);
/** Outputs in memory: compact JSON text, or the name (SHA-256) and size of the blob that holds it. */
export type OutputsRef = z.infer<typeof outputs>;

export const idempotencySchema = z
  .strictObject({
    key: z.string(),
    /** SHA-256 (hex) of the call and its arguments. */
    request: z.string(),
    /** The answer as JSON text, or the blob that holds it. */
    reply: z.union([inlineJson, z.strictObject({ blob: sha256 }).readonly()]),
  })
  .readonly();
/** The answer given to a call that carried an Idempotency-Key. */
export type IdempotencyRecord = z.infer<typeof idempotencySchema>;

const base = {
  workflowId: workflowIdOf(z.string().min(1)),
  /** Milliseconds since 1970, never before the workflow's previous event. */
  at: z.number(),
  /** The workflow's version after this event. */
  version: count,
  idempotency: idempotencySchema.exactOptional(),
};
const ofStep = { ...base, stepId: stepIdOf(z.string().min(1)) };
const ofAttempt = { ...ofStep, attempt: z.int().min(1) };
const ofOutcome = { ...ofAttempt, durationMs: count, logs: lines, metrics: jsonObject.nullable() };
/** What a lost attempt used is not known: its reservation counts as used. */
const lost = z.literal(true).exactOptional();
const failure = { code: z.enum(failureCodes), error: z.string(), lost };

export const journalEventSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    ...base,
    kind: z.literal('workflow.created'),
    /** The workflow in the form of a state file; a field that it leaves out has its default. */
    workflow: jsonObject,
    /** A branch, or a child, also lists itself at its parent, whose version grows to this one. */
    parent: z
      .strictObject({
        id: workflowIdOf(z.string()),
        stepId: stepIdOf(z.string()),
        version: count,
        /** It is a child, for which the step waits from now on; `until` in milliseconds since 1970. */
        child: z.strictObject({ until: z.number().nullable() }).readonly().exactOptional(),
      })
      .readonly()
      .exactOptional(),
  }),
  z.strictObject({
    ...base,
    kind: z.enum(['workflow.adopted', 'workflow.taken_over']),
    /** SHA-256 (hex) of the state.json it was taken from. While that file is there, it is older than this event. */
    sha256: sha256.exactOptional(),
    workflow: jsonObject,
    /** Answers given to calls with a key, when an engine wrote the file. */
    keys: z.array(idempotencySchema).readonly().exactOptional(),
    /** What its steps have used, when an engine wrote the file. */
    spending: spending.exactOptional(),
  }),
  z.strictObject({
    ...base,
    /** `workflow.branched` is told of a parent; the branch's own creation has changed it already. */
    kind: z.enum(['workflow.waiting', 'workflow.branched', 'workflow.stopped', 'workflow.retried']),
  }),
  z.strictObject({
    ...base,
    kind: z.literal('workflow.resumed'),
    /** Replaces the bounds that the workflow's budget has of the same names. */
    budget: budgetSchema.exactOptional(),
    /** A day has begun: only what the budget of the day before had paused goes on. */
    of: z.literal('day').exactOptional(),
  }),
  z.strictObject({
    ...base,
    kind: z.literal('workflow.deleted'),
    /** What its steps have used, which outlives it. */
    spending: spending.exactOptional(),
    /** Keys of the deliveries of webhooks that have made it: they outlive it as well. */
    deliveries: lines.exactOptional(),
  }),
  z.strictObject({
    ...base,
    kind: z.literal('workflow.recovered'),
    /** The engine had not been stopped in good order, so an attempt in flight may have killed it. */
    unclean: z.literal(true).exactOptional(),
  }),
  z.strictObject({
    ...ofAttempt,
    kind: z.literal('step.started'),
    /** When the attempt calls a model. The end of the attempt settles it. */
    reserved: reservationSchema.exactOptional(),
    /** What it has waited for, besides a slot. */
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
  z.strictObject({
    ...ofOutcome,
    ...failure,
    kind: z.literal('step.failed'),
    /** 0 where the step failed before an attempt: its condition or its list could not be worked out. */
    attempt: count,
    metadata: jsonObject.nullable(),
  }),
  /** Its `when` is false. */
  z.strictObject({ ...ofStep, kind: z.literal('step.skipped'), reason: z.string() }),
  /** The list of a `forEach` is known: there is a set of steps for each of `count` items. */
  z.strictObject({
    ...ofStep,
    kind: z.literal('step.mapped'),
    count,
    /** What the items are called. */
    labels: lines.exactOptional(),
  }),
  /** A round of a `repeat` begins, at once or at `dueAt` (milliseconds since 1970). */
  z.strictObject({ ...ofStep, kind: z.literal('step.repeated'), round: count, dueAt: z.number().exactOptional() }),
  /** The loop of a `repeat` is over. */
  z.strictObject({ ...ofStep, kind: z.literal('step.concluded'), done: z.boolean() }),
  /** The step waits without a slot: for what `for` says; `until` in milliseconds since 1970. */
  z.strictObject({
    ...ofStep,
    kind: z.literal('step.waiting'),
    for: z.enum(['decision', 'data', 'time', 'workflow']),
    until: z.number().nullable(),
    /** The workflow that it waits for is at rest. */
    atRest: z.literal(true).exactOptional(),
  }),
  /** The workflow that the step has started has ended. */
  z.strictObject({
    ...ofStep,
    kind: z.literal('step.returned'),
    child: workflowIdOf(z.string()),
    /** null where it is COMPLETED. */
    error: z.string().nullable(),
    /** Of the failure. */
    code: z.enum(failureCodes).exactOptional(),
    /** What all its steps have used. */
    metrics: jsonObject.nullable(),
    simulated: z.literal(true).exactOptional(),
    /** null where it is not COMPLETED. */
    outputs: outputs.nullable(),
  }),
  /** The time that the step waited for has come. */
  z.strictObject({ ...ofStep, kind: z.literal('step.elapsed') }),
  /** A person has decided, or the time for it is over (`expired`). */
  z.strictObject({
    ...ofStep,
    kind: z.literal('step.decided'),
    approved: z.boolean(),
    by: z.string().nullable(),
    comment: z.string().nullable(),
    data: jsonValue,
    expired: z.literal(true).exactOptional(),
  }),
  /** A budget has no room for the call of a step that was ready. */
  z.strictObject({
    ...ofStep,
    kind: z.literal('step.paused'),
    reason: z.string(),
    /** What lets it go on: a resume only, or the next day as well. */
    until: z.enum(['resume', 'day']),
  }),
  /** An attempt that no longer counted has ended, and had used something, or held a reservation. */
  z.strictObject({
    ...ofAttempt,
    kind: z.literal('step.spent'),
    metrics: jsonObject.nullable(),
    lost,
  }),
  z.strictObject({
    ...ofStep,
    kind: z.literal('external_data.ingested'),
    /** When no declared step waited for the data, and one is added for it. */
    added: z.strictObject({ name: z.string(), action: z.string() }).readonly().exactOptional(),
    /** The step's own dependencies are not complete: it waits for them, and has its data. */
    held: z.literal(true).exactOptional(),
    outputs,
    metadata: jsonObject,
  }),
]);

export type JournalEvent = Readonly<z.infer<typeof journalEventSchema>>;

/** Every kind, in the order of the schema. */
export const eventKinds: JournalEvent['kind'][] = journalEventSchema.options.flatMap(({ shape: { kind } }) =>
  'options' in kind ? kind.options : [...kind.values],
);

/** The text between an event's other fields and the JSON of its outputs, which come last. */
const beforeOutputs = ',"outputs":{"json":';
const afterOutputs = '}}';

/** The JSON text of an event. Outputs are JSON text already and are inserted as they are. */
export function toEventJson(event: JournalEvent): string {
  if (!('outputs' in event) || event.outputs === null || 'blob' in event.outputs) return JSON.stringify(event);
  const { outputs, ...rest } = event;
  return `${JSON.stringify(rest).slice(0, -1)}${beforeOutputs}${outputs.json}${afterOutputs}`;
}

/** Reads what `toEventJson` wrote. The journal's checksums vouch for the text, so it is not checked again. */
export function readEventJson(json: string): JournalEvent {
  // Outputs are most of a journal: they are cut out as text, not parsed and written again.
  const at = json.indexOf(beforeOutputs);
  const rest = at === -1 ? null : parseWhole(`${json.slice(0, at)}}`);
  if (rest !== null) {
    rest.outputs = { json: json.slice(at + beforeOutputs.length, -afterOutputs.length) };
    return rest as unknown as JournalEvent;
  }
  const event = JSON.parse(json) as JournalEvent & { outputs?: { json?: unknown; blob?: string; bytes?: number } };
  // `doctor` also reads records that no engine has written.
  if (event?.outputs && event.outputs.json !== undefined) {
    (event as { outputs: OutputsRef }).outputs = { json: JSON.stringify(event.outputs.json) };
  }
  return event;
}

/**
 * null if the characters were found deeper in the event, as in its metadata: only if they begin a field of the event
 * itself does the text before them, with a closing brace, parse as a whole. They cannot occur inside a string, where
 * quotes are escaped.
 */
function parseWhole(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return null;
  }
}

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
