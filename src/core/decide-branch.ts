/**
 * A branch: a new workflow that takes over what a workflow has completed, up to a step from which it runs again. Pure like
 * `decide.ts`.
 */
import { Refusal } from '../contract/failures.ts';
import type { JsonObject } from '../contract/json.ts';
import type { Created } from './decide.ts';
import { withDownstream } from './graph.ts';
import { isControlled } from './groups.ts';
import type { WorkflowState } from './state.ts';
import { externalAction } from './step-state.ts';
import { isHeld } from './stop-steps.ts';
import { toIso } from './time.ts';
import { toStepView, toWrittenStep } from './view.ts';

export interface BranchInput {
  id: string;
  stepId: string;
  params: JsonObject | undefined;
  now: number;
}

const stillWaiting = { status: 'WAITING_FOR_DEPENDENCY', error: null, endTime: null, duration: null };

/** A new workflow that keeps every completed step not downstream of `stepId`, and runs the others. */
export function decideBranch(parent: WorkflowState, { id, stepId, params, now }: BranchInput): Created {
  const from = parent.index.get(stepId);
  if (from === undefined) {
    const known = parent.steps.slice(0, 20).map((step) => step.id);
    throw new Refusal({
      code: 'INVALID',
      detail: `Workflow ${parent.header.id} has no step "${stepId}" to branch from`,
      errors: [{ path: 'stepId', message: `no such step; there are ${known.join(', ')}` }],
    });
  }
  const root = rootOf(parent, from);
  if (params) refuseGroupParams(parent, from);
  const again = withDownstream(parent, [root]);
  const undone = hangingOnUnfinished(parent);
  const isTaken = (i: number) => {
    const at = rootOf(parent, i);
    return !again.has(at) && !undone.has(at) && parent.stepAt(at).status === 'COMPLETED';
  };
  const steps = parent.steps.flatMap((step, i): object[] => {
    // A child stays the original's: the branch takes over what it has returned.
    if (isTaken(i)) return [{ ...toStepView(step), child: undefined }];
    // The steps that a group has made are made again.
    if (step.of !== null) return [];
    // Data that is kept for a step is kept for it in the branch too (ED3).
    if (!again.has(i) && isHeld(step)) return [{ ...toStepView(step), ...stillWaiting }];
    // What its dependencies say is settled when the branch begins.
    const waits = step.dependencies.length > 0 || (step.action === externalAction && !isControlled(step));
    const own = { ...toWrittenStep(step), ...(i === from && params ? { params } : {}) };
    return [{ ...own, status: waits ? 'WAITING_FOR_DEPENDENCY' : 'PENDING' }];
  });
  const { name, description, tags, failurePolicy, templateId, budget, templates } = parent.header;
  const workflow = {
    id,
    name,
    description,
    tags,
    failurePolicy,
    templateId,
    ...(budget ? { budget } : {}),
    ...(templates ? { templates } : {}),
    params: parent.header.params,
    parentId: parent.header.id,
    status: 'PENDING',
    createdAt: toIso(now),
    steps,
  };
  return {
    kind: 'workflow.created',
    workflowId: id,
    at: now,
    version: 1,
    workflow: workflow as unknown as JsonObject,
    parent: { id: parent.header.id, stepId, version: parent.header.version + 1 },
  };
}

/** The step of the definition that the step belongs to: of a step made for an item, the outermost group. */
function rootOf(state: WorkflowState, i: number): number {
  const { of } = state.stepAt(i);
  return of === null ? i : rootOf(state, state.placeOf(of.step));
}

/** What a branch runs, and what has run although a step before it had not: by `join: ended` or `failed`. */
function hangingOnUnfinished(parent: WorkflowState): Set<number> {
  const unfinished = parent.steps.flatMap(({ status, of }, i) => (status !== 'COMPLETED' && of === null ? [i] : []));
  const isEnd = (i: number) => parent.stepAt(i).action === externalAction && parent.stepAt(i).status === 'COMPLETED';
  return withDownstream(parent, unfinished, isEnd);
}

function refuseGroupParams(parent: WorkflowState, from: number): void {
  const { id, of, flow } = parent.stepAt(from);
  if (of === null && flow.body === null) return;
  const group = parent.stepAt(rootOf(parent, from));
  const wayOut =
    of !== null && group.flow.body === null ? `name "${group.id}", whose params its items share` : 'leave params out';
  throw new Refusal({
    code: 'INVALID',
    detail: `Step "${id}" of workflow ${parent.header.id} takes no params of its own; ${wayOut}`,
    errors: [{ path: 'params', message: wayOut }],
  });
}
