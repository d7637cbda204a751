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
import { toFieldErrors, toFieldPath, toPlacedFaults } from '../contract/field-errors.ts';
import type { JsonObject } from '../contract/json.ts';
import { limits } from '../contract/limits.ts';
import { didYouMean } from '../contract/nearest.ts';
import type { SecretHosts } from '../contract/secret-store.ts';
import type { ActionCatalogue, ActionInfo } from '../contract/task.ts';
import { withCollections } from './collect.ts';
import type { PlacedStep } from './finally.ts';
import { plainFlow, type StepFlow, toItemNames } from './flow.ts';
import type { GraphNode } from './graph.ts';
import { itemAt } from './item-at.ts';
import { OpenPlaces } from './open-places.ts';
import { eachReference } from './references.ts';
import { checkStepSecrets, findMisplacedSecrets, findSecrets } from './step-secrets.ts';
import { adviseTemplate } from './template-fields.ts';
import { checkUntil, checkWhen } from './validate-conditions.ts';
import { checkFlow, findTakenIds } from './validate-flow.ts';
import { checkGraph, Faults, guessesMax, type InputNode, readNodes } from './validate-graph.ts';
import { checkReference, type ReferenceCheck } from './validate-references.ts';
import { createScope, innerScope, isKnown, type NameScope } from './validate-scope.ts';
import { findWarnings } from './warnings.ts';

export interface ValidationOptions {
  catalogue: ActionCatalogue;
  unknownActions: 'simulate' | 'reject';
  /** Params that a template declares and a run may leave out. */
  declaredParams?: readonly string[] | undefined;
  /** The secrets that there are; left out, their names are not checked. */
  secretStore?: SecretHosts | undefined;
  /** Lines that stand first among the warnings. */
  told?: readonly string[] | undefined;
}

export type Validation =
  | { ok: true; definition: WorkflowDefinition; warnings: string[] }
  | { ok: false; errors: FieldError[] };

export function validateDefinition(written: unknown, options: ValidationOptions): Validation {
  const input = withCollections(written);
  const parsed = parseBounded(workflowDefinitionSchema, input);
  const faults = new Faults();
  if (!parsed.success) faults.addAll(toFieldErrors(parsed.error.issues).map(adviseTemplate));
  const read = readAll(input, parsed.success ? parsed.data : null);
  checkGraph(read.nodes, read, faults);
  checkFinally(read, faults);
  refuseJoins(input, faults);
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
  { catalogue, unknownActions, told }: ValidationOptions,
): string[] {
  const namesSimulated = unknownActions === 'simulate';
  // A param is data: no secret in it is ever replaced.
  const named = Object.entries(params ?? {}).flatMap(([key, value]) =>
    typeof value === 'string' && findSecrets(value).length > 0 ? [[`params.${key}`, value]] : [],
  );
  return findWarnings({
    steps,
    finally: last,
    params: Object.keys(params ?? {}),
    catalogue,
    namesSimulated,
    texts: { name, description, ...Object.fromEntries(named) },
    told,
  });
}

/** The well-formed steps of a definition that as a whole is not; undefined in place of each other step. */
function readSteps(steps: unknown): (StepDefinition | undefined)[] {
  if (!Array.isArray(steps)) return [];
  return steps.slice(0, limits.stepsMax).map((step: unknown) => parseBounded(stepDefinitionSchema, step).data);
}

/** The steps of `steps` and, behind them, those of `finally`, which wait for all of them. */
interface ReadSteps extends Pick<NameScope, 'steps' | 'pathOf'> {
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

/** Each step of `finally` waits for each of `steps`. */
function checkFinally({ nodes, first }: Pick<ReadSteps, 'nodes' | 'first'>, faults: Faults): void {
  const last = nodes.length - first;
  if (last === 0) return;
  const add = (message: string) => faults.add({ path: 'finally', message });
  if (nodes.length > limits.stepsMax && first <= limits.stepsMax) {
    add(`makes ${nodes.length} steps with those of \`steps\`; a workflow has at most ${limits.stepsMax}`);
  }
  if (last * first > limits.finallyEdgesMax) {
    add(`its ${last} steps wait for ${first} each; ${limits.finallyEdgesMax} such waits is the most. Write fewer`);
  }
}

/** A step of `finally` begins when all others have ended: another `join` would never be asked. */
function refuseJoins(input: unknown, faults: Faults): void {
  const { finally: last } = (input ?? {}) as { finally?: unknown };
  if (!Array.isArray(last)) return;
  last.slice(0, limits.innerStepsMax).forEach((step: { join?: unknown } | null, i) => {
    if (step?.join === undefined) return;
    const message = 'a step of finally begins when all others have ended, however; leave join out';
    faults.add({ path: `finally[${i}].join`, message });
  });
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

interface StepsCheck extends ValidationOptions {
  guesses: { left: number };
  params: Record<string, unknown>;
  optional: ReadonlySet<string>;
  faults: Faults;
}

/** Names are listed only while guesses are left: listing thousands for each fault costs more than comparing. */
function toSuggest(check: StepsCheck): ReferenceCheck['suggest'] {
  return (written, names) => {
    if (check.guesses.left === 0) return '';
    check.guesses.left -= 1;
    return didYouMean(written, names());
  };
}

function checkSteps(scope: NameScope, check: StepsCheck): void {
  for (const { i, group } of findTakenIds(scope)) {
    const message = `an id that begins with "${group}." is taken by the steps that "${group}" makes; choose another`;
    check.faults.add({ path: toFieldPath([...scope.pathOf(i), 'id']), message });
  }
  scope.steps.forEach((step, i) => {
    if (step) checkStep(step, i, scope, check);
  });
}

function checkStep(step: PlacedStep, i: number, scope: NameScope, check: StepsCheck): void {
  const { faults } = check;
  const at = scope.pathOf(i);
  const add = (path: readonly PropertyKey[], message: string) =>
    faults.add({ path: toFieldPath([...at, ...path]), message });
  checkFlow(step, i, scope, add);
  checkOtherSecrets(step, at, check);
  const known = { params: [...Object.keys(check.params), ...check.optional] };
  for (const message of checkWhen(step, i, scope, known)) add(['when'], message);
  if (step.forEach !== undefined) {
    checkReferences(step.forEach, { scope, i }, check, (path, message) => add(['forEach', ...path], message));
  }
  const isGroup = step.forEach !== undefined || step.repeat !== undefined;
  const inner = isGroup ? innerScope(scope, i, step) : scope;
  if (isGroup) checkInner(step, inner, check, add);
  const names = { ...scope, names: inner.names, rounds: inner.rounds };
  if (step.action !== undefined) checkAction(step, { scope: names, i }, check);
  if (step.label !== undefined) {
    checkReferences(step.label, { scope: names, i }, check, (_, message) => add(['label'], message));
  }
}

/** The steps within a group, and what is made of them. */
function checkInner(
  step: PlacedStep,
  inner: NameScope,
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
  eachReference(value, search, (source, path, sources, i) => {
    note?.(path);
    const message = checkReference(source, { sources, rest: sources.slice(i + 1) }, of);
    if (message) add(path, message);
  });
}

function checkAction(
  step: Pick<StepDefinition, 'id' | 'action' | 'params'>,
  place: { scope: NameScope; i: number },
  check: StepsCheck,
): void {
  const { faults, catalogue } = check;
  const at = place.scope.pathOf(place.i);
  const { action = '' } = step;
  const info = catalogue.get(action);
  const open = new OpenPlaces();
  const where = { ...place, code: info?.code };
  const add = (path: readonly (string | number)[], message: string) =>
    faults.add({ path: toFieldPath([...at, 'params', ...path]), message });
  checkReferences(step.params ?? {}, where, check, add, (path) => open.add(path));
  for (const path of checkParamSecrets(step, at, info, check)) open.add(path);
  if (info) {
    faults.addAll(checkParams(info.params, step.params ?? {}, [...at, 'params'], open));
  } else if (check.unknownActions === 'reject') {
    const guess = toSuggest(check)(action, () => catalogue.keys());
    const message = `unknown action "${action}"; GET /api/actions lists those there are${guess}`;
    faults.add({ path: toFieldPath([...at, 'action']), message });
  }
}

type StepOfWorkflow = GraphNode & { readonly action: string; readonly flow?: StepFlow };

/** Names the faults of the secrets in a step's params. Returns the places that hold one. */
function checkParamSecrets(
  { params = {}, action = '' }: Pick<StepDefinition, 'action' | 'params'>,
  at: readonly PropertyKey[],
  info: ActionInfo | undefined,
  check: StepsCheck,
): (readonly (string | number)[])[] {
  const { catalogue, secretStore: store } = check;
  const secretCheck = {
    taking: info?.takesSecrets,
    code: info?.code ?? [],
    action,
    takers: [...catalogue.values()].flatMap((each) => (each.takesSecrets ? [each.action] : [])).join(', '),
    store,
    suggest: toSuggest(check),
  };
  return checkStepSecrets(params as JsonObject, [...at, 'params'] as (string | number)[], secretCheck, (fault) => {
    check.faults.add(fault);
  });
}

/** Fields in which secrets have no place. Nothing is ever replaced in a name, which warnings say. */
const elsewhere = new Set(['id', 'name', 'action', 'params', 'steps', 'dependencies', 'join', 'final']);

function checkOtherSecrets(step: PlacedStep, at: readonly PropertyKey[], { faults }: StepsCheck): void {
  for (const [field, value] of Object.entries(step)) {
    if (!elsewhere.has(field)) faults.addAll(findMisplacedSecrets(value, [...at, field] as (string | number)[]));
  }
}

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
  open: OpenPlaces,
): FieldError[] {
  const parsed = parseBounded(schema, params);
  if (parsed.success) return [];
  if (open.isEmpty) return toFieldErrors(parsed.error.issues, prefix);
  // Which of several forms a value has may depend on the value of a reference in it.
  const settled = parsed.error.issues.filter((issue) => issue.code !== 'invalid_union' || !open.has(issue.path));
  return toPlacedFaults(settled)
    .filter(({ path }) => !open.has(path))
    .map(({ path, message }) => ({ path: toFieldPath([...prefix, ...path]), message }));
}
