/**
 * Goal: what a call meets on the disk (a blob that is gone, a file that somebody has changed, no room) costs that call
 * alone: it is refused, and the engine goes on.
 */
import fs from 'node:fs';
import { expect, test } from 'vitest';
import { DiskFullError, type StorePort } from '../../../src/contract/store.ts';
import { type Clock, createClock } from '../../../src/coordinator/clock.ts';
import { expectRefusal } from '../../engine/running-engine.ts';
import { type Life, live, newDir } from '../restarts.ts';

const noop = { name: 'noop', steps: [{ id: 'a', action: 'noop' }] };

/** An engine whose disk is full when the test says so, and looks for room when the test says so. */
async function liveOnDisk(disk: { isFull: boolean }): Promise<Life & { look(): void }> {
  const full = new Set<PropertyKey>(['append', 'writeBlobSync', 'writeBlob', 'writeState', 'copyBlobs']);
  const wrapStore = (store: StorePort): StorePort =>
    new Proxy(store, {
      get: (target, key) => {
        const value = Reflect.get(target, key) as unknown;
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) => {
          if (!disk.isFull || !full.has(key)) return Reflect.apply(value, target, args) as unknown;
          const error = new DiskFullError('no space');
          if (key === 'append' || key === 'writeBlobSync') throw error;
          return Promise.reject(error);
        };
      },
    });
  const real = createClock();
  const looks: (() => void)[] = [];
  const timer: Clock['timer'] = (ms, callback) => {
    if (ms !== 1_000) return real.timer(ms, callback);
    looks.push(callback);
    return () => undefined;
  };
  const life = await live(newDir(), { wrapStore, clock: { ...real, timer } });
  const look = () => {
    for (const callback of looks.splice(0)) callback();
  };
  return { ...life, look };
}

test('a branch that needs a damaged blob is refused', async () => {
  const { engine, dir, fatal } = await live();
  const steps = [
    { id: 'a', action: 'render', params: { template: 'b'.repeat(70_000) } },
    { id: 'b', action: 'noop' },
  ];
  const { id } = await engine.submit({ name: 'blob', steps }, { waitMs: 60_000 });
  fs.truncateSync(`${dir.directory(id)}/blobs/${dir.blobs(id)[0]}`, 10);
  await expectRefusal(engine.branch(id, { stepId: 'b' }), 'SET_ASIDE', /cannot be taken over.*damaged/);
  expect(fatal).toEqual([]);
});

test('outputs with a field called blob are no blob, and a branch takes them over', async () => {
  const { engine, holds } = await live();
  const steps = [
    { id: 'a', action: 'hold', params: { name: 'a', outputs: { blob: 'mine', size: 1 } } },
    { id: 'b', action: 'noop' },
  ];
  const { id } = await engine.submit({ name: 'own', steps });
  await holds.arrived('a');
  holds.release('a');
  await engine.finished(id);
  const { workflow } = await engine.branch(id, { stepId: 'b' }, { waitMs: 60_000 });
  expect(workflow.steps.map(({ outputs }) => outputs)).toEqual([{ blob: 'mine', size: 1 }, {}]);
});

test('a key whose answer went with a file that somebody has changed is a conflict, and makes nothing new', async () => {
  const { engine, dir, coordinator } = await live();
  const { id } = await engine.submit(noop, { waitMs: 60_000, idempotencyKey: 'k' });
  await dir.untilState(id, ({ status }) => status === 'COMPLETED');
  await coordinator.parts.checkpoints.make();
  fs.writeFileSync(dir.stateFile(id), dir.stateText(id).replace('"name": "noop"', '"name": "edited"'));
  await expectRefusal(engine.submit(noop, { idempotencyKey: 'k' }), 'CONFLICT', new RegExp(`used for workflow ${id}`));
  expect(await engine.list()).toMatchObject({ total: 1 });
  expect((await engine.submit(noop, { idempotencyKey: 'another', waitMs: 60_000 })).status).toBe('COMPLETED');
});

test('a large answer under a key waits for room like any other change', async () => {
  const disk = { isFull: false };
  const { engine, fatal, look } = await liveOnDisk(disk);
  const definition = { name: 'large', steps: Array.from({ length: 40 }, (_, n) => ({ id: `s${n}`, action: 'noop' })) };
  disk.isFull = true;
  await expectRefusal(engine.submit(definition, { idempotencyKey: 'k' }), 'DISK_FULL', /full/);
  expect(fatal).toEqual([]);
  disk.isFull = false;
  look();
  const made = await engine.submit(definition, { idempotencyKey: 'k', waitMs: 60_000 });
  expect(made).toMatchObject({ replayed: true, status: 'COMPLETED' });
  expect(await engine.list()).toMatchObject({ total: 1 });
});

test('a branch whose blobs find no room is refused with 507', async () => {
  const disk = { isFull: false };
  const { engine, fatal } = await liveOnDisk(disk);
  const steps = [
    { id: 'a', action: 'render', params: { template: 'b'.repeat(70_000) } },
    { id: 'b', action: 'noop' },
  ];
  const { id } = await engine.submit({ name: 'blob', steps }, { waitMs: 60_000 });
  disk.isFull = true;
  await expectRefusal(engine.branch(id, { stepId: 'b' }), 'DISK_FULL', /full/);
  expect(fatal).toEqual([]);
  disk.isFull = false;
  expect((await engine.branch(id, { stepId: 'b' }, { waitMs: 60_000 })).status).toBe('COMPLETED');
});

test('files that a full disk held back are written when there is room again', async () => {
  const disk = { isFull: false };
  const { engine, dir, holds, look } = await liveOnDisk(disk);
  const { id } = await engine.submit({ name: 'held', steps: [holds.step('held')] });
  await holds.arrived('held');
  await dir.untilState(id, ({ status }) => status === 'RUNNING');
  disk.isFull = true;
  holds.release('held');
  // Longer than the pause before a view is written.
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(dir.state(id).status).toBe('RUNNING');
  disk.isFull = false;
  look();
  await dir.untilState(id, ({ status }) => status === 'COMPLETED');
});

test('external data that finds no room for its blob is refused with 507', async () => {
  const disk = { isFull: false };
  const { engine } = await liveOnDisk(disk);
  const { id } = await engine.submit({ name: 'in', steps: [{ id: 'in', action: 'external_data' }] });
  const data = { step_id: 'in', content: 'x'.repeat(70_000) };
  disk.isFull = true;
  await expectRefusal(engine.externalData(id, data), 'DISK_FULL', /full/);
  disk.isFull = false;
  await engine.externalData(id, data);
  expect((await engine.get(id)).status).toBe('COMPLETED');
});

test.each(['delete', 'stop'] as const)(
  'a large result that comes after %s is dropped, with the files of a deleted workflow alone',
  async (call) => {
    let hold: Promise<void> | null = null;
    let release = () => {};
    let onHeld = () => {};
    const held = new Promise<void>((resolve) => {
      onHeld = resolve;
    });
    const wrapStore = (store: StorePort): StorePort =>
      new Proxy(store, {
        get: (target, key) => {
          if (key === 'writeBlob') {
            return async (...args: Parameters<StorePort['writeBlob']>) => {
              onHeld();
              await hold;
              return target.writeBlob(...args);
            };
          }
          const value = Reflect.get(target, key) as unknown;
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      });
    const { engine, coordinator, holds, dir, log } = await live(newDir(), { wrapStore });
    const params = { name: 'a', outputs: { text: 'x'.repeat(70_000) } };
    const { id } = await engine.submit({ name: 'gone', steps: [{ id: 'a', action: 'hold', params }] });
    await holds.arrived('a');
    hold = new Promise<void>((resolve) => {
      release = resolve;
    });
    holds.release('a');
    await held;
    await engine[call](id);
    await coordinator.parts.checkpoints.make();
    release();
    await engine.close();
    expect(log.filter((line) => line.includes('late outcome dropped'))).toHaveLength(1);
    expect(dir.hasState(id)).toBe(call === 'stop');
    expect(fs.existsSync(dir.directory(id))).toBe(call === 'stop');
  },
);
