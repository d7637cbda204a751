/**
 * A workflow as text: the same JSON in `state.json` and in REST answers, so that a client sees what a person finds on disk.
 * It is indented by two, except for large outputs (see `step-text.ts`). Each step is encoded once for each change; a view
 * is a join of the texts that are kept.
 */
import type { Budget } from '../contract/budget.ts';
import type { JsonObject } from '../contract/json.ts';
import type { JobStatus, StepCounts, Workflow, WorkflowStep, WorkflowSummary } from '../contract/workflow.ts';
import { type Amounts, addAmounts, toSpentAmounts, toUsedAmounts } from './budget.ts';
import { toDuration, toProgress } from './duration.ts';
import { plainFlow, toFlowFields } from './flow.ts';
import { type Totals, toDollars } from './metrics.ts';
import type { Branch, StatusCounts, WorkflowState } from './state.ts';
import type { StepState } from './step-state.ts';
import {
  type FixedText,
  toAttemptsField,
  toCodeField,
  toFixedText,
  toMadeFields,
  toQueuedField,
  toShownDefinition,
  toStepText,
  toWaitFields,
} from './step-text.ts';
import { toIso } from './time.ts';

function toIsoOrNull(ms: number | null): string | null {
  return ms === null ? null : toIso(ms);
}

/** Outputs that lie in a blob are shown as `{blob, bytes}`. */
export function toStepView(step: StepState): WorkflowStep {
  const written = toShownDefinition(step);
  return {
    id: step.id,
    name: step.name,
    action: step.action,
    status: step.status,
    dependencies: [...step.dependencies],
    params: written.params,
    outputs:
      step.outputs === null ? null : 'json' in step.outputs ? JSON.parse(step.outputs.json) : { ...step.outputs },
    error: step.error,
    ...toCodeField(step),
    ...toWaitFields(step),
    ...toQueuedField(step),
    startTime: toIsoOrNull(step.startTime),
    endTime: toIsoOrNull(step.endTime),
    duration: step.startTime === null || step.endTime === null ? null : toDuration(step.endTime - step.startTime),
    logs: [...step.logs],
    metadata: step.metadata,
    execution_metrics: step.metrics,
    attempt: step.attempt,
    ...toAttemptsField(step),
    timeoutMs: written.timeoutMs,
    retry: written.retry,
    ...(step.cache ? { cache: true } : {}),
    ...toFlowFields(step.of === null ? step.flow : plainFlow),
    ...toMadeFields(step),
  };
}

/** What a definition says of a step, as a state file shows it. */
export function toWrittenStep(step: StepState) {
  const { id, name, action, dependencies, params, timeoutMs, retry, cache, flow } = step;
  const own = { id, name, action, dependencies, params, timeoutMs, retry };
  return { ...own, ...(cache ? { cache: true as const } : {}), ...toFlowFields(flow) };
}

export function toCostBreakdown(totals: Totals): Record<string, number> {
  return Object.fromEntries([...totals.byModel].map(([model, pico]) => [model, toDollars(pico)]));
}

function toSharedFields(state: WorkflowState) {
  const { header, counts, totals, outcomes } = state;
  return {
    id: header.id,
    name: header.name,
    status: header.status,
    createdAt: toIso(header.createdAt),
    updatedAt: toIso(header.updatedAt),
    description: header.description,
    tags: [...header.tags],
    progress: toProgress(counts.COMPLETED, state.steps.length),
    parentId: header.parentId,
    ...(header.parentStepId === null ? {} : { parentStepId: header.parentStepId }),
    templateId: header.templateId,
    failurePolicy: header.failurePolicy,
    version: header.version,
    warnings: [...header.warnings],
    metrics: {
      total_tokens: totals.tokens,
      total_cost: toDollars(totals.costPico),
      completed_steps: counts.COMPLETED,
      failed_steps: counts.FAILED,
      ...(outcomes.skipped > 0 ? { skipped_steps: outcomes.skipped } : {}),
      ...(outcomes.tolerated > 0 ? { tolerated_steps: outcomes.tolerated } : {}),
      total_steps: state.steps.length,
      cost_is_floor: totals.unpriced > 0,
    },
  };
}

/** A status that no step has is left out. */
export function toStepCounts(counts: StatusCounts): StepCounts {
  const present: StepCounts = {};
  for (const status in counts) {
    const count = counts[status as JobStatus];
    if (count > 0) present[status as JobStatus] = count;
  }
  return present;
}

export function toSummary(state: WorkflowState): WorkflowSummary {
  return { ...toSharedFields(state), steps_total: state.steps.length, step_counts: toStepCounts(state.counts) };
}

/** The workflows that came of this one. */
export function toRelatives({ header }: WorkflowState): Pick<Workflow, 'branches' | 'children'> {
  const { branches, children } = header;
  return {
    branches: branches.map(toBranchView),
    ...(children.length === 0 ? {} : { children: children.map(toBranchView) }),
  };
}

function toHeaderView(state: WorkflowState): Omit<Workflow, 'steps' | 'params' | 'templates'> {
  return {
    ...toSharedFields(state),
    ...toRelatives(state),
    cost_breakdown: toCostBreakdown(state.totals),
    ...(state.header.budget === null ? {} : { budget: toBudgetView(state, state.header.budget) }),
  };
}

function toBranchView(branch: Branch) {
  return { ...branch, createdAt: toIso(branch.createdAt) };
}

/** What children have used that have ended counts; what those use that are under way is shown by them. */
function toBudgetView({ header, reserved, steps }: WorkflowState, budget: Budget): Workflow['budget'] {
  const toView = ({ costPico, tokens, calls }: Amounts) => ({ usd: toDollars(costPico), tokens, calls });
  const spent = steps.reduce(
    (sum, { child, metrics }) => (child === null || metrics === null ? sum : addAmounts(sum, toUsedAmounts(metrics))),
    toSpentAmounts(header.spending),
  );
  return { ...budget, spent: toView(spent), reserved: toView(reserved) };
}

/** A step's text as it was last encoded. */
interface EncodedStep {
  readonly step: StepState;
  readonly fixed: FixedText;
  /** With the comma before it, so that the pieces of all steps follow each other as they are. */
  readonly pieces: readonly string[];
}

/** Keeps the text of a workflow's steps and params between views, so that a view encodes only what has changed. */
export class ViewEncoder {
  readonly #steps: EncodedStep[] = [];
  #params: { value: unknown; text: string } = { value: undefined, text: '' };
  #templates: { value: unknown; text: string } = { value: undefined, text: '' };
  #blobs = 0;

  /** Whether outputs of the state that was encoded last lie in blobs. */
  get hasBlobs(): boolean {
    return this.#blobs > 0;
  }

  /** The workflow's JSON text, ending in "\n}". */
  encode(state: WorkflowState): string {
    return this.encodePieces(state).join('');
  }

  /**
   * The same text in pieces, for a writer that copies them into one buffer. The text as one string would be made for that
   * alone: 43 ms for 10 MB, where copying the pieces takes 2 (docs/adr/0017).
   */
  encodePieces(state: WorkflowState): string[] {
    this.#encodeChanges(state);
    const header = JSON.stringify(toHeaderView(state), null, 2).slice(0, -2);
    const { params, templates } = state.header;
    this.#params = toKeptText(this.#params, params);
    if (templates !== null) this.#templates = toKeptText(this.#templates, templates);
    const reached = templates === null ? '' : `\n  "templates": ${this.#templates.text},`;
    const start = `${header},\n  "params": ${this.#params.text},${reached}\n  "steps": [`;
    const pieces = [start];
    for (const { pieces: ofStep } of this.#steps) for (const piece of ofStep) pieces.push(piece);
    pieces.push(this.#steps.length === 0 ? ']\n}' : '\n  ]\n}');
    return pieces;
  }

  #encodeChanges({ steps }: WorkflowState): void {
    this.#steps.length = Math.min(this.#steps.length, steps.length);
    this.#blobs = 0;
    for (let i = 0; i < steps.length; i += 1) {
      const step = steps[i]!;
      if (step.outputs !== null && 'blob' in step.outputs) this.#blobs += 1;
      const before = this.#steps[i];
      if (before?.step === step) continue;
      // Steps of one definition share their params object.
      const fixed =
        before?.step.params === step.params && before.step.id === step.id ? before.fixed : toFixedText(step);
      const [first, ...rest] = toStepText(step, fixed);
      this.#steps[i] = { step, fixed, pieces: [`${i === 0 ? '' : ','}\n${first}`, ...rest] };
    }
  }
}

/** The text of an object one level deep: an array around it gives every line its indentation. */
function toKeptText(kept: { value: unknown; text: string }, value: JsonObject): { value: unknown; text: string } {
  if (kept.value === value) return kept;
  return { value, text: JSON.stringify([value], null, 2).slice('[\n  '.length, -'\n]'.length) };
}
