// Goal: an inspection sees what the next start would find, beside a running engine too, and leaves no trace.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { StartError } from '../../src/contract/store.ts';
import { createNodeDisk } from '../../src/store/disk.ts';
import { inspectStore } from '../../src/store/inspect.ts';
import { createDataDir, type DataDir, open } from './data-dir.ts';
import { diskError } from './fault-disk.ts';

const id = '0190a1b2-0000-7000-8000-000000000001';

function tree(dir: DataDir): string[] {
  return fs
    .readdirSync(dir.root, { recursive: true })
    .map((name) => `${String(name)} ${fs.statSync(path.join(dir.root, String(name))).mtimeMs}`);
}

test('it finds what the store finds, while the store is open, and changes nothing', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  store.begin(['1']);
  store.append(['2']);
  await store.writeState(id, JSON.stringify({ id }, null, 2), { seq: 2 }, { durable: false });
  const before = tree(dir);
  const { found, readState } = inspectStore(dir);
  expect(found.records.map((record) => record.json)).toEqual(['1', '2']);
  expect(found.workflowIds).toEqual([id]);
  expect((await readState(id)).kind).toBe('intact');
  expect(tree(dir)).toEqual(before);
  await store.close();
  expect((await open(dir)).found).toEqual({ ...found });
});

test('damage is reported and nothing is set aside', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  store.begin(['1']);
  await store.close();
  fs.appendFileSync(path.join(dir.journalDir, '000001.hj'), 'torn');
  fs.writeFileSync(dir.queueStateFile, 'x');
  const before = tree(dir);
  expect(inspectStore(dir).found.notices.map((notice) => notice.kind)).toEqual(['tail', 'quarantine']);
  expect(tree(dir)).toEqual(before);
});

test('a directory that is absent is said to be absent and not made', () => {
  const dir = createDataDir();
  expect(() => inspectStore(dir)).toThrow(StartError);
  expect(fs.readdirSync(dir.root)).toEqual([]);
});

test('a directory without engine data has nothing but its workflows', () => {
  const dir = createDataDir();
  fs.mkdirSync(path.join(dir.workflowsDir, id), { recursive: true });
  const { found } = inspectStore(dir);
  expect(found).toMatchObject({ manifest: null, records: [], damaged: false, workflowIds: [id], notices: [] });
});

test('a segment that a running engine removes meanwhile makes it read anew', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  store.begin(['1']);
  const real = createNodeDisk();
  let vanished = 0;
  const disk = {
    ...real,
    readFileSync(file: string) {
      if (file.endsWith('.hj') && vanished < 2) {
        vanished += 1;
        throw diskError('ENOENT');
      }
      return real.readFileSync(file);
    },
  };
  expect(inspectStore({ ...dir, disk }).found.records).toHaveLength(1);
  expect(vanished).toBe(2);
});
