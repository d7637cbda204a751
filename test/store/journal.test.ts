// Goal: J1 and the reactions to disk errors. Method: a real disk that counts, shortens and fails operations.
import fs from 'node:fs';
import { expect, test } from 'vitest';
import { DiskFailedError, DiskFullError } from '../../src/contract/store.ts';
import { createNodeDisk } from '../../src/store/disk.ts';
import { Journal } from '../../src/store/journal.ts';
import { createDataDir, open, segmentPath } from './data-dir.ts';
import { createFaultDisk, diskError, type Operation } from './fault-disk.ts';

const inJournal = (operation: Operation) => operation.path.includes('/journal');

test('J1: a batch costs one write and one fdatasync, whatever it holds, and is on disk when append returns', async () => {
  const dir = createDataDir();
  const { disk, operations } = createFaultDisk(() => undefined);
  const store = await open(dir, { disk });
  store.begin([]);
  operations.length = 0;
  store.append(Array.from({ length: 500 }, (_, index) => `{"n":${index}}`));
  expect(operations.filter(inJournal).map((operation) => operation.name)).toEqual([
    'writeSync',
    'fdatasyncSync',
    'lstatSync',
  ]);
  expect(fs.readFileSync(segmentPath(dir, 1), 'utf8')).toContain('{"n":499}\n');
  expect(store.nextSeq).toBe(501);
});

test('J1: the fdatasync comes after the last byte of the batch, also when the disk takes it in pieces', async () => {
  const dir = createDataDir();
  const { disk, operations } = createFaultDisk((operation) =>
    operation.name === 'writeSync' && inJournal(operation) ? 10 : undefined,
  );
  const store = await open(dir, { disk });
  store.begin([]);
  operations.length = 0;
  store.append(['{"long":"payload of more than ten bytes"}']);
  const names = operations.filter(inJournal).map((operation) => operation.name);
  expect(names.length).toBeGreaterThan(5);
  expect(names.lastIndexOf('writeSync')).toBe(names.indexOf('fdatasyncSync') - 1);
  await store.close();
  expect((await open(dir)).found.records.map((record) => record.json)).toEqual([
    '{"long":"payload of more than ten bytes"}',
  ]);
});

test('a new segment is durable, file and name, before anything is written behind its header', async () => {
  const dir = createDataDir();
  const { disk, operations } = createFaultDisk(() => undefined);
  const store = await open(dir, { disk });
  store.begin([]);
  operations.length = 0;
  expect(store.cut()).toBe(2);
  store.append(['1']);
  expect(operations.filter(inJournal).map((operation) => operation.name)).toEqual([
    'openSync',
    'writeSync',
    'fsyncSync',
    'fsyncDirectorySync',
    'lstatSync',
    'closeSync',
    'writeSync',
    'fdatasyncSync',
    'lstatSync',
  ]);
});

test('a segment that has passed 16 MiB is followed by a new one, and all is read back in order', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  store.begin([]);
  const payload = JSON.stringify('x'.repeat(6 * 1024 * 1024));
  for (let count = 0; count < 4; count += 1) store.append([payload, String(count)]);
  expect(fs.readdirSync(dir.journalDir)).toEqual(['000001.hj', '000002.hj']);
  await store.close();
  const found = (await open(dir)).found;
  expect(found.records.map((record) => record.seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(found.notices).toEqual([]);
});

test.each(['ENOSPC', 'EDQUOT'])(
  '%s in the middle of a batch cuts the journal back, and the next batch goes in',
  async (code) => {
    const dir = createDataDir();
    let full = false;
    let wrote = 0;
    const { disk } = createFaultDisk((operation) => {
      if (!full || operation.name !== 'writeSync') return undefined;
      wrote += 1;
      if (wrote > 1) throw diskError(code);
      return 20;
    });
    const store = await open(dir, { disk });
    store.begin(['1']);
    const before = fs.readFileSync(segmentPath(dir, 1));
    full = true;
    expect(() => store.append(['2', '3'])).toThrow(DiskFullError);
    expect(wrote).toBe(2);
    expect(fs.readFileSync(segmentPath(dir, 1)).equals(before)).toBe(true);
    expect(store.nextSeq).toBe(2);
    full = false;
    store.append(['4']);
    await store.close();
    const found = (await open(dir)).found;
    expect(found.records).toEqual([
      { seq: 1, json: '1' },
      { seq: 2, json: '4' },
    ]);
    expect(found.notices).toEqual([]);
  },
);

test('a write that returns 0 twice is a full disk, one that returns 0 once is not', async () => {
  const dir = createDataDir();
  let zeros = 0;
  const { disk } = createFaultDisk((operation) => {
    if (operation.name !== 'writeSync' || zeros === 0) return undefined;
    zeros -= 1;
    return 0;
  });
  const store = await open(dir, { disk });
  store.begin([]);
  zeros = 1;
  store.append(['1']);
  zeros = 2;
  expect(() => store.append(['2'])).toThrow(DiskFullError);
  expect(store.nextSeq).toBe(2);
});

test('no room for what begin writes leaves the old segments as they were, and begin can be tried again', async () => {
  const dir = createDataDir();
  const first = await open(dir);
  first.begin(['1', '2']);
  await first.close();
  let writesLeft = 1;
  const { disk } = createFaultDisk((operation) => {
    if (operation.name !== 'writeSync' || !inJournal(operation)) return undefined;
    writesLeft -= 1;
    if (writesLeft < 0) throw diskError('ENOSPC');
    return undefined;
  });
  const second = await open(dir, { disk });
  expect(() => second.begin(['3'])).toThrow(DiskFullError);
  expect(fs.readdirSync(dir.journalDir)).toEqual(['000001.hj']);
  expect(second.nextSeq).toBe(3);
  writesLeft = 100;
  second.begin(['3']);
  second.append(['4']);
  await second.close();
  const found = (await open(dir)).found;
  expect(found.records.map((record) => record.json)).toEqual(['1', '2', '3', '4']);
  expect(found.notices).toEqual([]);
});

test('no room for a new segment leaves the old one in use', async () => {
  const dir = createDataDir();
  let full = false;
  const { disk } = createFaultDisk((operation) => {
    if (full && operation.name === 'writeSync' && operation.path.endsWith('000002.hj')) throw diskError('ENOSPC');
    return undefined;
  });
  const store = await open(dir, { disk });
  store.begin([]);
  full = true;
  expect(() => store.cut()).toThrow(DiskFullError);
  store.append(['1']);
  expect(fs.readdirSync(dir.journalDir)).toEqual(['000001.hj']);
  full = false;
  expect(store.cut()).toBe(2);
});

test.each(['EIO', 'ENOSPC', 'EDQUOT'])(
  'a failed fdatasync (%s) is never tried again: the journal refuses everything',
  async (code) => {
    const dir = createDataDir();
    let failing = false;
    const { disk, operations } = createFaultDisk((operation) => {
      if (failing && operation.name === 'fdatasyncSync') {
        failing = false;
        throw diskError(code);
      }
      return undefined;
    });
    const store = await open(dir, { disk });
    store.begin([]);
    failing = true;
    expect(() => store.append(['1'])).toThrow(DiskFailedError);
    const count = operations.length;
    expect(() => store.append(['2'])).toThrow(DiskFailedError);
    expect(() => store.cut()).toThrow(DiskFailedError);
    expect(operations.length).toBe(count);
    expect(store.nextSeq).toBe(1);
  },
);

test.each(['EIO', 'EROFS'])('a write that fails with %s ends the journal', async (code) => {
  const dir = createDataDir();
  let failing = false;
  const { disk } = createFaultDisk((operation) => {
    if (failing && operation.name === 'writeSync') throw diskError(code);
    return undefined;
  });
  const store = await open(dir, { disk });
  store.begin([]);
  failing = true;
  expect(() => store.append(['1'])).toThrow(DiskFailedError);
  failing = false;
  expect(() => store.append(['1'])).toThrow(DiskFailedError);
});

test('a fsync that fails in a view ends the journal too', async () => {
  const dir = createDataDir();
  let failing = false;
  const { disk } = createFaultDisk((operation) => {
    if (failing && operation.name === 'fsync') throw diskError('EIO');
    return undefined;
  });
  const store = await open(dir, { disk });
  store.begin([]);
  failing = true;
  await expect(store.writeQueue([], { durable: true })).rejects.toThrow(DiskFailedError);
  expect(() => store.append(['1'])).toThrow(DiskFailedError);
});

test('every later call tells of the first failure, whatever fails after it', async () => {
  const dir = createDataDir();
  const { disk } = createFaultDisk((operation) => {
    if (operation.name === 'fsync' && operation.path.includes('queue-state')) throw diskError('EIO');
    if (operation.name === 'fdatasync') throw diskError('EROFS');
    return undefined;
  });
  const store = await open(dir, { disk });
  store.begin([]);
  await expect(store.writeQueue([], { durable: true })).rejects.toThrow('EIO');
  await expect(store.indexFinished([{ id: 'x', removed: true }])).rejects.toThrow('EROFS');
  expect(() => store.append(['1'])).toThrow('EIO');
});

test('batches are counted up to ffffffff and then from 0 again', () => {
  const dir = createDataDir();
  fs.mkdirSync(dir.journalDir, { recursive: true });
  const start = { lastSeq: 7, lastNumber: 3, damaged: false, segments: [] };
  const journal = new Journal(createNodeDisk(), dir.journalDir, { ...start, lastBatch: 2 ** 32 - 3 });
  journal.begin([], ['1'], 0);
  journal.append(['2']);
  journal.append(['3']);
  journal.close();
  const lines = fs.readFileSync(segmentPath(dir, 4), 'latin1').trimEnd().split('\n').slice(1);
  expect(lines.map((line) => line.split(' ').slice(1, 3))).toEqual([
    ['0000000008', 'fffffffe'],
    ['0000000008', 'ffffffff'],
    ['0000000009', '00000000'],
    ['000000000a', '00000001'],
  ]);
});

test('an empty batch writes a marker once, takes no sequence number, and is not found as an event', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  store.begin([]);
  store.append(['1']);
  const before = fs.statSync(segmentPath(dir, 1)).size;
  store.append([]);
  const marked = fs.statSync(segmentPath(dir, 1)).size;
  expect(marked).toBeGreaterThan(before);
  store.append([]);
  expect(fs.statSync(segmentPath(dir, 1)).size).toBe(marked);
  expect(store.nextSeq).toBe(2);
  await store.close();
  expect((await open(dir)).found.records).toEqual([{ seq: 1, json: '1' }]);
});

test('statistics count batches, records, bytes and syncs', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  store.begin([]);
  const before = store.journalStats;
  store.append(['1', '2']);
  store.append(['3']);
  const after = store.journalStats;
  expect(after.batches - before.batches).toBe(2);
  expect(after.records - before.records).toBe(3);
  expect(after.syncs - before.syncs).toBe(2);
  expect(after.bytes - before.bytes).toBe(3 * 55);
});

test('nothing is appended before begin or after close', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  expect(() => store.append(['1'])).toThrow('begin()');
  store.begin([]);
  expect(() => store.begin([])).toThrow('begun');
  await store.close();
  expect(() => store.append(['1'])).toThrow('closed');
});
