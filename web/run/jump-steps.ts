/** The steps of the run that is shown, for the jump dialog. */
import { useEffect } from 'preact/hooks';
import { addJumpSource, type JumpItem } from '../jump/sources.ts';
import { toSafeLine } from '../output/safe-text.ts';
import type { RunStore } from './run-store.ts';
import { pick } from './view-state.ts';

export function useJumpSteps(store: RunStore): void {
  useEffect(() => addJumpSource(() => toItems(store)), [store]);
}

function toItems({ run }: RunStore): JumpItem[] {
  if (run === null) return [];
  const { ids, names } = run;
  return ids.map((id, i) => ({ label: toSafeLine(names[i] ?? id), detail: id, group: 'Steps', run: () => pick(id) }));
}
