/**
 * Goal: what has been spent is in the answer about costs exactly once: while its workflow lives, when it has finished, was
 * deleted, put back, taken over or branched; before and after a crash, a clean end and a checkpoint. Method: steps that say
 * what they have used, and the same question to one life after the other.
 */
import fs from 'node:fs';
import { expect, test } from 'vitest';
import type { CostsQuery } from '../../src/contract/ledger.ts';
import { expectRefusal } from '../engine/running-engine.ts';
import type { EngineDir } from '../fixtures/engine-dir.ts';
import { crash, end, type Life, live, restart } from './restarts.ts';

const spends = { model: 'm', tokens: 3, input_tokens: 2, output_tokens: 1, cost: 0.1, calls: 1 };

function costly(name: string, more: object = {}) {
  return { id: name, action: 'hold', params: { name, spends: { ...spends, ...more } } };
}

/** Reserves what its call may use. */
function planned(name: string, ...dependencies: string[]) {
  const plans = { model: 'm', inputTokens: 60, outputTokens: 40 };
  return { id: name, action: 'hold', params: { name, plans, spends }, dependencies };
}

/** A finished workflow of one call. */
async function paid(life: Life, name: string, more: object = {}): Promise<string> {
  const { id } = await life.engine.submit({ name, steps: [costly(name, more)] });
  await life.holds.arrived(name);
  life.holds.release(name);
  await life.engine.finished(id);
  return id;
}

async function byWorkflow({ engine }: Life, query: Partial<CostsQuery> = {}): Promise<Record<string, number>> {
  const { rows } = await engine.costs({ by: 'workflow', ...query });
  return Object.fromEntries(rows.map(({ key, cost }) => [key, cost]));
}

/** What the journal holds now is covered by two checkpoints: the segment before the last is kept as well. */
async function forgetBeginnings({ coordinator, engine }: Life): Promise<void> {
  for (const _ of [1, 2]) {
    await coordinator.parts.checkpoints.make();
    await engine.submit({ name: 'other', steps: [{ id: 'a', action: 'noop' }] });
  }
}

/** As the next life finds it after a crash, after a clean end, and after a crash that follows a checkpoint. */
async function inEveryNextLife(life: Life, look: (next: Life) => Promise<void>): Promise<void> {
  await look(life);
  await look(await restart(life.dir));
  await life.coordinator.parts.checkpoints.make();
  await look(await restart(life.dir));
  await end(life);
  await look(await live(crash(life.dir)));
}

test('live, finished and deleted workflows are in it once each, in every next life', async () => {
  const life = await live();
  const finished = await paid(life, 'finished');
  const deleted = await paid(life, 'deleted', { cost: 0.2 });
  await life.coordinator.parts.checkpoints.make();
  await life.engine.delete(deleted);
  const { id: running } = await life.engine.submit({
    name: 'live',
    steps: [costly('first', { cost: null }), { id: 'ext', action: 'external_data' }],
  });
  await life.holds.arrived('first');
  life.holds.release('first');
  await life.engine.get(running, { waitMs: 10_000 });
  await inEveryNextLife(life, async (next) => {
    const reply = await next.engine.costs({ by: 'workflow' });
    expect(reply.rows.map(({ key, cost, cost_is_floor }) => [key, cost, cost_is_floor])).toEqual([
      [deleted, 0.2, false],
      [finished, 0.1, false],
      [running, 0, true],
    ]);
    expect(reply.total).toMatchObject({ calls: 3, unpriced_calls: 1, tokens: 9, cost: 0.3, cost_is_floor: true });
    const today = new Date().toISOString().slice(0, 10);
    expect(await next.engine.costs({ from: today, to: today, by: 'model' })).toMatchObject({
      rows: [{ key: 'm', cost: 0.3 }],
    });
    expect((await next.engine.costs({ to: '2026-01-01' })).rows).toEqual([]);
  });
});

test('a deleted workflow whose directory is put back is not counted twice, and goes on from what it had spent', async () => {
  const life = await live();
  const id = await paid(life, 'one');
  await life.coordinator.parts.checkpoints.make();
  const copy = crash(life.dir);
  await life.engine.delete(id);
  await life.coordinator.parts.checkpoints.make();
  await end(life);
  const putBack = (image: EngineDir) => fs.cpSync(copy.directory(id), image.directory(id), { recursive: true });
  const second = await restart(life.dir, putBack);
  expect((await second.engine.get(id)).status).toBe('COMPLETED');
  await inEveryNextLife(second, async (next) => expect(await byWorkflow(next)).toEqual({ [id]: 0.1 }));
});

test('a file put back that knows less than was spent does not take it away', async () => {
  const life = await live();
  const steps = [costly('first'), { ...costly('second'), dependencies: ['first'] }];
  const { id } = await life.engine.submit({ name: 'two', steps });
  await life.holds.arrived('first');
  await life.engine.stop(id);
  await life.dir.untilState(id, ({ status }) => status === 'STOPPED');
  const copy = crash(life.dir);
  await life.engine.resume(id);
  await life.holds.arrived('first', 2);
  life.holds.release('first');
  await life.holds.arrived('second');
  await life.engine.delete(id);
  const spent = await byWorkflow(life);
  await end(life);
  const putBack = (image: EngineDir) => fs.cpSync(copy.directory(id), image.directory(id), { recursive: true });
  const second = await restart(life.dir, putBack);
  expect((await second.engine.get(id)).status).toBe('STOPPED');
  await inEveryNextLife(second, async (next) => expect(await byWorkflow(next)).toEqual(spent));
});

test('a finished file that was changed by hand costs what it has cost, taken over or set aside', async () => {
  for (const change of [(text: string) => text.replace('"name": "one"', '"name": "other"'), () => '{"half":']) {
    const life = await live();
    const id = await paid(life, 'one');
    await life.coordinator.parts.checkpoints.make();
    life.dir.writeState(id, change(life.dir.stateText(id)));
    await life.engine.get(id).catch(() => undefined);
    await inEveryNextLife(life, async (next) => expect(await byWorkflow(next)).toEqual({ [id]: 0.1 }));
  }
});

test('a live file that was changed by hand costs what the last checkpoint knows', async () => {
  for (const change of [(text: string) => text.replace('"name": "live"', '"name": "other"'), () => '{"half":']) {
    const life = await live();
    const { id } = await life.engine.submit({
      name: 'live',
      steps: [costly('first'), { id: 'ext', action: 'external_data' }],
    });
    await life.holds.arrived('first');
    life.holds.release('first');
    await life.engine.get(id, { waitMs: 10_000 });
    await end(life);
    const next = await restart(life.dir, (image) => {
      fs.rmSync(`${image.workflowsDir}/.engine/journal`, { recursive: true });
      image.writeState(id, change(image.stateText(id)));
    });
    await inEveryNextLife(next, async (each) => expect(await byWorkflow(each)).toEqual({ [id]: 0.1 }));
  }
});

test('a live file that was changed by hand costs what the journal knows beside the last checkpoint', async () => {
  for (const change of [(text: string) => text.replace('"name": "live"', '"name": "other"'), () => '{"half":']) {
    const life = await live();
    const after = { ...costly('second', { cost: 0.5 }), dependencies: ['ext'] };
    const ahead = planned('ahead', 'first');
    const steps = [costly('first'), { id: 'ext', action: 'external_data' }, after, ahead, planned('late', 'second')];
    const { id } = await life.engine.submit({ name: 'live', steps });
    await life.holds.arrived('first');
    life.holds.release('first');
    await life.holds.arrived('ahead');
    await forgetBeginnings(life);
    await life.engine.externalData(id, { step_id: 'ext', content: 'x' });
    await life.holds.arrived('second');
    life.holds.release('second');
    await life.holds.arrived('late');
    const next = await restart(life.dir, (image) => {
      expect(image.journalText()).not.toContain('"name":"live"');
      image.writeState(id, change(image.stateText(id)));
    });
    const look = async (each: Life) => {
      const { rows } = await each.engine.costs({ by: 'workflow' });
      expect(rows).toMatchObject([{ key: id, cost: 0.6, calls: 4, unpriced_calls: 2, cost_is_floor: true }]);
      expect((await each.engine.costs({ by: 'action' })).rows).toMatchObject([
        { key: 'unknown', calls: 1, cost: 0.5 },
        { key: 'hold', calls: 3, cost: 0.1 },
      ]);
    };
    await look(next);
    // One that was taken over makes its calls again, which is paid for.
    if (!next.dir.hasState(id)) await inEveryNextLife(next, look);
  }
});

test('a call that a checkpoint met in flight is counted once where its file was damaged since', async () => {
  const life = await live();
  const steps = [
    planned('first'),
    planned('ahead', 'first'),
    planned('late', 'ahead'),
    { id: 'ext', action: 'external_data' },
  ];
  const { id } = await life.engine.submit({ name: 'live', steps });
  await life.holds.arrived('first');
  life.holds.release('first');
  await life.holds.arrived('ahead');
  await forgetBeginnings(life);
  life.holds.release('ahead');
  await life.holds.arrived('late');
  life.holds.release('late');
  await life.engine.get(id, { waitMs: 10_000 });
  const { rows } = await life.engine.costs({ by: 'action' });
  expect(rows).toMatchObject([{ key: 'hold', calls: 3, cost: 0.3 }]);
  const next = await restart(life.dir, (image) => {
    expect(image.journalText()).not.toContain('"name":"live"');
    image.writeState(id, '{"half":');
  });
  await inEveryNextLife(next, async (each) => expect((await each.engine.costs({ by: 'action' })).rows).toEqual(rows));
});

test('a branch is charged for its own calls', async () => {
  const life = await live();
  const steps = [costly('first'), { ...costly('second', { cost: 0.5 }), dependencies: ['first'] }];
  const { id } = await life.engine.submit({ name: 'two', steps });
  for (const name of ['first', 'second']) {
    await life.holds.arrived(name);
    life.holds.release(name);
  }
  await life.engine.finished(id);
  const branch = await life.engine.branch(id, { stepId: 'second' });
  await life.holds.arrived('second', 2);
  life.holds.release('second');
  await life.engine.finished(branch.id);
  await inEveryNextLife(life, async (next) => expect(await byWorkflow(next)).toEqual({ [id]: 0.6, [branch.id]: 0.5 }));
});

test('a question that makes no sense is refused', async () => {
  const { engine } = await live();
  await expectRefusal(engine.costs({ from: '2026-02-30' }), 'INVALID', /from: is no day of the calendar/);
});

test('what a finished workflow has spent stays when its directory is taken away between two lives', async () => {
  const life = await live();
  const id = await paid(life, 'gone');
  await end(life);
  const next = await live(crash(life.dir, (dir) => fs.rmSync(dir.directory(id), { recursive: true })));
  await expectRefusal(next.engine.get(id), 'NOT_FOUND', /not found/);
  await inEveryNextLife(next, async (later) => expect(await byWorkflow(later)).toEqual({ [id]: 0.1 }));
});
