/** What the parts of the run page share. */
import { createContext } from 'preact';
import { useContext } from 'preact/hooks';
import type { Columns } from './columns.ts';
import type { RunStore } from './run-store.ts';
import type { StepLoader } from './step-loader.ts';

export interface RunContext {
  readonly store: RunStore;
  readonly steps: StepLoader;
}

export const RunScope = createContext<RunContext | null>(null);

export function useRunScope(): RunContext {
  const scope = useContext(RunScope);
  if (scope === null) throw new Error('a part of the run page stands outside it');
  return scope;
}

/** The columns, drawn again with each change. Only within the page, which shows nothing before they are there. */
export function useRun(): Columns {
  const { store } = useRunScope();
  store.tick.value;
  if (store.run === null) throw new Error('the run is not read yet');
  return store.run;
}

/** Place of the picked step, -1 where none is picked or there is no such step. */
export function placeOf(run: Columns, stepId: string | null): number {
  return stepId === null ? -1 : (run.index.get(stepId) ?? -1);
}
