/** What is read out of a state.json that is not, to the byte, what the journal or the index says was written last. */
import type { z } from 'zod';
import { toFieldErrors } from '../contract/field-errors.ts';
import type { JournalEvent } from '../contract/journal-event.ts';
import type { JsonObject } from '../contract/json.ts';
import type { SpendingRow } from '../contract/ledger.ts';
import type { StateFile } from '../contract/store.ts';
import { decideDelete } from '../core/decide.ts';
import type { WorkflowState } from '../core/state.ts';
import { readWorkflow, stateFileSchema, type WorkflowMeta } from '../core/state-file.ts';

type ReadFile = Extract<StateFile, { kind: 'intact' | 'foreign' }>;

/** Whether a file holds the workflow of its directory; `reason` ends the sentence "Workflow … was set aside: …". */
type Judgement =
  | { isSound: true; file: ReadFile; workflow: z.output<typeof stateFileSchema> }
  | { isSound: false; reason: string };

export function judgeFile(id: string, file: StateFile): Judgement {
  if (file.kind === 'absent') return { isSound: false, reason: 'its state.json is gone' };
  if (file.kind === 'unreadable') return { isSound: false, reason: file.reason };
  const parsed = stateFileSchema.safeParse(file.value);
  if (parsed.success && parsed.data.id === id) return { isSound: true, file, workflow: parsed.data };
  const fault = parsed.success ? 'it holds another workflow id' : toFirstFault(parsed.error);
  return { isSound: false, reason: `its state.json is not a workflow: ${fault}` };
}

/** A path may be as long as the file. */
const faultLengthMax = 200;

function toFirstFault({ issues }: z.ZodError): string {
  const [first] = toFieldErrors(issues);
  const fault = [first?.path, first?.message].filter((part) => part).join(': ');
  return fault.length <= faultLengthMax ? fault : `${fault.slice(0, faultLengthMax)}…`;
}

/** What an event that begins a workflow from a file carries of it. */
export type Taken = Pick<
  Extract<JournalEvent, { kind: 'workflow.adopted' | 'workflow.taken_over' }>,
  'sha256' | 'keys' | 'spending' | 'workflow'
>;

/** What only `_meta` holds is the engine's own word where the sums vouch for it. */
export function toTaken(file: ReadFile, workflow: JsonObject): Taken {
  const { keys } = (file.kind === 'intact' ? file.meta : {}) as Partial<WorkflowMeta>;
  return { sha256: file.sha256, ...(keys ? { keys } : {}), spending: spendingOf(file), workflow };
}

/** What the file of another life says its steps have used; attempts that ran when it was written have ended with that (M4). */
export function spendingOf(file: StateFile): readonly SpendingRow[] {
  if (file.kind !== 'intact') return [];
  const state = readWorkflow(file.value, file.meta as unknown as WorkflowMeta, 0);
  return decideDelete(state, state.header.updatedAt).spending ?? [];
}

/** Takes the place of what such a file says. */
export function settleTaken(state: WorkflowState, spending: readonly SpendingRow[]): void {
  state.setHeader({ spending });
  state.steps.forEach(({ reserved }, i) => {
    if (reserved !== null) state.setStep(i, { reserved: null });
  });
}
