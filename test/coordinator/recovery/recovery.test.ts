/**
 * Goal: whatever the last life left, the next one makes it whole (R1 to R6): work goes on where it stood, nothing recorded
 * is lost or repeated, and nothing shrinks. Method: copy the directory of a living engine, as a crash would leave it, and
 * start another one on the copy.
 */
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { type JournalEvent, toEventJson } from '../../../src/contract/journal-event.ts';
import type { Workflow } from '../../../src/contract/workflow.ts';
import { createClock } from '../../../src/coordinator/clock.ts';
import { recover } from '../../../src/coordinator/recovery/recovery.ts';
import { Workflows } from '../../../src/coordinator/workflows.ts';
import { openStore } from '../../../src/store/store.ts';
import { expectRefusal, statuses, stepOf, timeless } from '../../engine/running-engine.ts';
import type { EngineDir } from '../../fixtures/engine-dir.ts';
import { Follower } from '../../fixtures/follower.ts';
import { openInline } from '../../fixtures/inline-engine.ts';
import { createFaultDisk } from '../../store/fault-disk.ts';
import { crash, live, newDir, restart } from '../restarts.ts';

const noop = { name: 'noop', steps: [{ id: 'a', action: 'noop' }] };

function requeueLog(log: string[]): string[] {
  return log.filter((line) => line.includes('Recovered workflow'));
}

/** A workflow that the index has as finished, and that was set going again since. */
async function indexedAndGoing() {
  const first = await live();
  const { id } = await first.engine.submit({ name: 'again', steps: [{ id: 'in', action: 'external_data' }] });
  await first.engine.stop(id);
  await first.coordinator.parts.checkpoints.make();
  await first.engine.resume(id);
  await first.engine.get(id, { waitMs: 60_000 });
  return { first, id };
}

describe('R4: steps', () => {
  test('a RUNNING step is queued anew with the lines that say so, and what was recorded is not repeated', async () => {
    const first = await live();
    const { holds } = first;
    const definition = {
      name: 'orphan',
      steps: [
        holds.step('done'),
        holds.step('running', { dependencies: ['done'] }),
        { id: 'after', action: 'noop', dependencies: ['running'] },
      ],
    };
    const { id } = await first.engine.submit(definition);
    await holds.arrived('done');
    holds.release('done');
    await holds.arrived('running');
    const before = (await first.engine.get(id)).workflow;

    const second = await restart(first.dir);
    await second.holds.arrived('running');
    expect(requeueLog(second.log)).toEqual([expect.stringContaining(`Recovered workflow ${id}: 1 step re-queued`)]);
    const recovered = (await second.engine.get(id)).workflow;
    expect(recovered.version).toBeGreaterThan(before.version);
    expect(statuses(recovered)).toEqual({ done: 'COMPLETED', running: 'RUNNING', after: 'WAITING_FOR_DEPENDENCY' });
    second.holds.release('running');
    const { workflow } = await second.engine.finished(id);
    expect(workflow.status).toBe('COMPLETED');
    expect(stepOf(workflow, 'done')).toEqual(stepOf(before, 'done'));
    expect(stepOf(workflow, 'running').attempt).toBe(2);
    expect(timeless(stepOf(workflow, 'running').logs)).toEqual([
      'Started execution at <time>',
      'Recovered from orphaned RUNNING state at <time>',
      'Re-queued during recovery at <time>',
      'Started execution at <time>',
      'Completed successfully at <time>',
    ]);
    expect(second.holds.arrivals('done')).toBe(0);
  });

  test('a queued step is queued again, and the queue file holds it from the start', async () => {
    const first = await live();
    const names = ['r1', 'r2', 'r3', 'r4', 'queued'];
    const { id } = await first.engine.submit({ name: 'queued', steps: names.map((name) => first.holds.step(name)) });
    await Promise.all(names.slice(0, 4).map((name) => first.holds.arrived(name)));
    const second = await restart(first.dir, (image) => fs.writeFileSync(image.queueStateFile, '[]\n'));
    expect(
      second.dir
        .queue()
        .map((item) => item.node_id)
        .sort(),
    ).toEqual([...names].sort());
    await Promise.all(names.slice(0, 4).map((name) => second.holds.arrived(name)));
    for (const name of names.slice(0, 4)) second.holds.release(name);
    await second.holds.arrived('queued');
    second.holds.release('queued');
    const { workflow } = await second.engine.finished(id);
    expect(timeless(stepOf(workflow, 'queued').logs)).toEqual([
      'Re-queued during recovery at <time>',
      'Started execution at <time>',
      'Completed successfully at <time>',
    ]);
    expect(stepOf(workflow, 'queued').attempt).toBe(1);
  });

  test.each([
    ['on', 0],
    ['back a day', -86_400_000],
    ['forward a day', 86_400_000],
  ])('a wait for the next attempt survives, and never grows beyond itself (the clock went %s)', async (_, jumpMs) => {
    const first = await live();
    const follower = new Follower(first.engine);
    const retry = { attemptsMax: 3, backoffMs: 2_000_000, backoffMsMax: 2_000_000 };
    const { id } = await first.engine.submit({ name: 'backoff', steps: [first.holds.step('flaky', { retry })] });
    await first.holds.arrived('flaky');
    first.holds.release('flaky', 'fail');
    await follower.untilStep('step.retrying', id, 'flaky');
    const real = createClock();
    const long: { ms: number; fire: () => void }[] = [];
    const clock = {
      ...real,
      now: () => real.now() + jumpMs,
      timer: (ms: number, fire: () => void) => {
        // The only waits this long are the step's: the idle checkpoint comes after 600,000 ms.
        if (ms <= 600_000) return real.timer(ms, fire);
        long.push({ ms, fire });
        return () => undefined;
      },
    };
    const second = await restart(first.dir, undefined, { clock });
    if (jumpMs <= 0) {
      expect((await second.engine.get(id)).workflow.steps[0]).toMatchObject({ status: 'PENDING', attempt: 1 });
      expect(long).toHaveLength(1);
      expect(long[0]!.ms).toBeLessThanOrEqual(2_000_000);
      expect(second.holds.arrivals('flaky')).toBe(0);
      long[0]!.fire();
    } else expect(long).toEqual([]);
    await second.holds.arrived('flaky');
    second.holds.release('flaky', 'fail');
    // The failure before the crash still counts.
    const later = new Follower(second.engine, { after: 0, workflowId: id });
    await later.untilStep('step.retrying', id, 'flaky', 2);
    expect(timeless((await second.engine.get(id)).workflow.steps[0]!.logs).at(-1)).toMatch(/\(attempt 3 of 3\)/);
  });

  test('the bound on running steps holds right after the start', async () => {
    const first = await live();
    const steps = Array.from({ length: 10 }, (_, n) => ({ id: `s${n}`, action: 'delay', params: { ms: 5 } }));
    const held = await first.engine.submit({ name: 'held', steps: [1, 2, 3, 4].map((n) => first.holds.step(`h${n}`)) });
    await Promise.all([1, 2, 3, 4].map((n) => first.holds.arrived(`h${n}`)));
    const queued = await first.engine.submit({ name: 'queued', steps });
    const second = await restart(first.dir);
    for (const n of [1, 2, 3, 4]) void second.holds.arrived(`h${n}`).then(() => second.holds.release(`h${n}`));
    await Promise.all([held.id, queued.id].map((id) => second.engine.finished(id)));
    // The journal's events of both lives; the crash itself is not among them.
    const follower = new Follower(second.engine, { after: 0 });
    await follower.untilHeld(
      () => follower.events.filter(({ kind }) => kind === 'step.completed').length === 14 || undefined,
    );
    const starts = follower.events.findIndex(({ kind }) => kind === 'workflow.recovered');
    let running = 0;
    for (const { kind } of follower.events.slice(starts)) {
      running += kind === 'step.started' ? 1 : kind === 'step.completed' ? -1 : 0;
      expect(running).toBeLessThanOrEqual(4);
    }
  });

  test('a workflow at rest is left as it is, and waits on', async () => {
    const first = await live();
    const waits = await first.engine.submit(
      { name: 'waits', steps: [{ id: 'in', action: 'external_data' }] },
      { waitMs: 60_000 },
    );
    const stops = await first.engine.submit({ name: 'stops', steps: [first.holds.step('held')] });
    await first.holds.arrived('held');
    const stopped = await first.engine.stop(stops.id);
    const second = await restart(first.dir);
    expect((await second.engine.get(waits.id)).workflow).toEqual(waits.workflow);
    expect((await second.engine.get(stops.id)).workflow).toEqual(stopped.workflow);
    expect(requeueLog(second.log)).toEqual([]);
    await second.engine.externalData(waits.id, { step_id: 'in', content: 'x' });
    expect((await second.engine.finished(waits.id)).status).toBe('COMPLETED');
    await second.engine.resume(stops.id);
    await second.holds.arrived('held');
  });
});

describe('R1, R2: what was acknowledged', () => {
  test('is there at each of twenty crashes in a row, and versions never shrink', async () => {
    let life = await live();
    const known = new Map<string, Workflow>();
    const versions = new Map<string, number>();
    for (let round = 0; round < 20; round += 1) {
      const { engine, holds } = life;
      const done = await engine.submit(
        { ...noop, name: `round ${round}`, tags: [`r${round}`] },
        { waitMs: 60_000, idempotencyKey: `k${round}` },
      );
      known.set(done.id, done.workflow);
      const open = await engine.submit({
        name: `open ${round}`,
        steps: [{ id: 'in', action: 'external_data' }, holds.step('held')],
      });
      await holds.arrived('held', 1);
      await engine.externalData(open.id, { step_id: 'in', content: `data ${round}` });
      // Every third crash comes after a checkpoint, and so on files instead of journal.
      if (round % 3 === 0) await life.coordinator.parts.checkpoints.make();
      for (const { id, version } of (await engine.list({ limit: 1000 })).items) {
        expect(version).toBeGreaterThanOrEqual(versions.get(id) ?? 0);
        versions.set(id, version);
      }
      await engine.stop(open.id);
      known.set(open.id, (await engine.get(open.id)).workflow);
      versions.set(open.id, known.get(open.id)!.version);
      life = await restart(life.dir);
    }
    const { engine } = life;
    expect((await engine.list()).total).toBe(40);
    for (const [id, workflow] of known) {
      const now = (await engine.get(id)).workflow;
      expect(now).toEqual(workflow);
      if (workflow.name.startsWith('open'))
        expect(stepOf(now, 'in').outputs).toMatchObject({ content: workflow.name.replace('open', 'data') });
      else
        expect(
          (
            await engine.submit(
              { ...noop, name: workflow.name, tags: workflow.tags },
              { idempotencyKey: `k${workflow.name.slice(6)}` },
            )
          ).id,
        ).toBe(id);
    }
    expect(life.dir.quarantined()).toEqual([]);
    expect((await engine.health()).status).toBe('healthy');
  });

  test('is there when the views never came to disk', async () => {
    const first = await live();
    const { id, version } = await first.engine.submit(
      {
        name: 'views',
        steps: [
          { id: 'a', action: 'render', params: { template: 'v'.repeat(70_000) } },
          { id: 'in', action: 'external_data' },
        ],
      },
      { waitMs: 60_000 },
    );
    await first.engine.externalData(id, { step_id: 'in', content: 'x' });
    const { workflow } = await first.engine.get(id);
    expect(workflow.version).toBeGreaterThan(version);
    const second = await restart(first.dir, (image) => {
      fs.rmSync(image.stateFile(id));
      fs.rmSync(image.queueStateFile);
    });
    expect((await second.engine.get(id)).workflow).toEqual(workflow);
    expect((await second.engine.get(id)).workflow).toEqual(
      second.dir.state(id).steps[0]!.outputs === null ? null : workflow,
    );
    expect(second.dir.queue()).toEqual([]);
  });

  test('a branch and its parent agree, also where only one of them is in the journal', async () => {
    const first = await live();
    const parent = await first.engine.submit(
      {
        name: 'parent',
        steps: [
          { id: 'a', action: 'render', params: { template: 'p'.repeat(70_000) } },
          { id: 'b', action: 'noop', dependencies: ['a'] },
        ],
      },
      { waitMs: 60_000 },
    );
    await first.coordinator.parts.checkpoints.make();
    const branch = await first.engine.branch(parent.id, { stepId: 'b' }, { waitMs: 60_000 });
    const expected = (await first.engine.get(parent.id)).workflow;
    const old = { parent: first.dir.stateText(parent.id) };
    const second = await restart(first.dir, (image) => fs.writeFileSync(image.stateFile(parent.id), old.parent));
    expect((await second.engine.get(parent.id)).workflow).toEqual(expected);
    expect(expected.branches.map(({ id }) => id)).toEqual([branch.id]);
    expect((await second.engine.get(branch.id)).workflow).toEqual(branch.workflow);
  });

  test('deleted ones stay deleted, with and without a checkpoint, and their left-over files go', async () => {
    const first = await live();
    const one = await first.engine.submit(noop, { waitMs: 60_000 });
    const two = await first.engine.submit(noop, { waitMs: 60_000 });
    await first.coordinator.parts.checkpoints.make();
    const three = await first.engine.submit(noop, { waitMs: 60_000 });
    const files = new Map([one, two, three].map(({ id }) => [id, first.dir.stateText(id)]));
    await first.engine.delete(one.id);
    await first.engine.delete(three.id);
    // The crash came before the files were gone.
    const second = await restart(first.dir, (image) => {
      for (const { id } of [one, three]) image.writeState(id, files.get(id)!);
    });
    expect((await second.engine.list()).items.map(({ id }) => id)).toEqual([two.id]);
    for (const { id } of [one, three]) expect(fs.existsSync(second.dir.directory(id))).toBe(false);
    await second.coordinator.parts.checkpoints.make();
    const third = await restart(second.dir);
    expect((await third.engine.list()).items.map(({ id }) => id)).toEqual([two.id]);
    await expectRefusal(third.engine.get(one.id), 'NOT_FOUND', /not found/);
  });
});

describe('checkpoints', () => {
  test('the journal forgets what they cover, and nothing else does', async () => {
    const first = await live();
    const done = await Promise.all(
      Array.from({ length: 5 }, (_, n) => first.engine.submit({ ...noop, name: `n${n}` }, { waitMs: 60_000 })),
    );
    const waits = await first.engine.submit(
      {
        name: 'waits',
        steps: [
          { id: 'in', action: 'external_data' },
          { id: 'b', action: 'noop', dependencies: ['in'] },
        ],
      },
      { waitMs: 60_000 },
    );
    const held = await first.engine.submit({ name: 'held', steps: [first.holds.step('held')] });
    await first.holds.arrived('held');
    await first.coordinator.parts.checkpoints.make();
    await first.coordinator.parts.checkpoints.make();
    expect((await first.engine.stats()).checkpoints).toBe(2);
    await first.engine.externalData(waits.id, { step_id: 'in', content: 'late' });
    const late = await first.engine.finished(waits.id);

    const second = await restart(first.dir);
    expect((await second.engine.stats()).active_in_memory).toBeLessThanOrEqual(2);
    for (const reply of done) expect((await second.engine.get(reply.id)).workflow).toEqual(reply.workflow);
    expect((await second.engine.get(waits.id)).workflow).toEqual(late.workflow);
    await second.holds.arrived('held');
    second.holds.release('held');
    expect((await second.engine.finished(held.id)).status).toBe('COMPLETED');
  });

  test('enough journal brings one about', async () => {
    const first = await live();
    const template = 'c'.repeat(60_000);
    const steps = Array.from({ length: 100 }, (_, n) => ({ id: `s${n}`, action: 'render', params: { template } }));
    let submitted = 0;
    // The segments that the last checkpoint covered are kept as a second chance; the second one lets them go.
    for (; (await first.engine.stats()).checkpoints < 2; submitted += 1)
      await first.engine.submit({ name: 'bytes', steps }, { waitMs: 60_000 });
    const journal = path.join(first.dir.workflowsDir, '.engine', 'journal');
    const bytes = fs.readdirSync(journal).reduce((sum, name) => sum + fs.statSync(path.join(journal, name)).size, 0);
    expect(bytes).toBeLessThan((await first.engine.stats()).journal_bytes);
    const second = await restart(first.dir);
    expect((await second.engine.list({ status: 'COMPLETED' })).total).toBe(submitted);
  });

  test('one that is only being read for a call stays in the index, with its keys', async () => {
    const first = await live();
    const done = await first.engine.submit(noop, { waitMs: 60_000, idempotencyKey: 'k' });
    await first.dir.untilState(done.id, ({ status }) => status === 'COMPLETED');
    for (const round of [1, 2]) {
      // Held in memory as by a call that is under way, once before it is in the index and once after.
      const pinned = await first.coordinator.parts.recall.pin(done.id);
      await first.coordinator.parts.checkpoints.make();
      if (round === 2) first.coordinator.parts.recall.release(pinned);
      const second = await restart(first.dir);
      const again = await second.engine.submit(noop, { idempotencyKey: 'k' });
      expect({ id: again.id, replayed: again.replayed }).toEqual({ id: done.id, replayed: true });
      if (round === 1) first.coordinator.parts.recall.release(pinned);
      await first.coordinator.parts.checkpoints.make();
    }
    const third = await restart(first.dir);
    expect((await third.engine.submit(noop, { idempotencyKey: 'k' })).id).toBe(done.id);
  });

  test('a finished one that ran again after a restart is what it became, over checkpoints and restarts', async () => {
    const first = await live();
    const boom = { id: 'bad', action: 'transform', params: { input: {}, expression: '$error("boom")' } };
    const failed = await first.engine.submit(
      { name: 'again', steps: [boom, { id: 'in', action: 'external_data' }] },
      { idempotencyKey: 'k', waitMs: 60_000 },
    );
    await first.engine.stop(failed.id);
    const stopped = await first.engine.submit({ name: 'other', steps: [boom] }, { waitMs: 60_000 });
    await first.coordinator.parts.checkpoints.make();
    // In the index now; the next life brings both back.
    const second = await restart(first.dir);
    await second.engine.resume(failed.id);
    await second.engine.get(failed.id, { waitMs: 60_000 });
    await second.engine.retry(stopped.id);
    await second.engine.finished(stopped.id);
    const third = await restart(second.dir);
    expect(statuses((await third.engine.get(failed.id)).workflow)).toEqual({
      bad: 'FAILED',
      in: 'WAITING_FOR_DEPENDENCY',
    });
    await third.coordinator.parts.checkpoints.make();
    await third.coordinator.parts.checkpoints.make();
    const expected = [(await third.engine.get(failed.id)).workflow, (await third.engine.get(stopped.id)).workflow];
    expect(expected.map(({ status }) => status)).toEqual(['WAITING_FOR_DEPENDENCY', 'FAILED']);
    expect(stepOf(expected[1]!, 'bad').attempt).toBe(2);
    const fourth = await restart(third.dir);
    expect([(await fourth.engine.get(failed.id)).workflow, (await fourth.engine.get(stopped.id)).workflow]).toEqual(
      expected,
    );
    await fourth.engine.externalData(failed.id, { step_id: 'in', content: 'x' });
    expect((await fourth.engine.get(failed.id)).status).toBe('FAILED');
    await third.engine.close();
    await fourth.coordinator.parts.checkpoints.make();
    const fifth = await restart(fourth.dir);
    expect((await fifth.engine.get(failed.id)).status).toBe('FAILED');
    expect(
      (
        await fifth.engine.submit(
          { name: 'again', steps: [boom, { id: 'in', action: 'external_data' }] },
          { idempotencyKey: 'k' },
        )
      ).id,
    ).toBe(failed.id);
  });

  test('one that is set going again in the life that indexed it is not finished for the next', async () => {
    const { first, id } = await indexedAndGoing();
    await first.coordinator.parts.checkpoints.make();
    await first.coordinator.parts.checkpoints.make();
    const expected = (await first.engine.get(id)).workflow;
    const second = await restart(first.dir);
    expect((await second.engine.get(id)).workflow).toEqual(expected);
    await second.engine.externalData(id, { step_id: 'in', content: 'x' });
    expect((await second.engine.finished(id)).status).toBe('COMPLETED');
  });

  test('and not when the index has lost the line that took it out either', async () => {
    const { first, id } = await indexedAndGoing();
    for (let n = 0; n < 3; n += 1) await first.coordinator.parts.checkpoints.make();
    const expected = (await first.engine.get(id)).workflow;
    const second = await restart(first.dir, (image) => {
      const index = path.join(image.workflowsDir, '.engine', 'finished.jsonl');
      const lines = fs.readFileSync(index, 'utf8').split('\n');
      expect(lines.some((line) => line.includes('"removed":true'))).toBe(true);
      fs.writeFileSync(index, lines.filter((line) => !line.includes('"removed":true')).join('\n'));
    });
    expect((await second.engine.get(id)).workflow).toEqual(expected);
  });

  test('a finished one whose directory was taken away is forgotten, and the start says so', async () => {
    const first = await live();
    const [gone, kept] = [await first.engine.submit(noop), await first.engine.submit(noop)];
    for (const { id } of [gone, kept]) await first.engine.finished(id);
    // Until the journal has nothing of them any more.
    for (let n = 0; n < 2; n += 1) await first.coordinator.parts.checkpoints.make();
    await first.engine.close();
    fs.rmSync(path.dirname(first.dir.stateFile(gone.id)), { recursive: true });
    const second = await live(first.dir);
    expect((await second.engine.list()).items.map(({ id }) => id)).toEqual([kept.id]);
    expect(second.log.join('\n')).toContain(`Workflow ${gone.id} is gone from the disk`);
  });

  test('a clean end leaves nothing for the next start to do', async () => {
    const first = await live();
    const done = await first.engine.submit(noop, { waitMs: 60_000 });
    const waits = await first.engine.submit(
      { name: 'waits', steps: [{ id: 'in', action: 'external_data' }] },
      { waitMs: 60_000 },
    );
    await first.engine.close();
    const before = [done, waits].map(({ id }) => fs.readFileSync(first.dir.stateFile(id)));
    const second = await live(first.dir);
    expect(requeueLog(second.log)).toEqual([]);
    expect([done, waits].map(({ id }) => fs.readFileSync(first.dir.stateFile(id)))).toEqual(before);
    expect((await second.engine.stats()).active_in_memory).toBe(1);
  });
});

describe('the queue file', () => {
  test('is derived from the steps: what else it holds is dropped and named, and junk is kept aside', async () => {
    const first = await live();
    const done = await first.engine.submit(noop, { waitMs: 60_000 });
    const items = [
      { workflow_id: done.id, node_id: 'a' },
      { workflow_id: done.id, node_id: 'ghost' },
      { workflow_id: 'nobody', node_id: 'x' },
      7,
      null,
    ];
    const second = await restart(first.dir, (image) => fs.writeFileSync(image.queueStateFile, JSON.stringify(items)));
    expect(second.dir.queue()).toEqual([]);
    for (const name of [`${done.id}/a`, `${done.id}/ghost`, 'nobody/x'])
      expect(second.log.join('\n')).toContain(`Queue item ${name} was dropped`);
    expect((await second.engine.get(done.id)).version).toBe(done.version);
    for (const junk of ['', '{"not": "an array"}', '[{"workflow_id": "half']) {
      const third = await restart(first.dir, (image) => fs.writeFileSync(image.queueStateFile, junk));
      expect(third.dir.queue()).toEqual([]);
      const [kept] = third.dir.quarantined();
      const quarantine = path.join(third.dir.workflowsDir, '.engine', 'quarantine', kept!);
      expect(fs.readFileSync(path.join(quarantine, 'queue-state.json'), 'utf8')).toBe(junk);
    }
  });
});

test('R5: a start that is cut off before it wrote anything can be begun again', async () => {
  const first = await live();
  const { id } = await first.engine.submit({ name: 'twice', steps: [first.holds.step('held')] });
  await first.holds.arrived('held');
  const image = crash(first.dir);
  const dir = newDir();
  fs.cpSync(image.root, dir.root, { recursive: true });
  const interrupted = live(dir, {
    wrapStore: (store) =>
      new Proxy(store, {
        get(target, key) {
          if (key === 'begin')
            return () => {
              throw new Error('power cut');
            };
          const value = Reflect.get(target, key, target) as unknown;
          return typeof value === 'function' ? (value.bind(target) as unknown) : value;
        },
      }),
  });
  await expect(interrupted).rejects.toThrow('power cut');
  const second = await live(dir);
  await second.holds.arrived('held');
  const logs = timeless((await second.engine.get(id)).workflow.steps[0]!.logs);
  expect(logs.filter((line) => line.startsWith('Recovered'))).toHaveLength(1);
});

test('RS1, D5: a step that is in flight at every death runs alone in the end, and then fails; its neighbours finish', async () => {
  const first = await live();
  const { id } = await first.engine.submit({ name: 'bad', steps: [first.holds.step('bad')] });
  await first.holds.arrived('bad');
  let life = first;
  for (let deaths = 1; deaths <= 2; deaths += 1) {
    life = await restart(life.dir);
    await life.holds.arrived('bad');
  }
  const clock = { ...createClock(), timer: (ms: number, callback: () => void) => byHand(ms, callback) };
  let letSuspectsRun: (() => void) | undefined;
  const byHand = (ms: number, callback: () => void) => {
    if (ms !== 5_000) return createClock().timer(ms, callback);
    letSuspectsRun = callback;
    return () => undefined;
  };
  const fourth = await restart(life.dir, undefined, { clock });
  // A suspect waits; what else there is goes on.
  const other = await fourth.engine.submit({ name: 'other', steps: [fourth.holds.step('other')] });
  await fourth.holds.arrived('other');
  letSuspectsRun?.();
  const late = await fourth.engine.submit({ name: 'late', steps: [fourth.holds.step('late')] });
  fourth.holds.release('other');
  await fourth.holds.arrived('bad');
  expect((await fourth.engine.get(other.id, { waitMs: 60_000 })).status).toBe('COMPLETED');
  expect((await fourth.engine.stats()).queue).toMatchObject({ running: 1, depth: 1 });
  const fifth = await restart(fourth.dir);
  const { workflow } = await fifth.engine.get(id);
  expect(workflow.status).toBe('FAILED');
  expect(stepOf(workflow, 'bad')).toMatchObject({ attempt: 4, error: expect.stringContaining('CRASH_LOOP') });
  await fifth.holds.arrived('late');
  fifth.holds.release('late');
  expect((await fifth.engine.finished(late.id)).status).toBe('COMPLETED');
});

describe('R6: events that break a rule of the core', () => {
  /** Adds events to the journal of an image, as no engine writes them. */
  async function append(image: EngineDir, events: readonly JournalEvent[]): Promise<void> {
    const store = await openStore(image);
    store.begin(events.map(toEventJson));
    await store.close();
  }

  test('set their workflow aside with the reason, at every start; the others go on', async () => {
    const first = await live();
    const good = await first.engine.submit({ name: 'good', steps: [first.holds.step('held')] });
    const { id, workflow } = await first.engine.submit({ name: 'bad', steps: [{ id: 'in', action: 'external_data' }] });
    await first.engine.get(id, { waitMs: 60_000 });
    await first.holds.arrived('held');
    const { version } = (await first.engine.get(id)).workflow;
    const image = crash(first.dir);
    const base = { workflowId: id, at: Date.parse(workflow.createdAt) + 1_000_000 };
    await append(image, [{ ...base, kind: 'step.started', version: version + 1, stepId: 'in', attempt: 1 }]);

    let dir = image;
    for (const start of [1, 2, 3]) {
      const next = await restart(dir);
      const refusal = /set aside: its events break a rule of the engine \(broken rule TR1: step.started of step "in"/;
      await expectRefusal(next.engine.get(id), 'SET_ASIDE', refusal);
      // The file and the events; no start adds to them.
      const kept = next.dir.quarantined().filter((name) => name.includes(id));
      expect(kept.map((name) => name.slice(name.indexOf(id) + id.length)).sort()).toEqual([
        '-events.jsonl',
        '-state.json',
      ]);
      if (start < 3) expect((await next.engine.health()).notices.join('\n')).toContain('broken rule TR1');
      expect((await next.engine.list()).items.map((item) => item.id)).toEqual([good.id]);
      // The third start finds a checkpoint, and no event of the workflow any more.
      if (start === 2) for (const _ of [1, 2]) await next.coordinator.parts.checkpoints.make();
      if (start === 3) {
        await next.holds.arrived('held');
        next.holds.release('held');
        expect((await next.engine.finished(good.id)).status).toBe('COMPLETED');
      }
      dir = next.dir;
    }
  });

  test('so do events that make anything else fail, and what they began is taken back', async () => {
    const first = await live();
    const { id: good } = await first.engine.submit({ name: 'good', steps: [{ id: 'in', action: 'external_data' }] });
    const image = crash(first.dir);
    const bad = '0197b2a0-0000-7000-8000-0000000000ff';
    const at = Date.now();
    const events = [{ kind: 'workflow.created', workflowId: bad, at, version: 1, workflow: null }];
    await append(image, events as unknown as JournalEvent[]);
    const next = await restart(image);
    await expectRefusal(
      next.engine.get(bad),
      'SET_ASIDE',
      /set aside: its events cannot be applied \(Cannot read prop/,
    );
    expect((await next.engine.list()).items.map((item) => item.id)).toEqual([good]);
    const [name = ''] = next.dir.quarantined();
    expect(name.endsWith(`-${bad}-events.jsonl`)).toBe(true);
    const lines = fs.readFileSync(
      path.join(next.dir.workflowsDir, '.engine', 'quarantine', name, `${bad}-events.jsonl`),
      'utf8',
    );
    expect(lines.replace(/^\d+ /, '')).toBe(`${JSON.stringify(events[0])}\n`);
  });

  test('a recovery that fails half way leaves nothing behind: no event, no line in the log, no step in the queue', async () => {
    const first = await live();
    const { id } = await first.engine.submit({ name: 'bad', steps: [first.holds.step('held')] });
    await first.holds.arrived('held');
    const image = crash(first.dir);
    const store = await openStore(image);
    const real = createClock();
    // It is asked when the step is queued again, and then before it is decided whether the workflow waits.
    let asked = 0;
    const now = () => {
      asked += 1;
      if (asked === 2) throw new Error('no time');
      return real.now();
    };
    const workflows = new Workflows();
    const { payloads, published, requeued, upToDate, behind } = recover(store, workflows, { ...real, now });
    await store.close();
    expect(asked).toBeGreaterThanOrEqual(2);
    expect(workflows.setAside.get(id)).toBe('its events cannot be applied (no time)');
    expect([payloads, requeued]).toEqual([[], []]);
    // Of before, and no others.
    expect(published.map(({ kind }) => kind)).toEqual(['workflow.created', 'step.started']);
    expect([upToDate.size, behind.size, workflows.live.size]).toEqual([0, 0, 0]);
    const sound = await openStore(crash(first.dir));
    const others = new Workflows();
    const whole = recover(sound, others, real);
    await sound.close();
    expect(whole.requeued).toEqual([{ id, steps: 1 }]);
    expect(whole.payloads).toHaveLength(1);
  });

  test.each([
    ['that takes no writes', Object.assign(new Error('EIO: input/output error'), { code: 'EIO' }), /EIO/],
    [
      'that forbids it',
      Object.assign(new Error('EPERM: not permitted, rename'), { code: 'EPERM', syscall: 'rename' }),
      /EPERM/,
    ],
  ])('a disk %s is no fault of a file: it ends the start, and nobody is set aside', async (_what, error, message) => {
    const dir = newDir();
    const id = '0197b2a0-0000-7000-8000-0000000000ff';
    dir.writeState(id, 'not JSON');
    let left = 1;
    const { disk } = createFaultDisk(({ name, path: at }) => {
      const isMove = name === 'renameSync' && at.includes(id);
      // Of the second kind both ways fail: the move of the file, and that of its directory.
      if (isMove && left-- > (error.code === 'EPERM' ? -1 : 0)) throw error;
      return undefined;
    });
    await expect(openInline(dir, { disk })).rejects.toThrow(message);
    expect(dir.hasState(id)).toBe(true);
    const next = await live(dir);
    await expectRefusal(next.engine.get(id), 'SET_ASIDE', /not JSON/);
  });
});
