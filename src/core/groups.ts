/**
 * Groups: steps with `forEach` or `repeat`, and the steps that are made from them.
 *
 * Rules, numbered for tests:
 *   F1  the steps of an item are named `<group>.<index>`, or `<group>.<index>.<inner step>`. All steps of a list are there
 *       from the moment the list is known, those of a round from its beginning. They share what their definition says;
 *   F2  items begin in the order of the list, and at most `concurrency` of them are under way at once, of groups within
 *       groups too. What a retry sets going again takes its turn with those under way;
 *   F3  a step with `forEach` ends when its last item has. It has FAILED as soon as more items have failed than it
 *       tolerates; items that have not begun are STOPPED then, and those under way go on;
 *   F4  a group records `{count, failed, skipped}` alone; what its items have made is read from their own steps;
 *   F5  what runs after a group, by `join` or in `finally`, begins when the group and all its items have ended: after a
 *       failure too, a group within a group included.
 */
import type { StepDefinition } from '../contract/definition.ts';
import type { Of } from '../contract/flow.ts';
import { readDuration } from '../contract/flow.ts';
import type { JsonObject } from '../contract/json.ts';
import { groupAction, isGroup, plainFlow, type StepFlow, toFlow } from './flow.ts';
import type { GroupTally } from './group-tally.ts';
import { itemAt } from './item-at.ts';
import type { WorkflowState } from './state.ts';
import { countOf, externalAction, isItemFailure, type StepState, workflowAction } from './step-state.ts';

/** What a step is before anything has happened to it. */
export const untouched = {
  status: 'WAITING_FOR_DEPENDENCY',
  outputs: null,
  error: null,
  errorCode: null,
  queuedAt: null,
  startTime: null,
  endTime: null,
  logs: [],
  metadata: null,
  metrics: null,
  attempt: 0,
  attempts: [],
  failures: 0,
  dueAt: null,
  delayMs: 0,
  deaths: 0,
  reserved: null,
  pause: null,
  of: null,
  count: null,
  child: null,
  base: null,
  outcome: null,
  wait: null,
} as const satisfies Partial<StepState>;

/** The last part of the id of a step that a group makes; `''` where its own action runs for each item. */
type InnerId = string;

/** What the steps of all items of a group have in common, by the id of the inner step. */
export type Bodies = ReadonlyMap<InnerId, StepState>;

export function toBodies(group: StepState): Bodies {
  const { body } = group.flow;
  if (body === null) {
    const { id, name, action, params, timeoutMs, retry, cache } = group;
    const own = { id, name, action, params, timeoutMs, retry, cache, dependencies: [], flow: plainFlow };
    return new Map([['', { ...untouched, ...own }]]);
  }
  return new Map(body.map((step) => [step.id, toBody(step, group)]));
}

function toBody(step: StepDefinition, group: StepState): StepState {
  return {
    ...untouched,
    id: step.id,
    name: step.name ?? step.id,
    action: step.action ?? groupAction,
    dependencies: step.dependencies ?? [],
    params: (step.params ?? {}) as JsonObject,
    timeoutMs: step.timeoutMs ?? null,
    retry: step.retry ?? null,
    cache: step.cache ?? group.cache,
    flow: toFlow({ ...step, body: step.steps }),
  };
}

/** F1: the steps of items `from` to `to - 1`; `labels` are those of all items. */
export function makeSteps(group: StepState, from: number, to: number, labels: readonly string[] = []): StepState[] {
  const bodies = [...toBodies(group)];
  const made: StepState[] = [];
  for (let index = from; index < to; index += 1) {
    const prefix = `${group.id}.${index}`;
    const label = labels[index];
    for (const [inner, body] of bodies) {
      made.push({
        ...body,
        id: inner === '' ? prefix : `${prefix}.${inner}`,
        name: label === undefined ? body.name : inner === '' ? label : `${body.name}: ${label}`,
        dependencies: body.dependencies.map((id) => `${prefix}.${id}`),
        of: { step: group.id, index },
      });
    }
  }
  return made;
}

/** The inner id of a step that was made from a group. */
export function toInnerId(id: string, of: Of): InnerId {
  return id.slice(`${of.step}.${of.index}.`.length);
}

/** A group whose items or rounds are under way: it waits for them, and is not queued meanwhile. */
export function isUnderWay({ status, count, flow }: StepState): boolean {
  return status === 'WAITING_FOR_DEPENDENCY' && count !== null && isGroup(flow);
}

/** F2: whether the items that the step belongs to, at every depth, may run; not while a list of theirs is read again. */
export function isBegun(state: WorkflowState, step: StepState): boolean {
  for (let { of } = step; of !== null; ) {
    const g = state.placeOf(of.step);
    const group = state.stepAt(g);
    if (group.count === null || !state.tallyAt(g).mayRun(of.index)) return false;
    of = group.of;
  }
  return true;
}

/** All steps that a group has made, those of groups within it included. */
export function wholeOf(state: WorkflowState, group: number): number[] {
  return state.placesOf(group).flatMap((i) => [i, ...wholeOf(state, i)]);
}

/** Steps without a task: what they wait for is settled by the coordinator's thread, without a slot. */
export function isControlled({ action, params, flow }: Pick<StepState, 'action' | 'params' | 'flow'>): boolean {
  if (flow.when !== null || isGroup(flow) || action === 'approval' || action === workflowAction) return true;
  if (action === externalAction) return isDurationOrReference(params.within);
  return action === 'delay' && (params.for !== undefined || params.until !== undefined);
}

/** Params of data from outside are free: a `within` that is no duration means something to people alone. */
function isDurationOrReference(within: unknown): boolean {
  return typeof within === 'string' && (readDuration(within) !== null || within.includes('{{'));
}

/** The step whose outputs stand for an item, unless the group says `output`: the last of its inner steps. */
export function standsFor(tally: GroupTally, index: number): number {
  return itemAt(itemAt(tally.places, index).slice(-1), 0);
}

/** Whether the steps that stand for the item were skipped: the last one; with `output` all of them. */
export function isItemSkipped(state: WorkflowState, flow: StepFlow, tally: GroupTally, index: number): boolean {
  if (tally.isFailed(index)) return false;
  const places = itemAt(tally.places, index);
  const standing = flow.output === undefined ? places.slice(-1) : places;
  return standing.every((i) => state.stepAt(i).outcome === 'skipped');
}

/** F4: what the group records at its end. */
export function toGroupOutputs(state: WorkflowState, group: StepState, tally: GroupTally): Record<string, number> {
  const count = countOf(group);
  let skipped = 0;
  for (let index = 0; index < count; index += 1) {
    if (isItemSkipped(state, group.flow, tally, index)) skipped += 1;
  }
  return { count, failed: tally.failedItems, skipped };
}

/** `item 3 failed: HTTP 404`. */
export function toItemError(state: WorkflowState, tally: GroupTally, index: number, what: 'item' | 'round'): string {
  const failed = itemAt(tally.places, index).map((i) => state.stepAt(i));
  const [error = 'without an error'] = failed.flatMap((step) => (isItemFailure(step) ? (step.error ?? []) : []));
  return `${what} ${index} failed: ${error}`;
}
