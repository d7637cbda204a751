/** What a definition says about its steps, as far as it can be read while it is being written. Pure. */

export interface OutlineStep {
  readonly id: string;
  readonly name: string;
  readonly action: string;
  /** Ids, also of steps that are not there. */
  readonly dependencies: readonly string[];
  /** As in `map` for steps made from a list. */
  readonly kind: 'step' | 'map' | 'loop';
  readonly place: number;
}

export interface Outline {
  readonly steps: readonly OutlineStep[];
  readonly params: readonly string[];
  /** Steps by the length of the longest way to them. */
  readonly levels: readonly (readonly OutlineStep[])[];
}

const reference = /\{\{\s*steps\.([A-Za-z0-9][A-Za-z0-9_-]*)/g;

export function toOutline(definition: unknown): Outline {
  const given = isObject(definition) ? definition : {};
  const listed = Array.isArray(given.steps) ? given.steps : [];
  const steps = listed.flatMap((step: unknown, place) => (isObject(step) ? [toStep(step, place)] : []));
  const schema = isObject(given.params) ? given.params : {};
  const params = isObject(schema.properties) ? Object.keys(schema.properties) : Object.keys(schema);
  return { steps, params, levels: toLevels(steps) };
}

function toStep(step: Record<string, unknown>, place: number): OutlineStep {
  const id = typeof step.id === 'string' ? step.id : '';
  const named = Array.isArray(step.dependencies) ? step.dependencies.filter((one) => typeof one === 'string') : [];
  return {
    id,
    name: typeof step.name === 'string' ? step.name : id,
    action: typeof step.action === 'string' ? step.action : '',
    dependencies: [...new Set(named)],
    kind: step.forEach !== undefined ? 'map' : step.repeat !== undefined ? 'loop' : 'step',
    place,
  };
}

/** Ids of steps that a text refers to. */
export function referencedSteps(text: string): string[] {
  return [...new Set([...text.matchAll(reference)].map(([, id = '']) => id))];
}

/** Steps of a circle stand in the last level. */
function toLevels(steps: readonly OutlineStep[]): OutlineStep[][] {
  const known = new Map(steps.map((step) => [step.id, step]));
  const levelOf = new Map<string, number>();
  let open = [...steps];
  while (open.length > 0) {
    const ready = open.filter(({ dependencies }) => dependencies.every((id) => !known.has(id) || levelOf.has(id)));
    const next = ready.length > 0 ? ready : open;
    for (const { id, dependencies } of next) {
      const before = dependencies.map((one) => levelOf.get(one) ?? -1);
      levelOf.set(id, before.reduce((most, one) => Math.max(most, one), -1) + 1);
    }
    const taken = new Set(next);
    open = open.filter((step) => !taken.has(step));
  }
  const levels: OutlineStep[][] = [];
  for (const step of steps) {
    const level = levelOf.get(step.id) ?? 0;
    while (levels.length <= level) levels.push([]);
    levels[level]?.push(step);
  }
  return levels;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
