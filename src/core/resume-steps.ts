/**
 * Which steps a resume or a retry sets going again.
 *
 * Rules, numbered for tests:
 *   RV1  a resume sets STOPPED steps going again, but for those that a failed step holds up; a group that has ended with a
 *        failure that was tolerated stays as it is, and its items that were under way go on;
 *   RV2  a retry sets FAILED ones going again too, and of failed groups the items that failed, were tolerated, or hung on
 *        those; completed items are never run again;
 *   RV3  whatever has ended because of a failure that is undone waits again, and all that has run behind it: it ran, or
 *        was skipped, on the strength of the failure. What data from outside has completed stays;
 *   RV4  a FAILED or STOPPED step keeps its child, which goes on; one that hangs on what runs again starts another.
 */
import { isTerminal } from '../contract/workflow.ts';
import { addCancelled } from './attempts.ts';
import { settleWaiting } from './dependents.ts';
import { isGroup } from './flow.ts';
import { again } from './group-again.ts';
import { wholeOf } from './groups.ts';
import type { WorkflowState } from './state.ts';
import { addLogs, endOf, externalAction, isItemFailure, type StepState } from './step-state.ts';
import { type Change, heldUpBy, isHeld, newChange, stopSteps } from './stop-steps.ts';
import { toIso } from './time.ts';

export function reviveSteps(state: WorkflowState, at: number, failedToo: boolean, change: Change): void {
  // A foreign file may call itself finished although it has unfinished steps; none of them runs or is queued here.
  if (isTerminal(state.header.status)) stopSteps(state, state.steps.keys(), at, null, newChange());
  const failed = state.steps.flatMap((step, i) => (step.status === 'FAILED' ? [i] : []));
  const blocked = failedToo ? new Set<number>() : heldUpBy(state, failed);
  const wanted = state.steps.flatMap((step, i) =>
    !blocked.has(i) && (step.status === 'STOPPED' || step.status === 'FAILED') ? [i] : [],
  );
  const roots = failedToo ? [...wanted, ...failed.flatMap((i) => listTolerated(state, i))] : wanted;
  const revived = withHangingOn(state, roots);
  const stale = findStale(state, revived);
  for (const i of revived) if (isUnlisted(state, i, stale)) revived.delete(i);
  for (const i of stale) if (revived.has(i)) stopSteps(state, wholeOf(state, i), at, null, change);
  const isNew = (id: string) => revived.has(state.index.get(id) ?? -1);
  for (const i of revived) {
    const { child, base, dependencies, status } = state.stepAt(i);
    // What its params refer to may be another value by now.
    const isKept = (status === 'FAILED' || status === 'STOPPED') && !dependencies.some(isNew);
    revive(state, i, { at, isStale: stale.has(i), change });
    if (isKept) state.setStep(i, { child, base });
  }
  settleWaiting(state, [...revived], at, change);
}

/** RV2: of a failed group, the steps whose failure it had tolerated, and all of a group within it that it had. */
function listTolerated(state: WorkflowState, group: number): number[] {
  return state.placesOf(group).flatMap((i) => {
    const step = state.stepAt(i);
    // A group within that has ended in order keeps what it has, the items that it tolerates itself included.
    if (step.outcome !== 'tolerated' || !isItemFailure(step)) return [];
    const inner = state.placesOf(i);
    return [
      i,
      ...inner.filter((k) => state.stepAt(k).outcome !== null),
      ...inner.flatMap((k) => listTolerated(state, k)),
    ];
  });
}

/** RV3. */
function withHangingOn(state: WorkflowState, roots: readonly number[]): Set<number> {
  const reached = new Set(roots);
  for (const i of reached) {
    for (const next of state.downstreamOf(i)) if (hangsOn(state.stepAt(next))) reached.add(next);
    const { of, status } = state.stepAt(i);
    if (of === null) continue;
    const group = state.stepOf(of.step);
    // One that was under way when its group had ended already, tolerated: it goes on, and the group has what it has.
    const isLeft = status === 'STOPPED' && group.status === 'COMPLETED';
    // A step that runs again is one more that its group waits for.
    if (!isLeft && endOf(group) !== null) reached.add(state.placeOf(of.step));
  }
  return reached;
}

/** It has begun, although a step that it waits for begins only now. */
function hangsOn({ status, action, outcome, wait, count }: StepState): boolean {
  if (status === 'COMPLETED') return action !== externalAction || outcome !== null;
  return status === 'FAILED' || status === 'RUNNING' || status === 'PENDING' || wait !== null || count !== null;
}

/** Groups whose list may be another one now: something that they wait for runs again. */
function findStale(state: WorkflowState, revived: ReadonlySet<number>): Set<number> {
  const stale = new Set<number>();
  for (const i of revived) {
    for (const next of state.downstreamOf(i)) if (isGroup(state.stepAt(next).flow)) stale.add(next);
  }
  return stale;
}

/** Whether the step was made for a list that is read again: that decides what becomes of it. */
function isUnlisted(state: WorkflowState, i: number, stale: ReadonlySet<number>): boolean {
  const { of } = state.stepAt(i);
  if (of === null) return false;
  const group = state.placeOf(of.step);
  return stale.has(group) || state.stepAt(group).count === null || isUnlisted(state, group, stale);
}

interface Revival {
  at: number;
  isStale: boolean;
  change: Change;
}

function revive(state: WorkflowState, i: number, { at, isStale, change }: Revival): void {
  const step = state.stepAt(i);
  if (step.status === 'RUNNING') change.aborted.push(i);
  if (step.status === 'PENDING') change.unqueued.push(i);
  const isOpenGroup = isGroup(step.flow) && step.count !== null && !isStale;
  state.setStep(i, {
    ...again(step),
    ...(step.status === 'RUNNING' ? { attempts: addCancelled(step, at, 'what it hangs on runs again') } : {}),
    outputs: isHeld(step) ? step.outputs : null,
    metadata: step.metadata,
    count: isStale ? null : step.count,
    // A loop that was not done after its rounds gets as many again: its failures say how often.
    ...(isOpenGroup ? { startTime: step.startTime, failures: step.failures } : {}),
  });
}

/** Queues the steps that a budget has paused; with `of` 'day' only those that wait for the next day. */
export function unpauseSteps(state: WorkflowState, at: number, of: 'day' | undefined, change: Change): void {
  state.steps.forEach((step, i) => {
    if (step.pause === null || (of === 'day' && step.pause.until !== 'day')) return;
    const logs = addLogs(step, [`Resumed at ${toIso(at)}`]);
    state.setStep(i, { status: 'PENDING', queuedAt: at, pause: null, logs });
    change.queued.push(i);
  });
}
