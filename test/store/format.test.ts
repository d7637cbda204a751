// Goal: a directory of a newer version is refused untouched, one of an older version is upgraded whatever crash comes in
// between (UP1, UP2), a damaged format file is no obstacle. Method: the store as an engine of format 3 would have it.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { JsonObject } from '../../src/contract/json.ts';
import { type FinishedEntry, StartError, type StorePort } from '../../src/contract/store.ts';
import type { Lock } from '../../src/store/lock.ts';
import { openStore } from '../../src/store/store.ts';
import type { Upgrade } from '../../src/store/upgrades.ts';
import { createDataDir, type DataDir, emptyManifest, listQuarantine, open } from './data-dir.ts';
import { createRandom, PowerCutDisk } from './power-cut-disk.ts';

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
  expect(String(error)).toMatch(/format 7.*format 2/);
  expect(snapshot(dir)).toEqual(before);
});

test.each([
  '',
  '{',
  'null',
  '{"format":"1"}',
  '{"format":0}',
  '{"format":-1}',
  '{"format":1.5}',
  '{"format":1,"from":2}',
])('a format file that says %j is kept aside and written anew; the journal is read all the same', async (text) => {
  const dir = createDataDir();
  await life(dir);
  fs.writeFileSync(path.join(dir.engineDir, 'format.json'), text);
  const store = await open(dir);
  expect(store.found.records).toEqual([{ seq: 1, json: '1' }]);
  expect(store.found.notices.map((notice) => notice.kind)).toEqual(['damage']);
  expect(listQuarantine(dir)).toHaveLength(1);
  expect(JSON.parse(fs.readFileSync(path.join(dir.engineDir, 'format.json'), 'utf8')).format).toBe(2);
});

test('the format file is written once and then left alone', async () => {
  const dir = createDataDir();
  await life(dir);
  const file = path.join(dir.engineDir, 'format.json');
  const before = fs.readFileSync(file, 'utf8');
  await life(dir);
  expect(fs.readFileSync(file, 'utf8')).toBe(before);
});

const id = '0190a1b2-0000-7000-8000-000000000001';
const doneId = '0190a1b2-0000-7000-8000-000000000002';

/** Everything says in `form` which format it is of, as it would in fields that have changed. */
function toForm(form: number): Upgrade {
  const next = (value: JsonObject): JsonObject => (Number(value.form) < form ? { ...value, form } : value);
  return {
    event: next,
    finished: next,
    manifest: (manifest) => ({
      ...manifest,
      setAside: { ...(manifest.setAside as JsonObject), [`form ${form}`]: 'x' },
    }),
    state: (state) => {
      // A state file names its format: it is upgraded once.
      if (state.form !== form - 1) throw new Error(`form ${form} from ${String(state.form)}`);
      return { ...next(state), _meta: { ...(state._meta as JsonObject), keys: form } };
    },
  };
}

const upgrades = [toForm(2), toForm(3)];
/** The engine of format 1. */
const first = { upgrades: [] };

const event = (form: number, n: number) =>
  JSON.stringify({ kind: 'step.completed', workflowId: id, n, form })
    .slice(0, -1)
    .concat(',"outputs":{"json":{"a":1.0}}}');
const stateText = (form: number) => JSON.stringify({ id, form }, null, 2);
const entry = (form: number) =>
  ({ id: doneId, seq: 1, sha256: 'a'.repeat(64), summary: { id: doneId }, keys: [], form }) as unknown as FinishedEntry;

/** Format 1 with one of everything: covered events, later ones, a manifest, a line of the index, a state file. */
async function writeOld(store: StorePort): Promise<void> {
  store.begin([event(1, 1), event(1, 2)]);
  await store.indexFinished([entry(1)]);
  const sha256 = await store.writeState(id, stateText(1), { seq: 2 }, { durable: true });
  const segment = store.cut();
  await store.checkpoint({ ...emptyManifest, live: { [id]: { seq: 2, sha256 } }, seq: 2, segment });
  store.append([event(1, 3)]);
  store.append([event(1, 4)]);
  await store.close();
}

function expectForm(store: StorePort, form: number): void {
  const { found } = store;
  // A queue file that a power cut has torn is no loss.
  expect(found.notices.filter(({ kind }) => kind === 'damage')).toEqual([]);
  expect(found.damaged).toBe(false);
  expect(found.records.filter(({ seq }) => seq > 2)).toEqual([3, 4].map((n) => ({ seq: n, json: event(form, n) })));
  for (const { seq, json } of found.records) expect(json).toBe(event(form, seq));
  expect(found.finished.get(doneId)).toEqual(entry(form));
  expect(Object.keys(found.manifest?.setAside ?? {})).toEqual(form === 1 ? [] : ['form 2', 'form 3']);
  const state = store.readStateSync(id);
  expect(state).toMatchObject({ kind: 'intact', text: stateText(form), value: { id, form } });
  if (form === 3) expect(state).toMatchObject({ meta: { seq: 2, keys: 3 } });
}

test('an older format is upgraded as it is read, and everything that is written is of the new one', async () => {
  const dir = createDataDir();
  await writeOld(await open(dir, first));
  const formatFile = path.join(dir.engineDir, 'format.json');
  const before = JSON.parse(fs.readFileSync(formatFile, 'utf8'));
  const store = await open(dir, { upgrades });
  expect(JSON.parse(fs.readFileSync(formatFile, 'utf8'))).toEqual({
    ...before,
    format: 3,
    from: 1,
    crc: expect.stringMatching(/^[0-9a-f]{8}$/),
  });
  expectForm(store, 3);
  store.begin([event(3, 5)]);
  expect(JSON.parse(fs.readFileSync(formatFile, 'utf8'))).toEqual({
    ...before,
    format: 3,
    crc: expect.stringMatching(/^[0-9a-f]{8}$/),
  });
  const segments = fs
    .readdirSync(dir.journalDir)
    .map((name) => fs.readFileSync(path.join(dir.journalDir, name), 'utf8'));
  expect(segments.join('')).not.toContain('"form":1');
  expect(fs.readFileSync(path.join(dir.engineDir, 'finished.jsonl'), 'utf8')).not.toContain('"form":1');
  const sha256 = await store.writeState(id, stateText(3), { seq: 5, keys: 3 }, { durable: true });
  await store.checkpoint({ ...emptyManifest, live: { [id]: { seq: 5, sha256 } }, seq: 5, segment: store.cut() });
  await store.close();

  const next = await open(dir, { upgrades });
  expect(next.found.manifest?.setAside).toEqual({});
  expect(next.readStateSync(id)).toMatchObject({ kind: 'intact', meta: { seq: 5, format: 3 }, value: { form: 3 } });
  expect(next.foundSums(id)).toMatchObject({ id, sha256 });
  expect(next.found.notices).toEqual([]);
});

test.each([false, true])(
  'an upgrade that dies at any operation is made again by the next start (power lost: %s)',
  async (power) => {
    const noLock = (): Promise<Lock> => Promise.resolve({ isHeld: () => true, release: () => Promise.resolve() });
    const at = { workflowsDir: '/data', queueStateFile: '/queue.json', takeLock: noLock };
    let deaths = 0;
    let refusals = 0;
    for (let operation = 1; ; operation += 1) {
      const disk = new PowerCutDisk(createRandom(operation));
      disk.port.mkdirSync('/data');
      await writeOld(await openStore({ ...at, ...first, disk: disk.port }));
      disk.restart({ power: true });
      disk.operationsLeft = operation;
      try {
        const store = await openStore({ ...at, disk: disk.port, upgrades });
        store.begin([]);
        await store.close();
      } catch (error) {
        if (!disk.isDead) throw error;
      }
      const isDone = !disk.isDead;
      disk.restart({ power });
      // The engine of format 1 refuses it, or finds what it has written.
      const bytes = disk.peek('/data/.engine/format.json')?.toString() ?? '';
      if (JSON.parse(bytes).format === 1) {
        expect(disk.peek('/data/.engine/finished.jsonl')?.toString()).toContain('"form":1');
      } else {
        refusals += 1;
        await expect(openStore({ ...at, ...first, disk: disk.port })).rejects.toThrow('knows format 1');
      }
      const next = await openStore({ ...at, disk: disk.port, upgrades });
      expectForm(next, 3);
      next.begin([]);
      await next.close();
      const last = await openStore({ ...at, disk: disk.port, upgrades });
      expectForm(last, 3);
      await last.close();
      if (isDone) break;
      deaths += 1;
    }
    expect(deaths).toBeGreaterThan(20);
    expect(refusals).toBeGreaterThan(5);
  },
);

test('a format file that is lost is no reason to leave older data as it is', async () => {
  const dir = createDataDir();
  await writeOld(await open(dir, first));
  fs.rmSync(path.join(dir.engineDir, 'format.json'));
  expectForm(await open(dir, { upgrades }), 3);
});

test('a manifest of a newer format stops the start too, and nothing is touched', async () => {
  const dir = createDataDir();
  const store = await open(dir, { upgrades });
  store.begin([event(3, 1)]);
  await store.checkpoint({ ...emptyManifest, seq: 1, segment: store.cut() });
  await store.close();
  for (const text of ['{"format":1}', '{']) {
    fs.writeFileSync(path.join(dir.engineDir, 'format.json'), text);
    const before = snapshot(dir);
    await expect(openStore(dir)).rejects.toThrow(/checkpoint\.json has format 3.*knows format 2; start the version/);
    expect(snapshot(dir)).toEqual(before);
  }
});

test('a state file of a newer format that was copied in is unreadable, with the reason, and never misread', async () => {
  const dir = createDataDir();
  const store = await open(dir, { upgrades });
  store.begin([]);
  await store.writeState(id, stateText(3), { seq: 1 }, { durable: true });
  await store.close();
  fs.writeFileSync(path.join(dir.engineDir, 'format.json'), '{"format":1}');
  const older = await open(dir);
  const reason =
    'its state.json has format 3, this version of the engine knows format 2; upgrade the engine, then copy the file back';
  expect(older.readStateSync(id)).toEqual({ kind: 'unreadable', reason });
  expect(await older.readState(id)).toEqual({ kind: 'unreadable', reason });
  expect(older.foundSums(id)).toBeNull();
});

/** As a workflow of format 1 may say it; parsed and written again it would be another text. */
const exactText = `{\n  "id": "${id}",\n  "form": 1,\n  "steps": [{"outputs":{"a":1.0}}]\n}`;

test('format 2 holds what format 1 held, to the letter, and an engine of format 1 refuses it', async () => {
  const dir = createDataDir();
  const old = await open(dir, first);
  old.begin([event(1, 1)]);
  await old.indexFinished([entry(1)]);
  const sha256 = await old.writeState(id, exactText, { seq: 1 }, { durable: true });
  await old.checkpoint({ ...emptyManifest, live: { [id]: { seq: 1, sha256 } }, seq: 1, segment: old.cut() });
  old.append([event(1, 2)]);
  await old.close();

  const store = await open(dir);
  const intact = { kind: 'intact', text: exactText, meta: { seq: 1 }, sha256 };
  expect(store.found).toMatchObject({ damaged: false, notices: [], manifest: { seq: 1, live: { [id]: { sha256 } } } });
  expect(store.found.records.at(-1)).toEqual({ seq: 2, json: event(1, 2) });
  expect(store.found.finished.get(doneId)).toEqual(entry(1));
  expect(store.readStateSync(id)).toMatchObject(intact);
  store.begin([]);
  await store.close();
  expect(JSON.parse(fs.readFileSync(path.join(dir.engineDir, 'format.json'), 'utf8'))).toMatchObject({ format: 2 });
  const before = snapshot(dir);
  await expect(openStore({ ...dir, ...first })).rejects.toThrow(/format\.json has format 2.*knows format 1; start/);
  expect(snapshot(dir)).toEqual(before);

  // A file that no upgrade has touched says no number and stays as it is; the next one that is written names the format.
  const next = await open(dir);
  expect(next.found.records.at(-1)).toEqual({ seq: 2, json: event(1, 2) });
  expect(next.readStateSync(id)).toMatchObject(intact);
  await next.writeState(id, exactText, { seq: 3 }, { durable: true });
  expect(next.readStateSync(id)).toMatchObject({ text: exactText, meta: { seq: 3, format: 2 } });
});
