/**
 * What happens to a workflow's steps when the engine starts after a stop or a death.
 *
 * Rule, numbered for tests:
 *   RS1  a step that was running at three deaths of the engine runs alone; if the engine dies again, it is FAILED
 *        (CRASH_LOOP).
 */
import type { JournalEvent } from '../contract/journal-event.ts';
import { addAttemptEnd, addCancelled } from './attempts.ts';
import { failStep } from './dependents.ts';
import type { WorkflowState } from './state.ts';
import { addLogs, suspectDeaths } from './step-state.ts';
import type { Change } from './stop-steps.ts';
import { enterSpending } from './tally.ts';
import { toIso } from './time.ts';

/** Queues every step again that was RUNNING or PENDING. */
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
    const endTime = Math.max(event.at, step.startTime ?? event.at);
    const errorCode = 'CRASH_LOOP';
    const attempts = addAttemptEnd(step, { endTime, errorCode, error, metrics: null });
    failStep(state, i, { at: event.at, error, errorCode, endTime, attempts, deaths: 0, logs: [recovered] }, change);
  });
  // All that is PENDING now is queued below; one failure may have stopped what another has queued.
  change.queued.length = 0;
  state.steps.forEach((step, i) => {
    if (step.status !== 'RUNNING' && step.status !== 'PENDING') return;
    const wasRunning = step.status === 'RUNNING';
    state.setStep(i, {
      status: 'PENDING',
      queuedAt: event.at,
      endTime: null,
      ...(wasRunning ? { attempts: addCancelled(step, event.at, 'the engine ended while it ran', 'WORKER_LOST') } : {}),
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
