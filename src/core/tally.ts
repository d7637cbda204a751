/**
 * What a workflow has used, followed through its events where the workflow itself cannot be had: its state.json is damaged
 * and the journal no longer holds its beginning. The same sums as `spend.ts` makes (M3, M4).
 */
import type { JournalEvent } from '../contract/journal-event.ts';
import type { SpendingRow } from '../contract/ledger.ts';
import type { Tally } from '../contract/store.ts';
import { type AttemptEnd, enterAttempt } from './ledger.ts';
import type { WorkflowState } from './state.ts';

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
    const held = reserved.get(stepId) ?? null;
    spending = enterAttempt(spending, held?.action ?? unknownAction, held, end);
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
