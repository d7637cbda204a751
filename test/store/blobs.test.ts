// Goal (V2): a blob is one file, and a refusal says what is wrong. That readBlob gives the bytes that were written, or
// rejects, is shown by test/contract/store.test.ts.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createDataDir, open } from './data-dir.ts';

const id = '0190a1b2-0000-7000-8000-000000000001';
const otherId = '0190a1b2-0000-7000-8000-000000000002';
const bytes = Buffer.from('x'.repeat(100_000));
const name = createHash('sha256').update(bytes).digest('hex');

test('a blob that is written twice is one file', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  await store.writeBlob(id, bytes);
  store.writeBlobSync(id, bytes);
  expect(fs.readdirSync(path.join(dir.workflowsDir, id, 'blobs'))).toEqual([name]);
});

test('blobs are listed that were written before a time, and not at it; what has another name is none', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  await store.writeBlob(id, bytes);
  const blobs = path.join(dir.workflowsDir, id, 'blobs');
  fs.utimesSync(path.join(blobs, name), 1_000, 1_000);
  fs.writeFileSync(path.join(blobs, `${name}.txt`), 'x');
  expect(store.listBlobs(id, 1_000_000)).toEqual([]);
  expect(store.listBlobs(id, 1_000_001)).toEqual([{ name, bytes: bytes.length }]);
  expect(store.listBlobs(otherId, 1_000_001)).toEqual([]);
});

test('V2: a damaged, shortened or missing blob is refused by name', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  await store.writeBlob(id, bytes);
  const file = path.join(dir.workflowsDir, id, 'blobs', name);
  fs.writeFileSync(file, bytes.subarray(1));
  await expect(store.readBlob(id, name)).rejects.toThrow(`Blob ${name} of ${id} is damaged`);
  fs.rmSync(file);
  await expect(store.readBlob(id, name)).rejects.toThrow('is missing');
  await expect(store.readBlob(id, '../state.json')).rejects.toThrow('not a blob');
});

test('blobs are taken over into another workflow, and a damaged one is not', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  await store.writeBlob(id, bytes);
  await store.copyBlobs(id, otherId, [name, name]);
  expect(bytes.equals(await store.readBlob(otherId, name))).toBe(true);
  fs.writeFileSync(path.join(dir.workflowsDir, id, 'blobs', name), 'x');
  await expect(store.copyBlobs(id, otherId, [name])).rejects.toThrow('damaged');
});
