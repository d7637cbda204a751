/**
 * Reads a workflow from the JSON of its state file, and makes the file's `_meta`; `view.ts` writes the rest. Reading is
 * lenient: in a file that was copied in or written by hand every field may be missing or null except `id`, `steps` and each
 * step's `id`, `action` and `status`.
 */
import { z } from 'zod';
import { type Budget, budgetSchema } from '../contract/budget.ts';
import { stepDefinitionSchema, templateSchema } from '../contract/definition.ts';
import { forEachSchema, joinSchema, ofSchema, outcomeSchema, repeatSchema, tolerateSchema } from '../contract/flow.ts';
import { type IdempotencyRecord, idempotencySchema, type OutputsRef } from '../contract/journal-event.ts';
import type { JsonObject } from '../contract/json.ts';
import { type Reservation, reservationSchema, type SpendingRow, spendingRowSchema } from '../contract/ledger.ts';
import { limits } from '../contract/limits.ts';
import { failurePolicySchema, jobStatusSchema, retryPolicySchema, workflowIdSchema } from '../contract/workflow.ts';
import { readAttempts, readErrorCode } from './attempts.ts';
import { isGroup, toFlow } from './flow.ts';
import { type Bodies, isControlled, toBodies, toInnerId } from './groups.ts';
import { type Branch, type Header, WorkflowState } from './state.ts';
import { externalAction, type StepState, workflowAction } from './step-state.ts';

const jsonObject = z.record(z.string(), z.unknown());
const lines = z.array(z.string());
const time = z.string().refine((text) => Number.isFinite(readTime(text)), 'not a time');

const fileStepSchema = z.looseObject({
  id: z.string().min(1).max(1_000),
  name: z.string().nullish(),
  action: z.string(),
  status: jobStatusSchema,
  dependencies: z.array(z.string()).nullish(),
  params: jsonObject.nullish(),
  outputs: jsonObject.nullish(),
  error: z.string().nullish(),
  errorCode: z.unknown().optional(),
  reason: z.unknown().optional(),
  queuedAt: z.unknown().optional(),
  startTime: time.nullish(),
  endTime: time.nullish(),
  logs: lines.nullish(),
  metadata: jsonObject.nullish(),
  execution_metrics: jsonObject.nullish(),
  attempt: z.int().min(0).nullish(),
  attempts: z.unknown().optional(),
  timeoutMs: z.int().min(1).nullish(),
  retry: retryPolicySchema.nullish(),
  cache: z.boolean().nullish(),
  when: z.string().nullish(),
  join: joinSchema.nullish(),
  tolerate: tolerateSchema.nullish(),
  forEach: forEachSchema.nullish(),
  concurrency: z.int().min(1).nullish(),
  batch: z.int().min(1).nullish(),
  label: z.string().nullish(),
  repeat: repeatSchema.nullish(),
  body: z.array(stepDefinitionSchema).nullish(),
  output: z.unknown().optional(),
  final: z.boolean().nullish(),
  of: ofSchema.nullish(),
  count: z.int().min(0).max(limits.stepsMax).nullish(),
  child: z.string().nullish(),
  outcome: outcomeSchema.nullish(),
  waits: z.looseObject({ for: z.string(), until: time.nullish(), atRest: z.boolean().nullish() }).nullish(),
});

const branchesSchema = z.array(
  z.looseObject({ id: z.string(), stepId: z.string().nullish(), createdAt: time.nullish() }),
);

/** A foreign file is adopted only if it fits this schema. */
export const stateFileSchema = z.looseObject({
  id: workflowIdSchema,
  name: z.string().nullish(),
  status: jobStatusSchema.nullish(),
  steps: z
    .array(fileStepSchema)
    .refine((steps) => new Set(steps.map((step) => step.id)).size === steps.length, 'two steps share an id'),
  createdAt: time.nullish(),
  updatedAt: time.nullish(),
  description: z.string().nullish(),
  tags: z.array(z.string()).nullish(),
  parentId: z.string().nullish(),
  parentStepId: z.string().nullish(),
  branches: branchesSchema.nullish(),
  children: branchesSchema.nullish(),
  templates: z.record(z.string(), templateSchema).nullish(),
  params: jsonObject.nullish(),
  templateId: z.string().nullish(),
  failurePolicy: failurePolicySchema.nullish(),
  version: z.int().min(0).nullish(),
  warnings: lines.nullish(),
  budget: z.unknown().optional(),
});
type StateFileShape = z.infer<typeof stateFileSchema>;
type FileStep = z.infer<typeof fileStepSchema>;

interface KeptOfStep {
  failures?: number;
  dueAt?: number;
  delayMs?: number;
  deaths?: number;
  reserved?: Reservation;
  pausedUntil?: 'day';
  base?: JsonObject;
}

const count = z.int().min(0);

/** `_meta` of a file whose checksums are right: they prove no more than that it was written as a whole. */
const metaSchema = z.looseObject({
  started: z.boolean().optional(),
  keys: z.array(idempotencySchema).optional(),
  spending: z.array(spendingRowSchema).optional(),
  steps: z
    .record(
      z.string(),
      z.looseObject({
        failures: count.optional(),
        dueAt: z.number().optional(),
        delayMs: z.number().min(0).optional(),
        deaths: count.optional(),
        reserved: reservationSchema.optional(),
        pausedUntil: z.literal('day').optional(),
        base: jsonObject.optional(),
      }),
    )
    .optional(),
});

export function isSoundMeta(meta: unknown): boolean {
  return metaSchema.safeParse(meta).success;
}

/** `_meta` beyond what the store adds. */
export interface WorkflowMeta {
  seq: number;
  started: boolean;
  keys?: readonly IdempotencyRecord[];
  spending?: readonly SpendingRow[];
  /** Fields of steps that the contract does not show, for steps where they differ from their defaults. */
  steps?: Record<string, KeptOfStep>;
}

/** Milliseconds since 1970; a time without a zone counts as UTC. NaN when the text is no time. */
export function readTime(text: string): number {
  return Date.parse(/[zZ]$|[+-]\d\d:?\d\d$/.test(text) ? text : `${text.replace(' ', 'T')}Z`);
}

/** null for what is no time. */
function readSoundTime(value: unknown): number | null {
  const ms = typeof value === 'string' ? readTime(value) : Number.NaN;
  return Number.isFinite(ms) ? ms : null;
}

function readTimeOrNull(text: string | null | undefined): number | null {
  return text === null || text === undefined ? null : readTime(text);
}

export function toMeta(state: WorkflowState): WorkflowMeta {
  const kept = state.steps.flatMap((step) => {
    const isPausedForDay = step.pause?.until === 'day';
    const isPlain = step.failures === 0 && step.dueAt === null && step.deaths === 0 && step.reserved === null;
    if (isPlain && !isPausedForDay && step.base === null) return [];
    const due = step.dueAt === null ? {} : { dueAt: step.dueAt, delayMs: step.delayMs };
    const deaths = step.deaths === 0 ? {} : { deaths: step.deaths };
    const reserved = step.reserved === null ? {} : { reserved: step.reserved };
    const paused = isPausedForDay ? { pausedUntil: 'day' as const } : {};
    const base = step.base === null ? {} : { base: step.base };
    return [[step.id, { failures: step.failures, ...due, ...deaths, ...reserved, ...paused, ...base }] as const];
  });
  const { seq, started, keys, spending } = state.header;
  return {
    seq,
    started,
    ...(keys.length > 0 ? { keys } : {}),
    ...(spending.length > 0 ? { spending } : {}),
    // fromEntries defines own properties, so a step may be called __proto__.
    ...(kept.length > 0 ? { steps: Object.fromEntries(kept) } : {}),
  };
}

/**
 * A workflow from the JSON of a state file or of a creating event. The value has been checked with `stateFileSchema`, or
 * was written by the engine. `now` stands in for times that are missing, `queuedAt` for those of PENDING steps.
 */
export function readWorkflow(
  value: unknown,
  meta: Partial<WorkflowMeta>,
  now: number,
  queuedAt: number | null = null,
): WorkflowState {
  const file = value as StateFileShape;
  const status = file.status ?? 'PENDING';
  const createdAt = readTimeOrNull(file.createdAt) ?? now;
  const steps = readSteps(file.steps, meta.steps, queuedAt);
  const header: Header = {
    id: file.id,
    name: file.name ?? 'Unnamed workflow',
    status,
    createdAt,
    updatedAt: readTimeOrNull(file.updatedAt) ?? createdAt,
    description: file.description ?? '',
    tags: file.tags ?? [],
    parentId: file.parentId ?? null,
    parentStepId: file.parentStepId ?? null,
    branches: readBranches(file.branches, now),
    children: readBranches(file.children, now),
    templates: (file.templates ?? null) as JsonObject | null,
    params: (file.params ?? {}) as JsonObject,
    templateId: file.templateId ?? null,
    failurePolicy: file.failurePolicy ?? 'continue',
    version: file.version ?? 0,
    warnings: file.warnings ?? [],
    started: meta.started ?? (status !== 'PENDING' || steps.some((step) => step.attempt > 0)),
    keys: meta.keys ?? [],
    spending: meta.spending ?? [],
    budget: readBudget(file.budget),
    seq: meta.seq ?? 0,
  };
  return new WorkflowState(header, steps);
}

/** null where it is no time; the schema lets anything stand there. */
function readBranches(branches: StateFileShape['branches'], now: number): Branch[] {
  return (branches ?? []).map(({ id, stepId, createdAt }) => ({
    id,
    stepId: stepId ?? '',
    createdAt: readTimeOrNull(createdAt) ?? now,
  }));
}

/** Steps that a group has made take their definition from the group, which stands before them. */
function readSteps(steps: readonly FileStep[], kept: WorkflowMeta['steps'], queuedAt: number | null): StepState[] {
  const groups = new Map<string, StepState>();
  const bodies = new Map<string, Bodies>();
  const read = steps.map((file) => {
    const step = readStep(file, kept?.[file.id], queuedAt);
    if (isGroup(step.flow)) groups.set(step.id, step);
    if (step.of === null) return step;
    const group = groups.get(step.of.step);
    if (group === undefined) return { ...step, of: null };
    const known = bodies.get(group.id) ?? toBodies(group);
    bodies.set(group.id, known);
    const body = known.get(group.flow.body === null ? '' : toInnerId(step.id, step.of));
    if (body === undefined) return { ...step, of: null };
    const { params, timeoutMs, retry, flow } = body;
    const made = { ...step, params, timeoutMs, retry, flow };
    if (isGroup(flow)) groups.set(made.id, made);
    return made;
  });
  // In a foreign file; nothing would end such a wait.
  const ending = read.map((step) => (step.wait === null || mayWait(step) ? step : { ...step, wait: null }));
  return withWholeItems(ending);
}

/**
 * A foreign file may leave steps of an item out. A group has the items that are whole, up to the first that is not; what
 * is there of later ones are steps of their own.
 */
function withWholeItems(steps: StepState[]): StepState[] {
  if (steps.every(({ of, count }) => of === null && count === null)) return steps;
  const parts = new Map<string, number>();
  const toKey = (group: string, index: number) => `${index} ${group}`;
  for (const { of } of steps) {
    if (of !== null) parts.set(toKey(of.step, of.index), (parts.get(toKey(of.step, of.index)) ?? 0) + 1);
  }
  const whole = new Map<string, number>();
  for (const { id, flow } of steps) {
    if (!isGroup(flow)) continue;
    let items = 0;
    while (parts.get(toKey(id, items)) === (flow.body?.length ?? 1)) items += 1;
    whole.set(id, items);
  }
  return steps.map((step) => {
    const items = whole.get(step.id) ?? limits.stepsMax;
    const count = step.count !== null && step.count > items ? items : step.count;
    // The group is there: `readSteps` has seen to that.
    const of = step.of !== null && step.of.index >= (whole.get(step.of.step) as number) ? null : step.of;
    return of === step.of && count === step.count ? step : { ...step, of, count };
  });
}

function mayWait(step: StepState): boolean {
  if (step.action === workflowAction) return step.wait?.for === 'workflow' && step.child !== null;
  return (
    isControlled(step) && step.wait?.for !== 'workflow' && (step.action !== externalAction || step.wait?.for === 'data')
  );
}

function readStep(step: FileStep, kept: KeptOfStep | undefined, queuedAt: number | null): StepState {
  const ran = step.status === 'RUNNING' || step.status === 'COMPLETED' || step.status === 'FAILED';
  return {
    id: step.id,
    name: step.name ?? step.id,
    action: step.action,
    dependencies: step.dependencies ?? [],
    params: (step.params ?? {}) as JsonObject,
    timeoutMs: step.timeoutMs ?? null,
    retry: step.retry ?? null,
    cache: step.cache ?? false,
    flow: toFlow(step),
    of: step.of ?? null,
    count: step.count ?? null,
    child: step.child ?? null,
    base: kept?.base ?? null,
    outcome: step.outcome ?? null,
    wait: readWait(step),
    status: step.status,
    outputs: readOutputs(step.outputs),
    error: step.error ?? null,
    errorCode: (step.error ?? null) === null ? null : readErrorCode(step.errorCode),
    queuedAt: readSoundTime(step.queuedAt) ?? (step.status === 'PENDING' ? queuedAt : null),
    startTime: readTimeOrNull(step.startTime),
    endTime: readTimeOrNull(step.endTime),
    logs: step.logs ?? [],
    metadata: (step.metadata ?? null) as JsonObject | null,
    metrics: (step.execution_metrics ?? null) as JsonObject | null,
    attempt: step.attempt ?? (ran && step.action !== 'external_data' ? 1 : 0),
    attempts: readAttempts(step.attempts),
    failures: kept?.failures ?? 0,
    dueAt: kept?.dueAt ?? null,
    delayMs: kept?.delayMs ?? 0,
    deaths: kept?.deaths ?? 0,
    reserved: kept?.reserved ?? null,
    pause: toPause(step, kept),
  };
}

function readWait({ status, waits }: FileStep): StepState['wait'] {
  const what = waits?.for;
  const isKnown = what === 'decision' || what === 'data' || what === 'time' || what === 'workflow';
  if (status !== 'WAITING_FOR_DEPENDENCY' || !isKnown) return null;
  const until = readTimeOrNull(waits?.until);
  if (what === 'workflow' && waits?.atRest === true) return { for: what, until, atRest: true };
  return what === 'time' && until === null ? null : { for: what, until };
}

function toPause(step: FileStep, kept: KeptOfStep | undefined): StepState['pause'] {
  const { status, reason } = step;
  if (status !== 'WAITING_FOR_DEPENDENCY' || typeof reason !== 'string' || readWait(step) !== null) return null;
  return { reason, until: kept?.pausedUntil ?? 'resume' };
}

/** The file shows amounts used beside the amounts allowed; only those allowed are read. null when there are none. */
function readBudget(value: unknown): Budget | null {
  const { usd, tokens, calls } = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
  const given = Object.entries({ usd, tokens, calls }).filter(([, amount]) => amount !== undefined);
  return budgetSchema.safeParse(Object.fromEntries(given)).data ?? null;
}

/** Whether outputs of a workflow lie in blobs. The value is that of `readWorkflow`. */
export function hasBlobs(value: unknown): boolean {
  return (value as StateFileShape).steps.some(({ outputs }) => readBlobRef(outputs) !== null);
}

type FileOutputs = FileStep['outputs'];

function readOutputs(outputs: FileOutputs): OutputsRef | null {
  if (outputs === null || outputs === undefined) return null;
  return readBlobRef(outputs) ?? { json: JSON.stringify(outputs) };
}

function readBlobRef(outputs: FileOutputs): Extract<OutputsRef, { blob: string }> | null {
  if (outputs === null || outputs === undefined) return null;
  const { blob, bytes } = outputs;
  const isBlob =
    Object.keys(outputs).length === 2 &&
    typeof blob === 'string' &&
    /^[0-9a-f]{64}$/.test(blob) &&
    typeof bytes === 'number';
  return isBlob ? { blob, bytes } : null;
}
