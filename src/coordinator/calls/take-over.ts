/**
 * Takes over the file of a finished workflow that was changed by hand to something valid: from here on that is the workflow.
 * A copy of the file is set aside, and the workflow's warnings say what has happened.
 */
import type { StorePort } from '../../contract/store.ts';
import type { Clock } from '../clock.ts';
import type { Taken } from '../foreign-file.ts';
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

/** Resolves when the event that says so is durable. */
export function takeOver(parts: TakeOverParts, id: string, taken: Taken, version: number): Promise<void> {
  const { store, clock, incidents, workflows, turns, recorder } = parts;
  if (turns.isDiskFull) return Promise.reject(diskFullRefusal);
  const warning = 'state.json is not what the engine wrote; its content was taken over as found';
  store.copyAsideState(id, warning);
  incidents.warn(`Workflow ${id}: ${warning}`);
  const warnings = [...((taken.workflow.warnings as string[] | undefined) ?? []), warning];
  const workflow = { ...taken.workflow, warnings };
  const base = { kind: 'workflow.taken_over' as const, workflowId: id, at: clock.now(), version };
  return new Promise((answer, refuse) => {
    turns.push({
      run: (batch) => {
        if (workflows.finished.has(id)) recorder.record(batch, { ...base, ...taken, workflow });
        batch.answer({ answer, refuse });
      },
      refuse,
    });
  });
}
