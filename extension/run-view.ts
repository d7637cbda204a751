/** A run as the popup shows it: how far it is, and which step has its result. Pure. */
import type { GraphView } from '../src/contract/run-view.ts';
import { type Look, lookOfStatus, lookOfWorkflow } from '../web/ui/look.ts';

export interface RunView {
  readonly name: string;
  readonly look: Look;
  readonly completed: number;
  readonly total: number;
  /** It has come to its end, or to a step that waits for somebody. */
  readonly isAtRest: boolean;
  /** The last completed step that no other step needs; null where there is none. */
  readonly resultStep: string | null;
}

const completed = '2';

export function toRunView(run: Pick<GraphView, 'name' | 'status' | 'steps'>): RunView {
  const { id, deps, status, waits, outcome, of, end } = { ...run.steps, end: endsOf(run.steps) };
  const needed = new Set(deps.flat());
  let result = -1;
  let count = 0;
  for (let place = 0; place < id.length; place += 1) {
    if (status[place] !== completed) continue;
    count += 1;
    const isResult = !needed.has(place) && outcome[place] === undefined && of[place] === undefined;
    if (isResult && (result < 0 || (end[place] ?? 0) >= (end[result] ?? 0))) result = place;
  }
  const needsData = Object.values(waits).some((what) => what === 'data' || what === 'decision');
  const look = run.status === 'PENDING' ? lookOfStatus('RUNNING') : lookOfWorkflow(run, needsData);
  return {
    name: run.name,
    look,
    completed: count,
    total: id.length,
    isAtRest: look !== 'running',
    resultStep: id[result] ?? null,
  };
}

/** When each step ended, in milliseconds since the run was created. */
function endsOf({ start, ms }: GraphView['steps']): number[] {
  return start.map((at, place) => at + Math.max(0, ms[place] ?? 0));
}
