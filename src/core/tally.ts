/**
 * A workflow's spending. `enterSpending` enters each attempt that has ended. `followTally` computes the same sums
 * (M3, M4) from the workflow's events alone, for a workflow whose state.json is damaged and whose first event the
 * journal no longer holds.
 *
 * Rule, numbered for tests:
 *   TA1  the usage of an attempt is added to that of the earlier attempts of its step, however each of them ended.
 */

import type { JournalEvent } from '../contract/journal-event.ts';
import type { SpendingRow } from '../contract/ledger.ts';
import type { Tally } from '../contract/store.ts';
import { type AttemptEnd, addAttempt, enterAttempt, toCharged } from './ledger.ts';
import type { WorkflowState } from './state.ts';
import type { StepState } from './step-state.ts';

/** The action of an attempt that has no reservation to name it. */
const unknownAction = 'unknown';

/** A workflow's spending and reservations at its latest event. */
export function toTally({ header, steps }: WorkflowState): Tally {
  const reserved = steps.flatMap((step) => (step.reserved ? [[step.id, step.reserved] as const] : []));
  return { seq: header.seq, spending: header.spending, reserved: Object.fromEntries(reserved) };
}

/** The spending after the workflow's later events. Attempts still in flight count as lost at `now`. */
export function followTally(
  tally: Tally,
  entries: readonly { seq: number; event: JournalEvent }[],
  now: number,
): readonly SpendingRow[] {
  let { spending } = tally;
  const reserved = new Map(Object.entries(tally.reserved));
  const settle = (stepId: string, end: AttemptEnd) => {
    const reservation = reserved.get(stepId) ?? null;
    spending = enterAttempt(spending, reservation?.action ?? unknownAction, reservation, end);
    reserved.delete(stepId);
  };
  const lose = (at: number) => {
    for (const stepId of [...reserved.keys()]) settle(stepId, { at, metrics: null, lost: true });
  };
  for (const { seq, event } of entries) {
    if (seq <= tally.seq) continue;
    if (event.kind === 'workflow.recovered') lose(event.at);
    if (event.kind === 'step.started' && event.reserved) reserved.set(event.stepId, event.reserved);
    if ('metrics' in event) settle(event.stepId, event);
  }
  lose(now);
  return spending;
}

/** M1, M3, M4: enters an attempt into the workflow's spending; returns the fields of its step that change with it. */
export function enterSpending(
  state: WorkflowState,
  i: number,
  end: AttemptEnd,
): Pick<StepState, 'metrics' | 'reserved'> {
  const { action, reserved, metrics } = state.stepAt(i);
  const spending = enterAttempt(state.header.spending, action, reserved, end);
  if (spending !== state.header.spending) state.setHeader({ spending });
  return { metrics: addAttempt(metrics, toCharged(end, reserved)), reserved: null };
}
