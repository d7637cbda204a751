/**
 * Goal: an engine whose data directory is no longer its own acknowledges nothing further, for it would write into a journal
 * that no start finds (E6). Method: the store alone, its directory moved away or deleted under it. The whole product: lost-disk.test.ts.
 */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { DiskFailedError } from '../../src/contract/store.ts';
import { createNodeDisk } from '../../src/store/disk.ts';
import { createDataDir, type DataDir, open } from '../store/data-dir.ts';

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

test('when the lock alone is gone, the marker after the next pause finds it out', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  store.begin([]);
  store.append(['1']);
  fs.rmSync(path.join(dir.engineDir, 'lock'));
  expect(() => store.append([])).toThrow(/no longer owns the data/);
  expect(() => store.append(['2'])).toThrow(DiskFailedError);
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

describe('the segment that is written is the one that a start reads', () => {
  const segment = (dir: DataDir) => path.join(dir.journalDir, fs.readdirSync(dir.journalDir).sort().at(-1)!);
  const befalls: [string, (dir: DataDir) => void, RegExp][] = [
    [
      'the journal was deleted',
      ({ journalDir }) => fs.rmSync(journalDir, { recursive: true }),
      /hj is gone: this engine no longer/,
    ],
    ['the segment was deleted', (dir) => fs.rmSync(segment(dir)), /hj is gone: this engine no longer/],
    ['the journal was moved away', ({ journalDir }) => fs.renameSync(journalDir, `${journalDir}-away`), /hj is gone/],
    [
      'a copy took its place',
      ({ journalDir }) => {
        fs.cpSync(journalDir, `${journalDir}-copy`, { recursive: true });
        fs.renameSync(journalDir, `${journalDir}-away`);
        fs.renameSync(`${journalDir}-copy`, journalDir);
      },
      /hj is another file by now/,
    ],
    ['a link took its place', (dir) => replaceByLink(segment(dir)), /hj is another file by now/],
  ];

  function replaceByLink(file: string): void {
    fs.renameSync(file, `${file}.away`);
    fs.symlinkSync(`${file}.away`, file);
  }

  test.each(befalls)('when %s, the next batch is not acknowledged, and none after it', async (_what, befall, error) => {
    const dir = createDataDir();
    const store = await open(dir);
    store.begin([]);
    store.append(['1']);
    befall(dir);
    expect(() => store.append(['2'])).toThrow(error);
    expect(() => store.append(['3'])).toThrow(DiskFailedError);
  });

  test('the index of finished workflows likewise, before a checkpoint relies on it', async () => {
    const dir = createDataDir();
    const store = await open(dir);
    store.begin([]);
    fs.rmSync(path.join(dir.engineDir, 'finished.jsonl'));
    await expect(store.indexFinished([{ id, removed: true }])).rejects.toThrow(/finished.jsonl is gone/);
    expect(() => store.append(['1'])).toThrow(DiskFailedError);
  });

  test('a start that finds files of this engine and no journal says so, and gives no number twice', async () => {
    const dir = createDataDir();
    const store = await open(dir);
    store.begin([]);
    store.append(['{"workflowId":"1"}', '2', '3', '4', '5', '6', '7']);
    await store.writeState(id, JSON.stringify({ id }, null, 2), { seq: 7 }, { durable: true });
    await store.close();
    fs.rmSync(dir.journalDir, { recursive: true });
    const next = await open(dir);
    const messages = next.found.notices.map(({ kind, message }) => `${kind}: ${message}`);
    expect(messages).toEqual([
      `damage: there is no journal in ${dir.journalDir}, although state files of this engine are there: workflows are taken as their files show them, and what was acknowledged after a file was written is lost`,
      'damage: the journal ends at event 0, but other files name event 7',
    ]);
    expect(next.nextSeq).toBe(8);
  });

  test('files that were copied into a fresh directory are no sign of a journal', async () => {
    const from = createDataDir();
    const store = await open(from);
    store.begin([]);
    store.append(['1']);
    await store.writeState(id, JSON.stringify({ id }, null, 2), { seq: 1 }, { durable: true });
    await store.close();
    const dir = createDataDir();
    fs.cpSync(path.join(from.workflowsDir, id), path.join(dir.workflowsDir, id), { recursive: true });
    expect((await open(dir)).found.notices).toEqual([]);
  });
});
