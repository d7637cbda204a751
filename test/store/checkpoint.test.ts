// Goal: a manifest is believed as a whole or not at all.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Manifest } from '../../src/contract/store.ts';
import { readCheckpoint, writeCheckpoint } from '../../src/store/checkpoint.ts';
import { createNodeDisk } from '../../src/store/disk.ts';
import { createDataDir, emptyManifest, open } from './data-dir.ts';

const manifest: Manifest = {
  seq: 12,
  segment: 3,
  live: { 'workflow-ä': { seq: 11, sha256: 'b'.repeat(64) } },
  setAside: { other: 'unreadable' },
  durations: { 'noop\nFirst': { count: 2, meanMs: 1.5 } },
};

test('a manifest comes back as it was written, from a file that is plain JSON', async () => {
  const file = path.join(createDataDir().root, 'checkpoint.json');
  const disk = createNodeDisk();
  expect(readCheckpoint(disk, file)).toEqual({ kind: 'absent' });
  await writeCheckpoint(disk, file, manifest);
  expect(readCheckpoint(disk, file)).toEqual({ kind: 'whole', manifest });
  expect(JSON.parse(fs.readFileSync(file, 'utf8')).manifest).toEqual({ format: 2, ...manifest });
});

test('a manifest with any bit flipped, or any byte missing, is damaged', async () => {
  const file = path.join(createDataDir().root, 'checkpoint.json');
  await writeCheckpoint(createNodeDisk(), file, manifest);
  const whole = fs.readFileSync(file);
  let bytes: Buffer = whole;
  const disk = { ...createNodeDisk(), readFileSync: () => bytes };
  for (let bit = 0; bit < whole.length * 8; bit += 1) {
    bytes = Buffer.from(whole);
    bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(readCheckpoint(disk, file).kind).toBe('damaged');
  }
  for (let length = 0; length < whole.length; length += 1) {
    bytes = whole.subarray(0, length);
    expect(readCheckpoint(disk, file).kind).toBe('damaged');
  }
});

test('a checkpoint is found by the next life, and one by a lock that is no longer ours is refused', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  store.begin(['1']);
  const segment = store.cut();
  await store.checkpoint({ ...manifest, seq: 1, segment });
  await store.close();
  const next = await open(dir);
  expect(next.found.manifest).toEqual({ ...manifest, seq: 1, segment });
  next.begin([]);
  fs.writeFileSync(path.join(dir.engineDir, 'lock'), '{}');
  await expect(next.checkpoint({ ...manifest, seq: 1, segment })).rejects.toThrow('no longer owns');
  expect(() => next.append(['2'])).toThrow('no longer owns');
});

test('the rest of a directory that the manifest calls deleted is no workflow', async () => {
  const dir = createDataDir();
  const [gone, kept] = ['0190a1b2-0000-7000-8000-000000000001', '0190a1b2-0000-7000-8000-000000000002'];
  for (const id of [gone, kept]) fs.mkdirSync(path.join(dir.workflowsDir, id as string), { recursive: true });
  const first = await open(dir);
  expect(first.found.workflowIds).toEqual([gone, kept]);
  first.begin([]);
  await first.checkpoint({ ...emptyManifest, seq: 0, segment: first.cut(), deleted: [gone as string] });
  await first.close();
  expect((await open(dir)).found.workflowIds).toEqual([kept]);
});
