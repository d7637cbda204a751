/**
 * Goal: what a start asks of the disk stays in proportion to what is unfinished: nothing for a finished workflow, and for
 * one that the journal holds whole its file is opened and read once. Method: a disk that counts, on two sizes of data.
 */
import path from 'node:path';
import { expect, test } from 'vitest';
import { createClock } from '../../src/coordinator/clock.ts';
import { recover } from '../../src/coordinator/recovery/recovery.ts';
import { Workflows } from '../../src/coordinator/workflows.ts';
import { openStore } from '../../src/store/store.ts';
import { createFaultDisk, type Operation } from '../store/fault-disk.ts';
import { crash, end, live, newDir } from './restarts.ts';

interface Cost {
  operations: Operation[];
  /** By the last part of the path and the operation. */
  ofWorkflows: Map<string, number>;
  live: number;
  finished: number;
}

/** Opens and recovers as a start does, up to the new segment. */
async function countStart(dir: { workflowsDir: string; queueStateFile: string }): Promise<Cost> {
  const { disk, operations } = createFaultDisk(() => undefined);
  const store = await openStore({ ...dir, disk });
  const workflows = new Workflows();
  store.begin(recover(store, workflows, createClock()).payloads);
  const seen = [...operations];
  await store.close();
  const ofWorkflows = new Map<string, number>();
  for (const { name, path: file } of seen) {
    const [first, ...rest] = path.relative(dir.workflowsDir, file).split(path.sep);
    if (first === undefined || !/^[0-9a-f]{8}-/.test(first)) continue;
    const key = `${name} ${rest.join('/') || '.'}`;
    ofWorkflows.set(key, (ofWorkflows.get(key) ?? 0) + 1);
  }
  return { operations: seen, ofWorkflows, live: workflows.live.size, finished: workflows.finished.size };
}

async function leaveFinished(count: number) {
  const life = await live();
  for (let i = 0; i < count; i += 1) {
    const { id } = await life.engine.submit({ name: `w${i}`, steps: [{ id: 'a', action: 'noop' }] });
    await life.engine.finished(id);
  }
  await end(life);
  return life.dir;
}

async function leaveUnfinished(count: number) {
  const life = await live(newDir());
  for (let i = 0; i < count; i += 1)
    await life.engine.submit({ name: `w${i}`, steps: [{ id: 'a', action: 'external_data' }] });
  return crash(life.dir);
}

test('finished workflows cost a start no operation of their own, however many they are', async () => {
  const few = await countStart(await leaveFinished(3));
  const many = await countStart(await leaveFinished(60));
  expect([few.finished, many.finished]).toEqual([3, 60]);
  expect(many.ofWorkflows.size).toBe(0);
  expect(many.operations.length).toBe(few.operations.length);
});

test('an unfinished workflow that the journal holds whole costs one look at its file and two at its directories', async () => {
  const cost = await countStart(await leaveUnfinished(20));
  expect(cost.live).toBe(20);
  expect(Object.fromEntries(cost.ofWorkflows)).toEqual({
    'lstatSync state.json': 20,
    'readFileSync state.json': 20,
    // For temp files that a dead process left.
    'lstatSync .': 20,
    'readDirectorySync .': 20,
    'lstatSync blobs': 40,
    // Whose it is, when temp files are looked for and when its file is read.
    'accessDirectorySync .': 40,
  });
});

test('syncs of a start do not grow with what is unfinished', async () => {
  const syncs = (cost: Cost) => cost.operations.filter(({ name }) => /sync/i.test(name.replace(/Sync$/, ''))).length;
  const few = syncs(await countStart(await leaveUnfinished(2)));
  expect(syncs(await countStart(await leaveUnfinished(20)))).toBe(few);
});
