/**
 * Goal: OB1 and OB2: what nothing names leaves the disk, and nothing else does. Method: a real store whose blobs are made older
 * than they are, and a clock whose timers the test fires.
 */
import fs from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type { Clock } from '../../../src/coordinator/clock.ts';
import { OrphanBlobs } from '../../../src/coordinator/files/orphan-blobs.ts';
import type { Workflows } from '../../../src/coordinator/workflows.ts';
import { live, newDir } from '../restarts.ts';

const { readdirSync } = fs;
const dayMs = 86_400_000;
/** The test's workflows have finished a while ago. */
const nowMs = Date.now() + 1.5 * dayMs;
const large = {
  name: 'large',
  steps: [{ id: 'a', action: 'transform', params: { input: 0, expression: "$pad('', 200000, 'x')" } }],
};
const small = { name: 'small', steps: [{ id: 'a', action: 'noop' }] };
const waits = { name: 'waits', steps: [{ id: 'in', action: 'external_data' }] };

async function setUp() {
  const { engine, coordinator, dir } = await live(newDir());
  const blobsOf = (id: string) => join(dir.settings.workflowsDir, id, 'blobs');
  const age = (file: string, ms: number) => fs.utimesSync(file, new Date(), new Date(nowMs - ms));
  const finish = async (definition: object): Promise<string> => {
    const { id } = await engine.submit(definition, { waitMs: 60_000 });
    await expect.poll(() => coordinator.parts.workflows.live.has(id)).toBe(false);
    return id;
  };
  return {
    engine,
    coordinator,
    dir,
    finish,
    plant(id: string, digit: string, ageMs: number): string {
      const file = join(blobsOf(id), digit.repeat(64));
      fs.mkdirSync(blobsOf(id), { recursive: true });
      fs.writeFileSync(file, 'nobody asks for this');
      age(file, ageMs);
      return file;
    },
    /** All that a workflow has of its own, made old. */
    ownBlobs(id: string): string[] {
      const files = fs.readdirSync(blobsOf(id)).map((name) => join(blobsOf(id), name));
      for (const file of files) age(file, 2 * dayMs);
      return files;
    },
    /** One look at everything; resolves when it is over, with what was told. */
    async look(
      workflows: Pick<Workflows, 'finished' | 'live'> = coordinator.parts.workflows,
      at: number = nowMs,
    ): Promise<string[]> {
      const told: string[] = [];
      const waiting: { ms: number; act: () => void }[] = [];
      const clock: Clock = {
        ...coordinator.parts.clock,
        now: () => at,
        timer: (ms, act) => {
          waiting.push({ ms, act });
          return () => undefined;
        },
      };
      const { store } = coordinator.parts;
      const tell = (text: string) => void told.push(text);
      const onFailed = (error: Error) => tell(`failed: ${error.message}`);
      const orphans = new OrphanBlobs({ store, workflows, clock, onRemoved: tell, onNotice: tell, onFailed });
      orphans.start();
      // The last is the one for tomorrow.
      while (waiting[0]!.ms < dayMs) {
        waiting.shift()!.act();
        await expect.poll(() => waiting.length).toBe(1);
      }
      orphans.stop();
      return told;
    },
  };
}

test('of a finished workflow what is old and named nowhere goes, and what it names stays', async () => {
  const { engine, finish, plant, ownBlobs, look } = await setUp();
  const id = await finish(large);
  const others = await Promise.all(Array.from({ length: 60 }, () => finish(small)));
  const named = ownBlobs(id);
  expect(named).toHaveLength(1);
  const old = [plant(id, 'a', 1.1 * dayMs), plant(others[55]!, 'b', 2 * dayMs)];
  const young = plant(id, 'c', 0.9 * dayMs);
  const other = join(old[0]!, '..', 'notes.txt');
  fs.writeFileSync(other, 'of somebody');
  fs.utimesSync(other, 0, 0);
  // A day after they were written, and after their workflow's last change.
  expect(await look(undefined, Date.now() + 0.9 * dayMs)).toEqual([]);
  expect(await look()).toEqual(['Removed 2 blobs (0.0 MiB) of 2 workflows that nothing names']);
  expect(old.map((file) => fs.existsSync(file))).toEqual([false, false]);
  expect([...named, young, other].map((file) => fs.existsSync(file))).toEqual([true, true, true]);
  expect((await engine.getStep(id, 'a')).outputs).toMatchObject({ content: 'x'.repeat(200_000) });
  expect(await look()).toEqual([]);
  await engine.close();
});

test('a workflow that is in memory, or whose file is not what the engine wrote, keeps everything', async () => {
  const { engine, coordinator, dir, finish, plant, look } = await setUp();
  const { id: unfinished } = await engine.submit(waits, { waitMs: 60_000 });
  const edited = await finish(small);
  const inMemory = await finish(small);
  const kept = [unfinished, edited, inMemory].map((id) => plant(id, 'a', 2 * dayMs));
  const file = dir.stateFile(edited);
  fs.writeFileSync(file, fs.readFileSync(file, 'utf8').replace('"small"', '"renamed"'));
  const { finished, live: alive } = coordinator.parts.workflows;
  const withOneMore = new Map([...alive, [inMemory, alive.get(unfinished)!]]);
  expect(await look({ finished, live: withOneMore })).toEqual([]);
  expect(kept.map((path) => fs.existsSync(path))).toEqual([true, true, true]);
  expect(await look()).toEqual(['Removed 1 blob (0.0 MiB) of 1 workflow that nothing names']);
  await engine.close();
});

test('a directory that cannot be read is told of, and left alone', async () => {
  const { engine, dir, finish, plant, look } = await setUp();
  const [broken, other] = [await finish(small), await finish(small)];
  const orphan = plant(other, 'a', 2 * dayMs);
  const blobs = join(dir.settings.workflowsDir, broken, 'blobs');
  const readDirectory = vi.spyOn(fs, 'readdirSync').mockImplementation(((path: string, options: never) => {
    if (path === blobs) throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
    return readdirSync(path, options);
  }) as never);
  fs.mkdirSync(blobs);
  expect(await look()).toEqual([
    `The blobs of workflow ${broken} cannot be looked through: EIO: i/o error`,
    'Removed 1 blob (0.0 MiB) of 1 workflow that nothing names',
  ]);
  readDirectory.mockRestore();
  expect(fs.existsSync(orphan)).toBe(false);
  await engine.close();
});
