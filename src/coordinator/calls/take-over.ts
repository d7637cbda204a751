/**
 * Takes over the state.json of a finished workflow after it was changed by hand and is still valid: the workflow is
 * what the file says from now on. A copy of the file goes to quarantine, and the workflow's warnings say what has
 * happened.
 */
import type { StorePort } from '../../contract/store.ts';
import type { Clock } from '../clock.ts';
import type { ForeignContent } from '../foreign-file.ts';
import type { Incidents } from '../incidents.ts';
import type { Recorder } from '../recorder.ts';
import { diskFullRefusal, type Turns } from '../turns.ts';
import type { Workflows } from '../workflows.ts';

export interface TakeOverParts {
  store: StorePort;
  clock: Clock;
  incidents: Incidents;
  workflows: Workflows;
  turns: Turns;
  recorder: Recorder;
}

/** Resolves when the `workflow.taken_over` event is durable. */
export function takeOver(parts: TakeOverParts, id: string, content: ForeignContent, version: number): Promise<void> {
  const { store, clock, incidents, workflows, turns, recorder } = parts;
  if (turns.isStuck) return Promise.reject(diskFullRefusal);
  const warning = 'state.json is not what the engine wrote; its content was taken over as found';
  store.copyAsideState(id, warning);
  incidents.warn(`Workflow ${id}: ${warning}`);
  const warnings = [...((content.workflow.warnings as string[] | undefined) ?? []), warning];
  const workflow = { ...content.workflow, warnings };
  const base = { kind: 'workflow.taken_over' as const, workflowId: id, at: clock.now(), version };
  return new Promise((answer, refuse) => {
    turns.push({
      run: (batch) => {
        if (workflows.finished.has(id)) recorder.record(batch, { ...base, ...content, workflow });
        batch.answer({ answer, refuse });
      },
      refuse,
    });
  });
}
