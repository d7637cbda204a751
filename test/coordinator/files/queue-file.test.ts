/**
 * Goal: the queue file takes at most a tenth of the thread's time, however long it is. Method: the engine's view of the queue
 * over the store's file, a clock that goes on with the work of making text, and a count of the files.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, expect, test, vi } from 'vitest';
import type { StorePort } from '../../../src/contract/store.ts';
import { QueueView } from '../../../src/coordinator/files/queue-file.ts';
import { createNodeDisk } from '../../../src/store/disk.ts';
import { QueueFile } from '../../../src/store/queue-file.ts';
import { WorkingClock } from './working-clock.ts';

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'queue-file-'));
afterEach(() => {
  vi.restoreAllMocks();
  fs.rmSync(directory, { recursive: true, force: true });
});

/** Files in ten seconds in which the queue changes all the time. */
async function countFiles(textMs: number): Promise<number> {
  const clock = new WorkingClock();
  const file = new QueueFile(createNodeDisk(), path.join(directory, 'queue.json'));
  let files = 0;
  let written = Promise.resolve();
  const writeQueue: StorePort['writeQueue'] = (items, options) => {
    files += 1;
    written = file.write(items, options);
    return written;
  };
  const { stringify } = JSON;
  vi.spyOn(JSON, 'stringify').mockImplementation((...args: Parameters<typeof stringify>) => {
    clock.work(textMs);
    return stringify(...args);
  });
  const view = new QueueView(
    { writeQueue } as Partial<StorePort> as StorePort,
    clock,
    () => true,
    () => undefined,
  );
  view.ready('w', 'a', 'noop', 1, 0);
  while (clock.step(10_000)) {
    // The write that the clock has called for begins, ends, and is known to have ended.
    await turn();
    await written;
    await turn();
    view.started('w', 'a', 1);
  }
  const counted = files;
  await view.flush();
  return counted;
}

const isNear = (files: number) => (count: number) => Math.abs(count - files) <= 1;

test('a queue file whose text takes 40 ms is written two or three times a second, a short one ten times', async () => {
  const long = await countFiles(40);
  vi.restoreAllMocks();
  const short = await countFiles(0);
  // 10,000 ms, 400 ms or 100 ms from one file to the next.
  expect([long, short]).toEqual([expect.toSatisfy(isNear(25)), expect.toSatisfy(isNear(100))]);
});

test('one write at a time, and flush() ends after the last of them', async () => {
  const clock = new WorkingClock();
  const open: (() => void)[] = [];
  const writeQueue: StorePort['writeQueue'] = () => new Promise<void>((resolve) => open.push(resolve));
  const view = new QueueView(
    { writeQueue } as Partial<StorePort> as StorePort,
    clock,
    () => true,
    () => undefined,
  );
  view.touch();
  // The clock and a flush call for a write in one turn, and the queue changes between their next steps.
  clock.step(10_000);
  queueMicrotask(() => view.touch());
  const flushed = view.flush();
  await turn();
  expect(open).toHaveLength(1);
  open[0]?.();
  await turn();
  expect(open).toHaveLength(2);
  open[1]?.();
  await flushed;
  expect(view.filesWritten).toBe(2);
});
