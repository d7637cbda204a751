/**
 * A workflow driven by hand that is checked after each test: the derived counts are those of a fresh walk (ST1), and the
 * state file and the journal give the same workflow again (ST2).
 */
import { afterEach, expect } from 'vitest';
import type { StepDefinition, WorkflowDefinition } from '../../src/contract/definition.ts';
import { derivedAfresh, LiveWorkflow, replay, throughFile, toDerived, toKept } from './live-workflow.ts';

export type Written = Partial<StepDefinition> & { id: string };

interface Checked {
  /** Makes the workflow of a test. */
  bring(steps: Written[], more?: Partial<WorkflowDefinition>): LiveWorkflow;
  /** Takes one that the test has made in another way. */
  take(live: LiveWorkflow): LiveWorkflow;
}

/** Called once in a test file. */
export function createChecked(): Checked {
  let last: LiveWorkflow;
  afterEach(() => {
    const { state } = last;
    expect(toDerived(state)).toEqual(toDerived(derivedAfresh(state)));
    expect(toKept(throughFile(state))).toEqual(toKept(state));
    expect(toDerived(throughFile(state))).toEqual(toDerived(state));
    expect(toKept(replay(last.journal))).toEqual(toKept(state));
  });
  const take = (live: LiveWorkflow) => {
    last = live;
    return live;
  };
  return { take, bring: (steps, more = {}) => take(LiveWorkflow.with(steps, more)) };
}
