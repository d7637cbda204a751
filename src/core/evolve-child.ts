/** What the creation of a child and its end do to the steps of the parent (`child.ts`). */
import type { JournalEvent } from '../contract/journal-event.ts';
import { addChildMetrics } from './child.ts';
import type { Settling } from './dependents.ts';
import type { WorkflowState } from './state.ts';
import { addLogs, attendsChild } from './step-state.ts';
import { toIso } from './time.ts';

/** CH1: the step has started this child. */
export function startChild(
  state: WorkflowState,
  stepId: string,
  child: { readonly id: string; readonly at: number; readonly until: number | null },
): void {
  const i = state.placeOf(stepId);
  const step = state.stepAt(i);
  const { id, at, until } = child;
  state.setHeader({
    started: true,
    children: [...state.header.children, { id, stepId, createdAt: at }],
  });
  state.setStep(i, {
    status: 'WAITING_FOR_DEPENDENCY',
    wait: { for: 'workflow', until },
    child: id,
    base: step.metrics,
    startTime: at,
    endTime: null,
    error: null,
    logs: addLogs(step, [`Started workflow ${id} at ${toIso(at)}`]),
  });
}

/** CH2 and CH3. A step that has ended by itself takes the metrics alone. */
export function returnChild(
  i: number,
  event: Extract<JournalEvent, { kind: 'step.returned' }>,
  settling: Settling,
): void {
  const { state, at } = settling;
  const step = state.stepAt(i);
  const metrics = addChildMetrics(step.base, event.metrics);
  if (!attendsChild(step)) {
    state.setStep(i, { metrics });
    return;
  }
  if (event.error !== null) {
    settling.fail(i, event.error, { metrics, errorCode: event.code ?? null });
    return;
  }
  state.setStep(i, {
    status: 'COMPLETED',
    outputs: event.outputs,
    error: null,
    endTime: at,
    wait: null,
    metrics,
    logs: addLogs(step, [`Completed successfully at ${toIso(at)}`]),
  });
  settling.ended.push({ i, root: null });
}
