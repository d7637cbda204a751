/**
 * The legal transitions: for each kind of event, the statuses in which it may come. One table, asked before an event
 * is applied (`evolve`, `evolveParent`, `createWorkflow`), live and in recovery alike. It says nothing of what an
 * event does: that is the switch in `evolve.ts`. A new kind of event begins with a row here.
 *
 * Assumes that `decide.ts` has judged the call or the outcome: what the table refuses is a bug, or a journal that
 * this engine has not written. It is reported by `broken`, and nothing has been changed by then.
 *
 * Rules, numbered for tests:
 *   TR1  an event is applied to the workflow it names, and only in a status that its row allows. So a COMPLETED step is
 *        never started again: `step.started` may come only in PENDING;
 *   TR2  an event gives its workflow the version after the one before;
 *   TR3  an event is never dated before the workflow's latest change. Only the creation of a branch may be, at the
 *        parent: it is dated by the clock, which may have been set back.
 *
 * All checks cost the same for a workflow of any size.
 */
import { broken } from '../contract/broken.ts';
import type { JournalEvent } from '../contract/journal-event.ts';
import { isTerminal, type JobStatus } from '../contract/workflow.ts';
import { isGroup } from './flow.ts';
import { isBegun, isControlled } from './groups.ts';
import { verdictOf } from './join.ts';
import type { WorkflowState } from './state.ts';
import { attendsChild, externalAction, type StepState, workflowAction } from './step-state.ts';

type Kind = JournalEvent['kind'];
type Created = Extract<JournalEvent, { kind: 'workflow.created' }>;

/** The status of a step or a workflow; `NONE` where there is none of this id yet. */
export type StatusOrNone = JobStatus | 'NONE';

/** What must hold besides the status; `text` ends the sentence "it may come only where …". */
interface Condition {
  readonly text: string;
  holds(state: WorkflowState, event: JournalEvent, step: StepState | undefined): boolean;
}

interface Row {
  /** Whose status is meant. */
  readonly of: 'workflow' | 'step';
  readonly in: readonly StatusOrNone[];
  /** How the event's attempt relates to the step's last one: the same, or the next. */
  readonly attempt?: 'same' | 'next';
  readonly only?: Condition;
}

const unfinished = ['PENDING', 'RUNNING', 'WAITING_FOR_DEPENDENCY'] as const;
const finished = ['COMPLETED', 'FAILED', 'STOPPED'] as const;
const every = [...unfinished, ...finished];

const canGoOn: Condition = {
  text: 'the workflow is stopped, a budget has paused a step of it or of a child, or it is unfinished and gets a budget',
  holds: ({ header, paused, steps }, event) => {
    if (paused > 0) return true;
    if ('of' in event) return false;
    const goesDown = !isTerminal(header.status) && steps.some(attendsChild);
    return header.status === 'STOPPED' || goesDown || ('budget' in event && !isTerminal(header.status));
  },
};

const hasFailedStep: Condition = {
  text: 'one of its steps has failed',
  holds: ({ counts }) => counts.FAILED > 0,
};

const hasStepOrAddsOne: Condition = {
  text: 'the step waits for external data, or the event adds it; data is kept only where a dependency is missing',
  holds: (state, event, step) => {
    const isHeld = 'held' in event;
    if (step === undefined) return 'added' in event && !isHeld;
    if (step.action !== externalAction || 'added' in event) return false;
    // Without `held` a step is completed at once, as engines did before data was kept.
    return !isHeld || (step.outputs === null && !isWaitedFor(state, step));
  },
};

/** Nothing but the data is missing. */
function isWaitedFor(state: WorkflowState, step: StepState): boolean {
  if (step.status !== 'WAITING_FOR_DEPENDENCY' || (isControlled(step) && step.wait === null)) return false;
  return verdictOf(state, state.placeOf(step.id)) === 'ready' && isBegun(state, step);
}

function ofControlled(text: string, holds: (step: StepState, event: JournalEvent) => boolean): Condition {
  return { text, holds: (_, event, step) => step !== undefined && isControlled(step) && holds(step, event) };
}

const ranOrIsControlled: Condition = {
  text: 'an attempt runs, or no attempt is needed to know',
  holds: (_, event, step) =>
    step !== undefined && 'attempt' in event && (step.status === 'RUNNING' ? event.attempt > 0 : isControlled(step)),
};

const asksCondition = ofControlled('the step has a condition', ({ flow }) => flow.when !== null);
const needsList = ofControlled('the list is not known', ({ flow, count }) => flow.forEach !== null && count === null);
const isNextRound = ofControlled(
  'it is the next round',
  ({ flow, count }, event) => flow.repeat !== null && 'round' in event && event.round === (count ?? 0),
);
const hadRounds = ofControlled('a round has ended', ({ flow, count }) => flow.repeat !== null && count !== null);
const waitsItself = ofControlled('the step waits without a slot', ({ flow, child, status, wait }, event) => {
  const isForChild = 'for' in event && event.for === 'workflow';
  if (isForChild && child === null) return false;
  // Told again where the child comes to rest, or goes on.
  return status === 'PENDING' ? flow.forEach === null : isForChild && wait?.for === 'workflow';
});
const isOfChild = ofControlled(
  'the workflow is the one that the step has started',
  ({ child }, event) => 'child' in event && event.child === child,
);
const isTimed = ofControlled('a time was set', ({ wait }) => wait?.for === 'time');
const needsDecision = ofControlled('a decision is due', ({ wait }) => wait?.for === 'decision');

export const transitions: { readonly [K in Kind]: Row } = {
  'workflow.created': { of: 'workflow', in: ['NONE'] },
  'workflow.adopted': { of: 'workflow', in: ['NONE'] },
  'workflow.taken_over': { of: 'workflow', in: ['NONE'] },
  'workflow.waiting': { of: 'workflow', in: ['PENDING'] },
  'workflow.branched': { of: 'workflow', in: every },
  'workflow.stopped': { of: 'workflow', in: unfinished },
  // COMPLETED and FAILED: a file of another maker may call itself finished, and hold a step that a budget has paused.
  'workflow.resumed': { of: 'workflow', in: every, only: canGoOn },
  'workflow.retried': { of: 'workflow', in: ['RUNNING', 'WAITING_FOR_DEPENDENCY', 'FAILED'], only: hasFailedStep },
  'workflow.deleted': { of: 'workflow', in: finished },
  'workflow.recovered': { of: 'workflow', in: ['PENDING', 'RUNNING'] },
  'step.started': { of: 'step', in: ['PENDING'], attempt: 'next' },
  'step.completed': { of: 'step', in: ['RUNNING'], attempt: 'same' },
  'step.retrying': { of: 'step', in: ['RUNNING'], attempt: 'same' },
  // PENDING and WAITING_FOR_DEPENDENCY: a condition or a list that cannot be worked out, a wait whose time is over.
  'step.failed': {
    of: 'step',
    in: ['RUNNING', 'PENDING', 'WAITING_FOR_DEPENDENCY'],
    attempt: 'same',
    only: ranOrIsControlled,
  },
  'step.skipped': { of: 'step', in: ['PENDING'], only: asksCondition },
  'step.mapped': { of: 'step', in: ['PENDING'], only: needsList },
  'step.repeated': { of: 'step', in: ['PENDING'], only: isNextRound },
  'step.concluded': { of: 'step', in: ['PENDING'], only: hadRounds },
  'step.waiting': { of: 'step', in: ['PENDING', 'WAITING_FOR_DEPENDENCY'], only: waitsItself },
  // STOPPED, FAILED, COMPLETED: the step has ended before its child, whose metrics it still takes.
  'step.returned': {
    of: 'step',
    in: ['PENDING', 'WAITING_FOR_DEPENDENCY', 'STOPPED', 'FAILED', 'COMPLETED'],
    only: isOfChild,
  },
  'step.elapsed': { of: 'step', in: ['WAITING_FOR_DEPENDENCY'], only: isTimed },
  'step.decided': { of: 'step', in: ['WAITING_FOR_DEPENDENCY'], only: needsDecision },
  'step.paused': { of: 'step', in: ['PENDING'] },
  // Not RUNNING: where a resume or a retry has set the step going again, its next attempt waits for the end of this one.
  'step.spent': {
    of: 'step',
    in: ['STOPPED', 'PENDING', 'WAITING_FOR_DEPENDENCY', 'COMPLETED', 'FAILED'],
    attempt: 'same',
  },
  'external_data.ingested': { of: 'step', in: ['WAITING_FOR_DEPENDENCY', 'PENDING', 'NONE'], only: hasStepOrAddsOne },
};

/** TR1 for an event that begins a workflow. */
export function checkBeginning(event: JournalEvent): void {
  if (!rowOf(event).in.includes('NONE')) broken('TR1', `${nameOf(event)} begins no workflow`);
}

/** TR1 to TR3 for an event of a workflow that is there. */
export function checkTransition(state: WorkflowState, event: JournalEvent): void {
  const { header } = state;
  if (event.workflowId !== header.id) broken('TR1', `${nameOf(event)} was applied to workflow ${header.id}`);
  const row = rowOf(event);
  const step = 'stepId' in event ? state.step(event.stepId) : undefined;
  const status = row.of === 'workflow' ? header.status : (step?.status ?? 'NONE');
  if (!row.in.includes(status)) broken('TR1', `${nameOf(event)} came while the ${row.of} was ${status}`);
  if (step && 'attempt' in event) {
    const wanted = row.attempt === 'next' ? step.attempt + 1 : step.attempt;
    if (event.attempt !== wanted) {
      broken('TR1', `${nameOf(event)} is of attempt ${event.attempt}, where ${wanted} was due`);
    }
  }
  if (row.only && !row.only.holds(state, event, step)) {
    broken('TR1', `${nameOf(event)} may come only where ${row.only.text}; the ${row.of} was ${status}`);
  }
  checkVersion(state, event, event.version);
  if (event.at < header.updatedAt) {
    broken('TR3', `${nameOf(event)} is dated ${event.at}, before the latest change at ${header.updatedAt}`);
  }
}

function mayStartChild({ action, flow, status }: StepState): boolean {
  return action === workflowAction && !isGroup(flow) && status === 'PENDING';
}

/** TR1 and TR2 for the creation of a branch or a child, at its parent: that may have any status. */
export function checkBranch(parent: WorkflowState, event: Created): NonNullable<Created['parent']> {
  const named = event.parent;
  const { id } = parent.header;
  if (named?.id !== id) return broken('TR1', `${nameOf(event)} was applied to workflow ${id}, which is not its parent`);
  if (!parent.index.has(named.stepId)) {
    broken('TR1', `${nameOf(event)} branches from step "${named.stepId}", which its parent ${id} has not`);
  }
  if (named.child !== undefined && !mayStartChild(parent.stepOf(named.stepId))) {
    broken('TR1', `${nameOf(event)} is of step "${named.stepId}" of workflow ${id}, which may start no child now`);
  }
  checkVersion(parent, event, named.version);
  return named;
}

function checkVersion({ header }: WorkflowState, event: JournalEvent, version: number): void {
  if (version !== header.version + 1) {
    broken('TR2', `${nameOf(event)} gives version ${version} to workflow ${header.id}, which is at ${header.version}`);
  }
}

/** The kind is read from a journal: it may be one that this engine does not know. */
function rowOf(event: JournalEvent): Row {
  if (!Object.hasOwn(transitions, event.kind)) broken('TR1', `${nameOf(event)} is of no known kind`);
  return transitions[event.kind];
}

/** `step.started of step "a" of workflow 0190…`. */
function nameOf(event: JournalEvent): string {
  const step = 'stepId' in event ? ` of step "${event.stepId}"` : '';
  return `${event.kind}${step} of workflow ${event.workflowId}`;
}
