/**
 * What an event changes in a run's columns. Pure.
 *
 * Rules, numbered for tests:
 *   AE1  columns that follow events are those that a read of the same version gives, unless the answer is `reread`;
 *   AE2  an event that the columns know already changes nothing, so a stream may repeat what a read has told;
 *   AE3  an event that does not follow the last one is not applied: it is `reread`, and so is every one after it. The
 *        version stays that of the last columns that were right.
 */
import type { EngineEvent, EventStep } from '../../src/contract/event.ts';
import { type Columns, outcomes, type RunHead, setStatus, shape, toMs, waitsFor } from './columns.ts';
import { look, toStatusCode } from './look.ts';

/**
 * `reread`: the event changes more than it tells: steps that are new, or too many to name. What it tells is applied,
 * but only a read makes the columns right again.
 */
export type Applied = 'known' | 'applied' | 'reread';

/** Events that make steps, or set many of them going again. */
const changesMore: ReadonlySet<string> = new Set([
  'workflow.created',
  'workflow.adopted',
  'workflow.taken_over',
  'workflow.branched',
  'workflow.recovered',
  'workflow.resumed',
  'workflow.retried',
  'step.mapped',
  'step.repeated',
]);

export function applyEvent(run: Columns, event: EngineEvent): Applied {
  const { head } = run;
  if (event.version <= head.version) return 'known';
  if (event.version > head.version + 1) return 'reread';
  head.status = event.status;
  if (event.at > head.updatedAt) head.updatedAt = event.at;
  applySums(head, event);
  const own = event.step_id === undefined ? -1 : (run.index.get(event.step_id) ?? -1);
  let isWhole = !changesMore.has(event.kind) && event.steps_cut !== true;
  if (event.step_id !== undefined) {
    if (own < 0 || event.step === undefined) isWhole = false;
    else isWhole = applyToOwn(run, own, event, event.step) && isWhole;
  }
  // What a completed step makes ready is so from its end on, by the clock of its attempt.
  const since = event.kind === 'step.completed' && own >= 0 ? run.end[own]! : Date.parse(event.at);
  isWhole = applyToOthers(run, event, own, since) && isWhole;
  // What has changed since then is what a read must tell.
  if (isWhole) head.version = event.version;
  return isWhole ? 'applied' : 'reread';
}

function applySums(head: RunHead, event: EngineEvent): void {
  const { metrics } = head;
  if (event.progress !== undefined) head.progress = event.progress;
  if (event.total_cost !== undefined) metrics.total_cost = event.total_cost;
  if (event.total_tokens !== undefined) metrics.total_tokens = event.total_tokens;
  if (event.cost_is_floor !== undefined) metrics.cost_is_floor = event.cost_is_floor;
}

/** The step that the event names. False where more has changed than is told. */
function applyToOwn(run: Columns, i: number, { kind }: EngineEvent, told: EventStep): boolean {
  const outcome = told.outcome === undefined ? outcomes.none : outcomes[told.outcome];
  run.attempt[i] = told.attempt;
  run.queued[i] = toMs(told.queuedAt);
  run.start[i] = toMs(told.startTime);
  setEnd(run, i, toMs(told.endTime));
  if (told.cost !== undefined) run.cost[i] = told.cost ?? -1;
  if (told.tokens !== undefined) run.tokens[i] = told.tokens;
  const status = toStatusCode(told.status);
  if (told.errorCode !== null) run.errors.set(i, told.errorCode);
  else if (status === look.failed) run.errors.set(i, '');
  else run.errors.delete(i);
  if (status === look.waiting) run.waits[i] = waitsAfter(run, i, kind);
  setStatus(run, i, status, outcome);
  // A loop whose pause is over begins a round; a group that is tolerated absolves its steps, and none of them is named.
  const isGroup = run.shape[i] !== shape.plain;
  return !(isGroup && (kind === 'step.elapsed' || outcome === outcomes.tolerated));
}

/** Columns have a start and how long it took: what has never started has no end either. */
function setEnd(run: Columns, i: number, end: number): void {
  run.end[i] = Number.isNaN(run.start[i]!) ? Number.NaN : end;
}

function waitsAfter(run: Columns, i: number, kind: string): number {
  if (kind === 'step.paused') return waitsFor.budget;
  if (kind !== 'step.waiting') return run.waits[i]!;
  switch (run.actions[run.action[i]!]) {
    case 'approval':
      return waitsFor.decision;
    case 'external_data':
      return waitsFor.data;
    case 'workflow':
      return waitsFor.workflow;
    default:
      return waitsFor.time;
  }
}

/** Steps whose status changes along with it, in the order in which the engine changes them. */
function applyToOthers(run: Columns, event: EngineEvent, own: number, at: number): boolean {
  const skipped = new Set(event.skipped_steps);
  let isWhole = true;
  const each = (ids: readonly string[] | undefined, apply: (i: number, id: string) => boolean): void => {
    for (const id of ids ?? []) {
      const i = run.index.get(id);
      if (i === own) continue;
      if (i === undefined || !apply(i, id)) isWhole = false;
    }
  };
  each(event.queued_steps, (i) => {
    run.queued[i] = at;
    setStatus(run, i, look.queued);
    return true;
  });
  each(event.stopped_steps, (i) => {
    if (run.status[i] === look.running) run.end[i] = Math.max(at, run.start[i]!);
    // A step that a failure stops names the failed one in place of its own error; a call to stop leaves it.
    if (event.kind !== 'workflow.stopped') run.errors.delete(i);
    setStatus(run, i, look.stopped);
    return true;
  });
  each(event.completed_steps, (i, id) => applyCompleted(run, i, at, skipped.has(id)));
  each(event.failed_steps, (i) => {
    setEnd(run, i, at);
    run.errors.set(i, 'ITEMS_FAILED');
    setStatus(run, i, look.failed);
    return true;
  });
  return isWhole;
}

/** A step that another's end has completed: a group, one that is skipped, or one that data were kept for. */
function applyCompleted(run: Columns, i: number, at: number, isSkipped: boolean): boolean {
  run.errors.delete(i);
  setStatus(run, i, look.completed, isSkipped ? outcomes.skipped : outcomes.none);
  if (!isSkipped && run.shape[i] === shape.plain) run.start[i] = at;
  setEnd(run, i, at);
  if (isSkipped || run.shape[i] === shape.plain) return true;
  // It has ended because all is done, or because its failure is tolerated: which of them is not told.
  return !hasLost(run, i);
}

/** Whether a step of the group has failed, or was stopped or tolerated. */
function hasLost(run: Columns, group: number): boolean {
  for (let i = group + 1; i < run.ids.length; i += 1) {
    if (run.group[i] !== group) continue;
    if (run.status[i] === look.failed || run.status[i] === look.stopped) return true;
    if (run.outcome[i] === outcomes.tolerated) return true;
  }
  return false;
}
