/**
 * Checks a whole definition and names all faults at once: shape, repeated and unknown ids, cycles with their steps,
 * references to steps that are not upstream, unknown actions, and params that an action's schema refuses.
 */
import type { z } from 'zod';
import { parseBounded } from '../contract/bounded-parse.ts';
import {
  type StepDefinition,
  stepDefinitionSchema,
  type WorkflowDefinition,
  workflowDefinitionSchema,
} from '../contract/definition.ts';
import type { FieldError } from '../contract/failures.ts';
import { toFieldErrors, toFieldPath } from '../contract/field-errors.ts';
import { limits } from '../contract/limits.ts';
import { didYouMean } from '../contract/nearest.ts';
import type { ActionCatalogue } from '../contract/task.ts';
import type { PlacedStep } from './finally.ts';
import { plainFlow, type StepFlow, toItemNames } from './flow.ts';
import { createGraph, findCycles, type GraphNode } from './graph.ts';
import { itemAt } from './item-at.ts';
import { eachReference } from './references.ts';
import { checkUntil, checkWhen } from './validate-conditions.ts';
import { checkFlow, findTakenIds } from './validate-flow.ts';
import { checkReference, type ReferenceCheck } from './validate-references.ts';
import { createScope, innerScope, isKnown, type Scope } from './validate-scope.ts';
import { findWarnings } from './warnings.ts';

/** At most so many faults are named; one more entry says how many were left out. */
const errorsMax = 100;

export interface ValidationOptions {
  catalogue: ActionCatalogue;
  unknownActions: 'simulate' | 'reject';
  /** Params that a template declares and a run may leave out. */
  declaredParams?: readonly string[] | undefined;
}

export type Validation =
  | { ok: true; definition: WorkflowDefinition; warnings: string[] }
  | { ok: false; errors: FieldError[] };

export function validateDefinition(input: unknown, options: ValidationOptions): Validation {
  const parsed = parseBounded(workflowDefinitionSchema, input);
  const faults = new Faults();
  if (!parsed.success) faults.addAll(toFieldErrors(parsed.error.issues));
  const read = readAll(input, parsed.success ? parsed.data : null);
  checkGraph(read.nodes, read, faults);
  const scope = createScope({ ...read, names: noNames, outer: null });
  checkSteps(scope, { ...toCheck(options, faults), params: readParams(input) });
  const errors = faults.toErrors();
  if (!parsed.success || errors.length > 0) return { ok: false, errors };
  const definition = parsed.data;
  return { ok: true, definition, warnings: warningsOf(definition, options) };
}

const noNames: ReadonlySet<string> = new Set();

function toCheck(options: ValidationOptions, faults: Faults) {
  return { ...options, optional: new Set(options.declaredParams), faults, guesses: { left: guessesMax } };
}

type WarnedDefinition = Pick<WorkflowDefinition, 'name' | 'description' | 'params' | 'steps' | 'finally'>;

/** What is allowed in a definition and seldom meant (`warnings.ts`). */
export function warningsOf(
  { name, description, params, steps, finally: last }: WarnedDefinition,
  { catalogue, unknownActions }: ValidationOptions,
): string[] {
  const namesSimulated = unknownActions === 'simulate';
  return findWarnings({
    steps,
    finally: last,
    params: Object.keys(params ?? {}),
    catalogue,
    namesSimulated,
    texts: { name, description },
  });
}

/** The first faults, and how many there are: a body may hold hundreds of thousands. */
class Faults {
  readonly #first: FieldError[] = [];
  #count = 0;

  add(fault: FieldError): void {
    this.#count += 1;
    if (this.#count <= errorsMax) this.#first.push(fault);
  }

  addAll(faults: readonly FieldError[]): void {
    for (const fault of faults) this.add(fault);
  }

  get count(): number {
    return this.#count;
  }

  toErrors(): FieldError[] {
    const left = this.#count - this.#first.length;
    return left === 0 ? this.#first : [...this.#first, { path: '', message: `and ${left} more` }];
  }
}

/** `places`: the index of each dependency in the input, whose list may also hold items that are not text. */
interface InputNode extends GraphNode {
  readonly places: readonly number[];
}

/** As much of the graph as can be read, so that its faults are named together with those of shape. */
function readNodes(steps: unknown): InputNode[] {
  if (!Array.isArray(steps)) return [];
  return steps.map((step: unknown, i) => {
    const { id, dependencies } = (step ?? {}) as { id?: unknown; dependencies?: unknown };
    const list: unknown[] = Array.isArray(dependencies) ? dependencies : [];
    const places = [...list.keys()].filter((place) => typeof list[place] === 'string');
    return {
      // A step without a usable id gets one that nothing can refer to; the schema names the fault.
      id: typeof id === 'string' ? id : `\u0000${i}`,
      dependencies: places.map((place) => list[place] as string),
      places,
    };
  });
}

/** The well-formed steps of a definition that as a whole is not; undefined in place of each other step. */
function readSteps(steps: unknown): (StepDefinition | undefined)[] {
  if (!Array.isArray(steps)) return [];
  return steps.slice(0, limits.stepsMax).map((step: unknown) => parseBounded(stepDefinitionSchema, step).data);
}

/** The steps of `steps` and, behind them, those of `finally`, which wait for all of them. */
interface ReadSteps extends Pick<Scope, 'steps' | 'pathOf'> {
  readonly nodes: readonly InputNode[];
  /** How many stand in `steps`. */
  readonly first: number;
}

function readAll(input: unknown, definition: WorkflowDefinition | null): ReadSteps {
  const { steps, finally: last } = (input ?? {}) as { steps?: unknown; finally?: unknown };
  const nodes = readNodes(steps);
  const first = nodes.length;
  const ids = nodes.map(({ id }) => id);
  const ends = readNodes(last).slice(0, limits.innerStepsMax);
  const isTooMuch = ends.length * first > limits.finallyEdgesMax;
  const finals = ends.map((node) => ({ ...node, dependencies: [...node.dependencies, ...(isTooMuch ? [] : ids)] }));
  const written = definition ?? { steps: readSteps(steps), finally: readSteps(last) };
  const lastSteps = (written.finally ?? []).slice(0, limits.innerStepsMax).map(toFinalStep);
  return {
    nodes: [...nodes, ...finals],
    steps: [...fill(written.steps, first), ...lastSteps],
    first,
    pathOf: (i) => (i < first ? ['steps', i] : ['finally', i - first]),
  };
}

/** A list of exactly so many: each step stands at the place of its node. */
function fill<T>(list: readonly T[], length: number): (T | undefined)[] {
  return Array.from({ length }, (_, i) => list[i]);
}

function toFinalStep(step: StepDefinition | undefined): PlacedStep | undefined {
  return step && { ...step, join: 'ended', final: true };
}

function readParams(input: unknown): Record<string, unknown> {
  const params = (input as { params?: unknown } | null)?.params;
  return typeof params === 'object' && params !== null ? (params as Record<string, unknown>) : {};
}

function checkGraph(
  nodes: readonly InputNode[],
  { first, pathOf }: Pick<ReadSteps, 'first' | 'pathOf'>,
  faults: Faults,
): void {
  const graph = createGraph(nodes);
  const add = (i: number, path: readonly PropertyKey[], message: string) =>
    faults.add({ path: toFieldPath([...pathOf(i), ...path]), message });
  nodes.forEach((node, i) => {
    const before = graph.index.get(node.id) ?? i;
    if (before !== i) {
      const where = before < first ? `step ${before}` : toFieldPath(pathOf(before));
      add(i, ['id'], `step id "${node.id}" is used before, by ${where}; ids must be unique`);
    }
    node.places.forEach((place, d) => {
      const dependency = itemAt(node.dependencies, d);
      const at = graph.index.get(dependency);
      if (at !== undefined && (i < first || at >= first)) return;
      if (at !== undefined) {
        const message = `step "${node.id}" of finally waits for every step of \`steps\` as it is; leave "${dependency}" out`;
        add(i, ['dependencies', place], message);
        return;
      }
      const guess = faults.count < guessesMax ? didYouMean(dependency, graph.index.keys()) : '';
      const message = `step "${node.id}" depends on "${dependency}", which is not a step of this workflow${guess}`;
      add(i, ['dependencies', place], message);
    });
  });
  for (const cycle of findCycles(graph)) {
    const names = [...cycle, itemAt(cycle, 0)].map((i) => itemAt(nodes, i).id);
    add(itemAt(cycle, 0), ['dependencies'], `steps wait for each other in a circle: ${names.join(' → ')}`);
  }
}

/** Names are compared with thousands of others: a definition with thousands of faults gets a guess for the first. */
const guessesMax = 20;

interface StepsCheck extends ValidationOptions {
  guesses: { left: number };
  params: Record<string, unknown>;
  optional: ReadonlySet<string>;
  faults: Faults;
}

function toSuggest(check: StepsCheck): ReferenceCheck['suggest'] {
  return (written, names) => {
    if (check.guesses.left === 0) return '';
    check.guesses.left -= 1;
    return didYouMean(written, names);
  };
}

function checkSteps(scope: Scope, check: StepsCheck): void {
  for (const { i, group } of findTakenIds(scope)) {
    const message = `an id that begins with "${group}." is taken by the steps that "${group}" makes; choose another`;
    check.faults.add({ path: toFieldPath([...scope.pathOf(i), 'id']), message });
  }
  scope.steps.forEach((step, i) => {
    if (step) checkStep(step, i, scope, check);
  });
}

function checkStep(step: PlacedStep, i: number, scope: Scope, check: StepsCheck): void {
  const { faults } = check;
  const at = scope.pathOf(i);
  const add = (path: readonly PropertyKey[], message: string) =>
    faults.add({ path: toFieldPath([...at, ...path]), message });
  checkFlow(step, i, scope, add);
  const known = { params: [...Object.keys(check.params), ...check.optional] };
  for (const message of checkWhen(step, i, scope, known)) add(['when'], message);
  if (step.forEach !== undefined) {
    checkReferences(step.forEach, { scope, i }, check, (path, message) => add(['forEach', ...path], message));
  }
  const isGroup = step.forEach !== undefined || step.repeat !== undefined;
  const inner = isGroup ? innerScope(scope, i, step) : scope;
  if (isGroup) checkInner(step, inner, check, add);
  const names = { ...scope, names: inner.names };
  if (step.action !== undefined) checkAction(step, { scope: names, i }, check);
  if (step.label !== undefined) {
    checkReferences(step.label, { scope: names, i }, check, (_, message) => add(['label'], message));
  }
}

/** The steps within a group, and what is made of them. */
function checkInner(
  step: PlacedStep,
  inner: Scope,
  check: StepsCheck,
  add: (path: readonly PropertyKey[], message: string) => void,
): void {
  const known = { params: [...Object.keys(check.params), ...check.optional] };
  for (const message of checkUntil(step, inner, known)) add(['repeat', 'until'], message);
  if (step.steps !== undefined) {
    const nodes = readNodes(step.steps);
    checkGraph(nodes, { first: nodes.length, pathOf: inner.pathOf }, check.faults);
    checkSteps(inner, check);
  }
  if (step.output === undefined) return;
  checkReferences(step.output, { scope: inner, i: null }, check, (path, message) => add(['output', ...path], message));
}

function checkReferences(
  value: unknown,
  { scope, i, code = [] }: Pick<ReferenceCheck, 'scope' | 'i'> & { code?: readonly string[] | undefined },
  check: StepsCheck,
  add: (path: readonly (string | number)[], message: string) => void,
  note?: (path: readonly (string | number)[]) => void,
): void {
  const names = i !== null && scope.steps[i]?.final ? new Set([...scope.names, 'workflow']) : scope.names;
  const search = { isStep: (id: string) => isKnown(scope, id), names, code };
  const { params, optional } = check;
  const of: ReferenceCheck = { scope, i, params, optional, suggest: toSuggest(check) };
  eachReference(value, search, (source, path, rest, all) => {
    note?.(path);
    const message = checkReference(source, { rest, all }, of);
    if (message) add(path, message);
  });
}

function checkAction(
  step: Pick<StepDefinition, 'id' | 'action' | 'params'>,
  place: { scope: Scope; i: number },
  check: StepsCheck,
): void {
  const { faults, catalogue } = check;
  const at = place.scope.pathOf(place.i);
  const { action = '' } = step;
  const info = catalogue.get(action);
  const open = new Set<string>();
  const where = { ...place, code: info?.code };
  const add = (path: readonly (string | number)[], message: string) =>
    faults.add({ path: toFieldPath([...at, 'params', ...path]), message });
  checkReferences(step.params ?? {}, where, check, add, (path) => {
    for (let length = 0; length <= path.length; length += 1) open.add(toFieldPath(path.slice(0, length)));
  });
  if (info) {
    faults.addAll(checkParams(info.params, step.params ?? {}, [...at, 'params'], open));
  } else if (check.unknownActions === 'reject') {
    const guess = toSuggest(check)(action, catalogue.keys());
    const message = `unknown action "${action}"; GET /api/actions lists those there are${guess}`;
    faults.add({ path: toFieldPath([...at, 'action']), message });
  }
}

type StepOfWorkflow = GraphNode & { readonly action: string; readonly flow?: StepFlow };

/** The faults of new params for one step of an existing workflow. Paths begin with `params`. */
export function validateStepParams(
  steps: readonly StepOfWorkflow[],
  stepId: string,
  params: Record<string, unknown>,
  workflowParams: Record<string, unknown>,
  options: ValidationOptions,
): FieldError[] {
  const nodes = steps.map(({ id, dependencies }) => ({ id, dependencies }));
  const written = steps.map(({ id, action, dependencies, flow = plainFlow }): PlacedStep => {
    const final = flow.isFinal ? { final: true as const } : {};
    return { id, action, dependencies: [...dependencies], join: flow.join, ...final };
  });
  const i = nodes.findIndex(({ id }) => id === stepId);
  if (i === -1) return [];
  const { action, flow = plainFlow } = itemAt(steps, i);
  const names = new Set(toItemNames(flow));
  if (names.size > 0) names.add('index');
  const scope = createScope({ nodes, steps: written, names, outer: null, pathOf: (place) => ['steps', place] });
  const prefix = `steps[${i}].`;
  const faults = new Faults();
  const check = { ...toCheck(options, faults), params: workflowParams };
  checkAction({ id: stepId, action, params }, { scope, i }, check);
  return faults.toErrors().map((error) => ({ ...error, path: error.path.slice(prefix.length) }));
}

/**
 * The faults of params by the action's schema, without those at a place that a reference will fill, or that holds such
 * a place: those in `open`.
 */
function checkParams(
  schema: z.ZodType,
  params: unknown,
  prefix: readonly PropertyKey[],
  open: ReadonlySet<string>,
): FieldError[] {
  const parsed = parseBounded(schema, params);
  if (parsed.success) return [];
  if (open.size === 0) return toFieldErrors(parsed.error.issues, prefix);
  // Which of several forms a value has may depend on the value of a reference in it.
  const settled = parsed.error.issues.filter(
    (issue) => issue.code !== 'invalid_union' || !open.has(toFieldPath(issue.path)),
  );
  const base = toFieldPath(prefix).length;
  return toFieldErrors(settled, prefix).filter((error) => !open.has(error.path.slice(base).replace(/^\./, '')));
}
