// Goal: the index of finished workflows gives back the last line of each, whatever happened to its end.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { DiskFailedError, DiskFullError, type FinishedEntry } from '../../src/contract/store.ts';
import { createDataDir, type DataDir, emptyManifest, listQuarantine, open } from './data-dir.ts';
import { createFaultDisk, diskError } from './fault-disk.ts';

function entry(id: string, seq: number): FinishedEntry {
  return { id, seq, sha256: 'a'.repeat(64), summary: { id, name: 'Größe' } as never, keys: [`key-${seq}`] };
}

function indexFile(dir: DataDir): string {
  return path.join(dir.engineDir, 'finished.jsonl');
}

async function writeIndex(dir: DataDir, lines: (FinishedEntry | { id: string; removed: true })[]): Promise<void> {
  const store = await open(dir);
  // The journal knows of the events that the index names.
  store.begin(Array.from({ length: 10 }, () => '0'));
  for (const line of lines) await store.indexFinished([line]);
  await store.close();
}

test('the last line of a workflow wins, and a removed one is gone', async () => {
  const dir = createDataDir();
  await writeIndex(dir, [entry('a', 1), entry('b', 2), entry('a', 3), entry('c', 4), { id: 'b', removed: true }]);
  const { found } = await open(dir);
  expect([...found.finished.values()]).toEqual([entry('a', 3), entry('c', 4)]);
  expect(found.notices).toEqual([]);
});

test('workflows are found in the order in which they finished last', async () => {
  const dir = createDataDir();
  await writeIndex(dir, [entry('a', 1), entry('b', 2), entry('c', 3), entry('a', 4), entry('b', 5)]);
  expect([...(await open(dir)).found.finished.keys()]).toEqual(['c', 'a', 'b']);
});

test('a removed one can come again', async () => {
  const dir = createDataDir();
  await writeIndex(dir, [entry('a', 1), { id: 'a', removed: true }, entry('a', 3)]);
  expect((await open(dir)).found.finished.get('a')).toEqual(entry('a', 3));
});

test('lines are synced before they are confirmed, one sync for a call', async () => {
  const dir = createDataDir();
  const { disk, operations } = createFaultDisk(() => undefined);
  const store = await open(dir, { disk });
  operations.length = 0;
  await store.indexFinished([entry('a', 1), entry('b', 2)]);
  expect(operations.map((operation) => operation.name)).toEqual(['write', 'fdatasync', 'lstatSync']);
});

test('a torn last line is dropped, reported and kept aside, and new lines stand behind good ones', async () => {
  const dir = createDataDir();
  await writeIndex(dir, [entry('a', 1), entry('b', 2), entry('c', 3)]);
  const whole = fs.readFileSync(indexFile(dir));
  const lastAt = whole.lastIndexOf('\n', whole.length - 2) + 1;
  for (const length of [lastAt + 1, lastAt + 9, lastAt + 40, whole.length - 1]) {
    fs.writeFileSync(indexFile(dir), whole.subarray(0, length));
    const store = await open(dir);
    expect([...store.found.finished.keys()]).toEqual(['a', 'b']);
    expect(store.found.notices.map((notice) => notice.kind)).toEqual(['tail']);
    await store.indexFinished([entry('d', 4)]);
    await store.close();
    const again = await open(dir);
    expect([...again.found.finished.keys()]).toEqual(['a', 'b', 'd']);
    expect(again.found.notices).toEqual([]);
    await again.close();
  }
  expect(listQuarantine(dir)).toHaveLength(4);
});

// A manifest is written after the lines that it relies on. Where none was, a power cut may have torn the append anywhere.
test.each([
  ['a manifest has followed', 'damage'],
  ['no manifest has followed', 'tail'],
] as const)('a bad line is skipped and reported with its offset, the others stand: %s (%s)', async (_, kind) => {
  const dir = createDataDir();
  await writeIndex(dir, [entry('a', 1), entry('b', 2), entry('c', 3)]);
  if (kind === 'damage') {
    const store = await open(dir);
    store.begin([]);
    await store.checkpoint({ ...emptyManifest, seq: 10, segment: store.cut() });
    await store.close();
  }
  const bytes = fs.readFileSync(indexFile(dir));
  const at = bytes.indexOf('\n') + 1;
  bytes[at + 20] = (bytes[at + 20] ?? 0) ^ 1;
  fs.writeFileSync(indexFile(dir), bytes);
  const { found } = await open(dir);
  expect([...found.finished.keys()]).toEqual(['a', 'c']);
  expect(found.notices.map((notice) => notice.kind)).toEqual([kind]);
  expect(found.notices[0]?.message).toContain(`offset ${at}`);
});

test('an index that is mostly dead lines is written anew when it is opened, and not before', async () => {
  const dir = createDataDir();
  await writeIndex(dir, [entry('a', 1), entry('b', 2), entry('c', 3), { id: 'c', removed: true }]);
  const half = fs.readFileSync(indexFile(dir), 'utf8');
  await (await open(dir)).close();
  expect(fs.readFileSync(indexFile(dir), 'utf8')).toBe(half);
  fs.appendFileSync(indexFile(dir), `${half.split('\n')[0]}\n`);
  await (await open(dir)).close();
  expect(fs.readFileSync(indexFile(dir), 'utf8').trim().split('\n')).toHaveLength(2);
  expect([...(await open(dir)).found.finished.keys()].sort()).toEqual(['a', 'b']);
});

test('a full disk cuts the index back, and the next line goes in', async () => {
  const dir = createDataDir();
  let full = false;
  let wrote = 0;
  const { disk } = createFaultDisk((operation) => {
    if (!full || operation.name !== 'write') return undefined;
    wrote += 1;
    if (wrote > 1) throw diskError('ENOSPC');
    return 7;
  });
  const store = await open(dir, { disk });
  store.begin(['0', '0']);
  full = true;
  await expect(store.indexFinished([entry('a', 1)])).rejects.toThrow(DiskFullError);
  full = false;
  await store.indexFinished([entry('b', 2)]);
  await store.close();
  const { found } = await open(dir);
  expect([...found.finished.keys()]).toEqual(['b']);
  expect(found.notices).toEqual([]);
});

test('a sync that fails is a failed disk', async () => {
  const dir = createDataDir();
  const { disk } = createFaultDisk((operation) => {
    if (operation.name === 'fdatasync') throw diskError('ENOSPC');
    return undefined;
  });
  const store = await open(dir, { disk });
  store.begin([]);
  await expect(store.indexFinished([entry('a', 1)])).rejects.toThrow(DiskFailedError);
  expect(() => store.append(['1'])).toThrow(DiskFailedError);
});

test('a finished workflow whose event the journal has lost shows that the journal is damaged', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  store.begin(['1']);
  await store.indexFinished([entry('a', 5)]);
  await store.close();
  const again = await open(dir);
  expect(again.found.damaged).toBe(true);
  expect(again.nextSeq).toBe(6);
});

test('100,000 lines are read in one go', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  store.begin(['1']);
  await store.indexFinished(Array.from({ length: 100_000 }, (_, index) => entry(`workflow-${index}`, 1)));
  await store.close();
  expect((await open(dir)).found.finished.size).toBe(100_000);
});
