/** The steps that wait for somebody outside: for a decision, or for data and nothing else. */
import type { WorkflowSummary } from '../contract/workflow.ts';
import { isReadyFor, onePlaceEach, waitingForData } from './external-data.ts';
import type { WorkflowState } from './state.ts';
import type { StepState } from './step-state.ts';

export interface AwaitedStep {
  readonly step: StepState;
  readonly for: 'decision' | 'data';
  /** Milliseconds since 1970. */
  readonly since: number;
}

/** For a row of a list: a few of them. */
export function toNeeds(state: WorkflowState): NonNullable<WorkflowSummary['needs']> {
  return listAwaited(state)
    .slice(0, needsShownMax)
    .map(({ step, for: what }) => ({ step_id: step.id, name: step.name, for: what }));
}

const needsShownMax = 5;

/** Those that wait for a decision, then those that wait for data, each in the order of the workflow. */
export function listAwaited(state: WorkflowState): AwaitedStep[] {
  if (state.counts.WAITING_FOR_DEPENDENCY === 0) return [];
  const data = onePlaceEach(
    state,
    waitingForData(state).filter((step) => isReadyFor(state, step)),
  );
  const decisions = state.steps.filter(({ wait }) => wait?.for === 'decision');
  return [
    ...decisions.map((step) => ({ step, for: 'decision' as const, since: sinceWhen(state, step) })),
    ...data.map((step) => ({ step, for: 'data' as const, since: sinceWhen(state, step) })),
  ];
}

/** A wait without a record of its own began with the end of its last dependency, or with its item. */
function sinceWhen(state: WorkflowState, { startTime, dependencies, of }: StepState): number {
  if (startTime !== null) return startTime;
  const begun = of === null ? null : state.stepOf(of.step).startTime;
  const ends = dependencies.map((id) => state.step(id)?.endTime ?? 0);
  return ends.reduce((latest, end) => Math.max(latest, end), begun ?? state.header.createdAt);
}
