/**
 * Goal: nothing leaves the coordinator before it is durable (T1, K1, W1, X1), a turn is a batch (T2), and a full disk costs
 * nothing that was acknowledged and shows nothing that is not (T3). Method: a store that notes each append, and that is
 * full when the test says so; the clock's timers of that wait are fired by hand.
 */
import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Refusal } from '../../src/contract/failures.ts';
import { limits } from '../../src/contract/limits.ts';
import { DiskFailedError, DiskFullError, type StorePort } from '../../src/contract/store.ts';
import { type Clock, createClock } from '../../src/coordinator/clock.ts';
import { Batch, Turns } from '../../src/coordinator/turns.ts';
import { expectRefusal, refusalOf, stepOf } from '../engine/running-engine.ts';
import { Follower } from '../fixtures/follower.ts';
import { type Life, live, newDir, restart } from './restarts.ts';

/** A store whose journal the test watches. */
class Watched {
  /** Batches as they were appended: the kinds of their events. */
  readonly batches: string[][] = [];
  readonly writes: { id: string; durable: boolean; version: number }[] = [];
  isFull = false;
  isBroken = false;
  /** What else is to be seen at the moment of an append, before it is made. */
  onAppend: () => void = () => undefined;

  readonly wrap = (store: StorePort): StorePort =>
    new Proxy(store, {
      get: (target, key) => {
        const value = Reflect.get(target, key, target) as unknown;
        if (typeof value !== 'function') return value;
        if (key === 'append') {
          return (payloads: readonly string[]) => {
            if (payloads.length > 0) this.onAppend();
            if (this.isBroken) throw new DiskFailedError('the journal cannot be synced');
            if (this.isFull) throw new DiskFullError('no space');
            target.append(payloads);
            if (payloads.length > 0)
              this.batches.push(payloads.map((json) => (JSON.parse(json) as { kind: string }).kind));
          };
        }
        if (key === 'writeState') {
          return (...args: Parameters<StorePort['writeState']>) => {
            const { version } = JSON.parse([args[1]].flat().join('')) as { version: number };
            this.writes.push({ id: args[0], durable: args[3].durable, version });
            return target.writeState(...args);
          };
        }
        return value.bind(target) as unknown;
      },
    });
}

/** Timers of exactly a second are the coordinator's looks for room; they come when the test says so. */
function byHand(): { clock: Clock; look(): void } {
  const real = createClock();
  let due: (() => void)[] = [];
  const clock: Clock = {
    ...real,
    timer(ms, callback) {
      if (ms !== 1_000) return real.timer(ms, callback);
      due.push(callback);
      return () => {
        due = due.filter((other) => other !== callback);
      };
    },
  };
  const look = () => {
    for (const callback of due.splice(0)) callback();
  };
  return { clock, look };
}

async function liveWatched(dir = newDir()): Promise<Life & { store: Watched; look(): void }> {
  const store = new Watched();
  const { clock, look } = byHand();
  const life = await live(dir, { wrapStore: store.wrap, clock });
  return { ...life, store, look };
}

const noop = { name: 'noop', steps: [{ id: 'a', action: 'noop' }] };

describe('T1, K1, X1: write, then speak', () => {
  test('no event, answer, attempt or wait is ahead of the journal', async () => {
    const { engine, store, holds } = await liveWatched();
    const follower = new Follower(engine);
    const seen: string[] = [];
    store.onAppend = () => {
      seen.push(`append after ${follower.all.length} events, ${holds.arrivals('held')} attempts`);
      const durable = store.batches.flat().length;
      // A branch's event is told twice; there is none here.
      expect(follower.all.length).toBeLessThanOrEqual(durable);
      expect(holds.arrivals('held')).toBeLessThanOrEqual(
        store.batches.flat().filter((kind) => kind === 'step.started').length,
      );
    };
    const { id } = await engine.submit({
      name: 'x',
      steps: [holds.step('held'), { id: 'b', action: 'noop', dependencies: ['held'] }],
    });
    expect(store.batches.flat()).toContain('workflow.created');
    await holds.arrived('held');
    expect(store.batches.flat()).toContain('step.started');
    holds.release('held');
    const { status } = await engine.finished(id);
    expect(status).toBe('COMPLETED');
    expect(store.batches.flat().filter((kind) => kind === 'step.completed')).toHaveLength(2);
    await follower.untilStep('step.completed', id, 'b');
    expect(follower.kinds().map((kind) => kind.split(' ')[0])).toEqual(store.batches.flat());
    expect(seen.length).toBeGreaterThan(2);
  });

  test('when the journal fails nothing is acknowledged, told or started any more, and the engine ends', async () => {
    const { engine, store, holds, fatal, dir } = await liveWatched();
    const follower = new Follower(engine);
    store.isBroken = true;
    const answered: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      engine.submit({ name: 'never', steps: [holds.step('never')] }).then(
        () => answered.push('accepted'),
        () => answered.push('refused'),
      );
    }
    while (fatal.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(fatal).toEqual(['the journal cannot be synced']);
    expect(answered).not.toContain('accepted');
    expect(follower.all).toEqual([]);
    expect(holds.arrivals('never')).toBe(0);
    expect(fs.readdirSync(dir.workflowsDir).filter((name) => name !== '.engine')).toEqual([]);
  });
});

test('T2: calls that come together share one batch, and none is larger than its bound', async () => {
  const { engine, store } = await liveWatched();
  const replies = await Promise.all(
    Array.from({ length: 50 }, () => engine.submit({ name: 'in', steps: [{ id: 'in', action: 'external_data' }] })),
  );
  expect(store.batches).toHaveLength(1);
  expect(store.batches[0]!.filter((kind) => kind === 'workflow.created')).toHaveLength(50);
  store.batches.length = 0;
  const one = replies[0]!.id;
  await Promise.all(Array.from({ length: 1_500 }, (_, n) => engine.externalData(one, { content: `${n}` })));
  expect(store.batches.map((batch) => batch.length)).toEqual([1_024, 476]);
});

describe('T3, W1: a full disk', () => {
  test('refuses changes with 507, shows only what is durable, and goes on when there is room', async () => {
    const { engine, store, look, dir, log } = await liveWatched();
    const before = await engine.submit(
      { name: 'in', steps: [{ id: 'in', action: 'external_data' }] },
      { waitMs: 60_000 },
    );
    const untouched = await engine.submit(noop, { waitMs: 60_000 });
    await dir.untilState(before.id, ({ version }) => version === before.version);
    const follower = new Follower(engine);
    store.isFull = true;
    const refusal = await refusalOf(
      engine.externalData(before.id, { step_id: 'in', content: 'x' }, { idempotencyKey: 'k' }),
    );
    expect(refusal).toMatchObject({ code: 'DISK_FULL', status: 507, retryAfterSeconds: expect.any(Number) });
    await expectRefusal(engine.submit(noop), 'DISK_FULL', /full/);
    expect(await engine.health()).toMatchObject({ status: 'degraded' });
    // What is not durable is shown nowhere: not by a read, not in a list, not in the file, not to followers.
    await expectRefusal(engine.get(before.id), 'DISK_FULL', /full/);
    await expectRefusal(
      engine.externalData(before.id, { step_id: 'in', content: 'x' }, { idempotencyKey: 'k' }),
      'DISK_FULL',
      /full/,
    );
    expect((await engine.get(untouched.id)).version).toBe(untouched.version);
    await expectRefusal(engine.peek(before.id), 'DISK_FULL', /full/);
    const { items, total } = await engine.list();
    expect(total).toBeLessThanOrEqual(2);
    expect(items.find(({ id }) => id === before.id)?.version ?? before.version).toBe(before.version);
    look();
    await new Promise((resolve) => setTimeout(resolve, 300)); // Longer than the pause before a view is written.
    expect(dir.state(before.id)).toEqual(before.workflow);
    expect(follower.all).toEqual([]);

    store.isFull = false;
    look();
    await follower.untilStep('external_data.ingested', before.id, 'in');
    expect((await engine.get(before.id)).status).toBe('COMPLETED');
    expect(await engine.health()).toMatchObject({ status: 'healthy' });
    const again = await engine.externalData(before.id, { step_id: 'in', content: 'x' }, { idempotencyKey: 'k' });
    expect(again.step_id).toBe('in');
    expect(stepOf((await engine.get(before.id)).workflow, 'in').outputs).toMatchObject({ content: 'x' });
    expect((await engine.submit(noop, { waitMs: 60_000 })).status).toBe('COMPLETED');
    expect(log.filter((line) => line.startsWith('error') && line.includes('full'))).toHaveLength(1);
  });

  test('is no refusal of a call that has created its workflow and waits for what becomes of it (T4)', async () => {
    const { engine, store, look, holds } = await liveWatched();
    const made = engine.submit({ name: 'x', steps: [holds.step('held')] }, { waitMs: 1_000 });
    await holds.arrived('held');
    const tried = new Promise<void>((resolve) => {
      store.onAppend = resolve;
    });
    store.isFull = true;
    holds.release('held');
    await tried;
    await expectRefusal(engine.submit(noop), 'DISK_FULL', /full/);
    // The wait is over, and what the workflow is now cannot be shown.
    look();
    const { id, workflow, version } = await made;
    expect(workflow).toMatchObject({ id, name: 'x', status: 'PENDING', version });
    await expectRefusal(engine.get(id), 'DISK_FULL', /full/);
    store.isFull = false;
    look();
    expect((await engine.finished(id)).status).toBe('COMPLETED');
  });

  test('loses nothing acknowledged when it is followed by a crash, and a result that waits for room is kept', async () => {
    const { engine, store, look, holds, dir } = await liveWatched();
    const { id } = await engine.submit({ name: 'x', steps: [holds.step('held')] });
    await holds.arrived('held');
    await dir.untilQueue((items) => items[0]?.status === 'RUNNING');
    store.isFull = true;
    const follower = new Follower(engine);
    const appends: number[] = [];
    const tried = new Promise<void>((resolve) => {
      store.onAppend = () => {
        appends.push(1);
        resolve();
      };
    });
    holds.release('held');
    await tried;
    const second = await restart(dir);
    expect((await second.engine.get(id)).status).toBe('RUNNING');
    await second.holds.arrived('held');
    expect(follower.all).toEqual([]);
    await new Promise((resolve) => setTimeout(resolve, 300)); // Longer than the pause before the queue file is written.
    // The result is not recorded, so its step is still in the queue.
    expect(dir.queue()).toMatchObject([{ node_id: 'held', status: 'RUNNING' }]);
    store.isFull = false;
    look();
    expect((await engine.finished(id)).status).toBe('COMPLETED');
    expect(stepOf((await engine.get(id)).workflow, 'held').attempt).toBe(1);
  });

  test('a deletion that found no room takes the files away when there is some', async () => {
    const { engine, store, look, dir } = await liveWatched();
    const { id } = await engine.submit(noop, { waitMs: 60_000 });
    await dir.untilState(id, ({ status }) => status === 'COMPLETED');
    store.isFull = true;
    await expectRefusal(engine.delete(id), 'DISK_FULL', /full/);
    expect(dir.hasState(id)).toBe(true);
    await expectRefusal(engine.get(id), 'DISK_FULL', /full/);
    const follower = new Follower(engine);
    store.isFull = false;
    look();
    await follower.until(({ kind }) => kind === 'workflow.deleted');
    await expectRefusal(engine.get(id), 'NOT_FOUND', /not found/);
    await engine.submit({ ...noop, tags: ['after'] }, { waitMs: 60_000 });
    await engine.close();
    expect(fs.existsSync(dir.directory(id))).toBe(false);
  });
});

describe('T4: a call finds room before it is decided', () => {
  const mebibyte = 1024 * 1024;
  /** A loop whose disk has so many free bytes; each call would put `size` characters into the journal. */
  function check(freeBytes: number, { size = 0, batchBytes = 0 } = {}) {
    const told: boolean[] = [];
    let asked = 0;
    const store = { freeBytes: () => freeBytes } as StorePort;
    const { clock } = byHand();
    const turns = new Turns({ store, clock, onFatal: () => undefined });
    turns.connect({ startReady: () => false, perform: () => undefined, onDiskFull: (isFull) => told.push(isFull) });
    const batch = new Batch(1);
    batch.bytes = batchBytes;
    const measure = () => {
      asked += 1;
      return size;
    };
    const refusal = catchRefusal(() => turns.checkRoom(batch, measure));
    return { refusal, asked, told, isLow: turns.isDiskFull };
  }

  function catchRefusal(call: () => void): Refusal | null {
    try {
      call();
      return null;
    } catch (error) {
      return error as Refusal;
    }
  }

  test('on a disk with 128 MiB free no call is measured, whatever it holds', () => {
    expect(check(128 * mebibyte, { size: 1e9 })).toEqual({ refusal: null, asked: 0, told: [], isLow: false });
    expect(check(Number.POSITIVE_INFINITY, { size: 1e9 })).toMatchObject({ refusal: null, asked: 0 });
    expect(check(128 * mebibyte - 1)).toEqual({ refusal: null, asked: 1, told: [], isLow: false });
  });

  test.each([
    // 256 KiB stay free; a character takes three bytes at most, and the call's text may come twice.
    { size: 1_000, batchBytes: 0, needs: 262_144 + 3 * 2 * 1_000 },
    { size: 8 * mebibyte, batchBytes: 0, needs: 262_144 + 3 * 2 * 8 * mebibyte },
    { size: 10, batchBytes: 5_000, needs: 262_144 + 3 * (5_000 + 2 * 10) },
  ])('a call of $size characters behind $batchBytes bytes needs $needs bytes', ({ needs, ...call }) => {
    expect(check(needs, call).refusal).toBeNull();
    const refused = check(needs - 1, call);
    expect(refused.refusal).toMatchObject({ code: 'DISK_FULL' });
    // A large call without room says nothing of the others: the disk is not full yet.
    expect([refused.isLow, refused.told]).toEqual([false, []]);
  });

  test('with less than 256 KiB free every call is refused, and the engine says that its disk is full', () => {
    expect(check(262_144).refusal).toBeNull();
    expect(check(262_143)).toMatchObject({ refusal: { code: 'DISK_FULL' }, told: [true], isLow: true });
  });
});

test('an engine that is told to end on a full disk ends, and the next one has all that was acknowledged', async () => {
  const { engine, store, dir } = await liveWatched();
  const { id, version } = await engine.submit(
    { name: 'in', steps: [{ id: 'in', action: 'external_data' }] },
    { waitMs: 60_000 },
  );
  store.isFull = true;
  await expectRefusal(engine.externalData(id, { step_id: 'in', content: 'x' }), 'DISK_FULL', /full/);
  await engine.close();
  const second = await live(dir);
  expect((await second.engine.get(id)).version).toBe(version);
});

test('who waits for a long inbox to be recorded is told when a batch before the last finds no room', async () => {
  const { clock } = byHand();
  const store = {
    nextSeq: 1,
    append: () => {
      throw new DiskFullError('no space');
    },
  };
  const turns = new Turns({
    store: store as unknown as StorePort,
    clock,
    onFatal: (error) => {
      throw error;
    },
  });
  turns.connect({ startReady: () => false, perform: () => undefined, onDiskFull: () => undefined });
  turns.push({ run: (batch) => batch.add('x'.repeat(limits.batchBytesMax)) });
  await turns.drain();
  expect(turns.isDiskFull).toBe(true);
  turns.halt();
});

describe('after a clean end', () => {
  /** Long timers are kept in `armed`; the grace for running steps is over after `graceMs`. */
  function watchedClock(graceMs: number): { clock: Clock; look(): void; armed: Set<number> } {
    const { clock, look } = byHand();
    const armed = new Set<number>();
    const timer: Clock['timer'] = (ms, callback) => {
      if (ms === 10_000) return clock.timer(graceMs, callback);
      const cancel = clock.timer(ms, callback);
      if (ms < 60_000) return cancel;
      armed.add(ms);
      return () => {
        armed.delete(ms);
        cancel();
      };
    };
    return { clock: { ...clock, timer }, look, armed };
  }

  test('outputs that still wait for room are given up, and nothing that they do ends the engine anew', async () => {
    const { clock, look } = watchedClock(0);
    let tries = 0;
    let onTry = () => {};
    const tried = new Promise<void>((resolve) => {
      onTry = resolve;
    });
    const wrapStore = (store: StorePort): StorePort =>
      new Proxy(store, {
        get: (target, key) => {
          const value = Reflect.get(target, key, target) as unknown;
          if (key === 'writeBlob') {
            return () => {
              tries += 1;
              onTry();
              return Promise.reject(new DiskFullError('no space'));
            };
          }
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      });
    const { engine, fatal } = await live(newDir(), { wrapStore, clock });
    await engine.submit({
      name: 'big',
      steps: [{ id: 'big', action: 'render', params: { template: 'l'.repeat(200_000) } }],
    });
    await tried;
    await engine.close();
    look();
    await new Promise((resolve) => setImmediate(resolve));
    expect(tries).toBe(1);
    expect(fatal).toEqual([]);
  });

  test('no checkpoint is to come, though a step has ended in the grace', async () => {
    const { clock, armed } = watchedClock(10_000);
    const { engine, holds } = await live(newDir(), { clock });
    await engine.submit({ name: 'held', steps: [holds.step('held')] });
    await holds.arrived('held');
    const closed = engine.close();
    holds.release('held');
    await closed;
    expect([...armed]).toEqual([]);
  });
});

describe('W2, W3: state files', () => {
  test('W2: one is written at birth and at rest, and in between when the pause is over', async () => {
    const store = new Watched();
    const real = createClock();
    const pauses: (() => void)[] = [];
    const timer: Clock['timer'] = (ms, callback) => {
      if (ms < 90 || ms > 2_000) return real.timer(ms, callback);
      pauses.push(callback);
      return () => void pauses.splice(pauses.indexOf(callback), 1);
    };
    let aheadMs = 0;
    const clock = { ...real, timer, monotonic: () => real.monotonic() + aheadMs };
    const { engine, holds, dir } = await live(newDir(), { wrapStore: store.wrap, clock });
    const follower = new Follower(engine);
    const names = ['a', 'b', 'c', 'd'];
    const { id } = await engine.submit({ name: 'held', steps: names.map((name) => holds.step(name)) });
    expect(dir.hasState(id)).toBe(true);
    for (const name of ['a', 'b', 'c']) {
      await holds.arrived(name);
      holds.release(name);
      await follower.untilStep('step.completed', id, name);
      // Enough turns for any write that does not wait for the pause.
      for (let n = 0; n < 50; n += 1) await new Promise((resolve) => setImmediate(resolve));
    }
    const writesOf = () => store.writes.filter((write) => write.id === id);
    const early = writesOf().length;
    expect(early).toBeLessThanOrEqual(2);
    aheadMs = 2_000;
    for (const fire of pauses.splice(0)) fire();
    await dir.untilState(id, ({ progress }) => progress === 75);
    expect(writesOf()).toHaveLength(early + 1);
    holds.release('d');
    const { version } = await engine.finished(id);
    await dir.untilState(id, ({ status }) => status === 'COMPLETED');
    const versions = writesOf().map((write) => write.version);
    expect(versions).toHaveLength(early + 2);
    expect(versions.at(-1)).toBe(version);
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
  });

  test('W3: a file replaces one that the journal no longer stands behind only when it is durable', async () => {
    const { engine, store, coordinator, dir } = await liveWatched();
    const { id } = await engine.submit(
      { name: 'in', steps: ['a', 'b', 'c'].map((name) => ({ id: name, action: 'external_data' })) },
      { waitMs: 60_000 },
    );
    const writesOf = () => store.writes.filter((write) => write.id === id);
    expect(writesOf().every(({ durable }) => !durable)).toBe(true);
    await coordinator.parts.checkpoints.make();
    store.writes.length = 0;
    const { version } = await engine.get(id);
    await engine.externalData(id, { step_id: 'a', content: '1' });
    await dir.untilState(id, (workflow) => workflow.version === version + 1);
    expect(writesOf()).toEqual([{ id, durable: true, version: version + 1 }]);
    // Over a restart as well: the manifest says where the journal begins.
    const second = await restart(dir);
    await second.engine.externalData(id, { step_id: 'b', content: '2' });
    await second.engine.close();
    const third = await liveWatched(second.dir);
    await third.engine.externalData(id, { step_id: 'c', content: '3' });
    await third.dir.untilState(id, ({ status }) => status === 'COMPLETED');
    expect(third.store.writes.filter((write) => write.id === id).every(({ durable }) => durable)).toBe(true);
    // One born since is covered by the journal.
    const young = await third.engine.submit(noop, { waitMs: 60_000 });
    await third.engine.close();
    expect(third.store.writes.find((write) => write.id === young.id)).toMatchObject({ durable: false });
  });
});

describe('X1 to X3: attempts', () => {
  test('X1: an attempt that will not end holds its step back, and its slot', async () => {
    const { engine, holds } = await live(newDir(), { settings: { maxParallelNodes: 2 } });
    const stubborn = { id: 's', action: 'hold', params: { name: 's', stubborn: true } };
    const { id } = await engine.submit({ name: 'stubborn', steps: [stubborn] });
    await holds.arrived('s');
    await engine.stop(id);
    await engine.resume(id);
    const other = await engine.submit({ name: 'other', steps: [holds.step('o1'), holds.step('o2')] });
    await holds.arrived('o1');
    expect((await engine.get(id)).workflow.steps[0]).toMatchObject({ status: 'PENDING', attempt: 1 });
    expect((await engine.stats()).queue).toMatchObject({ running: 2 });
    expect([holds.arrivals('s'), holds.arrivals('o2')]).toEqual([1, 0]);
    holds.release('s');
    // First in line, for it was ready before the other.
    await holds.arrived('s', 2);
    // X3: what the first attempt brought counts for nothing.
    expect((await engine.get(id)).workflow.steps[0]).toMatchObject({ status: 'RUNNING', attempt: 2, outputs: null });
    holds.release('o1');
    await holds.arrived('o2');
    holds.release('s');
    holds.release('o2');
    expect((await engine.finished(id)).workflow.steps[0]).toMatchObject({ status: 'COMPLETED', attempt: 2 });
    expect((await engine.finished(other.id)).status).toBe('COMPLETED');
  });

  test('X2: a step sees the recorded outputs of what it refers to, from journal, file and blob alike', async () => {
    const first = await live();
    const big = 'ß'.repeat(50_000);
    const steps = [
      { id: 'small', action: 'hold', params: { name: 'small', outputs: { n: [1, { deep: 'x' }], text: 'first' } } },
      { id: 'big', action: 'render', params: { template: big } },
      { id: 'gate', action: 'external_data' },
      {
        id: 'sees',
        action: 'transform',
        dependencies: ['small', 'big', 'gate'],
        params: {
          input: {
            n: '{{steps.small.outputs.n}}',
            t: 'a {{steps.small.outputs.text}}',
            b: '{{steps.big.outputs.content}}',
          },
          expression: '$',
        },
      },
    ];
    const { id } = await first.engine.submit({ name: 'sees', steps });
    await first.holds.arrived('small');
    first.holds.release('small');
    await first.engine.get(id, { waitMs: 60_000 });
    const second = await restart(first.dir);
    await second.coordinator.parts.checkpoints.make();
    const third = await restart(second.dir);
    await third.engine.externalData(id, { step_id: 'gate', content: '' });
    const { workflow } = await third.engine.finished(id);
    expect(stepOf(workflow, 'sees').outputs).toEqual({ value: { n: [1, { deep: 'x' }], t: 'a first', b: big } });
  });
});

test('a delete while a large result is on its way leaves no directory behind', async () => {
  const { engine, holds, dir } = await live();
  const outputs = { content: 'l'.repeat(200_000) };
  const { id } = await engine.submit({
    name: 'late',
    steps: [{ id: 's', action: 'hold', params: { name: 's', outputs, stubborn: true } }],
  });
  await holds.arrived('s');
  await engine.delete(id);
  holds.release('s');
  while ((await engine.stats()).queue.running > 0) await new Promise((resolve) => setImmediate(resolve));
  await engine.close();
  expect(fs.existsSync(dir.directory(id))).toBe(false);
});
