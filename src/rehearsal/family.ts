/** Workflows that steps of a workflow have started, for those who show or follow the whole. */
import type { Engine } from '../contract/engine.ts';
import { Refusal } from '../contract/failures.ts';
import type { Workflow, WorkflowStep } from '../contract/workflow.ts';

type Reads = Pick<Engine, 'get'>;

/** The workflow, and those below it that wait for something from outside. */
export async function withWaitingBelow(workflow: Workflow, engine: Reads): Promise<Workflow[]> {
  const family = [workflow];
  for (const { waits, child } of workflow.steps) {
    if (waits?.for !== 'workflow' || waits.atRest !== true || child === undefined) continue;
    const below = await readChild(engine, child);
    if (below !== null) for (const each of await withWaitingBelow(below, engine)) family.push(each);
  }
  return family;
}

/**
 * The workflow with the steps of all below it among its own: those of a step `sub` are called `sub/<step>`, and count as
 * made by it.
 */
export async function withStepsBelow(workflow: Workflow, engine: Reads): Promise<Workflow> {
  const steps: WorkflowStep[] = [];
  for (const step of workflow.steps) {
    steps.push(step);
    const child = step.child === undefined ? null : await readChild(engine, step.child);
    if (child === null) continue;
    for (const made of toMade((await withStepsBelow(child, engine)).steps, step.id)) steps.push(made);
  }
  return { ...workflow, steps };
}

function toMade(steps: readonly WorkflowStep[], by: string): WorkflowStep[] {
  const toId = (id: string) => `${by}/${id}`;
  return steps.map((step) => ({
    ...step,
    id: toId(step.id),
    dependencies: step.dependencies.map(toId),
    of: step.of === undefined ? { step: by, index: 0 } : { ...step.of, step: toId(step.of.step) },
  }));
}

/** null where it is gone. */
async function readChild(engine: Reads, id: string): Promise<Workflow | null> {
  try {
    return (await engine.get(id)).workflow;
  } catch (error) {
    if (error instanceof Refusal) return null;
    throw error;
  }
}
