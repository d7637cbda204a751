/** What a workflow waits for from outside, and how to give it: for `run` and `show`. */
import { Refusal } from '../contract/failures.ts';
import type { Workflow, WorkflowStep } from '../contract/workflow.ts';
import type { CliEngine } from './context.ts';
import type { EngineAccess } from './engine-access.ts';
import { printable } from './printable.ts';

/** So many are shown with their message. */
const decisionsMax = 10;

export function isAwaitingDecision({ waits }: WorkflowStep): boolean {
  return waits?.for === 'decision';
}

/** Data is missing, and nothing else: the steps before are done. */
export function awaitsData({ steps }: Pick<Workflow, 'steps'>): WorkflowStep[] {
  return steps.filter(
    ({ action, status, waits }) =>
      waits?.for === 'data' ||
      (action === 'external_data' && status === 'WAITING_FOR_DEPENDENCY' && waits === undefined),
  );
}

/** Lines, without a line end. */
export async function toDecisionLines(workflow: Workflow, access: EngineAccess): Promise<string[]> {
  const awaited = workflow.steps.filter(isAwaitingDecision);
  if (awaited.length === 0) return [];
  const lines: string[] = [];
  let needsData = false;
  for (const [i, { id }] of awaited.slice(0, decisionsMax).entries()) {
    const { message = '', waits, params } = await readStep(access.engine, workflow, id);
    if (i === 0) needsData = params?.data !== undefined;
    const until = waits?.until === undefined ? '' : ` (until ${waits.until})`;
    lines.push(`waits for a decision: ${printable(id)}: ${printable(message)}${until}`);
  }
  if (awaited.length > decisionsMax) lines.push(`and ${awaited.length - decisionsMax} more decisions`);
  const [first] = awaited;
  return [...lines, toAdvice(workflow.id, { stepId: first?.id ?? '', needsData }, access)];
}

function toAdvice(
  workflowId: string,
  { stepId, needsData }: { stepId: string; needsData: boolean },
  { serverUrl, keepsData }: EngineAccess,
): string {
  const command = `hybrid-engine decide ${workflowId} ${printable(stepId)} --approve${needsData ? " --data '{…}'" : ''}`;
  if (serverUrl !== null) {
    const path = `/api/workflows/${workflowId}/steps/${encodeURIComponent(stepId)}/decision`;
    const curl = `curl -X POST ${serverUrl}${path} -H 'Content-Type: application/json' -d '{"approved": true${needsData ? ', "data": {…}' : ''}}'`;
    return `to decide: ${command} --server ${serverUrl} (or --reject)\n       or: ${curl}`;
  }
  if (keepsData) return `to decide: serve this data directory, then ${command} (or --reject)`;
  return 'what is done is gone with this run: run it with --server, or with --data and serve that directory, so that it can be decided';
}

async function readStep(engine: CliEngine, { id, steps }: Workflow, stepId: string): Promise<Partial<WorkflowStep>> {
  try {
    return await engine.getStep(id, stepId);
  } catch (error) {
    // It went on, or away, in the meantime.
    if (error instanceof Refusal) return steps.find((step) => step.id === stepId) ?? {};
    throw error;
  }
}
