/**
 * Conditions, joins, maps (nested ones too), loops, waits and steps of `finally`, behind the steps that a workflow has. What
 * an item or an inner step binds is told by the names of its params, so that a checker can look for it.
 */
import type { StepDefinition, WorkflowDefinition } from '../../src/contract/definition.ts';
import type { Dice } from './dice.ts';

/** Params that begin so hold what the inner step of that name has made, in the same item or round. */
export const innerPrefix = 'inner_';
/** Holds the item, and `place` its place. */
export const itemParam = 'item_value';
/** Holds what a map has gathered. */
export const gatheredPrefix = 'gathered_';

/** The step of `finally`. */
export const lastStep = 'f';

type Flow = Pick<WorkflowDefinition, 'steps' | 'finally'>;

export function drawFlow(dice: Dice, ids: readonly string[]): Flow {
  const steps: StepDefinition[] = [drawMap(dice, ids)];
  if (dice.chance(0.5)) steps.push(drawJoin(dice, 'j', ['m', dice.pick(ids)]));
  if (dice.chance(0.4)) steps.push(drawLoop(dice, ids));
  if (dice.chance(0.3)) steps.push(...drawDecision(dice, ids));
  if (dice.chance(0.4)) steps.push(drawJoin(dice, 'k', [dice.pick(steps).id, dice.pick(ids)]));
  const isLast = dice.chance(0.3);
  return {
    steps,
    ...(isLast ? { finally: [{ id: lastStep, action: 'work', params: { outcome: '{{workflow.outcome}}' } }] } : {}),
  };
}

function drawJoin(dice: Dice, id: string, dependencies: string[]): StepDefinition {
  const join = dice.pick(['all', 'any', 'ended', 'failed'] as const);
  const isMap = dependencies.includes('m');
  return {
    id,
    action: 'work',
    dependencies: [...new Set(dependencies)],
    join,
    ...(dice.chance(0.3) ? { when: dice.pick(['1 < 2', '2 < 1', 'size(params) == 0']) } : {}),
    ...(dice.chance(0.2) ? { tolerate: true } : {}),
    params: isMap ? { [`${gatheredPrefix}m`]: '{{steps.m.outputs.items ?? null}}' } : { note: id },
  };
}

function drawMap(dice: Dice, ids: readonly string[]): StepDefinition {
  const count = dice.pick([0, 1, 2, 3, 7, 12]);
  const items = Array.from({ length: count }, () => dice.hex(2));
  const list = dice.chance(0.1) ? items.map((item) => ({ item, padding: 'x'.repeat(8_000) })) : items;
  return {
    id: 'm',
    dependencies: dice.chance(0.7) ? [dice.pick(ids)] : [],
    forEach: list,
    ...drawBody(dice, count),
    ...(dice.chance(0.6) ? { concurrency: dice.between(1, 4) } : {}),
    ...(dice.chance(0.6) ? { tolerate: dice.pick<true | number | string>([true, 1, '50%']) } : {}),
    ...(dice.chance(0.2) ? { when: dice.pick(['1 < 2', '2 < 1']) } : {}),
  };
}

function drawBody(dice: Dice, count: number): Pick<StepDefinition, 'action' | 'params' | 'steps'> {
  const item = { [itemParam]: '{{item}}', place: '{{index}}' };
  if (dice.chance(0.4)) return { action: 'work', params: item };
  const inner: StepDefinition[] = [
    { id: 'a', action: 'work', params: item },
    {
      id: 'b',
      action: 'work',
      dependencies: ['a'],
      params: { place: '{{index}}', [`${innerPrefix}a`]: '{{steps.a.outputs}}' },
    },
    {
      id: 'c',
      action: 'work',
      dependencies: ['a'],
      // Outputs are large now and then: then the reader decides.
      when: `index > ${dice.below(Math.max(1, count))} && size(steps.a.outputs.of) > 0`,
      params: { note: 'c' },
    },
    {
      id: 'd',
      action: 'work',
      join: dice.pick(['any', 'ended', 'failed'] as const),
      dependencies: ['b', 'c'],
      params: { place: '{{index}}' },
    },
  ];
  const nested: StepDefinition = {
    id: 'n',
    dependencies: ['a'],
    forEach: { inner: ['p', 'q', 'r'].slice(0, dice.between(2, 3)) },
    ...(dice.chance(0.3) ? { concurrency: dice.between(1, 2) } : {}),
    ...(dice.chance(0.5) ? { tolerate: 1 } : {}),
    action: 'work',
    params: { [itemParam]: '{{item}}', place: '{{index}}', inner: '{{inner}}' },
  };
  const loop: StepDefinition = {
    id: 'r',
    repeat: {
      until: `round >= ${dice.below(3)}`,
      max: 2,
      otherwise: 'continue',
      ...(dice.chance(0.3) ? { every: '50ms' } : {}),
    },
    action: 'work',
    params: { [itemParam]: '{{item}}', place: '{{index}}', round: '{{round}}' },
  };
  const groups = [...(dice.chance(0.4) ? [nested] : []), ...(dice.chance(0.2) ? [loop] : [])];
  return { steps: [...inner.slice(0, dice.between(1, 4)), ...groups] };
}

function drawLoop(dice: Dice, ids: readonly string[]): StepDefinition {
  const max = dice.between(1, 4);
  return {
    id: 'l',
    dependencies: dice.chance(0.5) ? [dice.pick(ids)] : [],
    repeat: {
      until: `round >= ${dice.below(5)} && size(steps.w.outputs.of) > 0`,
      max,
      ...(dice.chance(0.3) ? { every: dice.pick(['50ms', '3s']) } : {}),
      ...(dice.chance(0.5) ? { otherwise: 'continue' as const } : {}),
    },
    steps: [
      { id: 'w', action: 'work', params: { place: '{{round}}', before: "{{previous.w.outputs.content ?? 'none'}}" } },
      ...(dice.chance(0.4)
        ? [{ id: 'v', action: 'work', dependencies: ['w'], params: { [`${innerPrefix}w`]: '{{steps.w.outputs}}' } }]
        : []),
    ],
    ...(dice.chance(0.2) ? { tolerate: true as const } : {}),
  };
}

/** An approval that nobody answers, or a wait, and what hangs on it. */
function drawDecision(dice: Dice, ids: readonly string[]): StepDefinition[] {
  const dependencies = dice.chance(0.5) ? [dice.pick(ids)] : [];
  if (dice.chance(0.4)) {
    return [{ id: 't', action: 'delay', dependencies, params: { for: dice.pick(['0ms', '200ms', '20s']) } }];
  }
  const otherwise = dice.pick(['approve', 'reject', 'fail']);
  return [
    {
      id: 'o',
      action: 'approval',
      dependencies,
      params: { message: 'go on?', within: dice.pick(['100ms', '10s']), otherwise },
    },
    { id: 'y', action: 'work', dependencies: ['o'], when: 'steps.o.outputs.approved', params: { note: 'y' } },
  ];
}
