/**
 * `collect: n` of an `external_data` step: it becomes a step with a list of n places, and each place takes one piece of data.
 * So pieces are steps of their own, kept, shown, retried and gathered as items of any list are.
 */
import { collectMax, collectMin } from '../contract/taking.ts';
import type { StepFlow } from './flow.ts';
import { externalAction, type StepState } from './step-state.ts';

type Fields = Record<string, unknown>;

/** The definition with lists for its collections; anything that is no definition comes back as it is. */
export function withCollections(input: unknown): unknown {
  if (!isObject(input)) return input;
  const changed = { ...input };
  for (const field of ['steps', 'finally'] as const) {
    const steps = input[field];
    if (Array.isArray(steps)) changed[field] = steps.map(expand);
  }
  return changed;
}

function expand(step: unknown): unknown {
  if (!isObject(step)) return step;
  const inner = Array.isArray(step.steps) ? { steps: step.steps.map(expand) } : {};
  const count = isObject(step.params) ? readCollect(step.params) : null;
  const isOwn = step.action !== externalAction || step.forEach !== undefined || step.repeat !== undefined;
  if (count === null || isOwn) return 'steps' in inner ? { ...step, ...inner } : step;
  return { ...step, forEach: Array.from({ length: count }, (_, i) => i) };
}

/** How many pieces the params ask for; null where they ask for one, or say what they cannot. */
function readCollect({ collect }: Fields): number | null {
  const isCount = typeof collect === 'number' && Number.isInteger(collect);
  return isCount && collect >= collectMin && collect <= collectMax ? collect : null;
}

/** Whether the step collects pieces, any of which may take any place. */
export function isCollection({ action, params, flow }: { action: string; params: Fields; flow: StepFlow }): boolean {
  const isList = flow.forEach !== null && flow.body === null;
  return isList && action === externalAction && readCollect(params) !== null;
}

/** The collection that the step is a piece of; undefined where it is none. */
export function collectionOf(state: { stepOf(id: string): StepState }, { of }: StepState): StepState | undefined {
  const group = of === null ? undefined : state.stepOf(of.step);
  return group !== undefined && isCollection(group) ? group : undefined;
}

function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
