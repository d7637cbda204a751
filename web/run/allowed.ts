/** What the status of a run allows a person to do, and the dialogs that ask for more. */
import { signal } from '@preact/signals';
import { isLost } from '../wire/connection.ts';
import { waitsFor } from './columns.ts';
import { look } from './look.ts';
import type { RunStore } from './run-store.ts';
import { pickedId } from './view-state.ts';

export const apiPath = (id: string, rest = ''): string => `/api/workflows/${encodeURIComponent(id)}${rest}`;

/** The dialog that is open; null for none. */
export const openDialog = signal<'branch' | 'budget' | null>(null);

/** Which actions the run's status allows. */
export interface Allowed {
  readonly stop: boolean;
  readonly retry: boolean;
  readonly resume: boolean;
  readonly raiseBudget: boolean;
}

export function allowedFor({ run }: RunStore): Allowed {
  if (run === null) return { stop: false, retry: false, resume: false, raiseBudget: false };
  const { status } = run.head;
  const isOpen = status === 'RUNNING' || status === 'PENDING' || status === 'WAITING_FOR_DEPENDENCY';
  const isPaused = run.counts[look.waiting]! > 0 && run.waits.includes(waitsFor.budget);
  return {
    stop: isOpen,
    // The engine takes it while others run too; nobody asks for it then by a button that must not be missed.
    retry: status === 'FAILED' || (status === 'WAITING_FOR_DEPENDENCY' && run.counts[look.failed]! > 0),
    resume: status === 'STOPPED',
    raiseBudget: isPaused,
  };
}

export function askBranch(store: RunStore): void {
  if (store.run !== null && !isLost.value) openDialog.value = 'branch';
}

/** The step that a branch begins from unless another is chosen: the picked one, a failed one, the first. */
export function branchFrom({ run }: RunStore): string | null {
  if (run === null) return null;
  if (pickedId.value !== null && run.index.has(pickedId.value)) return pickedId.value;
  const failed = run.look.indexOf(look.failed);
  return run.ids[failed >= 0 ? failed : 0] ?? null;
}
