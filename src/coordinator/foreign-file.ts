/** Reads a state.json whose bytes are not the ones that, by the journal or the index, the engine wrote last. */
import type { z } from 'zod';
import { toFieldErrors } from '../contract/field-errors.ts';
import type { JournalEvent } from '../contract/journal-event.ts';
import type { JsonObject } from '../contract/json.ts';
import type { SpendingRow } from '../contract/ledger.ts';
import { toKeepIt, toLostNumberLines } from '../contract/lost-numbers.ts';
import type { StateFile } from '../contract/store.ts';
import { decideDelete } from '../core/decide.ts';
import { findExcess, findFileFault } from '../core/file-bounds.ts';
import type { WorkflowState } from '../core/state.ts';
import { isSoundMeta, readWorkflow, stateFileSchema, type WorkflowMeta } from '../core/state-file.ts';

type ReadFile = Extract<StateFile, { kind: 'intact' | 'foreign' }>;

/**
 * Says whether a file holds the workflow of its directory. `reason` ends the sentence "Workflow … was set aside: …".
 */
type Judgement =
  | { isSound: true; file: ReadFile; workflow: z.output<typeof stateFileSchema> }
  | { isSound: false; reason: string };

export function judgeFile(id: string, read: StateFile): Judgement {
  const file = withSoundMeta(read);
  if (file.kind === 'absent') return { isSound: false, reason: 'its state.json is gone' };
  if (file.kind === 'unreadable') return { isSound: false, reason: file.reason };
  const excess = findExcess(file.value);
  if (excess !== null) return { isSound: false, reason: `its state.json ${excess}` };
  const parsed = stateFileSchema.safeParse(file.value);
  if (parsed.success && parsed.data.id === id) {
    const beyond = findFileFault(parsed.data);
    if (beyond !== null) return { isSound: false, reason: `its state.json ${beyond}` };
    return { isSound: true, file, workflow: parsed.data };
  }
  const fault = parsed.success ? 'it holds another workflow id' : toFirstFault(parsed.error);
  return { isSound: false, reason: `its state.json is not a workflow: ${fault}` };
}

/** A file whose `_meta` does not fit counts as another's: nothing of its `_meta` is believed. */
export function withSoundMeta(file: StateFile): StateFile {
  if (file.kind !== 'intact' || isSoundMeta(file.meta)) return file;
  return { kind: 'foreign', value: file.value, sha256: file.sha256 };
}

/** The path in a fault may be as long as the file itself. */
const faultLengthMax = 200;

function toFirstFault({ issues }: z.ZodError): string {
  const [first] = toFieldErrors(issues);
  const fault = [first?.path, first?.message].filter((part) => part).join(': ');
  return fault.length <= faultLengthMax ? fault : `${fault.slice(0, faultLengthMax)}…`;
}

/** The fields of a `workflow.adopted` or `workflow.taken_over` event that come from the file. */
export type ForeignContent = Pick<
  Extract<JournalEvent, { kind: 'workflow.adopted' | 'workflow.taken_over' }>,
  'sha256' | 'keys' | 'spending' | 'workflow'
>;

/** Reads `_meta` of an intact file only: its checksums prove that the engine wrote it. */
export function toForeignContent(file: ReadFile, workflow: JsonObject): ForeignContent {
  const { keys } = (file.kind === 'intact' ? file.meta : {}) as Partial<WorkflowMeta>;
  const spending = spendingOf(file);
  return { sha256: file.sha256, ...(keys ? { keys } : {}), spending, workflow: withLostNumbers(file, workflow) };
}

/** The engine's next file will not have them any more. */
function withLostNumbers(file: ReadFile, workflow: JsonObject): JsonObject {
  if (file.kind === 'intact' || file.lost === undefined) return workflow;
  const lines = toLostNumberLines(file.lost, toKeepIt.file);
  return { ...workflow, warnings: [...((workflow.warnings as string[] | null | undefined) ?? []), ...lines] };
}

/**
 * What the steps had used when the engine wrote this file; nothing for a file that the engine did not write. Attempts
 * that were in flight at that time count as lost (M4).
 */
export function spendingOf(file: StateFile): readonly SpendingRow[] {
  if (file.kind !== 'intact') return [];
  const state = readWorkflow(file.value, file.meta as unknown as WorkflowMeta, 0);
  return decideDelete(state, state.header.updatedAt).spending ?? [];
}

/** Replaces the file's spending with these rows and clears its reservations. */
export function settleForeignContent(state: WorkflowState, spending: readonly SpendingRow[]): void {
  state.setHeader({ spending });
  state.steps.forEach(({ reserved }, i) => {
    if (reserved !== null) state.setStep(i, { reserved: null });
  });
}
