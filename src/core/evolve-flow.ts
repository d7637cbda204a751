/**
 * What the events of conditions, groups and waits do to the steps of their workflow. What follows for other steps is in
 * `dependents.ts`; each event is one fact, with all ends that come of it.
 */
import type { JournalEvent } from '../contract/journal-event.ts';
import { type Settling, settle } from './dependents.ts';
import { returnChild } from './evolve-child.ts';
import { isReopened, reuseSteps } from './group-again.ts';
import { makeSteps } from './groups.ts';
import type { WorkflowState } from './state.ts';
import { addLogs, countOf, toAwaited, type Wait } from './step-state.ts';
import { type Change, isHeld } from './stop-steps.ts';
import { toIso } from './time.ts';

type Of<K extends JournalEvent['kind']> = Extract<JournalEvent, { kind: K }>;
export type FlowEvent = Of<
  | 'step.skipped'
  | 'step.mapped'
  | 'step.repeated'
  | 'step.concluded'
  | 'step.waiting'
  | 'step.returned'
  | 'step.elapsed'
  | 'step.decided'
>;

export function applyFlow(state: WorkflowState, event: FlowEvent, change: Change): void {
  const i = state.placeOf(event.stepId);
  if (!state.header.started) state.setHeader({ started: true });
  if (state.stepAt(i).status === 'PENDING') change.unqueued.push(i);
  settle(state, event.at, change, (settling) => {
    applyTo(i, event, settling);
  });
}

function applyTo(i: number, event: FlowEvent, settling: Settling): void {
  switch (event.kind) {
    case 'step.skipped':
      settling.skip(i, event.reason);
      return;
    case 'step.mapped':
      map(i, event, settling);
      return;
    case 'step.repeated':
      if (event.dueAt === undefined) beginRound(i, event.round, settling);
      else wait(i, { for: 'time', until: event.dueAt }, settling);
      return;
    case 'step.concluded':
      settling.completeGroup(i, { rounds: countOf(settling.state.stepAt(i)), done: event.done });
      return;
    case 'step.returned':
      returnChild(i, event, settling);
      return;
    case 'step.waiting':
      wait(i, { for: event.for, until: event.until, ...(event.atRest ? { atRest: true } : {}) }, settling);
      if (isHeld(settling.state.stepAt(i))) settling.completeHeld(i);
      return;
    case 'step.elapsed':
      elapse(i, settling);
      return;
    default:
      decided(i, event satisfies Of<'step.decided'>, settling);
  }
}

/** F1. */
function map(i: number, { count, labels, at }: Of<'step.mapped'>, settling: Settling): void {
  const { state } = settling;
  const group = state.stepAt(i);
  const logs = addLogs(group, [`Started ${count} ${count === 1 ? 'item' : 'items'} at ${toIso(at)}`]);
  state.setStep(i, { status: 'WAITING_FOR_DEPENDENCY', count, startTime: at, endTime: null, error: null, logs });
  const known = reuseSteps(settling, i, count);
  state.addSteps(makeSteps(state.stepAt(i), known, count, labels));
  if (count === 0) settling.completeGroup(i, { count, failed: 0, skipped: 0 });
  else settling.begin(i);
}

function beginRound(i: number, round: number, settling: Settling): void {
  const { state, at } = settling;
  const group = state.stepAt(i);
  const logs = addLogs(group, [`Started round ${round} at ${toIso(at)}`]);
  const started = group.startTime === null || group.count === null ? { startTime: at } : {};
  const fresh = { endTime: null, error: null, wait: null };
  state.setStep(i, { status: 'WAITING_FOR_DEPENDENCY', count: round + 1, ...fresh, logs, ...started });
  if (!isReopened(settling, i, round)) state.addSteps(makeSteps(state.stepAt(i), round, round + 1));
  settling.begin(i);
}

function wait(i: number, wanted: Wait, { state, at }: Settling) {
  const step = state.stepAt(i);
  if (step.wait?.for === 'workflow') {
    // It waits already: what is told is whether its child is at rest.
    state.setStep(i, { wait: wanted });
    return;
  }
  const until = wanted.until === null ? '' : ` until ${toIso(wanted.until)}`;
  const what = toAwaited({ child: step.child, wait: wanted });
  state.setStep(i, {
    status: 'WAITING_FOR_DEPENDENCY',
    wait: wanted,
    startTime: step.startTime ?? at,
    logs: addLogs(step, [`Waits for ${what}${until}`]),
  });
}

function elapse(i: number, settling: Settling): void {
  const { state, at } = settling;
  const step = state.stepAt(i);
  if (step.flow.repeat !== null) {
    beginRound(i, countOf(step), settling);
    return;
  }
  const logs = addLogs(step, [`Completed successfully at ${toIso(at)}`]);
  state.setStep(i, { status: 'COMPLETED', outputs: { json: '{}' }, error: null, endTime: at, wait: null, logs });
  settling.ended.push({ i, root: null });
}

function decided(i: number, event: Of<'step.decided'>, settling: Settling): void {
  const { state, at } = settling;
  const { approved, by, comment, data } = event;
  const step = state.stepAt(i);
  const verdict = `${approved ? 'Approved' : 'Rejected'}${by === null ? '' : ` by ${by}`} at ${toIso(at)}`;
  const line = event.expired ? `Nobody decided until ${toIso(at)}: ${approved ? 'approved' : 'rejected'}` : verdict;
  const outputs = { approved, by, comment, data, decided_at: toIso(at), expired: event.expired ?? false };
  state.setStep(i, {
    status: 'COMPLETED',
    outputs: { json: JSON.stringify(outputs) },
    error: null,
    endTime: at,
    wait: null,
    logs: addLogs(step, [line]),
  });
  settling.ended.push({ i, root: null });
}
