/**
 * Data from outside: which step it is for.
 *
 * Rules, numbered for tests:
 *   ED1  data goes to the step that `step_id` names, else to the waiting step that has the name `step_name`, else (when
 *        neither is given) to the waiting step whose rule (`take`) fits it, else to the only one that waits without a rule.
 *        With several to choose from it is refused, and they are named;
 *   ED2  where no step matches, or with `add`, a COMPLETED step is added;
 *   ED3  data for a step whose own dependencies are not complete is kept. It completes the step when they are
 *        (`dependents.ts`), also after a stop, a failure upstream, a restart, and in a branch;
 *   ED4  a step takes data once: one that is kept is not replaced;
 *   ED5  an id that a group may still give to a step of its own is not given to a new step;
 *   ED6  a step with `collect` takes one piece for each of its places, the first that is free; before it begins it
 *        refuses data, so that none becomes a step that nobody asks for.
 */
import { Refusal } from '../contract/failures.ts';
import type { JournalEvent, OutputsRef } from '../contract/journal-event.ts';
import type { JsonObject } from '../contract/json.ts';
import { limits } from '../contract/limits.ts';
import { collectionOf, isCollection } from './collect.ts';
import { next } from './decide.ts';
import { isGroup } from './flow.ts';
import { isBegun, isControlled } from './groups.ts';
import { verdictOf } from './join.ts';
import { sizeOfResults } from './size.ts';
import type { WorkflowState } from './state.ts';
import { externalAction, type StepState } from './step-state.ts';
import { isHeld, isUnfinished } from './stop-steps.ts';
import { isTaken, type OfferedData, takeRuleOf } from './taking.ts';

type External = Extract<JournalEvent, { kind: 'external_data.ingested' }>;

/** A message names at most so many steps. */
const namedMax = 20;

export interface ExternalInput {
  stepId: string | null;
  stepName: string | null;
  /** Adds a step whatever waits. */
  add: boolean;
  sourceUrl: string | null;
  /** Default: `text`. */
  contentType?: string;
  action: string;
  outputs: OutputsRef;
  metadata: JsonObject;
  /** Eight random hex digits for the id of a step that is added. */
  suffix: string;
  now: number;
}

/** The steps that data can be sent to, in the order of the workflow. */
export function waitingForData({ steps }: WorkflowState): StepState[] {
  return steps.filter(waits);
}

/** PENDING: its condition is about to be asked, or its time to begin. */
function waits(step: StepState): boolean {
  const isOpen = step.status === 'WAITING_FOR_DEPENDENCY' || step.status === 'PENDING';
  return step.action === externalAction && !isGroup(step.flow) && isOpen && !isHeld(step);
}

/** Nothing but the data is missing. */
export function isReadyFor(state: WorkflowState, step: StepState): boolean {
  if (step.status !== 'WAITING_FOR_DEPENDENCY') return false;
  if (isControlled(step) && step.wait === null) return false;
  return verdictOf(state, state.placeOf(step.id)) === 'ready' && isBegun(state, step);
}

/** Throws a Refusal: CONFLICT, INVALID where several steps could be meant, TOO_LARGE. */
export function decideExternalData(state: WorkflowState, input: ExternalInput): External {
  refuseTooLarge(state, input);
  const base = {
    kind: 'external_data.ingested' as const,
    ...next(state, input.now),
    outputs: input.outputs,
    metadata: input.metadata,
  };
  const taker = input.add ? undefined : findTaker(state, input);
  if (taker === undefined) return { ...base, ...toAddition(state, input) };
  const isEarly = !isReadyFor(state, taker);
  return { ...base, stepId: taker.id, ...(isEarly ? { held: true } : {}) };
}

/** ED1. */
function findTaker(
  state: WorkflowState,
  { stepId, stepName, sourceUrl, contentType = 'text' }: ExternalInput,
): StepState | undefined {
  const given = stepId === null ? undefined : state.step(stepId);
  const named = given !== undefined && isCollection(given) ? findPlace(state, given) : given;
  if (named) {
    if (waits(named)) return named;
    const why = isHeld(named)
      ? 'has data that is kept until its dependencies are complete'
      : `is ${named.status} and does not wait for external data`;
    throw conflict(`Step "${named.id}" of workflow ${state.header.id} ${why}; leave step_id out to add a new step`);
  }
  // An id that no step has, and no name: the client has chosen the id of a new step.
  if (stepId !== null && stepName === null) return undefined;
  const waiting = onePlaceEach(state, waitingForData(state));
  const offered = { sourceUrl, contentType };
  const meant = stepName === null ? chooseByRule(waiting, offered) : chooseByName(state, waiting, stepName, offered);
  if (meant.length === 0) refuseTooSoon(state, stepName, offered);
  if (meant.length < 2) return meant[0];
  throw new Refusal({
    code: 'INVALID',
    detail: `${meant.length} steps of workflow ${state.header.id} wait for external data; name one by its step_id`,
    errors: [{ path: 'step_id', message: `say which: ${listSteps(meant)}; or say add: true to add a new step` }],
  });
}

/** ED6: the first place of a collection that is free. */
function findPlace(state: WorkflowState, collection: StepState): StepState {
  const places = state.placesOf(state.placeOf(collection.id)).map((i) => state.stepAt(i));
  const free = places.find(waits);
  if (free !== undefined) return free;
  const why = collection.count === null ? 'has not begun to collect' : 'has all its data';
  throw conflict(`Step "${collection.id}" of workflow ${state.header.id} ${why}; leave step_id out to add a new step`);
}

/** Places of one collection are alike: the first that is free stands for all. */
export function onePlaceEach(state: WorkflowState, waiting: readonly StepState[]): StepState[] {
  const seen = new Set<string>();
  return waiting.filter((step) => {
    const collection = collectionOf(state, step);
    if (collection === undefined) return true;
    const isFirst = !seen.has(collection.id);
    seen.add(collection.id);
    return isFirst;
  });
}

/** ED6. */
function refuseTooSoon(state: WorkflowState, stepName: string | null, offered: OfferedData): void {
  const early = state.steps.find((step) => {
    if (!isCollection(step) || step.count !== null || !isUnfinished(step)) return false;
    if (stepName !== null) return step.name === stepName;
    const rule = takeRuleOf(step.params);
    return rule === null || isTaken(rule, offered);
  });
  if (early === undefined) return;
  const wayOut = 'send the data when GET /api/waiting lists it, or say add: true to add a new step';
  throw conflict(`Step "${early.id}" of workflow ${state.header.id} has not begun to collect; ${wayOut}`);
}

function chooseByRule(waiting: readonly StepState[], offered: OfferedData): StepState[] {
  const withRule = waiting.map((step) => ({ step, rule: takeRuleOf(step.params) }));
  const fitting = withRule.filter(({ rule }) => rule !== null && isTaken(rule, offered));
  return (fitting.length > 0 ? fitting : withRule.filter(({ rule }) => rule === null)).map(({ step }) => step);
}

/** A name is enough, whatever a rule says; among several of one name a rule chooses. */
function chooseByName(
  state: WorkflowState,
  waiting: readonly StepState[],
  stepName: string,
  offered: OfferedData,
): StepState[] {
  const named = waiting.filter((step) => (collectionOf(state, step) ?? step).name === stepName);
  return named.length < 2 ? named : chooseByRule(named, offered);
}

function listSteps(steps: readonly StepState[]): string {
  const shown = steps.slice(0, namedMax).map(({ id, name }) => (name === id ? id : `${id} (${name})`));
  return [...shown, ...(steps.length > namedMax ? [`and ${steps.length - namedMax} more`] : [])].join(', ');
}

/** ED2. */
function toAddition(state: WorkflowState, { stepId, stepName, sourceUrl, action, suffix }: ExternalInput) {
  const { id } = state.header;
  if (state.steps.length >= limits.stepsMax) {
    throw conflict(`Workflow ${id} has ${limits.stepsMax} steps, the most there can be`);
  }
  const ownId = stepId ?? `ext_${suffix}`;
  const group = findGroupOf(state, ownId);
  if (group !== undefined) {
    const why = `step "${group}" may still make a step of this id`;
    throw conflict(`Step id "${ownId}" is not free in workflow ${id}: ${why}; choose another, or leave it out`);
  }
  if (state.index.has(ownId)) {
    const wayOut = stepId === null ? 'try again' : 'choose another, or leave it out';
    throw conflict(`Step id "${ownId}" is taken in workflow ${id}; ${wayOut}`);
  }
  return { stepId: ownId, added: { name: stepName ?? `External Data from ${sourceUrl ?? 'Browser'}`, action } };
}

/** ED5. */
function findGroupOf(state: WorkflowState, id: string): string | undefined {
  for (let at = id.indexOf('.'); at !== -1; at = id.indexOf('.', at + 1)) {
    const step = state.step(id.slice(0, at));
    if (step !== undefined && isGroup(step.flow)) return step.id;
  }
  return undefined;
}

function conflict(detail: string): Refusal {
  return new Refusal({ code: 'CONFLICT', detail });
}

function refuseTooLarge(state: WorkflowState, { outputs, metadata }: ExternalInput): void {
  const added = { outputs, metadata, error: null, logs: [], metrics: null };
  if (state.resultsSize + sizeOfResults(added) <= limits.workflowResultsMax) return;
  throw new Refusal({
    code: 'TOO_LARGE',
    detail: `Workflow ${state.header.id} has no room for this: the results of its steps may take ${limits.workflowResultsMax} characters together`,
  });
}
