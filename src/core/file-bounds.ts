/**
 * The bounds of the HTTP interface, for a state.json: a file that was copied in, edited or made up may not hold what no
 * client could send. Without them such a file would cost every other workflow the start: a value nested 100,000 deep
 * overflows the stack of the first function that follows it.
 *
 * Rules, numbered for tests:
 *   FB1  everything here is linear in the size of the file, and nothing follows a value by recursion;
 *   FB2  what the engine itself has written is within these bounds.
 */
import { limits } from '../contract/limits.ts';
import { createGraph, findCycles } from './graph.ts';
import { itemAt } from './item-at.ts';

/** Params and outputs of a step may be nested `jsonDepthMax` deep, and lie below the file, its steps and the step. */
const fileDepthMax = limits.jsonDepthMax + 3;
/** The engine adds tags of its own, such as `simulated`. */
const tagsMax = limits.tagsMax + 4;
const tagLengthMax = 128;
const descriptionLengthMax = 10_000;
/** A step of external data without a name has its address in it, and an address may be this long. */
const stepNameLengthMax = 10_000;

/** Before the file's shape is checked: ends the sentence "its state.json …"; null when nothing is too large. */
export function findExcess(value: unknown): string | null {
  const steps = typeof value === 'object' && value !== null && 'steps' in value ? value.steps : null;
  if (Array.isArray(steps) && steps.length > limits.stepsMax) {
    return `has ${steps.length} steps, at most ${limits.stepsMax} are allowed`;
  }
  return isDeeperThan(value, fileDepthMax) ? `is nested deeper than ${fileDepthMax} levels` : null;
}

/** Whether objects and arrays lie in each other more than `max` levels deep; `{}` is one level. */
export function isDeeperThan(value: unknown, max: number): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    const containers = level.filter((each) => typeof each === 'object' && each !== null);
    if (containers.length > 0 && depth >= max) return true;
    level = containers.flatMap((each) => Object.values(each as object));
  }
  return false;
}

interface BoundedFile {
  name?: string | null | undefined;
  description?: string | null | undefined;
  tags?: readonly string[] | null | undefined;
  steps: readonly {
    id: string;
    name?: string | null | undefined;
    action: string;
    dependencies?: readonly string[] | null | undefined;
  }[];
}

/** For a file whose shape is right: the same sentence. */
export function findFileFault({ name, description, tags, steps }: BoundedFile): string | null {
  const tooLong = (what: string, text: string | null | undefined, max: number) =>
    text != null && text.length > max ? `has ${what} of ${text.length} characters, at most ${max} are allowed` : null;
  const fault =
    tooLong('a name', name, limits.nameLengthMax) ??
    tooLong('a description', description, descriptionLengthMax) ??
    ((tags?.length ?? 0) > tagsMax ? `has ${tags?.length} tags, at most ${tagsMax} are allowed` : null);
  if (fault !== null) return fault;
  for (const tag of tags ?? []) if (tag.length > tagLengthMax) return tooLong('a tag', tag, tagLengthMax);
  for (const step of steps) {
    const ofStep =
      tooLong('a step whose id is', step.id, 128) ??
      tooLong('a step with a name', step.name, stepNameLengthMax) ??
      tooLong('a step with an action', step.action, 128);
    if (ofStep !== null) return ofStep;
  }
  const nodes = steps.map(({ id, dependencies }) => ({ id, dependencies: dependencies ?? [] }));
  const [cycle] = findCycles(createGraph(nodes), 1);
  if (cycle === undefined) return null;
  const shown = cycle.slice(0, 5).map((i) => itemAt(nodes, i).id);
  return `has steps that wait for each other in a circle: ${shown.join(' → ')}${cycle.length > 5 ? ' → …' : ''}`;
}
