/**
 * What a death of the engine makes of the steps it has left behind.
 *
 * Rule, numbered for tests:
 *   RS1  a step that runs alone when the engine dies, after three deaths with it in flight, is FAILED (CRASH_LOOP).
 */
import type { JournalEvent } from '../contract/journal-event.ts';
import type { Change } from './dependents.ts';
import { stopAfterFailure } from './dependents.ts';
import { addLogs, suspectDeaths, type WorkflowState } from './state.ts';
import { enterSpending } from './tally.ts';
import { toIso } from './time.ts';

/** After a death: what ran is queued anew, and so is everything that was or should have been in the queue. */
export function recoverSteps(
  state: WorkflowState,
  event: Extract<JournalEvent, { kind: 'workflow.recovered' }>,
  change: Change,
): void {
  const at = toIso(event.at);
  const recovered = `Recovered from orphaned RUNNING state at ${at}`;
  loseReserved(state, event.at);
  state.steps.forEach((step, i) => {
    if (!event.unclean || step.status !== 'RUNNING' || step.deaths < suspectDeaths) return;
    const error = `CRASH_LOOP: the engine died ${step.deaths + 1} times while this step ran, the last time with nothing beside it`;
    const logs = addLogs(step, [recovered, `Failed: ${error}`]);
    state.setStep(i, {
      status: 'FAILED',
      error,
      endTime: Math.max(event.at, step.startTime ?? event.at),
      deaths: 0,
      logs,
    });
    stopAfterFailure(state, i, event.at, change);
  });
  state.steps.forEach((step, i) => {
    if (step.status !== 'RUNNING' && step.status !== 'PENDING') return;
    const wasRunning = step.status === 'RUNNING';
    state.setStep(i, {
      status: 'PENDING',
      endTime: null,
      deaths: wasRunning && event.unclean ? step.deaths + 1 : step.deaths,
      logs: addLogs(step, [...(wasRunning ? [recovered] : []), `Re-queued during recovery at ${at}`]),
    });
    change.queued.push(i);
  });
}

/** M4: no attempt outlives the engine. */
function loseReserved(state: WorkflowState, at: number): void {
  state.steps.forEach((step, i) => {
    if (step.reserved) state.setStep(i, enterSpending(state, i, { at, metrics: null, lost: true }));
  });
}
