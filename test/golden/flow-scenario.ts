/**
 * What an image holds of conditions, groups, loops, waits and decisions: at rest in the first half, in mid-way in the second.
 */
import { ask } from './models.ts';
import type { Document, Image } from './reading.ts';

/** What the scenario offers to one half of a history. */
export interface Teller extends Required<Pick<Image, 'ids' | 'decisions' | 'farOff'>> {
  create(
    definition: Record<string, unknown> & { name: string },
    options?: { key?: string; waitSeconds?: number },
  ): Promise<void>;
  branch(name: string, parent: string, request: object, key?: string): Promise<void>;
  post(route: string, body: unknown, key?: string): Promise<{ id: string }>;
  settle(name: string): Promise<void>;
  until(name: string, isSo: (workflow: Document) => boolean): Promise<void>;
  untilHeld(more: number): Promise<void>;
}

/** Calls of models that are in flight when the engine is killed. */
export const flowHeld = 4;
/** Those of a loop whose pause is over when a reader comes. */
export const flowHeldLater = 1;
/** Longer than all that comes between the pause and the last kill, on a busy machine. */
export const pauseMs = 60_000;

interface ShownStep {
  id: string;
  status: string;
  count?: number;
  waits?: { for: string };
}

const render = (id: string, template: string, data: object, rest: object = {}) => ({
  id,
  action: 'render',
  params: { template, data },
  ...rest,
});
const once = { retry: { attemptsMax: 1 } };
const stepsOf = ({ steps }: Document) => steps as ShownStep[];

/** A map with steps of its own, a map within a map, a loop, a condition, a tolerated failure, and an end. */
const everything = {
  params: { words: ['one', 'two', 'three'] },
  steps: [
    {
      id: 'map',
      forEach: { word: '{{params.words}}' },
      label: '{{word}}',
      concurrency: 2,
      steps: [
        ask('answer', 'Item {{word}}'),
        render('place', '{{ p }}', { p: '{{index}}' }, { when: 'index > 0', dependencies: ['answer'] }),
      ],
    },
    {
      id: 'outer',
      forEach: ['p', 'q'],
      steps: [render('inner', '{{ a }}{{ b }}', { a: '{{item}}', b: '{{z}}' }, { forEach: { z: [1, 2] } })],
    },
    {
      id: 'loop',
      repeat: { until: 'size(steps.w.outputs.content) >= 3', max: 5 },
      steps: [render('w', '{{ before }}x', { before: "{{previous.w.outputs.content ?? ''}}" })],
    },
    { id: 'empty', forEach: [], action: 'noop' },
    { id: 'skipped', when: 'size(params.words) > 3', action: 'noop' },
    ask('tolerated', 'Please refuse, it is tolerated.', { tolerate: true, ...once }),
    { id: 'handler', action: 'noop', dependencies: ['tolerated'], join: 'failed' },
    ask('some', 'One of some: {{item}}', { ...once, forEach: ['fine', 'refuse', 'well'], tolerate: '50%' }),
    {
      id: 'sum',
      action: 'transform',
      join: 'any',
      dependencies: ['map', 'outer', 'loop', 'skipped', 'tolerated', 'some'],
      params: { input: { map: '{{steps.map.outputs.items ?? null}}' }, expression: '$' },
    },
  ],
  finally: [render('last', '{{ outcome }}', { outcome: '{{workflow.outcome}}' })],
};

const approval = {
  steps: [
    { id: 'ok', action: 'approval', params: { message: 'Shall {{params.what}} go on?' } },
    { id: 'yes', action: 'noop', dependencies: ['ok'], when: 'steps.ok.outputs.approved' },
    { id: 'no', action: 'noop', dependencies: ['ok'], when: '!steps.ok.outputs.approved' },
  ],
  params: { what: 'it' },
};

/** A group that fails by its second item, one that runs then, and an end. */
const failing = (prompt: string, group: object) => ({
  steps: [
    ask('group', `${prompt}: {{item}}`, { ...once, ...group }),
    { id: 'behind', action: 'noop', dependencies: ['group'] },
    { id: 'handler', action: 'noop', dependencies: ['group'], join: 'failed' },
  ],
  finally: [{ id: 'last', action: 'noop', when: 'workflow.outcome == "failed"' }],
});

/** Everything comes to rest. */
export async function flowAtRest(scenario: Teller): Promise<void> {
  await scenario.create({ name: 'flow', ...everything }, { key: 'flow' });
  await scenario.branch('branch of a flow', 'flow', { stepId: 'map' }, 'branch-of-a-flow');
  const three = { forEach: ['first', 'refuse', 'third'], concurrency: 1 };
  await scenario.create({ name: 'failed group', ...failing('A group that fails', three) });
  const two = { forEach: ['first', 'second'], concurrency: 2 };
  await scenario.create({ name: 'failed group, later retried', ...failing('Asked once more', two) });
  const notDone = { id: 'loop', repeat: { until: 'round > 5', max: 2 }, action: 'noop' };
  await scenario.create({ name: 'not done', steps: [notDone] });
  await scenario.create({ name: 'waits for a decision', ...approval });
  scenario.decisions.push({ name: 'waits for a decision', stepId: 'ok', body: { approved: true, by: 'a reader' } });
  await scenario.create({ name: 'decided', ...approval });
  const decision = { approved: false, by: 'somebody', comment: 'Not today' };
  await scenario.post(`/workflows/${scenario.ids.decided}/steps/ok/decision`, decision, 'decision');
  await scenario.settle('decided');
  const [ok, ...others] = approval.steps;
  const within = { ...ok?.params, within: '1ms', otherwise: 'reject' };
  await scenario.create({ name: 'expired', params: approval.params, steps: [{ ...ok, params: within }, ...others] });
  await scenario.until('expired', ({ status }) => status === 'COMPLETED');
  const until = { id: 'until', action: 'delay', params: { until: '2999-01-01T00:00:00Z' } };
  await scenario.create({ name: 'far off', steps: [until] }, { waitSeconds: 0 });
  scenario.farOff.push('far off');
  await scenario.until('far off', (workflow) => stepsOf(workflow)[0]?.waits?.for === 'time');
}

/** Leaves maps and loops in mid-way, with calls of models in flight, and a loop in the pause between two rounds. */
export async function flowGoesOn(scenario: Teller): Promise<void> {
  await scenario.branch('branch of a flow, later', 'flow', { stepId: 'loop' });
  await scenario.post(`/workflows/${scenario.ids['failed group, later retried']}/retry`, undefined, 'retry-group');
  await scenario.settle('failed group, later retried');
  const later = { waitSeconds: 0 };
  const pause = { id: 'loop', repeat: { until: 'round >= 1', max: 3, every: `${pauseMs}ms` } };
  const round = [ask('w', 'A round.'), ask('h', 'Please hold a later round.', { when: 'round > 0' })];
  await scenario.create({ name: 'loop in its pause', steps: [{ ...pause, steps: round }] }, later);
  await scenario.until('loop in its pause', isInPause);
  const items = ['one', 'two, on hold', 'three', 'four, on hold', 'five'];
  const body = [ask('a', 'Mid-way: {{item}}'), render('b', '{{ p }}', { p: '{{steps.a.outputs}}' })];
  const map = { id: 'map', forEach: items, concurrency: 2, steps: [body[0], { ...body[1], dependencies: ['a'] }] };
  const gather = {
    id: 'all',
    action: 'transform',
    dependencies: ['map'],
    params: { input: '{{steps.map.outputs.items}}', expression: '$count($)' },
  };
  await scenario.create({ name: 'map in mid-way', steps: [map, gather] }, later);
  await scenario.untilHeld(2);
  const inner = { ...ask('inner', 'Nested {{item}}: {{z}}'), forEach: { z: ['1', '2, on hold', '3'] }, concurrency: 1 };
  const outer = { id: 'outer', forEach: ['p', 'q'], concurrency: 1, steps: [inner] };
  await scenario.create({ name: 'nested map in mid-way', steps: [outer] }, later);
  await scenario.untilHeld(1);
  const loop = { id: 'loop', repeat: { until: 'round >= 2', max: 3 }, steps: round };
  await scenario.create({ name: 'loop in mid-way', steps: [loop] }, later);
  await scenario.untilHeld(1);
}

function isInPause(workflow: Document): boolean {
  const loop = stepsOf(workflow).find(({ id }) => id === 'loop');
  return loop?.waits?.for === 'time';
}

/** Whether the loop is still between two rounds, in what clients were told. */
export function hasPause(told: Record<string, { workflow?: Document }>): boolean {
  const workflow = told['loop in its pause']?.workflow;
  return workflow !== undefined && isInPause(workflow);
}
