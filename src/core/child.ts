/**
 * Workflows as steps: a step with the action `workflow` starts a workflow, its child, and ends with it. Decisions; pure
 * like `decide.ts`. What the events do to the parent is in `evolve-child.ts`.
 *
 * Rules, numbered for tests:
 *   CH1  the creation of a child and the start of its step are one record; a step has at most one child that is under way;
 *   CH2  a child's end ends its step, and nothing else does but a stop, a failure or the end of its time: then the child
 *        is stopped in the same turn;
 *   CH3  what a child has used is shown as its step's metrics; the ledger's rows stay with the child, so that they count
 *        once.
 */
import type { Template, WorkflowDefinition } from '../contract/definition.ts';
import type { FailureCode } from '../contract/failures.ts';
import type { JournalEvent, OutputsRef } from '../contract/journal-event.ts';
import type { JsonObject } from '../contract/json.ts';
import { limits } from '../contract/limits.ts';
import { type Created, decideCreate, next } from './decide.ts';
import { addAttempt } from './ledger.ts';
import { toDollars, toPico } from './metrics.ts';
import { sizeOfResults } from './size.ts';
import type { WorkflowState } from './state.ts';
import { type StepState, workflowAction } from './step-state.ts';
import { stepsWithin } from './steps-within.ts';

export interface ChildInput {
  id: string;
  definition: WorkflowDefinition;
  templateId: string;
  warnings: readonly string[];
  /** The end of the time that the step has, in milliseconds since 1970; null where it has no bound. */
  until: number | null;
  now: number;
}

/** CH1. The child takes with it the templates that it can reach. */
export function decideChild(parent: WorkflowState, stepId: string, input: ChildInput): Created {
  const { id: parentId, version, updatedAt, templates } = parent.header;
  const { id, definition, templateId, warnings, until } = input;
  // Not before the latest change of the parent, which this event changes too.
  const now = Math.max(input.now, updatedAt);
  const created = decideCreate({ id, definition, warnings, templateId, now });
  const reached = pickTemplates(definition, (templates ?? {}) as Record<string, JsonObject>);
  return {
    ...created,
    workflow: { ...created.workflow, parentId, parentStepId: stepId, ...(reached ? { templates: reached } : {}) },
    parent: { id: parentId, stepId, version: version + 1, child: { until } },
  };
}

/** The templates that the `workflow` steps of a definition name. */
export function namedTemplates(definition: { readonly steps?: unknown; readonly finally?: unknown }): string[] {
  const names = [...stepsWithin(definition)].flatMap(({ step: { action, params } }) => {
    const { template } = (params ?? {}) as { template?: unknown };
    return action === workflowAction && typeof template === 'string' ? [template] : [];
  });
  return [...new Set(names)];
}

/** Those of the templates that the definition can reach; null where it names none. */
export function pickTemplates(
  definition: Pick<Template, 'steps' | 'finally'>,
  templates: Readonly<Record<string, JsonObject>>,
): JsonObject | null {
  const reached = new Set(namedTemplates(definition));
  for (const id of reached) for (const name of namedTemplates(templates[id] ?? {})) reached.add(name);
  const picked = [...reached].flatMap((id) => (Object.hasOwn(templates, id) ? [[id, templates[id]]] : []));
  return picked.length === 0 ? null : Object.fromEntries(picked);
}

/** How a child has ended, for its step. */
export interface ChildEnd {
  readonly child: string;
  /** null where the child is COMPLETED. */
  readonly error: string | null;
  /** Those of `toChildMetrics`. */
  readonly metrics: JsonObject | null;
  readonly isSimulated: boolean;
  /** null where the child is not COMPLETED. */
  readonly outputs: OutputsRef | null;
}

/** CH2. Outputs that the parent has no room for are a failure. */
export function decideReturn(parent: WorkflowState, stepId: string, end: ChildEnd, now: number): JournalEvent {
  const { child, error, metrics, isSimulated, outputs } = end;
  const event = { kind: 'step.returned' as const, ...next(parent, now), stepId, child };
  const told = { metrics, ...(isSimulated ? { simulated: true as const } : {}) };
  const isTooLarge = error === null && !hasRoom(parent, { ...parent.stepOf(stepId), outputs, metrics });
  if (error === null && !isTooLarge) return { ...event, error: null, ...told, outputs };
  const why = error ?? tooLargeError;
  const code: FailureCode = why.startsWith(tooLarge) ? tooLarge : 'CHILD_FAILED';
  return { ...event, error: why.slice(0, limits.errorLengthMax), code, ...told, outputs: null };
}

const tooLarge: FailureCode = 'OUTPUT_TOO_LARGE';
const tooLargeError = `${tooLarge}: with the results of this workflow those of its parent would take more than ${limits.workflowResultsMax} characters together; let it return less`;

function hasRoom(parent: WorkflowState, step: StepState): boolean {
  return parent.resultsSize + sizeOfResults(step) <= limits.workflowResultsMax;
}

/** Why a child has not completed. */
export function toChildError({ header, steps }: WorkflowState): string {
  const code: FailureCode = 'CHILD_FAILED';
  if (header.status === 'STOPPED') return `${code}: workflow ${header.id} was stopped`;
  const failed = steps.find(({ status }) => status === 'FAILED');
  const why = failed === undefined ? '' : `: step "${failed.id}" failed: ${failed.error ?? 'without an error'}`;
  return `${code}: workflow ${header.id} failed${why}`;
}

/** CH3: what the steps of a workflow have used, those of its own children included; null where they have called nobody. */
export function toChildMetrics({ header, totals, steps }: WorkflowState): JsonObject | null {
  const { tokens, costPico, byModel, unpriced } = totals;
  const own = header.spending.reduce((sum, row) => sum + row.calls, 0);
  const calls = steps.reduce((sum, { child, metrics }) => sum + (child === null ? 0 : toCount(metrics?.calls)), own);
  if (tokens === 0 && costPico === 0n && unpriced === 0 && calls === 0) return null;
  const models = [...byModel].map(([model, pico]) => [model, toDollars(pico)] as const);
  return {
    tokens,
    cost: unpriced > 0 && costPico === 0n ? null : toDollars(costPico),
    calls,
    ...(unpriced > 0 && costPico > 0n ? { cost_is_floor: true } : {}),
    cost_breakdown: Object.fromEntries(models),
  };
}

/** The metrics of a step: what it had used before, and what its child has. */
export function addChildMetrics(base: JsonObject | null, child: JsonObject | null): JsonObject | null {
  const sum = addAttempt(base, child);
  if (base === null || child === null || sum === null) return sum;
  const costs = new Map<string, bigint>();
  for (const { cost_breakdown: byModel } of [base, child]) {
    for (const [model, cost] of Object.entries((byModel ?? {}) as JsonObject)) {
      costs.set(model, (costs.get(model) ?? 0n) + (toPico(cost) ?? 0n));
    }
  }
  return { ...sum, cost_breakdown: Object.fromEntries([...costs].map(([model, pico]) => [model, toDollars(pico)])) };
}

function toCount(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
