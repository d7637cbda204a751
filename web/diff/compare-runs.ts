/** What the page of a comparison gets of two runs: their facts, their steps matched, and lines of what differs. Pure. */
import type { Workflow } from '../../src/contract/workflow.ts';
import { type LineParts, toLineParts } from './line-parts.ts';
import { deepEqual, matchRuns, type RunMatch, toLines } from './match-runs.ts';

/** A run without what may be large. */
export interface RunFacts
  extends Pick<Workflow, 'id' | 'name' | 'status' | 'createdAt' | 'metrics' | 'parentId' | 'templateId'> {
  readonly stepsCount: number;
  /** From the first start to the last end of its steps; null where none has ended. */
  readonly spanMs: number | null;
}

export interface RunComparison {
  readonly left: RunFacts;
  readonly right: RunFacts;
  /** The first of the steps: what differs comes first. */
  readonly match: RunMatch;
  /** Steps beyond those. */
  readonly stepsLeft: number;
  /** undefined: the same. */
  readonly params: LineParts | null | undefined;
}

export const stepParts = ['error', 'params', 'outputs'] as const;

export interface StepComparison {
  /** What differs. */
  readonly parts: readonly { readonly part: (typeof stepParts)[number]; readonly lines: LineParts | null }[];
}

const stepsMax = 1_000;

export function toFacts(run: Workflow): RunFacts {
  const { id, name, status, createdAt, metrics, parentId, templateId, steps } = run;
  return {
    ...{ id, name, status, createdAt, metrics, parentId, templateId },
    stepsCount: steps.length,
    spanMs: spanOf(run),
  };
}

/** What a branch has taken over began before it, and took none of its time. */
function spanOf({ steps, createdAt }: Workflow): number | null {
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const since = Date.parse(createdAt);
  for (const { startTime, endTime } of steps) {
    if (startTime !== null && Date.parse(startTime) < since) continue;
    if (startTime !== null) first = Math.min(first, Date.parse(startTime));
    if (endTime !== null) last = Math.max(last, Date.parse(endTime));
  }
  return last < first ? null : last - first;
}

export function compareRuns(left: Workflow, right: Workflow): RunComparison {
  const { steps, counts } = matchRuns(left, right);
  return {
    left: toFacts(left),
    right: toFacts(right),
    match: { steps: steps.slice(0, stepsMax), counts },
    stepsLeft: Math.max(0, steps.length - stepsMax),
    params: deepEqual(left.params, right.params) ? undefined : toLineParts(toLines(left.params), toLines(right.params)),
  };
}

export function compareStep(left: Workflow, right: Workflow, stepId: string): StepComparison {
  const [one, two] = [left, right].map(({ steps }) => steps.find(({ id }) => id === stepId));
  return {
    parts: stepParts
      .filter((part) => !deepEqual(one?.[part] ?? null, two?.[part] ?? null))
      .map((part) => ({ part, lines: toLineParts(toLines(textOf(one?.[part])), toLines(textOf(two?.[part]))) })),
  };
}

/** Of outputs that are one text, the text itself: its lines can be compared. */
function textOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { content, ...rest } = value as Record<string, unknown>;
  return typeof content === 'string' && Object.keys(rest).length === 0 ? content : value;
}
