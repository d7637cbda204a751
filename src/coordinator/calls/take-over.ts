/**
 * Takes over the file of a finished workflow that was changed by hand, to something valid: that is what the workflow is from
 * here on. A copy of what was found is set aside, and the workflow says in its warnings what has happened to it.
 */
import type { Coordinator } from '../coordinator.ts';
import type { Taken } from '../foreign-file.ts';
import { diskFullRefusal } from '../turns.ts';

type Parts = Pick<Coordinator, 'parts' | 'workflows' | 'turns' | 'recorder' | 'warn'>;

/** Resolves when the event that says so is durable. */
export function takeOver(coordinator: Parts, id: string, taken: Taken, version: number): Promise<void> {
  const { parts, workflows, turns, recorder } = coordinator;
  if (turns.isDiskFull) return Promise.reject(diskFullRefusal);
  const warning = 'state.json is not what the engine wrote; its content was taken over as found';
  parts.store.copyAsideState(id, warning);
  coordinator.warn(`Workflow ${id}: ${warning}`);
  const warnings = [...((taken.workflow.warnings as string[] | undefined) ?? []), warning];
  const workflow = { ...taken.workflow, warnings };
  const base = { kind: 'workflow.taken_over' as const, workflowId: id, at: parts.clock.now(), version };
  return new Promise((resolve, reject) => {
    turns.push({
      run: (batch) => {
        if (workflows.finished.has(id)) recorder.record(batch, { ...base, ...taken, workflow });
        batch.after.push(resolve);
        batch.refusals.push(reject);
      },
      refuse: reject,
    });
  });
}
