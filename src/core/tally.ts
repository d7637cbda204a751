/**
 * What a workflow has used: `enterSpending` enters each attempt that has ended. `followTally` makes the same sums (M3, M4) from the
 * workflow's events when the workflow itself is lost: its state.json is damaged and the journal no longer holds its first event.
 *
 * Rule, numbered for tests:
 *   TA1  what an attempt has used is added to what earlier attempts of its step have used, however each of them ended.
 */

import type { JournalEvent } from '../contract/journal-event.ts';
import type { SpendingRow } from '../contract/ledger.ts';
import type { Tally } from '../contract/store.ts';
import { type AttemptEnd, addAttempt, enterAttempt, toCharged } from './ledger.ts';
import type { StepState, WorkflowState } from './state.ts';

/** Of an attempt that nothing says more of. */
const unknownAction = 'unknown';

/** What a workflow has used, as it is told at its latest event. */
export function toTally({ header, steps }: WorkflowState): Tally {
  const reserved = steps.flatMap((step) => (step.reserved ? [[step.id, step.reserved] as const] : []));
  return { seq: header.seq, spending: header.spending, reserved: Object.fromEntries(reserved) };
}

/** The tally after its workflow's later events; `now`: when those in flight are given up. */
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

/** M1, M3, M4: enters an attempt into the workflow's ledger; returns what of its step goes with that. */
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
