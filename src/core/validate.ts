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
import { limits } from '../contract/limits.ts';
import { didYouMean } from '../contract/nearest.ts';
import type { ActionCatalogue } from '../contract/task.ts';
import { Ancestry, createGraph, findCycles, type Graph, type GraphNode } from './graph.ts';
import { itemAt } from './item-at.ts';
import { OpenPlaces } from './open-places.ts';
import { eachReference, type Reference } from './references.ts';
import { findWarnings } from './warnings.ts';

/** At most so many faults are named; one more entry says how many were left out. */
const errorsMax = 100;

export interface ValidationOptions {
  catalogue: ActionCatalogue;
  unknownActions: 'simulate' | 'reject';
  /** Lines that stand first among the warnings. */
  told?: readonly string[] | undefined;
}

export type Validation =
  | { ok: true; definition: WorkflowDefinition; warnings: string[] }
  | { ok: false; errors: FieldError[] };

export function validateDefinition(input: unknown, options: ValidationOptions): Validation {
  const parsed = parseBounded(workflowDefinitionSchema, input);
  const faults = new Faults();
  if (!parsed.success) faults.addAll(toFieldErrors(parsed.error.issues));
  const nodes = readNodes(input);
  checkGraph(nodes, faults);
  const steps = parsed.success ? parsed.data.steps : readSteps(input);
  const graph = createGraph(nodes);
  const check = {
    graph,
    ancestry: new Ancestry(graph),
    params: readParams(input),
    faults,
    guesses: { left: guessesMax },
    ...options,
  };
  steps.forEach((step, i) => {
    if (step) checkStep(step, i, check);
  });
  const errors = faults.toErrors();
  if (!parsed.success || errors.length > 0) return { ok: false, errors };
  const definition = parsed.data;
  return { ok: true, definition, warnings: warningsOf(definition, options) };
}

/** What is allowed in a definition and seldom meant (`warnings.ts`). */
export function warningsOf(
  { name, description, params, steps }: Pick<WorkflowDefinition, 'name' | 'description' | 'params' | 'steps'>,
  { catalogue, unknownActions, told }: ValidationOptions,
): string[] {
  const namesSimulated = unknownActions === 'simulate';
  return findWarnings({
    steps,
    params: Object.keys(params ?? {}),
    catalogue,
    namesSimulated,
    texts: { name, description },
    told,
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
function readNodes(input: unknown): InputNode[] {
  const steps = (input as { steps?: unknown } | null)?.steps;
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
function readSteps(input: unknown): (StepDefinition | undefined)[] {
  const steps = (input as { steps?: unknown } | null)?.steps;
  if (!Array.isArray(steps)) return [];
  return steps.slice(0, limits.stepsMax).map((step: unknown) => parseBounded(stepDefinitionSchema, step).data);
}

function readParams(input: unknown): Record<string, unknown> {
  const params = (input as { params?: unknown } | null)?.params;
  return typeof params === 'object' && params !== null ? (params as Record<string, unknown>) : {};
}

function checkGraph(nodes: readonly InputNode[], faults: Faults): void {
  const graph = createGraph(nodes);
  nodes.forEach((node, i) => {
    if (graph.index.get(node.id) !== i) {
      const message = `step id "${node.id}" is used before, by step ${graph.index.get(node.id)}; ids must be unique`;
      faults.add({ path: `steps[${i}].id`, message });
    }
    node.dependencies.forEach((dependency, d) => {
      if (graph.index.has(dependency)) return;
      const guess = faults.count < guessesMax ? didYouMean(dependency, graph.index.keys()) : '';
      const message = `step "${node.id}" depends on "${dependency}", which is not a step of this workflow${guess}`;
      faults.add({ path: `steps[${i}].dependencies[${node.places[d]}]`, message });
    });
  });
  for (const cycle of findCycles(graph)) {
    const names = [...cycle, itemAt(cycle, 0)].map((i) => itemAt(nodes, i).id);
    const message = `steps wait for each other in a circle: ${names.join(' → ')}`;
    faults.add({ path: `steps[${cycle[0]}].dependencies`, message });
  }
}

/** Names are compared with thousands of others: a definition with thousands of faults gets a guess for the first. */
const guessesMax = 20;

/** `names` is asked only while guesses are left: listing thousands of names for each fault costs more than comparing. */
function suggest(check: StepCheck, written: string, names: () => Iterable<string>): string {
  if (check.guesses.left === 0) return '';
  check.guesses.left -= 1;
  return didYouMean(written, names());
}

interface StepCheck extends ValidationOptions {
  guesses: { left: number };
  graph: Graph;
  ancestry: Ancestry;
  params: Record<string, unknown>;
  faults: Faults;
}

function checkStep(step: Pick<StepDefinition, 'id' | 'action' | 'params'>, i: number, check: StepCheck): void {
  const { faults } = check;
  const open = new OpenPlaces();
  const isStep = (id: string) => check.graph.index.has(id);
  eachReference(step.params ?? {}, isStep, (reference, path) => {
    open.add(path);
    const message = checkReference(reference, step.id, i, check);
    if (message) faults.add({ path: toFieldPath(['steps', i, 'params', ...path]), message });
  });
  const info = check.catalogue.get(step.action);
  if (info) {
    faults.addAll(checkParams(info.params, step.params ?? {}, ['steps', i, 'params'], open));
  } else if (check.unknownActions === 'reject') {
    const guess = suggest(check, step.action, () => check.catalogue.keys());
    const message = `unknown action "${step.action}"; GET /api/actions lists those there are${guess}`;
    faults.add({ path: `steps[${i}].action`, message });
  }
}

/** The faults of new params for one step of an existing workflow. Paths begin with `params`. */
export function validateStepParams(
  steps: readonly (GraphNode & { action: string })[],
  stepId: string,
  params: Record<string, unknown>,
  workflowParams: Record<string, unknown>,
  options: ValidationOptions,
): FieldError[] {
  const graph = createGraph(steps);
  const i = graph.index.get(stepId);
  if (i === undefined) return [];
  const step = { id: stepId, action: itemAt(steps, i).action, params };
  const prefix = `steps[${i}].`;
  const faults = new Faults();
  const check = {
    graph,
    ancestry: new Ancestry(graph),
    params: workflowParams,
    faults,
    guesses: { left: guessesMax },
    ...options,
  };
  checkStep(step, i, check);
  return faults.toErrors().map((error) => ({ ...error, path: error.path.slice(prefix.length) }));
}

function checkReference(reference: Reference, stepId: string, i: number, check: StepCheck): string | undefined {
  if (reference.kind === 'malformed') return `{{${reference.text}}} is not a reference: ${reference.reason}`;
  if (reference.kind === 'params') {
    const name = itemAt(reference.path, 0);
    if (Object.hasOwn(check.params, name)) return undefined;
    const guess = suggest(check, name, () => Object.keys(check.params));
    return `{{${reference.text}}}: the workflow has no param "${name}"${guess}`;
  }
  const up = check.graph.index.get(reference.stepId);
  if (up === undefined) {
    const guess = suggest(check, reference.stepId, () => check.graph.index.keys());
    return `{{${reference.text}}}: there is no step "${reference.stepId}"${guess}`;
  }
  if (check.ancestry.isUpstream(up, i)) return undefined;
  return `{{${reference.text}}}: step "${reference.stepId}" is not upstream of "${stepId}"; add it to its dependencies`;
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
