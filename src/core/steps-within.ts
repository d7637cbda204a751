/**
 * All steps of a definition, those within groups and of `finally` included, each with the names that are known in it. Also
 * of what is no definition yet: a file that somebody is writing.
 */
type Path = readonly (string | number)[];
export type AnyStep = Readonly<Record<string, unknown>>;

/** Names that references may begin with, besides `params` and `steps`. */
type Names = ReadonlySet<string>;

export interface Visited {
  readonly step: AnyStep;
  /** As in `['steps', 3, 'steps', 0]`. */
  readonly path: Path;
  /** In what an item is made with: params, label, output, inner steps. */
  readonly names: Names;
  /** Around the step: in `forEach`, and in `when`. */
  readonly outer: Names;
}

export function* stepsWithin({
  steps,
  finally: last,
}: {
  readonly steps?: unknown;
  readonly finally?: unknown;
}): Generator<Visited> {
  yield* within(steps, ['steps'], new Set());
  yield* within(last, ['finally'], new Set(['workflow']));
}

function* within(steps: unknown, path: Path, around: Names): Generator<Visited> {
  if (!Array.isArray(steps)) return;
  for (const [i, step] of steps.entries()) {
    // What a group has made says what its inner steps say.
    if (!isObject(step) || step.of !== undefined) continue;
    // A step of a workflow that exists shows its inner steps as `body`, and stands in `steps` also where it is final.
    const outer = step.final === true ? new Set([...around, 'workflow']) : around;
    const names = namesIn(step, outer);
    const at = [...path, i];
    yield { step, path: at, names, outer };
    yield* within(step.steps ?? step.body, [...at, 'steps'], names);
  }
}

function namesIn({ forEach, repeat }: AnyStep, outer: Names): Names {
  if (repeat !== undefined) return new Set([...outer, 'round', 'previous']);
  if (forEach === undefined) return outer;
  return new Set([...outer, 'index', ...(isObject(forEach) ? Object.keys(forEach) : ['item'])]);
}

/** The values of a step in which references are replaced, by field. */
export function boundValues({ params, forEach, output, label }: AnyStep): [string, unknown][] {
  return Object.entries({ params, forEach, output, label }).filter(([, value]) => value !== undefined);
}

/** The conditions of a step, as they are written. */
export function conditionsOf({ when, repeat }: AnyStep): string[] {
  return [when, isObject(repeat) ? repeat.until : undefined].filter((text) => typeof text === 'string');
}

function isObject(value: unknown): value is AnyStep {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
