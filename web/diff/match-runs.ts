/** Two runs, step by step: which steps are the same, which differ and in what, and which only one of them has. Pure. */
import type { JobStatus, Workflow, WorkflowStep } from '../../src/contract/workflow.ts';

export const comparedParts = ['status', 'params', 'outputs', 'error'] as const;
export type ComparedPart = (typeof comparedParts)[number];

export type StepPair = 'only-left' | 'only-right' | 'changed' | 'same';

export interface StepMatch {
  readonly id: string;
  readonly name: string;
  readonly action: string;
  readonly pair: StepPair;
  /** Of a changed one: in what. */
  readonly parts: readonly ComparedPart[];
  readonly left: StepSide | null;
  readonly right: StepSide | null;
  /** Right less left; null where one of them is not known. */
  readonly deltaMs: number | null;
  readonly deltaCost: number | null;
}

export interface StepSide {
  readonly status: JobStatus;
  readonly ms: number | null;
  /** US dollars; null: not known, or nobody was called. */
  readonly cost: number | null;
}

export interface RunMatch {
  /** Those of one run alone first, then the changed, then the same; each in the order of the definition. */
  readonly steps: readonly StepMatch[];
  readonly counts: Readonly<Record<StepPair, number>>;
}

const order: readonly StepPair[] = ['changed', 'only-left', 'only-right', 'same'];

export function matchRuns(left: Pick<Workflow, 'steps'>, right: Pick<Workflow, 'steps'>): RunMatch {
  const others = new Map(right.steps.map((step) => [step.id, step]));
  const own = new Set(left.steps.map(({ id }) => id));
  const steps = [
    ...left.steps.map((step) => matchStep(step, others.get(step.id) ?? null)),
    ...right.steps.filter(({ id }) => !own.has(id)).map((step) => matchStep(null, step)),
  ];
  const counts = { 'only-left': 0, 'only-right': 0, changed: 0, same: 0 };
  for (const { pair } of steps) counts[pair] += 1;
  return { steps: order.flatMap((pair) => steps.filter((step) => step.pair === pair)), counts };
}

function matchStep(left: WorkflowStep | null, right: WorkflowStep): StepMatch;
function matchStep(left: WorkflowStep, right: WorkflowStep | null): StepMatch;
function matchStep(left: WorkflowStep | null, right: WorkflowStep | null): StepMatch {
  const shown = (right ?? left) as WorkflowStep;
  const parts = left === null || right === null ? [] : differingParts(left, right);
  const [one, two] = [left && toSide(left), right && toSide(right)];
  return {
    id: shown.id,
    name: shown.name,
    action: shown.action,
    pair: left === null ? 'only-right' : right === null ? 'only-left' : parts.length > 0 ? 'changed' : 'same',
    parts,
    left: one,
    right: two,
    deltaMs: difference(one?.ms, two?.ms),
    deltaCost: difference(one?.cost, two?.cost),
  };
}

function differingParts(left: WorkflowStep, right: WorkflowStep): ComparedPart[] {
  return comparedParts.filter((part) => !deepEqual(left[part], right[part]));
}

function toSide({ status, startTime, endTime, execution_metrics }: WorkflowStep): StepSide {
  const cost = execution_metrics?.cost;
  return {
    status,
    ms: startTime === null || endTime === null ? null : Date.parse(endTime) - Date.parse(startTime),
    cost: typeof cost === 'number' ? cost : null,
  };
}

function difference(left: number | null | undefined, right: number | null | undefined): number | null {
  return left === null || left === undefined || right === null || right === undefined ? null : right - left;
}

/** Of JSON values; the order of an object's keys does not count. */
export function deepEqual(left: unknown, right: unknown): boolean {
  if (left === right) return true;
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left) !== Array.isArray(right)) return false;
  const [one, two] = [left as Record<string, unknown>, right as Record<string, unknown>];
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(two).length &&
    keys.every((key) => Object.hasOwn(two, key) && deepEqual(one[key], two[key]))
  );
}

/** JSON as lines for a line diff: keys in one order, texts with their own lines. */
export function toLines(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === null || value === undefined ? '' : JSON.stringify(sorted(value), null, 2);
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, one]) => [key, sorted(one)]));
}
