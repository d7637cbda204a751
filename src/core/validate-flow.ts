/**
 * What is wrong with the words of a step that say when and how often it runs, apart from their shape: words that do not go
 * together, lists that are too long, ids that the steps of a group will need.
 */
import type { StepDefinition } from '../contract/definition.ts';
import { limits } from '../contract/limits.ts';
import { isAlone } from './bindings.ts';
import { findReferences } from './references.ts';
import { workflowAction } from './step-state.ts';
import { idAt, type NameScope } from './validate-scope.ts';

type Add = (path: readonly PropertyKey[], message: string) => void;

const idLengthMax = 128;

export function checkFlow(step: StepDefinition, i: number, scope: NameScope, add: Add): void {
  const isGroup = step.forEach !== undefined || step.repeat !== undefined;
  checkTogether(step, isGroup, add);
  checkJoin(step, i, scope, add);
  if (step.tolerate !== undefined && step.tolerate !== true && step.forEach === undefined) {
    add(['tolerate'], 'a number or a share counts items, and this step has no forEach; write true');
  }
  checkCall(step, add);
  if (!isGroup) return;
  if (depthOf(scope) >= limits.groupDepthMax) {
    add([], `groups within groups go ${limits.groupDepthMax} deep at most`);
  }
  const length = lengthOf(step);
  if (length > idLengthMax) {
    add(
      ['id'],
      `the ids of its steps, such as ${longestOf(step)}, would have ${length} characters; ${idLengthMax} is the most`,
    );
  }
  if (step.forEach !== undefined) checkList(step, add);
}

function checkTogether(step: StepDefinition, isGroup: boolean, add: Add): void {
  const { action, steps, forEach, repeat } = step;
  if (action !== undefined && steps !== undefined) {
    add(['steps'], 'a step has an action, or `steps` of its own, not both; make the action one of the steps');
  }
  if (steps !== undefined && !isGroup)
    add(['steps'], 'inner steps need forEach or repeat; or write them among the others');
  if (forEach !== undefined && repeat !== undefined) {
    add(['repeat'], 'forEach and repeat do not go together; put one into the `steps` of the other');
  }
  for (const field of ['concurrency', 'batch', 'label', 'output'] as const) {
    if (step[field] !== undefined && forEach === undefined) add([field], 'is for steps with forEach');
  }
}

/** Fields that a step with a task has, and one that runs a workflow has not. */
function checkCall(step: StepDefinition, add: Add): void {
  if (step.action !== workflowAction) return;
  for (const field of ['retry', 'timeoutMs', 'cache'] as const) {
    if (step[field] === undefined) continue;
    const bound = field === 'timeoutMs' ? '; params.within bounds the time of the whole' : '';
    add([field], `is for steps that run themselves: write it in the steps of the template${bound}`);
  }
}

function checkJoin({ join, dependencies = [] }: StepDefinition, i: number, scope: NameScope, add: Add): void {
  if (scope.steps[i]?.final) return;
  if ((join === 'ended' || join === 'failed') && dependencies.length === 0) {
    add(['join'], `${join} asks how the dependencies have ended, and there are none`);
  }
}

function checkList({ forEach, batch, steps }: StepDefinition, add: Add): void {
  const isOne = typeof forEach === 'string' || Array.isArray(forEach);
  const lists: [readonly PropertyKey[], unknown][] = isOne
    ? [[[], forEach]]
    : Object.entries(forEach as object).map(([name, list]) => [[name], list]);
  for (const [path, list] of lists) {
    if (typeof list !== 'string') continue;
    const [first] = findReferences(list);
    // Names of items around it are not known here: `{{item}}` is taken for one.
    if ((first === undefined || !isAlone(first, list)) && !/^\s*\{\{[^{}]*\}\}\s*$/.test(list)) {
      add(['forEach', ...path], 'takes a list, or a reference to one and nothing beside it, as in "{{params.urls}}"');
    }
  }
  if (batch !== undefined && batch > 1 && lists.length > 1)
    add(['batch'], 'cuts one list into pieces; there are several');
  if (lists.some(([, list]) => typeof list === 'string')) return;
  const all = lists.reduce((product, [, list]) => product * (list as unknown[]).length, 1);
  const made = Math.ceil(all / (batch ?? 1)) * (steps?.length ?? 1);
  if (made > limits.stepsMax) {
    add(
      ['forEach'],
      `would make ${made} steps, and a workflow has at most ${limits.stepsMax}; put several items into one with batch`,
    );
  }
}

/** How many groups lie around the steps of a scope. */
function depthOf(scope: NameScope): number {
  return scope.outer === null ? 0 : 1 + depthOf(scope.outer.scope);
}

/** The longest id of the steps that a group makes. */
function lengthOf(step: StepDefinition): number {
  return longestOf(step).length;
}

function longestOf({ id, forEach, repeat, steps = [] }: StepDefinition): string {
  if (forEach === undefined && repeat === undefined) return id;
  const group = `${id}.${(repeat === undefined ? limits.stepsMax : limits.roundsMax) - 1}`;
  const inner = steps.map(longestOf).reduce((longest, each) => (each.length > longest.length ? each : longest), '');
  return inner === '' ? group : `${group}.${inner}`;
}

/** The ids that begin as those of the steps of a group of the same scope do. */
export function findTakenIds(scope: NameScope): { i: number; group: string }[] {
  const { steps } = scope;
  const groups = new Set(steps.flatMap((step) => ((step?.forEach ?? step?.repeat) === undefined ? [] : [step?.id])));
  if (groups.size === 0) return [];
  return steps.flatMap((_, i) => {
    const id = idAt(scope, i);
    for (let at = id.indexOf('.'); at !== -1; at = id.indexOf('.', at + 1)) {
      const group = id.slice(0, at);
      if (groups.has(group)) return [{ i, group }];
    }
    return [];
  });
}
