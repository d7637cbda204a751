// Goal: every change of a state.json shows, and nothing in its place can hurt. Method: golden text, every bit flipped.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { createNodeDisk } from '../../src/store/disk.ts';
import { composeState, judgeState, readStateFile, readStateFileSync } from '../../src/store/state-bytes.ts';
import { createDataDir, open } from './data-dir.ts';
import { createFaultDisk, diskError } from './fault-disk.ts';

const id = '0190a1b2-0000-7000-8000-000000000001';
const text = JSON.stringify({ id, name: 'Grüße', steps: [{ id: 'a', _meta: 1 }] }, null, 2);
const meta = { seq: 7, replies: { b: { status: 201 }, 1: 'x' } };

test('a state.json is the given text with _meta as its last field', () => {
  const { bytes, sha256 } = composeState(text, meta);
  const value = JSON.parse(bytes.toString());
  expect(bytes.toString().startsWith(text.slice(0, -2))).toBe(true);
  expect(Object.keys(value).at(-1)).toBe('_meta');
  expect(value._meta).toMatchObject(meta);
  expect(value._meta.sha256).toBe(createHash('sha256').update(text.slice(0, -2)).digest('hex'));
  expect(sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
});

test('what was written is intact: the text byte for byte, the value, the meta', () => {
  const { bytes, sha256 } = composeState(text, meta);
  const state = judgeState(bytes);
  expect(state).toEqual({
    kind: 'intact',
    text,
    value: JSON.parse(text),
    meta: { ...meta, sha256: createHash('sha256').update(text.slice(0, -2)).digest('hex') },
    sha256,
  });
});

test('text in pieces makes the same bytes as in one', () => {
  const pieces = text.split(/(?=[:ü])/);
  expect(pieces.length).toBeGreaterThan(3);
  expect(composeState(pieces, meta)).toEqual(composeState(text, meta));
});

test('sums of an earlier file, however long, leave the buffer large enough', () => {
  const long = { ...meta, note: 'ü'.repeat(1_000), sha256: 'x', crc: 'y' };
  expect(judgeState(composeState(text, long).bytes)).toMatchObject({ kind: 'intact', text });
});

test('an object without fields is composed and judged like any other', () => {
  const { bytes } = composeState('{\n}', { seq: 1 });
  expect(JSON.parse(bytes.toString())).toMatchObject({ _meta: { seq: 1 } });
  expect(judgeState(bytes)).toMatchObject({ kind: 'intact', text: '{\n}' });
});

test('meta that was read can be written again as it is', () => {
  const first = judgeState(composeState(text, meta).bytes);
  if (first.kind !== 'intact') throw new Error(first.kind);
  expect(composeState(first.text, first.meta).sha256).toBe(first.sha256);
});

test('text that is no indented object is refused', () => {
  expect(() => composeState('[1]', { seq: 1 })).toThrow('indented JSON object');
  expect(() => composeState('{"a":1}', { seq: 1 })).toThrow('indented JSON object');
});

test('no flipped bit leaves a file intact, in the text or in _meta', () => {
  const { bytes } = composeState(text, meta);
  const kinds = new Set<string>();
  for (let bit = 0; bit < bytes.length * 8; bit += 1) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const state = judgeState(flipped);
    kinds.add(state.kind);
    if (state.kind === 'foreign') expect(state.value).not.toHaveProperty('_meta');
  }
  expect([...kinds].sort()).toEqual(['foreign', 'unreadable']);
});

test('no shortened file is intact', () => {
  const { bytes } = composeState(text, meta);
  for (let length = 0; length < bytes.length; length += 1) {
    expect(judgeState(bytes.subarray(0, length)).kind).not.toBe('intact');
  }
});

test.each([
  ['nothing at all', '', 'unreadable'],
  ['zeros', Buffer.alloc(100), 'unreadable'],
  ['bytes that are no UTF-8', Buffer.from([0x22, 0xff, 0x22]), 'unreadable'],
  ['half a document', '{"id":', 'unreadable'],
  ['another document', '{"id":"x"}', 'foreign'],
  ['a document with a byte order mark', '\uFEFF{"id":"x"}', 'foreign'],
  ['an array', '[]', 'foreign'],
  ['null', 'null', 'foreign'],
])('%s is judged', (_what, bytes, kind) => {
  expect(judgeState(Buffer.from(bytes)).kind).toBe(kind);
});

test('the same document written by another hand is foreign, without our _meta', () => {
  const { bytes } = composeState(text, meta);
  const state = judgeState(Buffer.from(JSON.stringify(JSON.parse(bytes.toString()))));
  expect(state).toMatchObject({ kind: 'foreign', value: JSON.parse(text) });
  expect(state).not.toHaveProperty('value._meta');
});

test('links, directories, pipes and huge files are not opened', async () => {
  const { root } = createDataDir();
  const disk = { ...createNodeDisk() };
  const make = (name: string) => path.join(root, name);
  fs.writeFileSync(make('real'), composeState(text, meta).bytes);
  fs.symlinkSync(make('real'), make('link'));
  fs.mkdirSync(make('directory'));
  fs.writeFileSync(make('huge'), '');
  fs.truncateSync(make('huge'), 256 * 1024 * 1024 + 1);
  for (const name of ['link', 'directory', 'huge']) {
    expect(readStateFileSync(disk, make(name)).kind).toBe('unreadable');
    expect((await readStateFile(disk, make(name))).kind).toBe('unreadable');
  }
  expect(readStateFileSync(disk, make('real')).kind).toBe('intact');
  expect((await readStateFile(disk, make('real'))).kind).toBe('intact');
  expect(readStateFileSync(disk, make('none')).kind).toBe('absent');
  expect((await readStateFile(disk, make('none'))).kind).toBe('absent');
});

test('a file the disk does not give is unreadable; a lack of file handles is an error, not a judgement', async () => {
  const { root } = createDataDir();
  const file = path.join(root, 'state.json');
  fs.writeFileSync(file, '{}');
  for (const [code, kind] of [
    ['EIO', 'unreadable'],
    ['EACCES', 'unreadable'],
    ['EMFILE', 'thrown'],
    ['ENFILE', 'thrown'],
  ] as const) {
    const { disk } = createFaultDisk((operation) => {
      if (operation.name.startsWith('readFile')) throw diskError(code);
      return undefined;
    });
    const judged = await readStateFile(disk, file).then(
      (state) => state.kind,
      () => 'thrown',
    );
    expect(judged).toBe(kind);
  }
});

test('writes of one workflow end in call order, writes of many run side by side with at most 8 open files', async () => {
  const dir = createDataDir();
  let opened = 0;
  let most = 0;
  const { disk } = createFaultDisk((operation) => {
    if (operation.name === 'open') opened += 1;
    if (operation.name === 'close') opened -= 1;
    most = Math.max(most, opened);
    return undefined;
  });
  const store = await open(dir, { disk });
  const ids = Array.from({ length: 40 }, (_, index) => `${id.slice(0, -2)}${String(index).padStart(2, '0')}`);
  const sums = await Promise.all(
    Array.from({ length: 5 }, (_, round) => round).flatMap((round) =>
      ids.map((each) =>
        store.writeState(each, JSON.stringify({ id: each, round }, null, 2), { seq: round }, { durable: false }),
      ),
    ),
  );
  for (const [index, each] of ids.entries()) {
    const state = await store.readState(each);
    expect(state).toMatchObject({ kind: 'intact', value: { round: 4 }, sha256: sums[4 * ids.length + index] });
  }
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(8);
});

test('a state.json is composed before the call returns: what becomes of its pieces later does not matter', async () => {
  const store = await open(createDataDir());
  const pieces = [text.slice(0, 20), text.slice(20)];
  const written = [1, 2].map((seq) => store.writeState(id, pieces, { seq }, { durable: false }));
  pieces.fill('changed');
  await Promise.all(written);
  expect(await store.readState(id)).toMatchObject({ kind: 'intact', text, meta: { seq: 2 } });
});

test('large files that are written at the same time do not share their memory', async () => {
  const store = await open(createDataDir());
  const ids = [1, 2, 3].map((digit) => id.replace(/1$/, String(digit)));
  const write = (each: string, fill: string) => {
    const large = JSON.stringify({ id: each, fill: fill.repeat(400_000) }, null, 2);
    return store.writeState(each, large, { seq: 1 }, { durable: false });
  };
  await write(ids[0]!, 'x');
  await Promise.all(ids.map((each, i) => write(each, String(i))));
  const files = await Promise.all(ids.map((each) => store.readState(each)));
  expect(files.map((file) => file.kind === 'intact' && String(file.value.fill).at(-1))).toEqual(['0', '1', '2']);
});

test('syncStates makes plain writes durable: file, directory, and the name of a new directory', async () => {
  const dir = createDataDir();
  const { disk, operations } = createFaultDisk(() => undefined);
  const store = await open(dir, { disk });
  await store.writeState(id, text, meta, { durable: false });
  operations.length = 0;
  await store.syncStates([id, id.replace(/1$/, '2')]);
  const synced = operations
    .filter((operation) => operation.name.startsWith('fsync'))
    .map((operation) => operation.path);
  const workflowDir = path.join(dir.workflowsDir, id);
  expect(synced).toEqual([path.join(workflowDir, 'state.json'), workflowDir, dir.workflowsDir]);
});

test('a workflow directory that somebody has removed is made again', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  await store.writeState(id, text, meta, { durable: true });
  fs.rmSync(path.join(dir.workflowsDir, id), { recursive: true });
  await store.writeState(id, text, meta, { durable: true });
  expect((await store.readState(id)).kind).toBe('intact');
});

test('of a foreign file the numbers that cannot be held are told, and infinite ones are null', () => {
  expect(judgeState(Buffer.from('{"a": [9007199254740993, 1e400], "_meta": {}}'))).toMatchObject({
    kind: 'foreign',
    value: { a: [9007199254740992, null] },
    lost: { first: [{ path: 'a[0]' }, { path: 'a[1]', written: '1e400', kept: null }], more: false },
  });
  expect(judgeState(Buffer.from('{"a": 9007199254740992}'))).not.toHaveProperty('lost');
});
