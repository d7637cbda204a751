/** Goal: a directory that cannot be removed is told of once, as long as that lasts. Method: a store that refuses. */
import { expect, test } from 'vitest';
import { DiskFailedError, type StorePort } from '../../../src/contract/store.ts';
import { Removals } from '../../../src/coordinator/files/removals.ts';

function removalsOf() {
  const told: string[] = [];
  const disk = { fault: null as Error | null };
  const removals = new Removals({
    store: { removeWorkflow: async () => (disk.fault === null ? undefined : Promise.reject(disk.fault)) } as unknown as StorePort,
    views: { settled: async () => undefined },
    onNotice: (message) => told.push(message),
  });
  return { told, disk, removals };
}

test('the notice comes with the first failure, and again only after the directory had gone', async () => {
  const { told, disk, removals } = removalsOf();
  const notice = 'The files of deleted workflow w could not be removed: EACCES';
  disk.fault = new Error('EACCES');
  await removals.remove('w');
  await removals.finish();
  await removals.finish();
  expect([told, removals.ids]).toEqual([[notice], ['w']]);
  disk.fault = null;
  await removals.finish();
  expect([told, removals.ids]).toEqual([[notice], []]);
  disk.fault = new Error('EACCES');
  await removals.remove('w');
  expect(told).toEqual([notice, notice]);
});

test('a disk that fails is no notice: the removal rejects', async () => {
  const { told, disk, removals } = removalsOf();
  disk.fault = new DiskFailedError('EIO');
  await expect(removals.remove('w')).rejects.toBe(disk.fault);
  expect(told).toEqual([]);
});
