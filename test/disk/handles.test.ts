/**
 * Goal: a process without a free file handle waits for one; it loses nothing, blames no file and does not end (EMFILE,
 * ENFILE: back-pressure). Method: a disk that has no handles for as long as the test says.
 */
import { expect, onTestFinished, test } from 'vitest';
import { OutOfHandlesError } from '../../src/contract/store.ts';
import { openStore } from '../../src/store/store.ts';
import { refusalOf, stepOf } from '../engine/running-engine.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { createFaultDisk, diskError, type Operation } from '../store/fault-disk.ts';
import { bounded, type Life, lookAgain, openLife, startStatusOf } from './lives.ts';
import { large, Script } from './script.ts';

const opens = ({ name }: Operation) => /^(open|readFile)/.test(name);
/** Everything that needs a handle. */
const needsHandle = ({ name }: Operation) => /^(open|readFile|readDirectory|fsyncDirectory|removeTree)/.test(name);

interface Short extends Life {
  /** How many of the coming operations find no handle. */
  lack(count: number): void;
}

async function openShort(code: string, fits: (operation: Operation) => boolean = opens): Promise<Short> {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  let left = 0;
  const { disk } = createFaultDisk(
    (operation) => {
      if (left === 0 || !fits(operation)) return undefined;
      left -= 1;
      throw diskError(code);
    },
    { syncs: false },
  );
  const life = await openLife(dir, disk);
  onTestFinished(() => {
    left = 0;
    return life.engine.close();
  });
  const lack = (count: number) => {
    left = count;
  };
  return { ...life, lack };
}

async function finishedOne({ engine, coordinator }: Life): Promise<string> {
  const { id } = await engine.submit(
    { name: 'one', steps: [{ id: 'big', action: 'render', params: { template: large } }] },
    { waitMs: 60_000 },
  );
  await coordinator.parts.checkpoints.make();
  expect(coordinator.parts.workflows.live.has(id)).toBe(false);
  return id;
}

test.each(['EMFILE', 'ENFILE'])(
  '%s for a moment is waited out: the finished workflow and its blob are read',
  async (code) => {
    const life = await openShort(code);
    const id = await finishedOne(life);
    life.lack(3);
    const { workflow } = await life.engine.get(id);
    expect(stepOf(workflow, 'big').outputs).toEqual({ content: large });
    expect(life.fatal).toEqual([]);
  },
);

test('a lack that stays is 503 with Retry-After for its own call, and nobody is set aside for it', async () => {
  const life = await openShort('EMFILE', ({ name }) => name === 'readFile');
  const id = await finishedOne(life);
  life.lack(Number.POSITIVE_INFINITY);
  const refusal = await refusalOf(life.engine.get(id));
  expect(refusal).toMatchObject({ status: 503, retryAfterSeconds: 1 });
  expect((await life.engine.health()).status).toBe('healthy');
  const other = await life.engine.submit({ name: 'other', steps: [{ id: 'a', action: 'noop' }] });
  expect((await life.engine.finished(other.id)).status).toBe('COMPLETED');
  life.lack(0);
  expect((await life.engine.get(id)).status).toBe('COMPLETED');
  expect(life.fatal).toEqual([]);
  expect(life.dir.quarantined()).toEqual([]);
});

test('a step whose outputs or inputs lie in a blob waits for a handle instead of failing', async () => {
  const life = await openShort('EMFILE', ({ name, path }) => name === 'readFile' && path.includes('/blobs/'));
  life.lack(12);
  const { id } = await life.engine.submit({
    name: 'reads',
    steps: [
      { id: 'big', action: 'render', params: { template: large } },
      {
        id: 'length',
        action: 'transform',
        dependencies: ['big'],
        params: { input: '{{steps.big.outputs.content}}', expression: '$length($)' },
      },
    ],
  });
  const { workflow } = await life.engine.finished(id);
  expect(stepOf(workflow, 'length')).toMatchObject({
    status: 'COMPLETED',
    attempt: 1,
    outputs: { value: large.length },
  });
});

test('a run in which every third open finds no handle loses nothing', async () => {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  let seen = 0;
  const { disk } = createFaultDisk(
    (operation) => {
      if (!opens(operation)) return undefined;
      seen += 1;
      if (seen % 3 === 0) throw diskError('EMFILE');
      return undefined;
    },
    { syncs: false },
  );
  const life = await openLife(dir, disk);
  const script = new Script(life, { ended: life.ended, onRefused: async () => undefined });
  await bounded(script.run(), 'the run');
  await life.engine.close();
  expect(life.fatal).toEqual([]);
  expect(seen).toBeGreaterThan(50);
  expect(await lookAgain(dir, script.acknowledged)).toEqual({ missing: [], notices: [] });
});

test('a lack that stays, whatever it meets, ends nobody: the lock is not lost, and no disk has failed', async () => {
  const life = await openShort('EMFILE', needsHandle);
  const { engine, coordinator, dir } = life;
  const { store } = coordinator.parts;
  const id = await finishedOne(life);
  const { id: gone } = await engine.submit(
    { name: 'gone', steps: [{ id: 'in', action: 'external_data' }] },
    { waitMs: 60_000 },
  );
  const changed = await finishedOne(life);
  const state = { ...dir.state(changed), name: 'changed by hand' };
  dir.writeState(changed, state);
  life.lack(Number.POSITIVE_INFINITY);
  store.append([]);
  await engine.delete(gone);
  await coordinator.parts.checkpoints.make();
  expect(await refusalOf(engine.get(changed))).toMatchObject({ status: 503 });
  expect(life.fatal).toEqual([]);
  life.lack(0);
  await coordinator.parts.checkpoints.make();
  expect(dir.hasState(gone)).toBe(false);
  expect((await engine.get(id)).status).toBe('COMPLETED');
  expect(life.fatal).toEqual([]);
});

test.each([
  ['the file', /^openSync/],
  ['its directory', /^fsyncDirectorySync/],
])('a segment that found no handle for %s is made by the next try; a batch goes into the old one', async (_, name) => {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  let isShort = false;
  const { disk } = createFaultDisk(
    (operation) => {
      if (isShort && name.test(operation.name)) throw diskError('EMFILE');
      return undefined;
    },
    { syncs: false },
  );
  const { workflowsDir, queueStateFile } = dir;
  const store = await openStore({ workflowsDir, queueStateFile, disk });
  onTestFinished(() => store.close());
  store.begin([]);
  const large = JSON.stringify('l'.repeat(17 * 1024 * 1024));
  store.append([large]);
  isShort = true;
  expect(() => store.cut()).toThrow(OutOfHandlesError);
  store.append(['"after"']);
  isShort = false;
  const before = store.nextSeq;
  store.append(['"in a new one"']);
  expect(store.nextSeq).toBe(before + 1);
  store.cut();
});

test.each([
  ['a file is read', /^readFileSync/],
  ['a file is made', /^openSync/],
  ['a directory is synced', /^fsyncDirectorySync/],
  ['a directory is listed', /^readDirectorySync/],
])('a start that finds no handle when %s ends with status 1', async (_, name) => {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const { disk } = createFaultDisk(
    (operation) => {
      if (name.test(operation.name) && !operation.path.startsWith('/proc')) throw diskError('EMFILE');
      return undefined;
    },
    { syncs: false },
  );
  const error: unknown = await openLife(dir, disk).catch((thrown: unknown) => thrown);
  expect(startStatusOf(error)).toBe(1);
  expect(String(error)).toMatch(/too many open files.*ulimit -n/);
});
