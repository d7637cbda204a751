/**
 * The steps of a workflow as rows of a table. Steps that a group has made stand folded under it: they are counted, and the
 * ones that need a look are shown, the failed first.
 */
import type { WorkflowStep } from '../contract/workflow.ts';

/** Of the steps of a group, so many are shown. */
const shownMax = 10;

export const stepHead = ['STEP', 'ACTION', 'STATUS', 'ATTEMPT', 'DURATION', 'ERROR OR REASON'];

/** The rows of `stepHead`. */
export function toStepRows(steps: readonly WorkflowStep[]): string[][] {
  const made = new Map<string, WorkflowStep[]>();
  for (const step of steps) {
    if (step.of === undefined) continue;
    const siblings = made.get(step.of.step);
    if (siblings === undefined) made.set(step.of.step, [step]);
    else siblings.push(step);
  }
  const rows: string[][] = [];
  const add = (step: WorkflowStep, indent: string) => {
    const children = made.get(step.id) ?? [];
    rows.push(toRow(step, indent, children));
    const urgent = children.filter((child) => rankOf(child) < looksGood).sort((a, b) => rankOf(a) - rankOf(b));
    for (const child of urgent.slice(0, shownMax)) add(child, `${indent}  `);
    if (urgent.length > shownMax) rows.push([`${indent}  and ${urgent.length - shownMax} more like these`]);
  };
  for (const step of steps) if (step.of === undefined) add(step, '');
  return rows;
}

const looksGood = 5;

/** Failed steps, what waits for somebody, what runs, and groups that are under way; the others are only counted. */
function rankOf({ status, outcome, waits, count }: WorkflowStep): number {
  if (status === 'FAILED') return 0;
  if (outcome === 'tolerated') return 1;
  if (waits !== undefined) return 2;
  if (status === 'RUNNING') return 3;
  return status === 'WAITING_FOR_DEPENDENCY' && count !== undefined ? 4 : looksGood;
}

function toRow(step: WorkflowStep, indent: string, children: readonly WorkflowStep[]): string[] {
  const { id, action, status, outcome, attempt, duration } = step;
  const state = outcome === undefined ? status : `${status} (${outcome})`;
  return [`${indent}${id}`, action, state, String(attempt), duration ?? '', toRemark(step, children)];
}

function toRemark(step: WorkflowStep, children: readonly WorkflowStep[]): string {
  const said = step.reason ?? step.error ?? (step.child === undefined ? '' : `workflow ${step.child}`);
  if (step.count === undefined) return said;
  const counts = new Map<string, number>();
  for (const { outcome, status } of children) {
    const what = outcome ?? words[status];
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
  const what =
    step.repeat === undefined ? (step.count === 1 ? 'item' : 'items') : step.count === 1 ? 'round' : 'rounds';
  const parts = [...order].flatMap((word) => (counts.has(word) ? [`${counts.get(word)} ${word}`] : []));
  const tally = `${step.count} ${what}${parts.length === 0 ? '' : `: ${parts.join(', ')}`}`;
  return said === '' ? tally : `${tally}; ${said}`;
}

const words: Record<WorkflowStep['status'], string> = {
  COMPLETED: 'done',
  FAILED: 'failed',
  RUNNING: 'running',
  PENDING: 'ready',
  WAITING_FOR_DEPENDENCY: 'waiting',
  STOPPED: 'stopped',
};
const order = ['failed', 'tolerated', 'done', 'skipped', 'running', 'ready', 'waiting', 'stopped'];
