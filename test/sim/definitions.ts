/** Workflows of all shapes, whose steps say in their params what they hang on and how they behave. */
import type { StepDefinition, Template, WorkflowDefinition } from '../../src/contract/definition.ts';
import { drawChildSteps } from './child-definitions.ts';
import type { Dice } from './dice.ts';
import { drawFlow } from './flow-definitions.ts';
import { callAction, callParams } from './secrets.ts';
import type { Swarm } from './swarm.ts';

/** Params of a step that begin so hold what the step of that name has made. */
export const boundPrefix = 'from_';

type Shape = 'single' | 'chain' | 'fan' | 'diamond' | 'random';

/** For each step, the steps before it that it hangs on. */
function drawGraph(dice: Dice, stepsMax: number): number[][] {
  const count = dice.between(1, stepsMax);
  const shape: Shape = dice.weighted({ single: 1, chain: 2, fan: 2, diamond: 2, random: 4 });
  const places = [...Array(shape === 'single' ? 1 : count).keys()];
  switch (shape) {
    case 'single':
      return [[]];
    case 'chain':
      return places.map((i) => (i === 0 ? [] : [i - 1]));
    case 'fan':
      return places.map((i) => (i === 0 ? [] : [0]));
    case 'diamond':
      return places.map((i) => (i === 0 ? [] : i === count - 1 ? places.slice(1, -1) : [0])).map(orRoot);
    case 'random':
      return places.map((i) => places.slice(0, i).filter(() => dice.chance(0.4)));
    default: {
      const never: never = shape;
      throw new Error(String(never));
    }
  }
}

/** The last of two steps in a diamond has nothing between itself and the first. */
function orRoot(dependencies: number[], i: number): number[] {
  return i > 0 && dependencies.length === 0 ? [0] : dependencies;
}

/** With the templates that its `workflow` steps can reach. */
export interface DrawnWorkflow {
  readonly definition: WorkflowDefinition;
  readonly templates?: Readonly<Record<string, Template>>;
}

export function drawWorkflow(dice: Dice, swarm: Swarm, name: string): DrawnWorkflow {
  const definition = drawDefinition(dice, swarm, name);
  if (swarm.childShare === 0 || !dice.chance(swarm.childShare)) return { definition };
  const small = { ...swarm, stepsMax: Math.min(3, swarm.stepsMax), flowShare: swarm.flowShare / 4 };
  const { steps, templates } = drawChildSteps(dice, definition.steps, () => drawDefinition(dice, small, 'child'));
  return { definition: { ...definition, steps: [...definition.steps, ...steps] }, templates };
}

function drawDefinition(dice: Dice, swarm: Swarm, name: string): WorkflowDefinition {
  const graph = drawGraph(dice, swarm.stepsMax);
  const actions = graph.map((_, i) =>
    dice.weighted({ work: 8, crunch: 2, mystery: i === 0 ? 0.3 : 0.1, external_data: 1 }),
  );
  const isCall = actions.map((action) => action === 'work' && dice.chance(swarm.secretShare));
  const killer = dice.chance(swarm.killerShare) ? dice.below(graph.length) : -1;
  const steps = graph.map((dependencies, i): StepDefinition => {
    const action = actions[i] as string;
    const params: Record<string, unknown> = { note: dice.hex(4) };
    for (const from of dependencies) {
      // What an unknown action makes has no content.
      const path = actions[from] === 'mystery' || dice.chance(0.4) ? 'outputs' : 'outputs.content';
      params[`${boundPrefix}s${from}`] = `{{steps.s${from}.${path}}}`;
    }
    if (i === killer && action !== 'external_data') params.killer = true;
    if (isCall[i]) Object.assign(params, callParams);
    return {
      id: `s${i}`,
      action: isCall[i] ? callAction : action,
      dependencies: dependencies.map((from) => `s${from}`),
      ...(action === 'external_data' ? {} : { params }),
      ...(dice.chance(0.3) ? { timeoutMs: dice.pick([50, 1_000, 20_000]) } : {}),
      ...(dice.chance(0.3)
        ? { retry: { attemptsMax: dice.between(1, 4), backoffMs: dice.pick([0, 100, 5_000]) } }
        : {}),
    };
  });
  const ids = steps.map(({ id }) => id);
  const flow = dice.chance(swarm.flowShare) ? drawFlow(dice, ids) : { steps: [] };
  return {
    name,
    ...flow,
    steps: [...steps, ...flow.steps],
    ...(dice.chance(0.3) ? { failurePolicy: 'fail-fast' } : {}),
  };
}
