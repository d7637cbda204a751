/**
 * Goal: rules TR1 to TR3 of `transitions.ts`. Method: every cell of the table, kind of event × status. What it allows
 * is reached by a decision of `decide.ts` and applied; what it refuses is tried on a workflow brought there by force,
 * where everything but the status fits, and must change nothing.
 */
import { describe, expect, test } from 'vitest';
import { BrokenRule } from '../../src/contract/broken.ts';
import type { JournalEvent } from '../../src/contract/journal-event.ts';
import { jobStatusSchema } from '../../src/contract/workflow.ts';
import { decideChild, decideReturn } from '../../src/core/child.ts';
import { type Beginning, createWorkflow } from '../../src/core/create-workflow.ts';
import * as decide from '../../src/core/decide.ts';
import { decideBranch } from '../../src/core/decide-branch.ts';
import * as flow from '../../src/core/decide-flow.ts';
import { evolve, evolveParent } from '../../src/core/evolve.ts';
import { decideExternalData } from '../../src/core/external-data.ts';
import type { WorkflowState } from '../../src/core/state.ts';
import type { StepState } from '../../src/core/step-state.ts';
import { type StatusOrNone, transitions } from '../../src/core/transitions.ts';
import {
  bornAt,
  childId,
  completed,
  failed,
  LiveWorkflow,
  throughFile,
  toDerived,
  toKept,
  workflowId,
} from './live-workflow.ts';

type Kind = JournalEvent['kind'];
type Reached = { live: LiveWorkflow | null; event: JournalEvent };

const kinds = Object.keys(transitions) as Kind[];
const places: StatusOrNone[] = ['NONE', ...jobStatusSchema.options];
const reservation = { model: 'm', calls: 1, tokens: 10, cost_pico: null };

const pending = () => LiveWorkflow.of({ a: '', b: '' });
const running = () => after(pending(), (live) => live.start('a'));
const waiting = () => after(LiveWorkflow.of({ a: '', ext: '' }), (live) => live.run('a'));
const done = () => after(LiveWorkflow.of({ a: '' }), (live) => live.run('a'));
const broke = () => after(LiveWorkflow.of({ a: '' }), (live) => live.runToFailure('a'));
const stopped = () => after(running(), (live) => live.stop());
/** A foreign file that calls itself finished, and holds a step that waits for a reason. */
const foreign = (status: string) => () =>
  LiveWorkflow.adopted({
    status,
    steps: [{ id: 'a', action: 'noop', status: 'WAITING_FOR_DEPENDENCY', reason: 'as the file says' }],
  });

function after(live: LiveWorkflow, act: (live: LiveWorkflow) => unknown): LiveWorkflow {
  act(live);
  return live;
}

/** A workflow and what `decide` makes of it there. */
function reach(bring: () => LiveWorkflow, event: (live: LiveWorkflow) => JournalEvent | null): () => Reached {
  return () => {
    const live = bring();
    const decided = event(live);
    if (!decided) throw new Error('nothing was decided');
    return { live, event: decided };
  };
}

function begin(event: Beginning): () => Reached {
  return () => ({ live: null, event });
}

function outcome(result: decide.AttemptResult) {
  const context = { now: bornAt, durationMs: 5, random: 0 };
  return (live: LiveWorkflow) => decide.decideOutcome(live.state, 'a', 1, result, context);
}

const base = { workflowId, at: bornAt, version: 1 };
const file = { id: workflowId, steps: [{ id: 'a', action: 'noop', status: 'PENDING' }] };
const branched = ({ state }: LiveWorkflow) => decide.decideBranched(state, bornAt);
const stop = ({ state }: LiveWorkflow) => decide.decideStop(state, bornAt);
const resume = ({ state }: LiveWorkflow) => decide.decideResume(state, bornAt);
const raise = ({ state }: LiveWorkflow) => decide.decideResume(state, bornAt, { calls: 5 });
const retry = ({ state }: LiveWorkflow) => decide.decideRetryCall(state, bornAt);
const remove = ({ state }: LiveWorkflow) => decide.decideDelete(state, bornAt);
const recover = ({ state }: LiveWorkflow) => decide.decideRecovery(state, bornAt);
const spent = ({ state }: LiveWorkflow) => decide.decideSpent(state, 'a', 1, completed(), bornAt);
const pause = ({ state }: LiveWorkflow) => decide.decidePause(state, 'a', bornAt, { reason: 'r', until: 'day' });
const conditional = () => LiveWorkflow.with([{ id: 'a', when: 'true' }]);
const approval = () => LiveWorkflow.with([{ id: 'a', action: 'approval' }]);
const asked = () => after(approval(), (live) => live.wait('a', 'decision'));
const calls = (more = {}) => LiveWorkflow.with([{ id: 'a', action: 'workflow', params: { template: 't' }, ...more }]);
const called = (more = {}) => after(calls(more), (live) => live.startChild('a'));
const returned = ({ state }: LiveWorkflow) => {
  const end = { child: childId, error: null, metrics: null, isSimulated: false, outputs: { json: '{}' } };
  return decideReturn(state, 'a', end, bornAt);
};
const loop = () => LiveWorkflow.with([{ id: 'a', repeat: { until: 'true', max: 2 } }]);
const round =
  (isDone: boolean | null) =>
  ({ state }: LiveWorkflow) =>
    flow.decideRound(state, 'a', isDone, bornAt);
const unready = ({ state }: LiveWorkflow) =>
  flow.decideUnready(state, 'a', { code: 'BINDING', error: 'no list' }, bornAt);
/** A step with a condition ran behind a failure, when a retry began anew before it. */
const behindFailure = () =>
  after(LiveWorkflow.with([{ id: 'b' }, { id: 'a', when: 'true', dependencies: ['b'], join: 'ended' }]), (live) => {
    live.runToFailure('b');
    live.start('a', reservation);
    live.retry();
  });
const runAgain = (end: 'COMPLETED' | 'FAILED') => (live: LiveWorkflow) => {
  live.run('b');
  if (end === 'COMPLETED') live.skip('a');
  else live.unready('a');
};
const stoppedInFlight = () =>
  after(pending(), (live) => {
    live.start('a', reservation);
    live.stop();
  });

/** Every cell that the table allows, and how the engine comes there. */
const reached: Partial<Record<`${Kind} × ${StatusOrNone}`, () => Reached>> = {
  'workflow.created × NONE': begin(
    decide.decideCreate({ id: workflowId, definition: { name: 'n', steps: [] }, templateId: null, now: bornAt }),
  ),
  'workflow.adopted × NONE': begin({ ...base, kind: 'workflow.adopted', workflow: file }),
  'workflow.taken_over × NONE': begin({ ...base, kind: 'workflow.taken_over', workflow: file }),
  'workflow.waiting × PENDING': reach(
    () => LiveWorkflow.of({ ext: '' }),
    ({ state }) => decide.decideWaiting(state, bornAt),
  ),
  'workflow.branched × PENDING': reach(pending, branched),
  'workflow.branched × RUNNING': reach(running, branched),
  'workflow.branched × WAITING_FOR_DEPENDENCY': reach(waiting, branched),
  'workflow.branched × COMPLETED': reach(done, branched),
  'workflow.branched × FAILED': reach(broke, branched),
  'workflow.branched × STOPPED': reach(stopped, branched),
  'workflow.stopped × PENDING': reach(pending, stop),
  'workflow.stopped × RUNNING': reach(running, stop),
  'workflow.stopped × WAITING_FOR_DEPENDENCY': reach(waiting, stop),
  'workflow.resumed × PENDING': reach(pending, raise),
  'workflow.resumed × RUNNING': reach(running, raise),
  'workflow.resumed × WAITING_FOR_DEPENDENCY': reach(
    () => after(LiveWorkflow.of({ a: '' }), (live) => live.apply(pause(live))),
    ({ state }) => decide.decideNewDay(state, bornAt),
  ),
  'workflow.resumed × COMPLETED': reach(foreign('COMPLETED'), resume),
  'workflow.resumed × FAILED': reach(foreign('FAILED'), resume),
  'workflow.resumed × STOPPED': reach(stopped, resume),
  'workflow.retried × RUNNING': reach(() => after(running(), (live) => live.runToFailure('b')), retry),
  'workflow.retried × WAITING_FOR_DEPENDENCY': reach(
    () => after(LiveWorkflow.of({ a: '', ext: '' }), (live) => live.runToFailure('a')),
    retry,
  ),
  'workflow.retried × FAILED': reach(broke, retry),
  'workflow.deleted × COMPLETED': reach(done, remove),
  'workflow.deleted × FAILED': reach(broke, remove),
  'workflow.deleted × STOPPED': reach(stopped, remove),
  'workflow.recovered × PENDING': reach(pending, recover),
  'workflow.recovered × RUNNING': reach(running, recover),
  'step.started × PENDING': reach(pending, ({ state }) => decide.decideStart(state, 'a', bornAt)),
  'step.completed × RUNNING': reach(running, outcome(completed())),
  'step.retrying × RUNNING': reach(running, outcome(failed('NETWORK'))),
  'step.failed × RUNNING': reach(running, outcome(failed('BINDING'))),
  'step.paused × PENDING': reach(pending, pause),
  'step.spent × STOPPED': reach(stoppedInFlight, spent),
  'step.spent × PENDING': reach(() => after(stoppedInFlight(), (live) => live.resume()), spent),
  // A retry makes it wait again for what it has run behind.
  'step.spent × WAITING_FOR_DEPENDENCY': reach(behindFailure, spent),
  'step.spent × COMPLETED': reach(() => after(behindFailure(), runAgain('COMPLETED')), spent),
  'step.spent × FAILED': reach(() => after(behindFailure(), runAgain('FAILED')), spent),
  'step.failed × PENDING': reach(conditional, unready),
  'step.failed × WAITING_FOR_DEPENDENCY': reach(asked, unready),
  'step.skipped × PENDING': reach(conditional, ({ state }) => flow.decideSkip(state, 'a', 'no', bornAt)),
  'step.mapped × PENDING': reach(
    () => LiveWorkflow.with([{ id: 'a', forEach: [1] }]),
    ({ state }) => flow.decideMap(state, 'a', { count: 1 }, bornAt),
  ),
  'step.repeated × PENDING': reach(loop, round(null)),
  'step.concluded × PENDING': reach(
    () =>
      after(loop(), (live) => {
        live.round('a');
        live.run('a.0');
      }),
    round(true),
  ),
  'step.waiting × PENDING': reach(approval, ({ state }) =>
    flow.decideWait(state, 'a', { for: 'decision', until: null }, bornAt),
  ),
  'step.elapsed × WAITING_FOR_DEPENDENCY': reach(
    () =>
      after(LiveWorkflow.with([{ id: 'a', action: 'delay', params: { for: '1s' } }]), (live) =>
        live.wait('a', 'time', bornAt + 1_000),
      ),
    ({ state }) => flow.decideElapsed(state, state.stepOf('a'), bornAt),
  ),
  'step.waiting × WAITING_FOR_DEPENDENCY': reach(called, ({ state }) =>
    flow.decideWait(state, 'a', { for: 'workflow', until: null, atRest: true }, bornAt),
  ),
  'step.returned × WAITING_FOR_DEPENDENCY': reach(called, returned),
  'step.returned × STOPPED': reach(() => after(called(), (live) => live.stop()), returned),
  'step.returned × PENDING': reach(
    () =>
      after(called(), (live) => {
        live.stop();
        live.resume();
      }),
    returned,
  ),
  'step.returned × FAILED': reach(() => after(called(), (live) => live.unready('a', 'EXPIRED')), returned),
  'step.returned × COMPLETED': reach(
    () => after(called({ tolerate: true }), (live) => live.unready('a', 'EXPIRED')),
    returned,
  ),
  'step.decided × WAITING_FOR_DEPENDENCY': reach(asked, ({ state }) =>
    flow.decideDecision(state, 'a', { approved: true, by: null, comment: null, data: null }, bornAt),
  ),
  'external_data.ingested × PENDING': reach(
    () => LiveWorkflow.with([{ id: 'a', when: 'true', action: 'external_data' }]),
    ({ state }) => decideExternalData(state, { ...external, stepId: 'a' }),
  ),
  'external_data.ingested × NONE': reach(pending, ({ state }) =>
    decideExternalData(state, { ...external, stepId: null }),
  ),
  'external_data.ingested × WAITING_FOR_DEPENDENCY': reach(waiting, ({ state }) =>
    decideExternalData(state, { ...external, stepId: 'ext' }),
  ),
};

const external = {
  stepId: null as string | null,
  stepName: null,
  add: false,
  sourceUrl: null,
  action: 'external_data',
  outputs: { json: '{}' },
  metadata: {},
  suffix: '00000000',
  now: bornAt,
};

/** An event that would fit but for the status: the step's attempt is 1. */
function fittingEvent(kind: Kind, stepId: string): JournalEvent {
  const step = { stepId, attempt: kind === 'step.started' ? 2 : 1, durationMs: 1, logs: [], metadata: null };
  const more = kind === 'external_data.ingested' ? { ...external, stepId } : 'workflow' in step ? {} : step;
  const isBeginning = transitions[kind].in.includes('NONE') && transitions[kind].of === 'workflow';
  const own = transitions[kind].of === 'step' ? more : isBeginning ? { workflow: file } : {};
  const rest = { error: 'e', code: 'NETWORK', metrics: null, delayMs: 1, attemptsMax: 2, reason: 'r', until: 'day' };
  return { ...rest, ...own, kind, workflowId, at: bornAt, version: 2 } as unknown as JournalEvent;
}

/** A workflow with a step "a" and a failed one beside it, brought to this status past all rules. */
function force(kind: Kind, place: StatusOrNone): WorkflowState {
  const live = LiveWorkflow.of({ exta: '', b: '' });
  const { state } = live;
  state.setStep(1, { status: 'FAILED' });
  if (place === 'NONE') return state;
  if (transitions[kind].of === 'workflow') state.setHeader({ status: place });
  else state.setStep(0, { status: place, attempt: 1 });
  return state;
}

function attempt(kind: Kind, place: StatusOrNone): { state: WorkflowState; run: () => unknown } {
  const state = force(kind, place);
  const { of } = transitions[kind];
  const event = fittingEvent(kind, place === 'NONE' ? 'absent' : 'exta');
  if (of === 'workflow' && place === 'NONE') return { state, run: () => createWorkflow(event as Beginning, 1) };
  return { state, run: () => evolve(state, event, 2) };
}

describe('TR1: an event comes only in the statuses of its row', () => {
  const cells = kinds.flatMap((kind) => places.map((place) => [kind, place] as const));
  const allowed = cells.filter(([kind, place]) => transitions[kind].in.includes(place));
  const refused = cells.filter(([kind, place]) => !transitions[kind].in.includes(place));

  test('a decision leads into every cell that the table allows, and into no other', () => {
    expect(Object.keys(reached).sort()).toEqual(allowed.map(([kind, place]) => `${kind} × ${place}`).sort());
    expect([allowed.length, refused.length]).toEqual([55, 120]);
  });

  test.each(allowed)('%s in %s is decided and applied', (kind, place) => {
    const { live, event } = reached[`${kind} × ${place}`]!();
    expect(event.kind).toBe(kind);
    if (live === null) {
      expect(createWorkflow(event as Beginning, 1).header.version).toBe(event.version);
      return;
    }
    const { state } = live;
    const step: StepState | undefined = 'stepId' in event ? state.step(event.stepId) : undefined;
    expect(transitions[kind].of === 'step' ? (step?.status ?? 'NONE') : state.header.status).toBe(place);
    live.apply(event);
    expect(state.header.version).toBe(event.version);
  });

  test.each(refused)('%s in %s is refused and changes nothing', (kind, place) => {
    const { state, run } = attempt(kind, place);
    const before = throughFile(state);
    const what = transitions[kind].of === 'workflow' && place === 'NONE' ? 'begins no workflow' : `was ${place}`;
    expect(run).toThrow(BrokenRule);
    expect(run).toThrow(what);
    expect(toKept(state)).toEqual({ ...toKept(before), header: state.header });
    expect([state.header.version, state.header.seq]).toEqual([1, 1]);
    expect(toDerived(state)).toEqual(toDerived(before));
  });

  test('by name of the rule, the event, the workflow and what was seen', () => {
    const { run } = attempt('step.completed', 'STOPPED');
    expect(run).toThrow(
      `broken rule TR1: step.completed of step "exta" of workflow ${workflowId} came while the step was STOPPED`,
    );
  });

  test.each([
    ['a retry without a failed step', 'workflow.retried', {}, running, 'one of its steps has failed'],
    ['a resume of a running workflow', 'workflow.resumed', {}, running, 'the workflow is stopped'],
    [
      'a budget for a finished workflow',
      'workflow.resumed',
      { budget: { calls: 1 } },
      done,
      'it is unfinished and gets',
    ],
    ['a new day for a workflow that no budget has paused', 'workflow.resumed', { of: 'day' }, stopped, 'a budget has'],
    ['data for a step that asks for none', 'external_data.ingested', { ...external, stepId: 'a' }, waitingNoop, 'data'],
    ['data for a step that is not there', 'external_data.ingested', { ...external, stepId: 'no' }, pending, 'adds it'],
    [
      'data kept for a step that is due',
      'external_data.ingested',
      { ...external, stepId: 'ext', held: true },
      waiting,
      'kept',
    ],
    [
      'data kept for a step that it adds',
      'external_data.ingested',
      { ...external, ...added('no'), held: true },
      waiting,
      'kept',
    ],
    ['a condition that nobody asks', 'step.skipped', { stepId: 'a', reason: 'r' }, pending, 'has a condition'],
    ['a list that is known', 'step.mapped', { stepId: 'a', count: 1 }, mapped, 'the list is not known'],
    ['a round out of turn', 'step.repeated', { stepId: 'a', round: 1 }, loop, 'it is the next round'],
    ['the end of a loop without a round', 'step.concluded', { stepId: 'a', done: true }, loop, 'a round has ended'],
    ['a wait of a step with a list', 'step.waiting', { stepId: 'a', for: 'time', until: 1 }, map, 'without a slot'],
    ['a time that nobody waits for', 'step.elapsed', { stepId: 'a' }, asked, 'a time was set'],
    [
      'a wait for a child that is not there',
      'step.waiting',
      { stepId: 'a', for: 'workflow', until: null },
      calls,
      'slot',
    ],
    [
      'another wait of a step that has a child',
      'step.waiting',
      { stepId: 'a', for: 'data', until: null },
      called,
      'slot',
    ],
    [
      'a wait for a child beside another wait',
      'step.waiting',
      { stepId: 'a', for: 'workflow', until: null },
      asked,
      'slot',
    ],
    ['the end of another child', 'step.returned', { stepId: 'a', child: 'other' }, called, 'the step has started'],
    [
      'the end of a child of a step without one',
      'step.returned',
      { stepId: 'a', child: childId },
      pending,
      'has started',
    ],
    ['a decision that is not due', 'step.decided', { stepId: 'a', approved: true }, timed, 'a decision is due'],
    ['a failure without an attempt', 'step.failed', { stepId: 'a', attempt: 0 }, pending, 'no attempt is needed'],
    [
      'data kept for a step that waits for it alone, in a time of its own',
      'external_data.ingested',
      { ...external, stepId: 'a', held: true },
      () =>
        after(LiveWorkflow.with([{ id: 'a', action: 'external_data', params: { within: '1h' } }]), (live) =>
          live.wait('a', 'data', bornAt),
        ),
      'kept',
    ],
    ['an added step that is there', 'external_data.ingested', { ...external, ...added('ext') }, waiting, 'adds it'],
  ] as const)('%s is refused', (_, kind, fields, bring, reason) => {
    const { state } = bring();
    const event = { ...fields, kind, ...next(state) } as unknown as JournalEvent;
    expect(() => evolve(state, event, 99)).toThrow(reason);
    expect(state.header.seq).not.toBe(99);
  });

  test.each([
    ['step.started', pending, 2],
    ['step.started', pending, 0],
    ['step.completed', running, 2],
    ['step.retrying', running, 0],
    ['step.failed', running, 2],
    ['step.spent', stopped, 2],
  ] as const)('%s of another attempt than the due one is refused', (kind, bring, attempt) => {
    const { state } = bring();
    const event = { ...fittingEvent(kind, 'a'), attempt, ...next(state) } as JournalEvent;
    expect(() => evolve(state, event, 99)).toThrow(`is of attempt ${attempt}, where `);
  });

  test('an event of another workflow, and one of no known kind, are refused', () => {
    const { state } = pending();
    const other = { ...fittingEvent('workflow.stopped', 'a'), workflowId: 'other' };
    expect(() => evolve(state, other, 9)).toThrow(`of workflow other was applied to workflow ${workflowId}`);
    const unknown = { ...next(state), kind: 'toString' } as unknown as JournalEvent;
    expect(() => evolve(state, unknown, 9)).toThrow('broken rule TR1: toString of workflow');
  });
});

describe('the creation of a branch, at its parent', () => {
  const branch = ({ state }: LiveWorkflow) =>
    decideBranch(state, { id: 'branch', stepId: 'a', params: undefined, now: bornAt });

  test('may be dated before the latest change of the parent, and leaves that where it is', () => {
    const live = running();
    const { updatedAt } = live.state.header;
    const event = branch(live);
    expect(event.at).toBeLessThan(updatedAt);
    evolveParent(live.state, event, 99);
    expect(live.state.header).toMatchObject({ seq: 99, updatedAt, branches: [{ id: 'branch' }] });
  });

  test.each([
    ['no parent', (event: Beginning) => ({ ...event, parent: undefined }), 'which is not its parent'],
    ['another parent', toParent({ id: 'other' }), 'which is not its parent'],
    ['a step that the parent has not', toParent({ stepId: 'no' }), 'branches from step "no"'],
    ['a version that does not follow', toParent({ version: 9 }), 'broken rule TR2'],
  ])('with %s is refused', (_, change, reason) => {
    const live = running();
    const event = change(branch(live)) as Extract<JournalEvent, { kind: 'workflow.created' }>;
    expect(() => evolveParent(live.state, event, 99)).toThrow(reason);
    expect(live.state.header.branches).toEqual([]);
  });
});

describe('the creation of a child, at its parent', () => {
  const input = { id: childId, definition: { name: 'child', steps: [] }, templateId: 't', warnings: [], until: null };
  const creation = ({ state }: LiveWorkflow) => decideChild(state, 'a', { ...input, now: bornAt });

  test.each([
    ['a step that has one under way', called],
    ['a step with another action', pending],
    ['a step of which there is one for each item', () => calls({ forEach: [1] })],
  ])('for %s is refused', (_, bring) => {
    const live = bring();
    const { children } = live.state.header;
    expect(() => evolveParent(live.state, creation(live), 99)).toThrow('may start no child now');
    expect(live.state.header.children).toEqual(children);
  });
});

test.each([0, 1, 3])('TR2: version %s does not follow on version 1', (version) => {
  const { state } = pending();
  const event = { ...decide.decideStop(state, bornAt), version };
  expect(() => evolve(state, event, 9)).toThrow(`TR2: workflow.stopped of workflow ${workflowId} gives version`);
});

test('TR3: an event is not dated before the latest change', () => {
  const { state } = running();
  const event = { ...decide.decideStop(state, bornAt), at: state.header.updatedAt - 1 };
  expect(() => evolve(state, event, 9)).toThrow('broken rule TR3');
});

function map(): LiveWorkflow {
  return LiveWorkflow.with([{ id: 'a', forEach: [1] }]);
}

/** Brought past all rules to where its list is known and it is PENDING again. */
function mapped(): LiveWorkflow {
  return after(map(), ({ state }) => state.setStep(0, { count: 1 }));
}

function timed(): LiveWorkflow {
  return after(LiveWorkflow.with([{ id: 'a', action: 'delay', params: { for: '1s' } }]), (live) =>
    live.wait('a', 'time', bornAt),
  );
}

function next({ header }: WorkflowState) {
  return { workflowId, at: header.updatedAt, version: header.version + 1 };
}

function added(stepId: string) {
  return { stepId, added: { name: 'added', action: 'external_data' } };
}

function toParent(change: object) {
  return (event: Beginning) => ({ ...event, parent: { ...(event as { parent?: object }).parent, ...change } });
}

function waitingNoop(): LiveWorkflow {
  return LiveWorkflow.of({ b: '', a: 'b' });
}

describe('a refusal says its rule and all that it compares', () => {
  const refused = (state: WorkflowState, event: object, text: string) =>
    expect(() => evolve(state, event as JournalEvent, 99)).toThrow(text);

  test('TR1', () => {
    const { state } = running();
    const of = `of workflow ${workflowId}`;
    refused(
      state,
      { ...next(state), kind: 'workflow.stopped', workflowId: 'other' },
      `broken rule TR1: workflow.stopped of workflow other was applied to workflow ${workflowId}`,
    );
    refused(
      state,
      { ...fittingEvent('step.completed', 'a'), ...next(state), attempt: 7 },
      `broken rule TR1: step.completed of step "a" ${of} is of attempt 7, where 1 was due`,
    );
    refused(
      state,
      { ...next(state), kind: 'workflow.resumed' },
      `broken rule TR1: workflow.resumed ${of} may come only where `,
    );
    refused(state, { ...next(state), kind: 'workflow.resumed' }, '; the workflow was RUNNING');
    const beginning = { ...next(state), kind: 'workflow.stopped' } as unknown as Beginning;
    expect(() => createWorkflow(beginning, 1)).toThrow(`broken rule TR1: workflow.stopped ${of} begins no workflow`);
  });

  test('TR1 of a branch', () => {
    const { state } = running();
    const born = decideBranch(state, { id: 'branch', stepId: 'a', params: undefined, now: bornAt });
    const named = (change: object) => toParent(change)(born) as Extract<JournalEvent, { kind: 'workflow.created' }>;
    const name = 'broken rule TR1: workflow.created of workflow branch';
    expect(() => evolveParent(state, named({ id: 'other' }), 99)).toThrow(
      `${name} was applied to workflow ${workflowId}, which is not its parent`,
    );
    expect(() => evolveParent(state, named({ stepId: 'no' }), 99)).toThrow(
      `${name} branches from step "no", which its parent ${workflowId} has not`,
    );
  });

  test('TR3', () => {
    const { state } = running();
    const { updatedAt } = state.header;
    refused(
      state,
      { ...decide.decideStop(state, bornAt), at: updatedAt - 1 },
      `broken rule TR3: workflow.stopped of workflow ${workflowId} is dated ${updatedAt - 1}, before the latest change at ${updatedAt}`,
    );
  });
});
