/**
 * What is wrong with the references of a step: unknown names, steps that are not upstream, and steps that may not have run.
 *
 * Rule, numbered for tests:
 *   N8  a reference to a step that may not have run when this one does is a fault, unless a later source of it is certain.
 *       By `join: all` a step can be certain of its dependencies and of all that they are certain of; by `any` of what
 *       all of them are certain of; by `ended` and `failed` of nothing. The sources of one reference may also cover each
 *       dependency of an `any`: one of them has run.
 */
import type { StepDefinition } from '../contract/definition.ts';
import { itemAt } from './item-at.ts';
import type { Reference } from './references.ts';
import { find, idAt, idsWithin, isKnown, type NameScope, runsAlways } from './validate-scope.ts';

export interface ReferenceCheck {
  readonly scope: NameScope;
  /** The step that refers; null for the `output` of a group, which is bound when its item has ended. */
  readonly i: number | null;
  readonly params: Readonly<Record<string, unknown>>;
  /** Params that a run may leave out. */
  readonly optional: ReadonlySet<string>;
  suggest(written: string, names: () => Iterable<string>): string;
}

type Of<K extends Reference['kind']> = Extract<Reference, { kind: K }>;

interface Sources {
  /** All of one reference. */
  readonly sources: readonly Reference[];
  /** Those that stand in for the one that is checked. */
  readonly rest: readonly Reference[];
}

/** The fault of one source of a reference. */
export function checkReference(source: Reference, of: Sources, check: ReferenceCheck): string | undefined {
  switch (source.kind) {
    case 'malformed':
      return `{{${source.text}}} is not a reference: ${source.reason}`;
    case 'params':
      return checkParam(source, of.rest, check);
    case 'step':
      return checkStepSource(source, of, check);
    case 'previous':
      return checkPrevious(source, of.rest, check);
    case 'workflow':
      return checkWorkflow(source);
    case 'item':
    case 'value':
      return undefined;
  }
}

function checkParam(
  { path, text }: Of<'params'>,
  rest: readonly Reference[],
  { params, optional, suggest }: ReferenceCheck,
): string | undefined {
  const name = itemAt(path, 0);
  if (Object.hasOwn(params, name)) return undefined;
  if (optional.has(name)) {
    if (rest.length > 0) return undefined;
    return `{{${text}}}: a run may leave the param "${name}" out; say what stands in for it, as in {{${text} ?? null}}`;
  }
  return `{{${text}}}: the workflow has no param "${name}"${suggest(name, () => Object.keys(params))}`;
}

function checkStepSource(
  { stepId, path, text }: Of<'step'>,
  { sources, rest }: Sources,
  { scope, i, suggest }: ReferenceCheck,
): string | undefined {
  const found = find(scope, stepId, i ?? -1);
  if (found === undefined) {
    return `{{${text}}}: there is no step "${stepId}"${adviseGroup(stepId, scope) ?? suggest(stepId, () => idsWithin(scope))}`;
  }
  const name = i === null ? 'output' : `"${idAt(found.scope, found.at)}"`;
  if (found.at !== -1 && !found.scope.ancestry.isUpstream(found.up, found.at)) {
    if (found.up === found.at) return `{{${text}}}: step "${stepId}" cannot refer to itself${advisePrevious(found)}`;
    return `{{${text}}}: step "${stepId}" is not upstream of ${name}; add it to its dependencies`;
  }
  const wrong = checkGroupPath(found.scope.steps[found.up], path, text);
  if (wrong !== undefined) return wrong;
  if (isCertain(found) || isStoodInFor(rest, { scope, i }) || coversAny(sources, scope, i)) return undefined;
  return `{{${text}}}: step "${stepId}" may not have run when ${name} does; say what stands in for it, as in {{${text} ?? null}}`;
}

function advisePrevious({ scope, up }: { scope: NameScope; up: number }): string {
  return scope.steps[up]?.repeat === undefined
    ? ''
    : `; the round before is {{previous.${idAt(scope, up)}.outputs ?? null}}`;
}

function isCertain({ scope, up, at }: { scope: NameScope; up: number; at: number }): boolean {
  return at === -1 ? runsAlways(scope, up) : scope.certain.isUpstream(up, at);
}

/** A later source is there in any case. */
function isStoodInFor(rest: readonly Reference[], { scope, i }: Pick<ReferenceCheck, 'scope' | 'i'>): boolean {
  return rest.some((source) => {
    if (source.kind === 'value' || source.kind === 'params' || source.kind === 'item') return true;
    if (source.kind !== 'step') return false;
    const found = find(scope, source.stepId, i ?? -1);
    return found !== undefined && isCertain(found);
  });
}

/** One of what an `any` waits for has run: the sources name, for each of them, it or something that has run with it. */
function coversAny(sources: readonly Reference[], scope: NameScope, i: number | null): boolean {
  if (i === null || scope.steps[i]?.join !== 'any') return false;
  const places = sources.flatMap((source) =>
    source.kind === 'step' ? (scope.graph.index.get(source.stepId) ?? []) : [],
  );
  const upstream = itemAt(scope.graph.upstream, i);
  return upstream.every((at) => places.some((place) => place === at || scope.certain.isUpstream(place, at)));
}

const listFields = ['count', 'failed', 'skipped', 'items', 'errors'];
const loopFields = ['rounds', 'done', 'last'];

/** The outputs of a group are known beforehand. */
function checkGroupPath(
  step: StepDefinition | undefined,
  [field, ...more]: readonly string[],
  text: string,
): string | undefined {
  if (step === undefined || (step.forEach === undefined && step.repeat === undefined) || field === undefined) {
    return undefined;
  }
  const isLoop = step.repeat !== undefined;
  const known = isLoop ? loopFields : listFields;
  if (!known.includes(field)) {
    const what = isLoop ? 'a loop' : 'a step with forEach';
    return `{{${text}}}: the outputs of ${what} are ${known.join(', ')}, and have no "${field}"`;
  }
  const inner = more[0];
  if (field !== 'last' || inner === undefined || step.steps === undefined) return undefined;
  const ids = step.steps.map(({ id }) => id);
  return ids.includes(inner) ? undefined : `{{${text}}}: a round has no step "${inner}"; it has ${ids.join(', ')}`;
}

/** `{{steps.pages.3.outputs…}}`: the steps of items are no names. */
function adviseGroup(stepId: string, scope: NameScope): string | undefined {
  const match = /^(.+)\.(\d+)(?:\.|$)/.exec(stepId);
  const [, group, index] = match ?? [];
  return group !== undefined && isKnown(scope, group)
    ? `; write {{steps.${group}.outputs.items[${index}]}} for what an item has made`
    : undefined;
}

function checkPrevious(
  { stepId, text }: Of<'previous'>,
  rest: readonly Reference[],
  { scope, suggest }: ReferenceCheck,
): string | undefined {
  // `previous` is a name within loops alone.
  const { index } = (scope.rounds as NameScope).graph;
  if (!index.has(stepId)) {
    const advice = suggest(stepId, () => index.keys()) || `; it has ${[...index.keys()].slice(0, 10).join(', ')}`;
    return `{{${text}}}: a round has no step "${stepId}"${advice}`;
  }
  if (rest.length > 0) return undefined;
  return `{{${text}}}: there is no round before the first; say what stands in for it, as in {{${text} ?? null}}`;
}

function checkWorkflow({ path, text }: Of<'workflow'>): string | undefined {
  const known = ['id', 'outcome', 'failed'];
  if (path[0] !== undefined && known.includes(path[0])) return undefined;
  return `{{${text}}}: in finally there are ${known.map((name) => `workflow.${name}`).join(', ')}`;
}
