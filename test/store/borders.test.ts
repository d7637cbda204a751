// Goal: each fault of a disk has its meaning, status and words; bounds hold on both sides; descriptors and temporary files
// do not stay. Method: a real disk that fails on demand, and one of a few lines.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { DiskFailedError, DiskFullError, OutOfHandlesError, StartError } from '../../src/contract/store.ts';
import { readBlobFile } from '../../src/store/blobs.ts';
import { readCheckpoint } from '../../src/store/checkpoint.ts';
import { toStartError } from '../../src/store/data-directory.ts';
import { createNodeDisk, type Disk } from '../../src/store/disk.ts';
import { isFull, isOutOfHandles, toDiskError, toSyncError } from '../../src/store/disk-error.ts';
import { checkNamed } from '../../src/store/durable-file.ts';
import { FileBuffers } from '../../src/store/file-buffers.ts';
import { FinishedIndex, readFinishedIndex } from '../../src/store/finished-index.ts';
import { ForeignEntries } from '../../src/store/foreign-entries.ts';
import { Format, readFormat, writeFormat } from '../../src/store/format.ts';
import { inspectStore } from '../../src/store/inspect.ts';
import { Journal } from '../../src/store/journal.ts';
import { createDataDir, open } from './data-dir.ts';
import { createFaultDisk, diskError } from './fault-disk.ts';

const id = '0190a1b2-0000-7000-8000-000000000001';
const key = createHash('sha256').update('a question').digest('hex');

describe('a fault of the disk', () => {
  test.each([
    ['ENOSPC', DiskFullError],
    ['EDQUOT', DiskFullError],
    ['EMFILE', OutOfHandlesError],
    ['ENFILE', OutOfHandlesError],
    ['EIO', DiskFailedError],
    ['EROFS', DiskFailedError],
  ])('%s means one thing', (code, kind) => {
    const error = diskError(code);
    expect(toDiskError(error, 'file')).toBeInstanceOf(kind);
    expect((toDiskError(error, 'file') as Error).cause).toBe(error);
    expect([isFull(error), isOutOfHandles(error)]).toEqual([kind === DiskFullError, kind === OutOfHandlesError]);
    // Of what a sync has lost nobody knows whether it is there: a full disk is a failed one then.
    expect(toSyncError(error, 'file')).toBeInstanceOf(kind === OutOfHandlesError ? kind : DiskFailedError);
  });

  test('of another kind stays what it is', () => {
    const error = diskError('EACCES');
    expect(toDiskError(error, 'file')).toBe(error);
  });

  test.each([
    ['EACCES', 77, 'this user must be allowed to list, read and write it'],
    ['EPERM', 77, 'this user must be allowed to list, read and write it'],
    ['EIO', 74, 'the disk does not read or write'],
    ['EROFS', 1, 'the file system is read-only'],
    ['ENOSPC', 1, 'free some space and start again'],
    ['EDQUOT', 1, 'free some space and start again'],
    ['ENOTDIR', 1, 'name a directory that exists or can be made'],
    ['EMFILE', 1, 'too many open files on this machine'],
    ['ENFILE', 1, 'too many open files on this machine'],
  ])('%s ends a start with its status and a way out', (code, exitStatus, wayOut) => {
    const error = toStartError('WORKFLOWS_DIR', '/data', diskError(code));
    expect(error).toBeInstanceOf(StartError);
    expect(error).toMatchObject({ exitStatus, message: expect.stringContaining(wayOut) });
    expect((error as Error).message).toContain('WORKFLOWS_DIR /data');
  });

  test('that has its meaning already keeps its status', () => {
    const start = (error: Error) => toStartError('QUEUE_STATE_FILE', '/q', error);
    expect(start(new DiskFailedError('gone'))).toMatchObject({ exitStatus: 74 });
    expect(start(new DiskFullError('full'))).toMatchObject({ exitStatus: 1 });
    const own = new StartError('mine', 75);
    expect(start(own)).toBe(own);
    const other = new TypeError('x');
    expect(start(other)).toBe(other);
  });
});

describe('the disk itself', () => {
  test('tells free bytes, and when a file was written, in milliseconds', () => {
    const { root } = createDataDir();
    const file = path.join(root, 'file');
    fs.writeFileSync(file, 'abc');
    fs.utimesSync(file, 1_000, 2_000);
    const disk = createNodeDisk();
    expect(disk.lstatSync(file)).toMatchObject({ kind: 'file', bytes: 3, writtenAt: 2_000_000 });
    const { bavail, bsize } = fs.statfsSync(root);
    // Others write to it too.
    expect(Math.abs(disk.freeBytesSync(root) / (bavail * bsize) - 1)).toBeLessThan(0.5);
    expect(disk.lstatSync(path.join(root, 'absent'))).toBeNull();
  });
});

describe('a file that is ours', () => {
  const diskOf = (ino: string | null) => ({ lstatSync: () => ino && { dev: '1', ino } }) as unknown as Disk;

  test('is the one under its name; none, and one that was none from the start, is no longer ours', () => {
    expect(() => checkNamed(diskOf('7'), 'f', '1:7')).not.toThrow();
    expect(() => checkNamed(diskOf('8'), 'f', '1:7')).toThrow('is another file by now');
    expect(() => checkNamed(diskOf(null), 'f', '1:7')).toThrow('is gone');
    expect(() => checkNamed(diskOf(null), 'f', null)).toThrow('is gone');
    const blind = {
      lstatSync: () => {
        throw diskError('EIO');
      },
    } as unknown as Disk;
    expect(() => checkNamed(blind, 'f', '1:7')).toThrow(DiskFailedError);
  });
});

describe('buffers', () => {
  const MiB = 2 ** 20;

  test('of 256 KiB to 32 MiB are kept, and never given to two', () => {
    const kept = (bytes: number) => {
      const buffers = new FileBuffers();
      buffers.giveBack(Buffer.alloc(bytes));
      buffers.take(bytes);
      const made = buffers.made;
      buffers.take(bytes);
      return [made === 0, buffers.made - made];
    };
    expect([256 * 1024 - 1, 256 * 1024, 32 * MiB, 32 * MiB + 1].map(kept)).toEqual([
      [false, 1],
      [true, 1],
      [true, 1],
      [false, 1],
    ]);
  });

  test('have room for twice as much, but no more than is kept', () => {
    const roomFor = (bytes: number) => new FileBuffers().take(bytes).length;
    expect([1_000, MiB, 20 * MiB, 40 * MiB].map(roomFor)).toEqual([1_000, 2 * MiB, 32 * MiB, 40 * MiB]);
  });
});

describe('cached answers', () => {
  test('of a shard are listed under their own two digits alone', async () => {
    const dir = createDataDir();
    const store = await open(dir);
    await store.writeCached(key, '{}');
    const cache = path.join(dir.engineDir, 'cache');
    const other = path.join(cache, key.startsWith('00') ? '01' : '00');
    fs.mkdirSync(other);
    fs.copyFileSync(path.join(cache, key.slice(0, 2), `${key}.json`), path.join(other, `${key}.json`));
    await store.close();
    expect(inspectStore(dir).cachedKeys).toEqual([key]);
  });

  test('a directory is swept of temporary files once in a life: later ones may be of writes under way', async () => {
    const dir = createDataDir();
    const shard = path.join(dir.engineDir, 'cache', key.slice(0, 2));
    const temp = path.join(shard, `.${key}.json.1.1.tmp`);
    fs.mkdirSync(shard, { recursive: true });
    fs.writeFileSync(temp, 'left by a death');
    const { disk, operations } = createFaultDisk(() => undefined);
    const store = await open(dir, { disk });
    const sweeps = () => operations.filter(({ name, path: of }) => name === 'readDirectorySync' && of === shard).length;
    await store.writeCached(key, '{"a":1}');
    expect([fs.existsSync(temp), sweeps()]).toEqual([false, 1]);
    fs.rmSync(shard, { recursive: true });
    await store.writeCached(key, '{"a":2}');
    expect([await store.readCached(key), sweeps()]).toEqual([{ kind: 'whole', json: '{"a":2}' }, 1]);
  });
});

describe('blobs', () => {
  test.each(['EMFILE', 'ENFILE'])('%s while one is read is no damage', async (code) => {
    const readFile = () => Promise.reject(diskError(code));
    const name = createHash('sha256').update('x').digest('hex');
    await expect(readBlobFile({ readFile } as unknown as Disk, '/w/blobs', name)).rejects.toThrow(OutOfHandlesError);
    const absent = { readFile: () => Promise.reject(diskError('ENOENT')) } as unknown as Disk;
    await expect(readBlobFile(absent, '/w/blobs', name)).rejects.toThrow(`Blob ${name} of w is missing`);
    const whole = { readFile: async () => Buffer.from('x') } as unknown as Disk;
    expect(String(await readBlobFile(whole, '/w/blobs', name))).toBe('x');
  });

  test('are durable, file and name, before their writer goes on', async () => {
    const dir = createDataDir();
    const { disk, operations } = createFaultDisk(() => undefined);
    const store = await open(dir, { disk });
    await store.writeBlob(id, Buffer.from('first'));
    operations.length = 0;
    store.writeBlobSync(id, Buffer.from('x'));
    const names = operations.filter(({ path: of }) => of.includes('/blobs')).map(({ name }) => name);
    expect(names.filter((name) => /fsync|rename/.test(name))).toEqual([
      'fsyncSync',
      'renameSync',
      'fsyncDirectorySync',
    ]);
  });
});

describe('the index of finished workflows', () => {
  const entry = (name: string, seq: number) =>
    ({ id: name, seq, sha256: 'a'.repeat(64), summary: { id: name }, keys: [] }) as never;
  const indexOf = async (lines: never[]) => {
    const { root } = createDataDir();
    const file = path.join(root, 'finished.jsonl');
    const disk = createNodeDisk();
    const index = new FinishedIndex(disk, file, readFinishedIndex(disk, file));
    await index.append(lines);
    await index.close();
    return { file, disk };
  };

  test('is written anew when more than half of its lines are dead, and not at half', async () => {
    const half = await indexOf([entry('a', 1), entry('b', 2), entry('a', 3), entry('b', 4)]);
    expect(readFinishedIndex(half.disk, half.file).needsRewrite).toBe(false);
    const more = await indexOf([entry('a', 1), entry('b', 2), entry('a', 3), entry('b', 4), entry('a', 5)]);
    expect(readFinishedIndex(more.disk, more.file).needsRewrite).toBe(true);
  });

  test('closes its file when it cannot be synced, and waits for its last line before it closes', async () => {
    const { root } = createDataDir();
    const file = path.join(root, 'finished.jsonl');
    let isFailing = true;
    const { disk, operations } = createFaultDisk(({ name, path: of }) => {
      if (isFailing && name === 'fsyncSync' && of === file) throw diskError('EIO');
      return undefined;
    });
    const reading = () => readFinishedIndex(disk, file);
    expect(() => new FinishedIndex(disk, file, reading())).toThrow(DiskFailedError);
    expect(operations.filter(({ name, path: of }) => name === 'closeSync' && of === file)).toHaveLength(1);
    isFailing = false;
    const index = new FinishedIndex(disk, file, reading());
    const added = index.append([entry('a', 1)]);
    await index.close();
    await added;
    expect([...reading().entries.keys()]).toEqual(['a']);
  });
});

describe('the format', () => {
  const format = new Format([{}, {}]);

  test('that is ours is read, one more is refused', () => {
    expect(format.number).toBe(3);
    expect(() => format.refuseNewer('f', 3)).not.toThrow();
    expect(() => format.refuseNewer('f', 4)).toThrow('f has format 4, this version of the engine knows format 3');
  });

  test('is current only with its own number and the id of its journal', () => {
    const { root } = createDataDir();
    const file = path.join(root, 'format.json');
    const disk = createNodeDisk();
    const single = new Format([]);
    writeFormat(disk, file, { number: 1, from: 1, createdAt: 'now', journalId: 'j' });
    expect(readFormat(disk, file, single)).toMatchObject({ isCurrent: true, from: 1, journalId: 'j', findings: [] });
    fs.writeFileSync(file, JSON.stringify({ format: 1, createdAt: 'now' }));
    expect(readFormat(disk, file, single)).toMatchObject({ isCurrent: false, from: 1, journalId: null, findings: [] });
    fs.writeFileSync(file, JSON.stringify({ format: 1, from: 2, createdAt: 'now' }));
    expect(readFormat(disk, file, single).findings).toHaveLength(1);
  });
});

test('a reading that files are taken away from begins anew four times, and ends with the fifth', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  store.begin(['{}']);
  await store.close();
  const readings = (failing: number) => {
    let left = failing;
    let count = 0;
    const { disk } = createFaultDisk(({ name, path: of }) => {
      if (name === 'readFileSync' && of.endsWith('.hj')) {
        count += 1;
        left -= 1;
        if (left >= 0) throw diskError('ENOENT');
      }
      return undefined;
    });
    try {
      inspectStore({ ...dir, disk });
    } catch {
      return `${count} failed`;
    }
    return `${count} read`;
  };
  expect([readings(4), readings(5)]).toEqual(['5 read', '5 failed']);
});

test('a link in the place of blobs is called one', () => {
  const { root, workflowsDir } = createDataDir();
  const directory = path.join(workflowsDir, id);
  fs.mkdirSync(directory, { recursive: true });
  const place = path.join(directory, 'blobs');
  const told: string[] = [];
  const move = (from: string) => {
    fs.rmSync(from, { recursive: true });
    return 'kept';
  };
  const quarantine = { move, rename: () => 'aside' };
  const entries = new ForeignEntries(createNodeDisk(), { workflowsDir } as never, quarantine as never, (line) =>
    told.push(line),
  );
  for (const make of [() => fs.symlinkSync(root, place), () => fs.writeFileSync(place, '')]) {
    make();
    entries.setAsideBlobs(id);
  }
  entries.setAsideBlobs(id);
  const line = (what: string) => `blobs of workflow ${id} is a ${what}, not a directory; it was set aside in kept`;
  expect(told).toEqual([line('link'), line('file')]);
});

describe('the journal', () => {
  const journalOf = () => {
    const { root } = createDataDir();
    const directory = path.join(root, 'journal');
    fs.mkdirSync(directory);
    const { disk, operations } = createFaultDisk(() => undefined);
    const start = { lastSeq: 0, lastBatch: 0, lastNumber: 0, damaged: false, segments: [] };
    return { journal: new Journal(disk, directory, start), operations };
  };

  test('has one segment open, and counts its bytes from the last cut on', () => {
    const { journal, operations } = journalOf();
    journal.begin([], [], 0);
    journal.append(['{"a":1}']);
    const before = journal.bytesSinceCut;
    expect(before).toBeGreaterThan(0);
    expect(journal.cut()).toBe(2);
    expect(journal.bytesSinceCut).toBe(0);
    journal.append(['{"a":2}']);
    expect(journal.bytesSinceCut).toBeGreaterThan(0);
    expect(journal.bytesSinceCut).toBeLessThan(before);
    journal.close();
    const count = (name: string) => operations.filter((operation) => operation.name === name).length;
    expect([count('openSync'), count('closeSync')]).toEqual([2, 2]);
  });
});

test('a checkpoint of a newer format stops the start, one that names none is damaged', () => {
  const { root } = createDataDir();
  const disk = createNodeDisk();
  const file = path.join(root, 'checkpoint');
  const write = (manifest: object) => {
    const body = JSON.stringify(manifest);
    const sum = createHash('sha256').update(body).digest('hex');
    fs.writeFileSync(file, `{"sha256":"${sum}",\n"manifest":${body}}\n`);
  };
  write({ format: 99 });
  expect(() => readCheckpoint(disk, file)).toThrow(StartError);
  write({ live: {} });
  expect(readCheckpoint(disk, file)).toMatchObject({ kind: 'damaged', reason: 'it names no format' });
  fs.rmSync(file);
  expect(readCheckpoint(disk, file)).toEqual({ kind: 'absent' });
});

test('a directory that is made is under its name before anything is put into it', async () => {
  const dir = createDataDir();
  const { disk, operations } = createFaultDisk(() => undefined);
  await open(dir, { disk });
  const made = operations.flatMap(({ name, path: of }, at) => (name === 'mkdirSync' ? [[of, at] as const] : []));
  expect(made.map(([of]) => of)).toEqual([dir.workflowsDir, dir.engineDir, dir.journalDir]);
  for (const [of, at] of made) {
    const next = operations.slice(at + 1).findIndex(({ path: other }) => other.startsWith(`${of}/`));
    const sync = operations
      .slice(at + 1)
      .findIndex(({ name, path: other }) => name === 'fsyncDirectorySync' && other === path.dirname(of));
    expect([of, sync >= 0 && (next === -1 || sync < next)]).toEqual([of, true]);
  }
});

test('a queue file that is a link is where it leads, if that directory may be written', async () => {
  const dir = createDataDir();
  const elsewhere = path.join(dir.root, 'elsewhere');
  fs.mkdirSync(elsewhere);
  fs.writeFileSync(path.join(elsewhere, 'queue.json'), '[]\n');
  fs.symlinkSync(path.join(elsewhere, 'queue.json'), dir.queueStateFile);
  const { disk } = createFaultDisk(({ name, path: of }) => {
    if (name === 'accessDirectorySync' && of === elsewhere) throw diskError('EACCES');
    return undefined;
  });
  await expect(open(dir, { disk })).rejects.toMatchObject({ exitStatus: 77 });
  const store = await open(dir);
  await store.close();
  expect(fs.lstatSync(dir.queueStateFile).isSymbolicLink()).toBe(true);
});
