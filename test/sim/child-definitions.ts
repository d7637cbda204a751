/** Steps that run workflows, alone and for each item of a list, and the templates that they name: two, one below the other. */
import type { StepDefinition, Template, WorkflowDefinition } from '../../src/contract/definition.ts';
import type { Dice } from './dice.ts';

interface DrawnChildren {
  readonly steps: StepDefinition[];
  readonly templates: Record<string, Template>;
}

export function drawChildSteps(
  dice: Dice,
  before: readonly StepDefinition[],
  drawDefinition: () => WorkflowDefinition,
): DrawnChildren {
  const low = { ...drawDefinition(), id: 'low' } as Template;
  const middle = { ...drawDefinition(), id: 'middle' } as Template;
  const isNested = dice.chance(0.4);
  const nested = [...middle.steps, drawCall(dice, 'w', 'low', middle.steps)];
  const template = isNested ? 'middle' : 'low';
  const calls = [drawCall(dice, 'w', template, before)];
  if (dice.chance(0.3)) calls.push({ ...drawCall(dice, 'e', 'low', before), ...drawItems(dice) });
  const after: StepDefinition = {
    id: 'x',
    action: 'work',
    dependencies: ['w'],
    ...(dice.chance(0.4) ? { join: 'ended' as const } : {}),
    params: { returned: '{{steps.w.outputs.workflow_id ?? null}}' },
  };
  return {
    steps: [...calls, ...(dice.chance(0.6) ? [after] : [])],
    templates: isNested ? { low, middle: { ...middle, steps: nested } } : { low },
  };
}

function drawCall(dice: Dice, id: string, template: string, before: readonly StepDefinition[]): StepDefinition {
  return {
    id,
    action: 'workflow',
    dependencies: dice.chance(0.5) ? [dice.pick(before).id] : [],
    params: {
      template,
      params: { note: dice.hex(4) },
      ...(dice.chance(0.15) ? { within: dice.pick(['100ms', '20s']) } : {}),
    },
    ...(dice.chance(0.2) ? { tolerate: true as const } : {}),
    ...(dice.chance(0.15) ? { when: dice.pick(['1 < 2', '2 < 1']) } : {}),
    ...(dice.chance(0.15) ? { join: dice.pick(['any', 'all'] as const) } : {}),
  };
}

function drawItems(dice: Dice): Partial<StepDefinition> {
  const count = dice.pick([0, 1, 2, 4]);
  return {
    forEach: Array.from({ length: count }, () => dice.hex(2)),
    ...(dice.chance(0.6) ? { concurrency: dice.between(1, 2) } : {}),
    tolerate: dice.pick<true | number | string>([true, 1, '50%']),
  };
}
