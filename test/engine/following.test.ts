/** Goal: those who wait, follow and list see every durable change, once and in order, and memory holds only what is active. */
import { expect, onTestFinished, test } from 'vitest';
import type { Engine } from '../../src/contract/engine.ts';
import { Follower } from '../fixtures/follower.ts';
import { openInline } from '../fixtures/inline-engine.ts';
import { startInline, stepOf } from './running-engine.ts';

const noop = { name: 'noop', steps: [{ id: 'a', action: 'noop' }] };

test('a wait ends at rest, a wait for the end goes on, and an aborted one answers with what there is', async () => {
  const { engine, holds } = await startInline();
  const steps = [holds.step('held'), { id: 'in', action: 'external_data', dependencies: ['held'] }];
  const { id } = await engine.submit({ name: 'waits', steps });
  await holds.arrived('held');
  const short = await engine.get(id, { waitMs: 1 });
  expect(short.status).toBe('RUNNING');
  const abort = new AbortController();
  const aborted = engine.get(id, { waitMs: 60_000, signal: abort.signal });
  abort.abort();
  expect((await aborted).status).toBe('RUNNING');
  expect((await engine.get(id, { waitMs: 60_000, signal: AbortSignal.abort() })).status).toBe('RUNNING');
  const atRest = engine.get(id, { waitMs: 60_000 });
  const atEnd = engine.finished(id);
  holds.release('held');
  expect((await atRest).status).toBe('WAITING_FOR_DEPENDENCY');
  await engine.externalData(id, { step_id: 'in', content: 'x' });
  expect((await atEnd).status).toBe('COMPLETED');
});

test('the end of the engine ends every wait', async () => {
  const { engine } = await startInline();
  const { id } = await engine.submit({ name: 'for ever', steps: [{ id: 'in', action: 'external_data' }] });
  const waiting = engine.finished(id);
  const follower = new Follower(engine);
  await engine.close();
  expect((await waiting).status).toBe('WAITING_FOR_DEPENDENCY');
  await follower.done;
});

test('events come in order without gaps, for all workflows or for one', async () => {
  const { engine } = await startInline();
  const all = new Follower(engine);
  const first = await engine.submit(noop);
  const one = new Follower(engine, { workflowId: first.id, after: 0 });
  const second = await engine.submit(noop);
  await all.untilStep('step.completed', first.id, 'a');
  await all.untilStep('step.completed', second.id, 'a');
  await one.untilStep('step.completed', first.id, 'a');
  await engine.delete(first.id);
  await one.until(({ kind }) => kind === 'workflow.deleted');
  await Promise.all([all.end(), one.end()]);
  const seqs = all.events.map(({ seq }) => seq);
  expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
  expect(one.kinds()).toEqual(['workflow.created', 'step.started a', 'step.completed a', 'workflow.deleted']);
  expect(one.events).toEqual(all.events.filter(({ workflow_id }) => workflow_id === first.id));
  expect(one.events[1]).toEqual({
    seq: expect.any(Number),
    kind: 'step.started',
    workflow_id: first.id,
    step_id: 'a',
    at: expect.any(String),
    status: 'RUNNING',
    step_status: 'RUNNING',
    step: {
      status: 'RUNNING',
      attempt: 1,
      queuedAt: expect.any(String),
      startTime: expect.any(String),
      endTime: null,
      errorCode: null,
    },
    progress: 0,
    steps_total: 1,
    step_counts: { RUNNING: 1 },
    total_cost: 0,
    total_tokens: 0,
    cost_is_floor: false,
    version: 2,
  });
});

test('a follower that comes back gets what it missed, also over a restart', async () => {
  const { engine, dir } = await startInline();
  const before = new Follower(engine);
  const { id } = await engine.submit(noop, { waitMs: 60_000 });
  await before.untilStep('step.completed', id, 'a');
  await before.end();
  const [created, ...missed] = before.events;
  const back = new Follower(engine, { after: created!.seq });
  await back.untilStep('step.completed', id, 'a');
  await back.end();
  expect(back.all).toEqual(missed);

  const image = dir.crashImage();
  onTestFinished(() => image.remove());
  const { engine: restarted } = await openInline(image);
  onTestFinished(() => restarted.close());
  const later = new Follower(restarted, { after: created!.seq });
  await later.untilStep('step.completed', id, 'a');
  await later.end();
  expect(later.all).toEqual(missed);
});

test('a number older than what is held is answered with a gap, never with silence', async () => {
  const { engine } = await startInline({ settings: { maxParallelNodes: 64 } });
  const steps = Array.from({ length: 11_000 }, (_, n) => ({ id: `s${n}`, action: 'noop' }));
  const { id } = await engine.submit({ name: 'many', steps });
  await engine.finished(id);
  const follower = new Follower(engine, { after: 1 });
  await follower.untilHeld(() => follower.events.at(-1)?.status === 'COMPLETED' || undefined);
  await follower.end();
  const [gap, ...rest] = follower.all;
  expect(gap).toEqual({ kind: 'gap', after: 1, oldest: (rest[0] as { seq: number }).seq });
  expect(rest.length).toBeGreaterThanOrEqual(10_000);
});

test('a number that has not been given out yet is answered with a gap', async () => {
  const { engine } = await startInline();
  const { id } = await engine.submit(noop, { waitMs: 60_000 });
  const follower = new Follower(engine, { after: 1_000_000 });
  await follower.untilHeld(() => follower.all.length > 0 || undefined);
  await follower.end();
  expect(follower.all[0]).toEqual({ kind: 'gap', after: 1_000_000, oldest: 1 });
  expect((await engine.get(id)).status).toBe('COMPLETED');
});

test('each event has a number of its own, and tells of the steps it stopped or queued', async () => {
  const { engine } = await startInline();
  const follower = new Follower(engine, { after: 0 });
  const parent = await engine.submit(
    {
      name: 'tree',
      steps: [
        { id: 'in', action: 'external_data' },
        { id: 'next', action: 'noop', dependencies: ['in'] },
      ],
    },
    { waitMs: 60_000 },
  );
  const branch = await engine.branch(parent.id, { stepId: 'in' });
  await engine.stop(branch.id);
  await engine.externalData(parent.id, { step_id: 'in', content: 'x' });
  await follower.untilStep('step.completed', parent.id, 'next');
  await follower.end();
  const numbers = follower.events.map(({ seq }) => seq);
  expect(new Set(numbers).size).toBe(numbers.length);
  expect(follower.events.filter(({ kind }) => kind === 'workflow.branched')).toMatchObject([
    { workflow_id: parent.id },
  ]);
  expect(follower.events.find(({ kind }) => kind === 'workflow.stopped')).toMatchObject({
    stopped_steps: ['in', 'next'],
  });
  expect(follower.events.find(({ kind }) => kind === 'external_data.ingested')).toMatchObject({
    queued_steps: ['next'],
  });
});

test('after a clean restart the journal no longer holds the old events: a gap says so', async () => {
  const { engine, dir } = await startInline();
  for (let n = 0; n < 3; n += 1) await engine.submit(noop, { waitMs: 60_000 });
  await engine.close();
  const { engine: restarted } = await openInline(dir);
  onTestFinished(() => restarted.close());
  const follower = new Follower(restarted, { after: 1 });
  const { id } = await restarted.submit(noop, { waitMs: 60_000 });
  await follower.untilStep('step.completed', id, 'a');
  await follower.end();
  const [gap, ...rest] = follower.all;
  const oldest = (rest[0] as { seq: number }).seq;
  expect(gap).toMatchObject({ kind: 'gap', after: 1 });
  expect((gap as { oldest: number }).oldest).toBeLessThanOrEqual(oldest);
  expect(rest.map(({ kind }) => kind)).toEqual(['workflow.created', 'step.started', 'step.completed']);
});

test('lists come newest first, in pages, filtered, and with the count of all that match', async () => {
  const { engine, dir, holds } = await startInline();
  const ids: string[] = [];
  for (let n = 0; n < 5; n += 1) {
    const tags = n % 2 === 0 ? ['even', 'all'] : ['all'];
    const { id } = await engine.submit(
      { ...noop, name: `Number ${n}`, description: `the ${n}th`, tags },
      { waitMs: 60_000 },
    );
    await dir.untilState(id, ({ status }) => status === 'COMPLETED');
    ids.unshift(id);
  }
  const held = await engine.submit({ name: 'held', tags: ['all'], steps: [holds.step('list-held')] });
  await holds.arrived('list-held');
  const everything = await engine.list();
  expect(everything.total).toBe(6);
  expect(everything.items.map(({ id }) => id)).toEqual([held.id, ...ids]);
  expect(everything.items[1]).toMatchObject({ name: 'Number 4', status: 'COMPLETED', progress: 100, steps_total: 1 });
  const page = await engine.list({ limit: 2, offset: 2 });
  expect({ total: page.total, ids: page.items.map(({ id }) => id) }).toEqual({ total: 6, ids: ids.slice(1, 3) });
  expect((await engine.list({ offset: 100 })).items).toEqual([]);
  expect((await engine.list({ status: 'RUNNING' })).items.map(({ id }) => id)).toEqual([held.id]);
  expect((await engine.list({ tag: 'even' })).total).toBe(3);
  expect((await engine.list({ tag: 'even', limit: 1 })).total).toBe(3);
  expect((await engine.list({ q: 'NUMBER 3' })).items.map(({ name }) => name)).toEqual(['Number 3']);
  expect((await engine.list({ q: '3TH' })).total).toBe(1);
  expect((await engine.list({ q: held.id.slice(-12).toUpperCase() })).total).toBe(1);
  expect((await engine.list({ q: 'nowhere' })).total).toBe(0);
  expect((await engine.stats()).workflows).toMatchObject({ COMPLETED: 5, RUNNING: 1 });
  // What changed last stands first, be it in memory or not.
  await engine.externalData(ids[4]!, { content: 'x' });
  expect((await engine.list({ limit: 1 })).items[0]!.id).toBe(ids[4]);
  holds.release('list-held');
});

async function untilNoneInMemory(engine: Engine): Promise<void> {
  // Each call takes a turn of the coordinator; a view is written at once when a workflow finishes.
  while ((await engine.stats()).active_in_memory > 0) await new Promise((resolve) => setImmediate(resolve));
}

test('K3: finished workflows leave memory, are read from their files, and come back for a call that needs them', async () => {
  const { engine, dir } = await startInline();
  const replies = await Promise.all(Array.from({ length: 20 }, () => engine.submit(noop, { waitMs: 60_000 })));
  await untilNoneInMemory(engine);
  for (const reply of replies) {
    const read = await engine.get(reply.id);
    expect(read.json).toBe(reply.json);
    expect(await engine.peek(reply.id)).toEqual({ version: reply.version, status: 'COMPLETED' });
    expect(dir.state(reply.id)).toEqual(read.workflow);
  }
  expect((await engine.stats()).active_in_memory).toBe(0);
  const [first] = replies;
  await engine.externalData(first!.id, { content: 'late', step_id: 'late' });
  await untilNoneInMemory(engine);
  const { workflow, version } = await engine.get(first!.id);
  expect(version).toBe(first!.version + 1);
  expect(stepOf(workflow, 'late').outputs).toMatchObject({ content: 'late' });
  expect(dir.state(first!.id)).toEqual(workflow);
});
