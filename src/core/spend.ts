/**
 * What an attempt that has ended leaves with its workflow.
 *
 * Rule, numbered for tests:
 *   E6  what an attempt has used is added to what the ones before it have, whatever became of them.
 */
import { type AttemptEnd, addAttempt, enterAttempt, toCharged } from './ledger.ts';
import type { StepState, WorkflowState } from './state.ts';

/** M1, M3, M4: enters an attempt into the workflow's ledger; returns what of its step goes with that. */
export function spend(state: WorkflowState, i: number, end: AttemptEnd): Pick<StepState, 'metrics' | 'reserved'> {
  const { action, reserved, metrics } = state.steps[i]!;
  const spending = enterAttempt(state.header.spending, action, reserved, end);
  if (spending !== state.header.spending) state.setHeader({ spending });
  return { metrics: addAttempt(metrics, toCharged(end, reserved)), reserved: null };
}
