/** Goal: a view waits as long as its caller does, and what was made of a run is kept only where it cannot change. Method: workflows in memory, and a store that stamps their files. */
import { expect, test } from 'vitest';
import type { KeyedCalls } from '../../../src/coordinator/calls/keyed-calls.ts';
import { createRunViewCalls, type RunViewParts } from '../../../src/coordinator/calls/run-views.ts';
import { workflowId as id, LiveWorkflow } from '../../core/live-workflow.ts';

function viewsOf(live: LiveWorkflow, { stamp = 'stamp' as string | null } = {}) {
  const waited: unknown[][] = [];
  const shown: number[] = [];
  const entry = { summary: { version: live.state.header.version } };
  const parts = {
    store: { stampState: async () => stamp },
    workflows: { finished: new Map([[id, entry]]), status: () => live.status },
    turns: { checkDurable: () => undefined, isDurable: () => true },
    waits: { wait: async (...asked: unknown[]) => void waited.push(asked) },
  } as unknown as RunViewParts;
  const keyed = {
    async pinned(_: string, run: (pinned: unknown) => unknown) {
      shown.push(live.state.header.version);
      return run({ state: live.state });
    },
  } as unknown as KeyedCalls;
  const { graph } = createRunViewCalls(parts, keyed);
  const read = (more: object = {}, signal = new AbortController().signal) =>
    graph({ id, waitMs: 0, until: 'rest', ...more } as never, signal);
  return { read, waited, shown };
}

function finished(): LiveWorkflow {
  const live = LiveWorkflow.of({ a: '' });
  live.run('a');
  return live;
}

test('the columns of a finished run are made once as long as its file is the same', async () => {
  const { read, shown } = viewsOf(finished());
  const first = await read();
  expect(await read()).toBe(first);
  expect(shown).toHaveLength(1);
  const gone = viewsOf(finished(), { stamp: null });
  await gone.read();
  await gone.read();
  expect(gone.shown).toHaveLength(2);
});

test('those of a run that goes on again are made anew each time', async () => {
  const { read, shown } = viewsOf(LiveWorkflow.of({ a: '' }));
  await read();
  await read();
  expect(shown).toHaveLength(2);
});

test('a caller that waits is waited for with the signal of its going away', async () => {
  const { read, waited } = viewsOf(LiveWorkflow.of({ a: '' }));
  const caller = new AbortController();
  await read({ waitMs: 500, until: 'finished' }, caller.signal);
  expect(waited).toEqual([[id, 'finished', 500, caller.signal]]);
  const over = viewsOf(finished());
  await over.read({ waitMs: 500 });
  expect(over.waited).toEqual([]);
});
