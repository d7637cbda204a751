/**
 * Goal: waiting for the views comes to an end, whatever becomes of a file; and views take a tenth of the thread's time, counted
 * with all that the store does for them. Method: a store that refuses, a still clock; a clock that goes on with work.
 */
import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test, vi } from 'vitest';
import { DiskFullError, type StorePort } from '../../../src/contract/store.ts';
import { createClock } from '../../../src/coordinator/clock.ts';
import { StateFiles } from '../../../src/coordinator/files/state-files.ts';
import { Workflows } from '../../../src/coordinator/workflows.ts';
import { createWorkflow } from '../../../src/core/create-workflow.ts';
import { decideCreate } from '../../../src/core/decide.ts';
import { openStore } from '../../../src/store/store.ts';
import { EngineDir } from '../../fixtures/engine-dir.ts';
import { WorkingClock } from './working-clock.ts';

test('a file that could not be written is not waited for once its workflow is deleted', async () => {
  let refuse = () => {};
  const refused = new Promise<never>((_, reject) => {
    refuse = () => reject(new DiskFullError('no space'));
  });
  let onAsked = () => {};
  const asked = new Promise<void>((resolve) => {
    onAsked = resolve;
  });
  const writeState = () => {
    onAsked();
    return refused;
  };
  const store = { writeState } as Partial<StorePort> as StorePort;
  const workflows = new Workflows();
  const faults: unknown[] = [];
  const views = new StateFiles({
    store,
    workflows,
    clock: { ...createClock(), timer: () => () => undefined },
    isDurable: () => true,
    onFault: (error) => faults.push(error),
  });
  const id = randomUUID();
  const definition = { name: 'gone', steps: [{ id: 'a', action: 'noop' }] };
  const live = workflows.add(createWorkflow(decideCreate({ id, definition, templateId: null, now: 0 }), 1), 1);
  views.touch(live);
  await asked;
  workflows.remove(id);
  views.forget(id);
  refuse();
  await views.settled(id);
  expect(faults).toHaveLength(1);
  await views.flush();
});

/** Files in ten seconds in which a workflow with large outputs changes all the time. */
async function countFiles({ encodeMs, copyMs }: { encodeMs: number; copyMs: number }): Promise<number> {
  const dir = new EngineDir();
  const store = await openStore(dir.settings);
  onTestFinished(async () => {
    vi.restoreAllMocks();
    await store.close();
    dir.remove();
  });
  const clock = new WorkingClock();
  const workflows = new Workflows();
  const views = new StateFiles({ store, workflows, clock, isDurable: () => true, onFault: () => undefined });
  const id = randomUUID();
  const definition = { name: 'large', steps: [{ id: 'a', action: 'noop' }] };
  const live = workflows.add(createWorkflow(decideCreate({ id, definition, templateId: null, now: 0 }), 1), 1);
  const json = JSON.stringify({ rows: Array.from({ length: 500 }, (_, row) => ({ row })) });
  live.state.setStep(0, { status: 'RUNNING', outputs: { json } });
  live.state.setHeader({ status: 'RUNNING' });

  const encodePieces = live.encoder.encodePieces.bind(live.encoder);
  vi.spyOn(live.encoder, 'encodePieces').mockImplementation((state) => {
    clock.work(encodeMs);
    return encodePieces(state);
  });
  const { write } = Buffer.prototype;
  vi.spyOn(Buffer.prototype, 'write').mockImplementation(function (this: Buffer, ...args: unknown[]) {
    if (args[0] === json) clock.work(copyMs);
    return Reflect.apply(write, this, args);
  });
  views.touch(live);
  while (clock.step(10_000)) {
    await views.settled(id);
    live.state.setHeader({ seq: live.state.header.seq + 1 });
    views.touch(live);
  }
  views.stop();
  expect(dir.stateText(id)).toContain(json);
  return views.filesWritten;
}

const isNear = (files: number) => (count: number) => Math.abs(count - files) <= 2;

test.each([
  [{ encodeMs: 0, copyMs: 0 }, 100],
  [{ encodeMs: 40, copyMs: 0 }, 25],
  [{ encodeMs: 0, copyMs: 40 }, 25],
  [{ encodeMs: 20, copyMs: 20 }, 25],
])(
  'with %o a file of a workflow that changes all the time is written %i times in ten seconds',
  async (costs, files) => {
    expect(await countFiles(costs)).toSatisfy(isNear(files));
  },
);
