// Goal: CF1 and CF2, the cache gives back what was written under a key or nothing. Power cuts: power-cut.test.ts.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { DiskFailedError, DiskFullError } from '../../src/contract/store.ts';
import { inspectStore } from '../../src/store/inspect.ts';
import { createDataDir, type DataDir, listQuarantine, open } from './data-dir.ts';
import { createFaultDisk, diskError } from './fault-disk.ts';

const key = createHash('sha256').update('a question').digest('hex');
const json = JSON.stringify({ outputs: { content: 'ü', list: [1, null] } });

function fileOf(dir: DataDir, name = key): string {
  return path.join(dir.engineDir, 'cache', name.slice(0, 2), `${name}.json`);
}

test('CF1: an answer comes back as it was written, in this life and the next, and its file is JSON', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  expect(await store.readCached(key)).toEqual({ kind: 'absent' });
  await store.writeCached(key, '{"older":true}');
  await store.writeCached(key, json);
  expect(await store.readCached(key)).toEqual({ kind: 'whole', json });
  await store.close();
  const next = await open(dir);
  expect(await next.readCached(key)).toEqual({ kind: 'whole', json });
  expect(JSON.parse(fs.readFileSync(fileOf(dir), 'utf8'))).toMatchObject({ key, entry: JSON.parse(json) });
  expect(next.found.workflowIds).toEqual([]);
  expect(next.found.notices).toEqual([]);
});

test.each([
  ['changed', (file: string) => fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('null', '2'))],
  ['cut short', (file: string) => fs.truncateSync(file, 100)],
  ['emptied', (file: string) => fs.truncateSync(file, 0)],
  ['grown', (file: string) => fs.appendFileSync(file, '}\n')],
  ['replaced by a directory', (file: string) => [fs.rmSync(file), fs.mkdirSync(file)]],
])('CF2: an answer whose file was %s is no answer, and is set aside once', async (_how, damage) => {
  const dir = createDataDir();
  const store = await open(dir);
  await store.writeCached(key, json);
  damage(fileOf(dir));
  expect(await store.readCached(key)).toMatchObject({ kind: 'damaged', reason: expect.stringContaining(key) });
  expect(listQuarantine(dir)).toHaveLength(1);
  expect(await store.readCached(key)).toEqual({ kind: 'absent' });
  await store.writeCached(key, json);
  expect(await store.readCached(key)).toEqual({ kind: 'whole', json });
});

test.each(['ENOSPC', 'EMFILE'])('a directory that could not be made for %s is made by the next write', async (code) => {
  const dir = createDataDir();
  let failing = true;
  const { disk } = createFaultDisk(({ name, path: of }) => {
    if (failing && name === 'mkdir' && of.includes('/cache')) throw diskError(code);
    return undefined;
  });
  const store = await open(dir, { disk });
  await expect(store.writeCached(key, json)).rejects.toThrow(code);
  failing = false;
  await store.writeCached(key, json);
  expect(await store.readCached(key)).toEqual({ kind: 'whole', json });
});

test('CF2: an answer under the name of another is no answer', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  await store.writeCached(key, json);
  const other = key.slice(0, 2) + createHash('sha256').update('another').digest('hex').slice(2);
  fs.copyFileSync(fileOf(dir), fileOf(dir, other));
  expect(await store.readCached(other)).toMatchObject({ kind: 'damaged' });
  expect(await store.readCached(key)).toEqual({ kind: 'whole', json });
});

test('what is no key names no file', async () => {
  const store = await open(createDataDir());
  await expect(store.readCached('../../state')).rejects.toThrow('not the key');
  await expect(store.writeCached(`${key}0`, json)).rejects.toThrow('not the key');
});

test('a cache that is emptied while the engine runs is filled again', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  await store.writeCached(key, json);
  fs.rmSync(path.join(dir.engineDir, 'cache'), { recursive: true });
  expect(await store.readCached(key)).toEqual({ kind: 'absent' });
  await store.writeCached(key, json);
  expect(await store.readCached(key)).toEqual({ kind: 'whole', json });
});

test('CF1: answers that come at once keep each their place, in new directories and in emptied ones', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  for (const shard of ['00', '3c', '7f', 'a5', 'ff']) {
    const keys = Array.from(
      { length: 8 },
      (_, i) => shard + createHash('sha256').update(`${i}`).digest('hex').slice(2),
    );
    for (const life of ['new', 'emptied']) {
      await Promise.all(keys.map((one) => store.writeCached(one, JSON.stringify({ life, one }))));
      for (const one of keys) {
        expect(await store.readCached(one)).toEqual({ kind: 'whole', json: JSON.stringify({ life, one }) });
      }
      expect(fs.readdirSync(path.join(dir.engineDir, 'cache', shard)).sort()).toEqual(
        keys.map((one) => `${one}.json`).sort(),
      );
      fs.rmSync(path.join(dir.engineDir, 'cache'), { recursive: true });
    }
  }
});

test('what a dead process left half written goes when its directory is next written to', async () => {
  const dir = createDataDir();
  const temp = path.join(path.dirname(fileOf(dir)), `.${key}.json.123.4.tmp`);
  fs.mkdirSync(path.dirname(temp), { recursive: true });
  fs.writeFileSync(temp, 'half');
  const store = await open(dir);
  await store.writeCached(key, json);
  expect(fs.readdirSync(path.dirname(temp))).toEqual([`${key}.json`]);
});

test('a full disk leaves the older answer, a failed sync ends the store', async () => {
  const dir = createDataDir();
  let fault: string | null = null;
  const { disk } = createFaultDisk(({ name, path: at }) => {
    if (fault === null || !at.includes('cache')) return undefined;
    if (fault === 'ENOSPC' ? name === 'write' : name === 'fsync') throw diskError(fault);
    return undefined;
  });
  const store = await open(dir, { disk });
  store.begin([]);
  await store.writeCached(key, json);
  fault = 'ENOSPC';
  await expect(store.writeCached(key, '{}')).rejects.toThrow(DiskFullError);
  expect(await store.readCached(key)).toEqual({ kind: 'whole', json });
  fault = 'EIO';
  await expect(store.writeCached(key, '{}')).rejects.toThrow(DiskFailedError);
  expect(() => store.append(['1'])).toThrow(DiskFailedError);
});

test('an inspection tells what there is, and changes nothing', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  expect(inspectStore(dir).cachedKeys).toEqual([]);
  await store.writeCached(key, json);
  fs.writeFileSync(path.join(dir.engineDir, 'cache', 'notes.txt'), 'x');
  fs.appendFileSync(fileOf(dir), 'x');
  const { cachedKeys, readCached } = inspectStore(dir);
  expect(cachedKeys).toEqual([key]);
  expect(await readCached(key)).toMatchObject({ kind: 'damaged' });
  expect(fs.existsSync(fileOf(dir))).toBe(true);
});
