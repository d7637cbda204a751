// Goal: a directory of a newer version is refused untouched; a damaged format file is no obstacle.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { StartError } from '../../src/contract/store.ts';
import { openStore } from '../../src/store/store.ts';
import { createDataDir, type DataDir, listQuarantine, open } from './data-dir.ts';

function snapshot(dir: DataDir): string[] {
  return fs
    .readdirSync(dir.root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort()
    .map((file) => `${file} ${fs.statSync(file).mtimeMs} ${fs.readFileSync(file, 'base64')}`);
}

async function life(dir: DataDir): Promise<void> {
  const store = await open(dir);
  store.begin(['1']);
  await store.close();
}

test('a newer format stops the start with status 1, names both versions and touches nothing', async () => {
  const dir = createDataDir();
  await life(dir);
  fs.writeFileSync(path.join(dir.engineDir, 'format.json'), '{"format":7}');
  const before = snapshot(dir);
  const error = await openStore(dir).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(StartError);
  expect(error).toMatchObject({ exitStatus: 1 });
  expect(String(error)).toMatch(/format 7.*format 1/);
  expect(snapshot(dir)).toEqual(before);
});

test.each(['', '{', 'null', '{"format":"1"}', '{"format":0}', '{"format":1.5}'])(
  'a format file that says %j is kept aside and written anew; the journal is read all the same',
  async (text) => {
    const dir = createDataDir();
    await life(dir);
    fs.writeFileSync(path.join(dir.engineDir, 'format.json'), text);
    const store = await open(dir);
    expect(store.found.records).toEqual([{ seq: 1, json: '1' }]);
    expect(store.found.notices.map((notice) => notice.kind)).toEqual(['damage']);
    expect(listQuarantine(dir)).toHaveLength(1);
    expect(JSON.parse(fs.readFileSync(path.join(dir.engineDir, 'format.json'), 'utf8')).format).toBe(1);
  },
);

test('the format file is written once and then left alone', async () => {
  const dir = createDataDir();
  await life(dir);
  const file = path.join(dir.engineDir, 'format.json');
  const before = fs.readFileSync(file, 'utf8');
  await life(dir);
  expect(fs.readFileSync(file, 'utf8')).toBe(before);
});
