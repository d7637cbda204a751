/**
 * The definition that a run was made from, as it can be given again: without what the engine has added (steps of groups,
 * steps for data that nobody had asked for) and without defaults.
 */
import type { DefinitionBack } from '../contract/run-view.ts';
import { groupAction, toFlowFields } from './flow.ts';
import type { WorkflowState } from './state.ts';
import type { StepState } from './step-state.ts';

export function toDefinitionBack(state: WorkflowState): DefinitionBack {
  const { name, description, tags, failurePolicy, budget, params, templateId } = state.header;
  const own = state.steps.filter((step) => step.of === null && !isAdded(step));
  const last = own.filter(({ flow }) => flow.isFinal);
  const others = new Set(own.filter(({ flow }) => !flow.isFinal).map(({ id }) => id));
  const definition = {
    name,
    ...(description === '' ? {} : { description }),
    // The engine's own tag says what a run was, not what it is to be.
    ...(tags.some((tag) => tag !== 'simulated') ? { tags: tags.filter((tag) => tag !== 'simulated') } : {}),
    ...(failurePolicy === 'continue' ? {} : { failurePolicy }),
    ...(budget === null ? {} : { budget }),
    steps: own.filter(({ id }) => others.has(id)).map((step) => toWritten(step, new Set())),
    ...(last.length === 0 ? {} : { finally: last.map((step) => toWritten(step, others)) }),
  };
  return { definition, params, templateId };
}

/** A step that data from outside has made waits for nobody and has no params of its own. */
function isAdded({ params, dependencies }: StepState): boolean {
  return params.source === 'browser_extension' && Object.keys(params).length === 1 && dependencies.length === 0;
}

/** `implied`: dependencies that a step of `finally` has without naming them. */
function toWritten(step: StepState, implied: ReadonlySet<string>): Record<string, unknown> {
  const { id, name, action, params, timeoutMs, retry, cache, flow } = step;
  const { body, final: _, join, ...fields } = toFlowFields(flow);
  const dependencies = step.dependencies.filter((name) => !implied.has(name));
  return {
    id,
    ...(name === id ? {} : { name }),
    ...(action === groupAction ? {} : { action }),
    ...(dependencies.length === 0 ? {} : { dependencies }),
    ...(Object.keys(params).length === 0 ? {} : { params }),
    ...(timeoutMs === null ? {} : { timeoutMs }),
    ...(retry === null ? {} : { retry }),
    ...(cache ? { cache: true } : {}),
    // A step of `finally` has one of its own, which a definition does not say.
    ...(join === undefined || flow.isFinal ? {} : { join }),
    ...fields,
    ...(body === undefined ? {} : { steps: body }),
  };
}
