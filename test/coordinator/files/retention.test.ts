/**
 * Goal: finished workflows beyond KEEP_FINISHED go, and nothing else; what they have cost stays (RT1, RT2). Method: an engine
 * in this thread, looks that the test makes.
 */
import { expect, test } from 'vitest';
import { Refusal } from '../../../src/contract/failures.ts';
import type { KeepFinished } from '../../../src/contract/keep-finished.ts';
import { Retention } from '../../../src/coordinator/files/retention.ts';
import { type Life, live, restart } from '../restarts.ts';

const spent = { provider: 'test', model: 'costs-0.04', tokens: 3 };

interface Look {
  /** The pause before the next look. */
  ms: number;
  log: string[];
  faults: unknown[];
  stop(): void;
  /** No further look is to come. */
  isEnded(): boolean;
}

/** One look; resolves with the pause before the next, and what was logged. */
async function look(
  { coordinator }: Life,
  keep: KeepFinished | undefined,
  remove: (id: string, version: number) => Promise<unknown> = (id, version) =>
    coordinator.call('delete', { id, version }),
): Promise<Look> {
  const log: string[] = [];
  const faults: unknown[] = [];
  let isEnded = false;
  const { workflows, clock } = coordinator.parts;
  return new Promise((resolve) => {
    const retention: Retention = new Retention({
      keep,
      workflows,
      clock: {
        ...clock,
        soon: (act) => act(),
        timer: (ms) => {
          resolve({ ms, log, faults, stop: () => retention.stop(), isEnded: () => isEnded });
          return () => {
            isEnded = true;
          };
        },
      },
      log: { ...coordinator.parts.log, info: (_fields: object, message: string) => void log.push(message) },
      remove,
      onFault: (error) => void faults.push(error),
    });
    retention.start();
  });
}

async function finishThree(life: Life): Promise<string[]> {
  const ids: string[] = [];
  for (const name of ['first', 'second', 'third']) {
    const { id } = await life.engine.submit({ name, steps: [{ id: 'a', action: 'noop' }] }, { waitMs: 60_000 });
    await life.dir.untilState(id, ({ status }) => status === 'COMPLETED');
    await expect.poll(() => life.coordinator.parts.workflows.finished.has(id), { timeout: 30_000 }).toBe(true);
    ids.push(id);
  }
  return ids;
}

test('of three finished and one waiting the oldest two go, with their files, and stay gone', async () => {
  const life = await live();
  const [first, second, third] = await finishThree(life);
  const waiting = await life.engine.submit({ name: 'w', steps: [{ id: 'in', action: 'external_data' }] });
  const { ms, log } = await look(life, { count: 1 });
  expect(ms).toBe(60_000);
  expect(log).toEqual(['Removed 2 finished workflows that KEEP_FINISHED no longer keeps']);
  const ids = (await life.engine.list()).items.map(({ id }) => id).sort();
  expect(ids).toEqual([third, waiting.id].sort());
  expect([first, second, third].map((id) => life.dir.hasState(id!))).toEqual([false, false, true]);
  const next = await restart(life.dir);
  expect((await next.engine.list()).items.map(({ id }) => id).sort()).toEqual(ids);
});

test('what a removed workflow has cost stays in the ledger, also after a restart', async () => {
  const life = await live();
  const step = { id: 'a', action: 'hold', params: { name: 'a', spends: spent } };
  const { id } = await life.engine.submit({ name: 'x', steps: [step] });
  await life.holds.arrived('a');
  life.holds.release('a');
  await life.engine.finished(id);
  await expect.poll(() => life.coordinator.parts.workflows.finished.has(id), { timeout: 30_000 }).toBe(true);
  const before = await life.engine.costs({ by: 'workflow' });
  expect(before.rows).toHaveLength(1);
  await look(life, { count: 0 });
  expect((await life.engine.list()).total).toBe(0);
  expect(await life.engine.costs({ by: 'workflow' })).toEqual(before);
  const next = await restart(life.dir);
  expect(await next.engine.costs({ by: 'workflow' })).toEqual(before);
});

test('one that cannot be removed now is tried at the next look, and the others go', async () => {
  const life = await live();
  const [first] = await finishThree(life);
  let isRefused = true;
  const remove = (id: string) =>
    id === first && isRefused
      ? Promise.reject(new Refusal({ code: 'DISK_FULL', detail: 'full' }))
      : life.engine.delete(id);
  const { log } = await look(life, { count: 0 }, remove);
  expect(log).toEqual(['Removed 2 finished workflows that KEEP_FINISHED no longer keeps']);
  isRefused = false;
  expect((await look(life, { count: 0 }, remove)).log).toEqual([
    'Removed 1 finished workflow that KEEP_FINISHED no longer keeps',
  ]);
});

test('an engine that is given the setting looks at its start', async () => {
  const first = await live();
  await finishThree(first);
  const next = await restart(first.dir, undefined, { settings: { keepFinished: { count: 2 } } });
  await expect.poll(async () => (await next.engine.list()).total, { timeout: 30_000 }).toBe(2);
});

test('one that is set going again while others are removed stays', async () => {
  const life = await live();
  const [first, second, third] = await finishThree(life);
  const { workflows } = life.coordinator.parts;
  const asked: string[] = [];
  const remove = async (id: string) => {
    asked.push(id);
    // A client has taken hold of the second meanwhile: it is in memory again.
    if (id === first) workflows.finished.delete(second!);
  };
  const { log } = await look(life, { count: 0 }, remove);
  expect(asked).toEqual([first, third]);
  expect(log).toEqual(['Removed 2 finished workflows that KEEP_FINISHED no longer keeps']);
});

test.each([
  [
    'set going again',
    ({ coordinator }: Life, id: string) => coordinator.call('resume', { id }),
    'WAITING_FOR_DEPENDENCY',
  ],
  [
    'branched from',
    ({ coordinator }: Life, id: string) =>
      coordinator.call('branch', { id, request: { stepId: 'in' }, waitMs: 0, until: 'rest' }),
    'STOPPED',
  ],
])('one that is %s in the turn in which it would go stays as it is then', async (_what, change, status) => {
  const life = await live();
  const { id } = await life.engine.submit({ name: 'x', steps: [{ id: 'in', action: 'external_data' }] });
  await life.engine.stop(id);
  const { finished } = life.coordinator.parts.workflows;
  await expect.poll(() => finished.has(id), { timeout: 30_000 }).toBe(true);
  let changed: Promise<unknown> = Promise.resolve();
  const { log } = await look(life, { count: 0 }, async (of, version) => {
    changed = change(life, id);
    // It looks for its key first, and the removal does not.
    await new Promise((resolve) => setImmediate(resolve));
    return life.coordinator.call('delete', { id: of, version });
  });
  await changed;
  expect(log).toEqual([]);
  expect((await life.engine.get(id)).status).toBe(status);
});

test('a fault that is no refusal is told, and the next look comes all the same', async () => {
  const life = await live();
  const [, second] = await finishThree(life);
  const fault = new Error('the disk has failed');
  const remove = async (id: string) => {
    if (id === second) throw fault;
  };
  const { ms, log, faults } = await look(life, { count: 0 }, remove);
  expect(faults).toEqual([fault]);
  expect(log).toEqual(['Removed 1 finished workflow that KEEP_FINISHED no longer keeps']);
  expect(ms).toBe(60_000);
});

test('without the setting there is no look, and after a stop none is to come', async () => {
  const life = await live();
  const ids = await finishThree(life);
  const asked: string[] = [];
  const seen = await look(life, { count: 3 }, async (id) => void asked.push(id));
  expect([asked, seen.isEnded()]).toEqual([[], false]);
  seen.stop();
  expect(seen.isEnded()).toBe(true);
  const { workflows, clock, log } = life.coordinator.parts;
  const looks: number[] = [];
  const counted = { ...clock, soon: () => void looks.push(0) };
  const remove = async () => undefined;
  const onFault = () => undefined;
  new Retention({ keep: undefined, workflows, clock: counted, log, remove, onFault }).start();
  expect(looks).toEqual([]);
  expect(ids).toHaveLength(3);
});

test('an engine that is told to end removes no further one', async () => {
  const life = await live();
  const [first] = await finishThree(life);
  const { workflows, clock, log } = life.coordinator.parts;
  const asked: string[] = [];
  let isDone = (): void => undefined;
  const done = new Promise<void>((resolve) => {
    isDone = resolve;
  });
  const retention: Retention = new Retention({
    keep: { count: 0 },
    workflows,
    clock: { ...clock, soon: (act) => act(), timer: () => expect.unreachable() },
    log: { ...log, info: () => isDone() },
    remove: async (id) => {
      asked.push(id);
      retention.stop();
      setImmediate(isDone);
    },
    onFault: () => undefined,
  });
  retention.start();
  await done;
  expect(asked).toEqual([first]);
});
