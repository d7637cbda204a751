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
