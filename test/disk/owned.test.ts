/**
 * Goal: an engine whose data directory is no longer its own acknowledges nothing further, for it would write into a journal
 * that no start finds (E6). Method: the store alone, its directory moved away or deleted under it. The whole product: lost-disk.test.ts.
 */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { DiskFailedError } from '../../src/contract/store.ts';
import { createNodeDisk } from '../../src/store/disk.ts';
import { createDataDir, open } from '../store/data-dir.ts';

const id = '0197b2a0-0000-7000-8000-000000000001';

test('when the data directory was moved away, the marker after the next pause finds it out', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  store.begin([]);
  store.append(['1']);
  fs.renameSync(dir.workflowsDir, path.join(dir.root, 'away'));
  fs.mkdirSync(dir.workflowsDir);
  expect(() => store.append([])).toThrow(DiskFailedError);
  expect(() => store.append(['2'])).toThrow(/no longer owns the data/);
});

test('when the data directory was deleted, the first file that is missed finds it out', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  store.begin([]);
  fs.rmSync(dir.workflowsDir, { recursive: true });
  const text = JSON.stringify({ id }, null, 2);
  await expect(store.writeState(id, text, { seq: 1 }, { durable: false })).rejects.toThrow(DiskFailedError);
  expect(() => store.append(['1'])).toThrow(DiskFailedError);
});

test('where the lock file is all there is, it is read again before a batch is acknowledged', async () => {
  const dir = createDataDir();
  const lockFile = path.join(dir.engineDir, 'lock');
  const real = createNodeDisk();
  const noSocketIn = (file: string) => (file.endsWith('.engine') ? `${file}/no-such-entry` : real.realpathSync(file));
  const store = await open(dir, { disk: { ...real, realpathSync: noSocketIn } });
  store.begin([]);
  store.append(['1']);
  const owner = JSON.parse(fs.readFileSync(lockFile, 'utf8'));
  // It was suspended, and another one has taken over.
  fs.writeFileSync(lockFile, JSON.stringify({ ...owner, nonce: 'another' }));
  expect(() => store.append(['2'])).toThrow(/no longer owns the data/);
  expect(() => store.append(['3'])).toThrow(DiskFailedError);
});
