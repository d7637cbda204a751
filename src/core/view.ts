/**
 * A workflow as text: the same JSON, indented by two, in `state.json` and in REST answers, so that what a client sees is
 * what a person finds on disk. Steps are encoded once per change; a view is a join of what is kept.
 */
import type { Budget } from '../contract/budget.ts';
import type { Workflow, WorkflowStep, WorkflowSummary } from '../contract/workflow.ts';
import { type Amounts, toSpentAmounts } from './budget.ts';
import { toDuration, toProgress } from './duration.ts';
import { type Totals, toDollars } from './metrics.ts';
import type { StepState, WorkflowState } from './state.ts';
import { type FixedText, indent, toFixedText, toStepText } from './step-text.ts';
import { toIso } from './time.ts';

function toIsoOrNull(ms: number | null): string | null {
  return ms === null ? null : toIso(ms);
}

/** Outputs that lie in a blob stand as `{blob, bytes}`. */
export function toStepView(step: StepState): WorkflowStep {
  return {
    id: step.id,
    name: step.name,
    action: step.action,
    status: step.status,
    dependencies: [...step.dependencies],
    params: step.params,
    outputs:
      step.outputs === null ? null : 'json' in step.outputs ? JSON.parse(step.outputs.json) : { ...step.outputs },
    error: step.error,
    ...(step.pause === null ? {} : { reason: step.pause.reason }),
    startTime: toIsoOrNull(step.startTime),
    endTime: toIsoOrNull(step.endTime),
    duration: step.startTime === null || step.endTime === null ? null : toDuration(step.endTime - step.startTime),
    logs: [...step.logs],
    metadata: step.metadata,
    execution_metrics: step.metrics,
    attempt: step.attempt,
    timeoutMs: step.timeoutMs,
    retry: step.retry,
    ...(step.cache ? { cache: true } : {}),
  };
}

export function toCostBreakdown(totals: Totals): Record<string, number> {
  return Object.fromEntries([...totals.byModel].map(([model, pico]) => [model, toDollars(pico)]));
}

function toSharedFields(state: WorkflowState) {
  const { header, counts, totals } = state;
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
    templateId: header.templateId,
    failurePolicy: header.failurePolicy,
    version: header.version,
    warnings: [...header.warnings],
    metrics: {
      total_tokens: totals.tokens,
      total_cost: toDollars(totals.costPico),
      completed_steps: counts.COMPLETED,
      failed_steps: counts.FAILED,
      total_steps: state.steps.length,
      cost_is_floor: totals.unpriced > 0,
    },
  };
}

export function toSummary(state: WorkflowState): WorkflowSummary {
  return { ...toSharedFields(state), steps_total: state.steps.length };
}

function toHeaderView(state: WorkflowState): Omit<Workflow, 'steps' | 'params'> {
  return {
    ...toSharedFields(state),
    branches: state.header.branches.map((branch) => ({ ...branch, createdAt: toIso(branch.createdAt) })),
    cost_breakdown: toCostBreakdown(state.totals),
    ...(state.header.budget === null ? {} : { budget: toBudgetView(state, state.header.budget) }),
  };
}

function toBudgetView({ header, reserved }: WorkflowState, budget: Budget): Workflow['budget'] {
  const toView = ({ costPico, tokens, calls }: Amounts) => ({ usd: toDollars(costPico), tokens, calls });
  return { ...budget, spent: toView(toSpentAmounts(header.spending)), reserved: toView(reserved) };
}

/** Keeps the text of a workflow's steps and params between views. */
export class ViewEncoder {
  #steps: StepState[] = [];
  #texts: string[] = [];
  #fixed: FixedText[] = [];
  #params: { value: unknown; text: string } = { value: undefined, text: '' };

  /** The workflow's JSON text, ending in "\n}". */
  encode(state: WorkflowState): string {
    const params = state.header.params;
    if (this.#params.value !== params) {
      this.#params = { value: params, text: indent(JSON.stringify(params, null, 2), '  ') };
    }
    const steps = state.steps;
    for (let i = 0; i < steps.length; i += 1) {
      const step = steps[i]!;
      const before = this.#steps[i];
      if (before === step) continue;
      // Steps of one definition share their params object.
      const fixed = before?.params === step.params ? this.#fixed[i]! : toFixedText(step);
      this.#steps[i] = step;
      this.#fixed[i] = fixed;
      this.#texts[i] = toStepText(step, fixed);
    }
    this.#texts.length = steps.length;
    const header = JSON.stringify(toHeaderView(state), null, 2).slice(0, -2);
    const list = steps.length === 0 ? '[]' : `[\n${this.#texts.join(',\n')}\n  ]`;
    return `${header},\n  "params": ${this.#params.text},\n  "steps": ${list}\n}`;
  }
}
