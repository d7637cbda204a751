/**
 * Goal: a budget lets no call go for which it has no room, whatever runs beside it and whatever happens to the engine; who is
 * paused says why and goes on when there is room. Method: steps that say what they plan and what they have used, and end when
 * the test says so.
 */
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import type { Budget } from '../../../src/contract/budget.ts';
import type { StorePort } from '../../../src/contract/store.ts';
import type { Workflow } from '../../../src/contract/workflow.ts';
import { type Clock, createClock } from '../../../src/coordinator/clock.ts';
import { expectRefusal } from '../../engine/running-engine.ts';
import { type Life, live, restart } from '../restarts.ts';

const plans = { model: 'costs-0.25', inputTokens: 60, outputTokens: 40 };

function call(id: string, spends: object | null = null, more: object = {}) {
  const used = { model: plans.model, calls: 1, tokens: 90, cost: 0.2, ...spends };
  return { id, action: 'hold', params: { name: id, plans: { ...plans, ...more }, spends: used } };
}

const fan = (ids: string) => [...ids].map((id) => call(id));

const statuses = ({ steps }: Workflow) => Object.fromEntries(steps.map(({ id, status }) => [id, status]));
const reasonOf = ({ steps }: Workflow, id: string) => steps.find((step) => step.id === id)?.reason;

async function submit({ engine }: Life, budget: Budget, steps: object[]): Promise<string> {
  return (await engine.submit({ name: 'budgeted', budget, steps })).id;
}

async function atRest({ engine }: Life, id: string): Promise<Workflow> {
  return (await engine.get(id, { waitMs: 10_000 })).workflow;
}

test('BU1, BA1: no more calls are under way than the budget has room for, and none after it', async () => {
  const life = await live();
  const id = await submit(life, { usd: 0.6 }, fan('abc'));
  await life.holds.arrived('b');
  const { workflow } = await life.engine.get(id);
  expect(statuses(workflow)).toEqual({ a: 'RUNNING', b: 'RUNNING', c: 'PENDING' });
  expect(workflow.budget).toEqual({
    usd: 0.6,
    spent: { usd: 0, tokens: 0, calls: 0 },
    reserved: { usd: 0.5, tokens: 200, calls: 2 },
  });
  life.holds.release('a');
  life.holds.release('b');
  const paused = await atRest(life, id);
  expect([paused.status, statuses(paused).c]).toEqual(['WAITING_FOR_DEPENDENCY', 'WAITING_FOR_DEPENDENCY']);
  expect(reasonOf(paused, 'c')).toBe(
    "the workflow's budget of $0.60 is used up: $0.40 spent, this call may take $0.25; resume the workflow with a larger budget",
  );
  expect(paused.budget).toMatchObject({ spent: { usd: 0.4, tokens: 180, calls: 2 }, reserved: { usd: 0, calls: 0 } });
  expect(paused.steps[2]?.logs.at(-1)).toMatch(/^Paused at \S+: the workflow's budget of \$0\.60/);
  expect((await life.engine.stats()).queue.depth).toBe(0);
});

test('resume with a larger budget lets paused steps go on; without, they are paused again', async () => {
  const life = await live();
  const id = await submit(life, { calls: 0 }, fan('a'));
  await atRest(life, id);
  await life.engine.resume(id);
  expect(reasonOf(await atRest(life, id), 'a')).toMatch(/^the workflow's budget of 0 calls is used up: 0 calls spent/);
  const resumed = await life.engine.resume(id, { budget: { calls: 1, tokens: 100 } });
  expect(resumed.workflow).toMatchObject({ status: expect.stringMatching(/PENDING|RUNNING/), budget: { calls: 1 } });
  await life.holds.arrived('a');
  await expectRefusal(life.engine.resume(id), 'CONFLICT', /takes one that is STOPPED, or has a step that a budget/);
  life.holds.release('a');
  expect(await atRest(life, id)).toMatchObject({ status: 'COMPLETED', budget: { calls: 1, tokens: 100 } });
  await expectRefusal(life.engine.resume(id, { budget: {} }), 'INVALID', /needs usd, tokens or calls/);
});

test('a call that is too large for what is left makes way for a smaller one', async () => {
  const life = await live();
  const id = await submit(life, { tokens: 100 }, [call('a', null, { outputTokens: 400 }), call('b')]);
  await life.holds.arrived('b');
  life.holds.release('b');
  const workflow = await atRest(life, id);
  expect(statuses(workflow)).toEqual({ a: 'WAITING_FOR_DEPENDENCY', b: 'COMPLETED' });
  expect(reasonOf(workflow, 'a')).toMatch(/budget of 100 tokens is used up: .* this call may take 460 tokens/);
});

test('BU4: a budget in dollars pauses a call without a price, and says what to do', async () => {
  const life = await live();
  const id = await submit(life, { usd: 5 }, [call('a', null, { model: 'nobody' })]);
  expect(reasonOf(await atRest(life, id), 'a')).toBe(
    "the workflow's budget of $5 cannot cover a call of nobody, whose price is not known; name it in PRICES_FILE, or set a budget in tokens or calls",
  );
});

test('a workflow that waits for its budget holds no other up', async () => {
  const life = await live();
  await submit(life, { calls: 1 }, fan('ab'));
  await life.holds.arrived('a');
  await submit(life, { calls: 1 }, fan('c'));
  await life.holds.arrived('c');
});

test('BU3: what was spent and reserved is the same after a crash: calls lost with the engine keep what they had reserved', async () => {
  const life = await live();
  const id = await submit(life, { usd: 1.2 }, fan('abcdefg'));
  await life.holds.arrived('d');
  life.holds.release('a');
  await life.holds.arrived('e');
  const before = (await life.engine.get(id)).workflow;
  expect(before.budget).toMatchObject({ spent: { usd: 0.2, calls: 1 }, reserved: { usd: 1, calls: 4 } });
  const next = await restart(life.dir);
  const after = await atRest(next, id);
  expect(after.budget).toEqual({
    usd: 1.2,
    spent: { usd: 1.2, tokens: 490, calls: 5 },
    reserved: { usd: 0, tokens: 0, calls: 0 },
  });
  expect(after.steps.map(({ status }) => status)).toEqual(['COMPLETED', ...Array(6).fill('WAITING_FOR_DEPENDENCY')]);
  expect(after.metrics).toMatchObject({ total_cost: 0.2, cost_is_floor: true });
  expect((await next.engine.costs()).total).toMatchObject({ calls: 5, unpriced_calls: 4, cost: 0.2 });
  const again = await restart(next.dir);
  expect((await again.engine.get(id)).workflow.budget).toEqual(after.budget);
});

test('a branch has the budget of its parent, and spends it anew', async () => {
  const life = await live();
  const id = await submit(life, { calls: 1 }, fan('a'));
  await life.holds.arrived('a');
  life.holds.release('a');
  await life.engine.finished(id);
  const branch = await life.engine.branch(id, { stepId: 'a' });
  await life.holds.arrived('a', 2);
  expect((await life.engine.get(branch.id)).workflow.budget).toMatchObject({
    calls: 1,
    spent: { calls: 0 },
    reserved: { calls: 1 },
  });
});

const hourMs = 3_600_000;

/** A clock whose hours pass when the test says so. */
function calendar(): Clock & { pass(ms: number): void } {
  const clock = createClock();
  let addedMs = 0;
  const looks: (() => void)[] = [];
  return {
    ...clock,
    now: () => Date.parse('2026-01-31T12:00:00.000Z') + addedMs,
    timer: (ms, run) => {
      if (ms !== 60_000) return clock.timer(ms, run);
      looks.push(run);
      return () => undefined;
    },
    pass(ms) {
      addedMs += ms;
      for (const run of looks.splice(0)) run();
    },
  };
}

test('BA3: the budget of a day is that of all workflows together, also deleted ones, and there is another the next day', async () => {
  const clock = calendar();
  const life = await live(undefined, { clock, settings: { dailyBudget: { calls: 2 } } });
  const plain = async (name: string) => (await life.engine.submit({ name, steps: [call(name)] })).id;
  const first = await plain('a');
  await life.holds.arrived('a');
  life.holds.release('a');
  await life.engine.finished(first);
  await life.engine.delete(first);
  const second = await plain('b');
  const third = await plain('c');
  await life.holds.arrived('b');
  life.holds.release('b');
  await life.engine.finished(second);
  const paused = await atRest(life, third);
  expect(reasonOf(paused, 'c')).toBe(
    'the budget of 2026-01-31 of 2 calls is used up: 2 calls spent, this call may take 1 call; it goes on by itself on the next day (UTC), or after a start with a larger DAILY_BUDGET',
  );
  const next = await restart(life.dir, undefined, { clock, settings: { dailyBudget: { calls: 2 } } });
  expect(reasonOf(await atRest(next, third), 'c')).toMatch(/^the budget of 2026-01-31/);
  const { version } = (await next.engine.get(third)).workflow;
  clock.pass(11 * hourMs);
  expect((await next.engine.get(third)).workflow.version).toBe(version);
  // However long it had been asleep.
  clock.pass(30 * hourMs);
  await next.holds.arrived('c');
  expect((await next.engine.get(third)).workflow.steps[0]).toMatchObject({ status: 'RUNNING' });
});

test('a new day takes up what its budget had paused, and nothing else', async () => {
  const clock = calendar();
  const life = await live(undefined, { clock, settings: { dailyBudget: { calls: 1 } } });
  const { id: first } = await life.engine.submit({ name: 'first', steps: fan('a') });
  await life.holds.arrived('a');
  life.holds.release('a');
  await life.engine.finished(first);
  const { id: ofDay } = await life.engine.submit({ name: 'of the day', steps: fan('b') });
  const ofItsOwn = await submit(life, { calls: 0 }, fan('c'));
  await atRest(life, ofDay);
  const before = await atRest(life, ofItsOwn);
  clock.pass(24 * hourMs);
  await life.holds.arrived('b');
  expect((await life.engine.get(ofItsOwn)).workflow).toEqual(before);
});

test('a budget can be raised while steps wait for room', async () => {
  const life = await live();
  const id = await submit(life, { usd: 0.3 }, fan('ab'));
  await life.holds.arrived('a');
  expect(statuses((await life.engine.get(id)).workflow)).toEqual({ a: 'RUNNING', b: 'PENDING' });
  await life.engine.resume(id, { budget: { usd: 1 } });
  await life.holds.arrived('b');
  await expectRefusal(life.engine.resume(id), 'CONFLICT', /with a budget any that has not finished/);
});

test('a call that hangs on outputs of a blob is foreseen all the same', async () => {
  const life = await live();
  const outputs = { plans, text: 'x'.repeat(100_000) };
  const big = { id: 'big', action: 'hold', params: { name: 'big', outputs } };
  const late = {
    id: 'late',
    action: 'hold',
    params: { name: 'late', plans: '{{steps.big.outputs.plans}}' },
    dependencies: ['big'],
  };
  const id = await submit(life, { calls: 0 }, [big, late]);
  await life.holds.arrived('big');
  life.holds.release('big');
  expect(reasonOf(await atRest(life, id), 'late')).toMatch(/^the workflow's budget of 0 calls is used up/);
  await life.engine.resume(id, { budget: { calls: 1 } });
  await life.holds.arrived('late');
  expect((await life.engine.get(id)).workflow.budget).toMatchObject({ reserved: { calls: 1, tokens: 100 } });
});

test('where such a blob is gone the step fails for it', async () => {
  const life = await live();
  const big = { id: 'big', action: 'hold', params: { name: 'big', outputs: { plans, text: 'x'.repeat(100_000) } } };
  const gate = { id: 'gate', action: 'hold', params: { name: 'gate' }, dependencies: ['big'] };
  const params = { name: 'late', plans: '{{steps.big.outputs.plans}}' };
  const late = { id: 'late', action: 'hold', params, dependencies: ['gate'] };
  const id = await submit(life, { calls: 0 }, [big, gate, late]);
  await life.holds.arrived('big');
  life.holds.release('big');
  await life.holds.arrived('gate');
  for (const blob of life.dir.blobs(id)) fs.rmSync(path.join(life.dir.directory(id), 'blobs', blob));
  life.holds.release('gate');
  await life.dir.untilState(id, ({ status }) => status === 'FAILED');
  const { steps } = life.dir.state(id);
  expect(steps[2]).toMatchObject({ status: 'FAILED', error: expect.stringContaining('cannot be read') });
});

test('a budget that comes later holds up its own workflow alone', async () => {
  const life = await live(undefined, { settings: { maxParallelNodes: 2 } });
  const other = (await life.engine.submit({ name: 'other', steps: [life.holds.step('block')] })).id;
  await life.holds.arrived('block');
  const { id } = await life.engine.submit({ name: 'late', steps: fan('ab') });
  await life.holds.arrived('a');
  const { id: free } = await life.engine.submit({ name: 'free', steps: fan('c') });
  await life.engine.resume(id, { budget: { calls: 1 } });
  life.holds.release('block');
  await life.engine.finished(other);
  while (life.holds.arrivals('c') === 0) {
    const { held } = (await life.engine.stats()).queue;
    expect(held.flatMap(({ first }) => first.map(({ workflow_id: each }) => each))).not.toContain(free);
  }
  expect((await life.engine.get(id)).workflow.budget).toMatchObject({ calls: 1, reserved: { calls: 1 } });
});

test('outputs that cannot be read when their call is foreseen are not read again for it', async () => {
  let faults = 1;
  const failing = (store: StorePort): StorePort =>
    new Proxy(store, {
      get(target, name) {
        if (name === 'readBlob' && faults > 0) {
          faults -= 1;
          return () => Promise.reject(new Error('EIO'));
        }
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  const life = await live(undefined, { wrapStore: failing });
  const outputs = { plans, text: 'x'.repeat(100_000) };
  const big = { id: 'big', action: 'hold', params: { name: 'big', outputs } };
  const params = { name: 'late', plans: '{{steps.big.outputs.plans}}' };
  const id = await submit(life, { calls: 0 }, [big, { id: 'late', action: 'hold', params, dependencies: ['big'] }]);
  await life.holds.arrived('big');
  life.holds.release('big');
  const asked = life.holds.arrived('late').then(() => expect.fail('the call was made'));
  const { steps } = (await Promise.race([life.engine.finished(id), asked])).workflow;
  expect(steps[1]).toMatchObject({ status: 'FAILED', error: expect.stringContaining('cannot be read: EIO') });
});

test('a call of which nothing can be told counts all the same', async () => {
  const life = await live();
  const step = { id: 'a', action: 'hold', params: { name: 'a', plans: '{{params.plans}}' } };
  const definition = { name: 'w', budget: { calls: 0 }, params: { plans: 'written like a reference' }, steps: [step] };
  const { id } = await life.engine.submit(definition);
  expect(reasonOf(await atRest(life, id), 'a')).toMatch(/^the workflow's budget of 0 calls is used up/);
});
