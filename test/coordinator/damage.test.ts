/**
 * Goal: whatever happens to a known state.json between two lives, its workflow is rebuilt where the journal holds it, else
 * taken over where the file makes sense, else set aside; the others go on (R1 to R3, G9).
 */
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Workflow } from '../../src/contract/workflow.ts';
import { expectRefusal, stepOf } from '../engine/running-engine.ts';
import type { EngineDir } from '../fixtures/engine-dir.ts';
import { end, type Life, live, newDir, restart } from './restarts.ts';

type Damage = (dir: EngineDir, id: string, otherId: string) => void;

const damages: Record<string, Damage> = {
  'an empty file': (dir, id) => fs.writeFileSync(dir.stateFile(id), ''),
  'a truncated file': (dir, id) => fs.truncateSync(dir.stateFile(id), 200),
  'a file without its last byte but one': (dir, id) =>
    fs.writeFileSync(dir.stateFile(id), `${dir.stateText(id).slice(0, -2)}\n`),
  'random bytes': (dir, id) => fs.writeFileSync(dir.stateFile(id), Buffer.from([0, 255, 254, 1, 2, 3])),
  "another workflow's file": (dir, id, otherId) => fs.copyFileSync(dir.stateFile(otherId), dir.stateFile(id)),
  'a link to another file': (dir, id, otherId) => {
    fs.rmSync(dir.stateFile(id));
    fs.symlinkSync(dir.stateFile(otherId), dir.stateFile(id));
  },
  'a link to nowhere': (dir, id) => {
    fs.rmSync(dir.stateFile(id));
    fs.symlinkSync('/nowhere/at/all', dir.stateFile(id));
  },
  'a directory': (dir, id) => {
    fs.rmSync(dir.stateFile(id));
    fs.mkdirSync(`${dir.stateFile(id)}/inside`, { recursive: true });
  },
};
const edited: Damage = (dir, id) =>
  fs.writeFileSync(dir.stateFile(id), dir.stateText(id).replace('"name": "victim"', '"name": "edited"'));

/** A workflow that waits, one that has finished, and one beside them. */
async function prepare(): Promise<{
  first: Life;
  waits: Workflow;
  done: Workflow;
  other: Workflow;
  otherHeld: Workflow;
}> {
  const first = await live();
  const steps = [
    { id: 'in', action: 'external_data' },
    { id: 'a', action: 'noop' },
  ];
  const waits = await first.engine.submit({ name: 'victim', steps }, { waitMs: 60_000 });
  const done = await first.engine.submit(
    { name: 'victim', steps: steps.slice(1) },
    { waitMs: 60_000, idempotencyKey: 'k' },
  );
  const other = await first.engine.submit({ name: 'other', steps: steps.slice(1) }, { waitMs: 60_000 });
  const otherHeld = await first.engine.submit({ name: 'other', steps }, { waitMs: 60_000 });
  return { first, waits: waits.workflow, done: done.workflow, other: other.workflow, otherHeld: otherHeld.workflow };
}

async function expectOthersWell({ engine }: Life, others: Workflow[]): Promise<void> {
  for (const other of others) expect((await engine.get(other.id)).workflow).toEqual(other);
}

describe('R1: while the journal holds its beginning, a workflow is what the journal says', () => {
  test.each(Object.entries({ ...damages, 'an edited file': edited }))('%s', async (_, damage) => {
    const { first, waits, done, other, otherHeld } = await prepare();
    const second = await restart(first.dir, (image) => {
      damage(image, waits.id, otherHeld.id);
      damage(image, done.id, other.id);
    });
    for (const workflow of [waits, done]) {
      expect((await second.engine.get(workflow.id)).workflow).toEqual(workflow);
      expect(fs.lstatSync(second.dir.stateFile(workflow.id)).isFile()).toBe(true);
      expect(second.dir.state(workflow.id)).toEqual(workflow);
      // The odd file is kept and reported.
      expect(second.dir.quarantined().filter((name) => name.includes(workflow.id))).toHaveLength(1);
      expect(second.log.filter((line) => line.startsWith('warn') && line.includes(workflow.id))).not.toEqual([]);
    }
    await expectOthersWell(second, [other, otherHeld]);
    expect((await second.engine.list()).total).toBe(4);
    await second.engine.externalData(waits.id, { step_id: 'in', content: 'x' });
    expect((await second.engine.finished(waits.id)).status).toBe('COMPLETED');
  });

  test('a file that is gone is written again', async () => {
    const { first, waits, done } = await prepare();
    const second = await restart(first.dir, (image) => {
      for (const { id } of [waits, done]) fs.rmSync(image.directory(id), { recursive: true });
    });
    for (const workflow of [waits, done]) expect((await second.engine.get(workflow.id)).workflow).toEqual(workflow);
  });
});

/** The clean end's checkpoint leaves the files alone to say what there was. */
async function onFilesAlone(first: Life, change: (dir: EngineDir) => void): Promise<Life> {
  await end(first);
  // The second chance goes as well.
  const warm = await live(first.dir);
  await warm.coordinator.parts.checkpoints.make();
  await end(warm);
  change(first.dir);
  return live(first.dir);
}

describe('R3: where the journal has forgotten it', () => {
  test.each(Object.entries(damages))('%s is set aside, reported, and gone from the lists', async (_, damage) => {
    const { first, waits, done, other, otherHeld } = await prepare();
    const second = await onFilesAlone(first, (dir) => {
      damage(dir, waits.id, otherHeld.id);
      damage(dir, done.id, other.id);
    });
    // A finished one's file is judged when it is first read.
    for (const { id } of [waits, done]) {
      await expectRefusal(second.engine.get(id), 'SET_ASIDE', new RegExp(`${id} was set aside`));
      await expectRefusal(second.engine.get(id), 'SET_ASIDE', /set aside/);
      expect(second.dir.quarantined().filter((name) => name.includes(id))).toHaveLength(1);
      expect((await second.engine.health()).notices.join('\n')).toContain(id);
    }
    await expectOthersWell(second, [other, otherHeld]);
    expect((await second.engine.list()).total).toBe(2);
    const third = await restart(second.dir);
    for (const { id } of [waits, done])
      await expectRefusal(third.engine.get(id), 'SET_ASIDE', new RegExp(`${id} was set aside`));
    await expectOthersWell(third, [other, otherHeld]);
  });

  test('an edited file is taken over as found, and says so', async () => {
    const { first, waits, done, other, otherHeld } = await prepare();
    const second = await onFilesAlone(first, (dir) => {
      edited(dir, waits.id, otherHeld.id);
      edited(dir, done.id, other.id);
    });
    for (const { id, version } of [waits, done]) {
      const { workflow } = await second.engine.get(id);
      expect(workflow).toMatchObject({ name: 'edited', warnings: [expect.stringContaining('taken over')] });
      // A new version, once: an ETag of before is stale, and the list shows what a read shows.
      expect(workflow.version).toBeGreaterThan(version);
      expect((await second.engine.get(id)).version).toBe(workflow.version);
      expect((await second.engine.list({ q: 'edited' })).items.map((item) => item.id)).toContain(id);
    }
    await second.dir.untilState(done.id, ({ warnings }) => warnings.length === 1);
    await second.engine.externalData(waits.id, { step_id: 'in', content: 'x' });
    expect((await second.engine.finished(waits.id)).workflow).toMatchObject({
      status: 'COMPLETED',
      warnings: [expect.any(String)],
    });
    await expectOthersWell(second, [other, otherHeld]);
  });

  test('a file that is gone is refused with 410, and the others go on', async () => {
    const { first, waits, done, other, otherHeld } = await prepare();
    const second = await onFilesAlone(first, (dir) => {
      for (const { id } of [waits, done]) fs.rmSync(dir.stateFile(id));
    });
    for (const { id } of [waits, done]) await expectRefusal(second.engine.get(id), 'SET_ASIDE', /gone/);
    await expectOthersWell(second, [other, otherHeld]);
  });

  test('an older copy that was put back is taken over, and its version does not shrink', async () => {
    const first = await live();
    const steps = ['in', 'in2'].map((id) => ({ id, action: 'external_data' }));
    const { id } = await first.engine.submit({ name: 'old', steps }, { waitMs: 60_000 });
    await first.dir.untilState(id, ({ status }) => status === 'WAITING_FOR_DEPENDENCY');
    const old = first.dir.stateText(id);
    await first.engine.externalData(id, { step_id: 'in', content: 'x' });
    const { version } = await first.engine.get(id);
    const second = await onFilesAlone(first, (dir) => fs.writeFileSync(dir.stateFile(id), old));
    const { workflow } = await second.engine.get(id);
    expect(stepOf(workflow, 'in').status).toBe('WAITING_FOR_DEPENDENCY');
    expect(workflow.warnings).toEqual([expect.stringContaining('older')]);
    expect(workflow.version).toBeGreaterThanOrEqual(version);
  });

  test('outputs whose blob is damaged are refused, the rest of the engine is not', async () => {
    const first = await live();
    const template = 'b'.repeat(70_000);
    const { id } = await first.engine.submit(
      {
        name: 'blob',
        steps: [
          { id: 'a', action: 'render', params: { template } },
          { id: 'b', action: 'noop' },
        ],
      },
      { waitMs: 60_000 },
    );
    const [blob] = first.dir.blobs(id);
    const second = await restart(first.dir, (image) => fs.truncateSync(`${image.directory(id)}/blobs/${blob}`, 10));
    await expectRefusal(second.engine.getStep(id, 'a'), 'SET_ASIDE', /damaged or gone/);
    expect((await second.engine.getStep(id, 'b')).status).toBe('COMPLETED');
    const again = await second.engine.branch(id, { stepId: 'a' }, { waitMs: 60_000 });
    expect(stepOf(again.workflow, 'a').outputs).toEqual({ content: template });
  });
});

test('files that are no workflows at all are left alone', async () => {
  const dir = newDir();
  fs.mkdirSync(`${dir.workflowsDir}/templates`, { recursive: true });
  fs.writeFileSync(`${dir.workflowsDir}/notes.txt`, 'mine');
  fs.writeFileSync(`${dir.workflowsDir}/${randomUUID()}`, 'a file with the name of a workflow');
  const { engine } = await live(dir);
  expect((await engine.list()).total).toBe(0);
  expect(fs.readFileSync(`${dir.workflowsDir}/notes.txt`, 'utf8')).toBe('mine');
  expect(dir.quarantined()).toEqual([]);
});

describe('a journal that has lost something', () => {
  /** Flips a bit in the record of the first event of this kind, in the oldest segment. */
  function damageRecord(image: EngineDir, kind: string): void {
    const directory = path.join(image.workflowsDir, '.engine', 'journal');
    const [oldest] = fs.readdirSync(directory).sort();
    const file = path.join(directory, oldest ?? '');
    const bytes = fs.readFileSync(file);
    bytes[bytes.indexOf(`"kind":"${kind}"`) + 10]! ^= 1;
    fs.writeFileSync(file, bytes);
  }

  test('is believed less than a file that a checkpoint stands behind', async () => {
    const first = await live();
    const { holds, engine } = first;
    const steps = [
      holds.step('one'),
      holds.step('two', { dependencies: ['one'] }),
      holds.step('three', { dependencies: ['two'] }),
    ];
    // One goes on after the checkpoint, the other does not.
    const runs = await engine.submit({ name: 'runs', steps });
    const rests = await engine.submit(
      {
        name: 'rests',
        steps: [
          { id: 'a', action: 'noop' },
          { id: 'in', action: 'external_data' },
        ],
      },
      { waitMs: 60_000 },
    );
    await holds.arrived('one');
    holds.release('one');
    await holds.arrived('two');
    await first.coordinator.parts.checkpoints.make();
    holds.release('two');
    await holds.arrived('three');
    const before = (await engine.get(runs.id)).workflow;
    for (const kind of ['step.completed', 'step.started']) {
      const second = await restart(first.dir, (image) => damageRecord(image, kind));
      const { workflow } = await second.engine.get(runs.id);
      expect(workflow.version).toBeGreaterThan(before.version);
      for (const id of ['one', 'two']) expect(stepOf(workflow, id)).toEqual(stepOf(before, id));
      expect(second.holds.arrivals('one') + second.holds.arrivals('two')).toBe(0);
      expect((await second.engine.get(rests.id)).workflow).toEqual(rests.workflow);
    }
  });
});

test('a workflow that is put back after its deletion was checkpointed is adopted again', async () => {
  const first = await live();
  const { id } = await first.engine.submit({ name: 'back', steps: [{ id: 'a', action: 'noop' }] }, { waitMs: 60_000 });
  await first.dir.untilState(id, ({ status }) => status === 'COMPLETED');
  const backup = first.dir.stateText(id);
  await first.engine.delete(id);
  await end(first);
  const second = await restart(first.dir, (image) => image.writeState(id, backup));
  expect((await second.engine.get(id)).status).toBe('COMPLETED');
});

test('the index has lost the line that takes out one which was set going again: the manifest knows better', async () => {
  const first = await live();
  const { coordinator, engine, dir } = first;
  const steps = [
    { id: 'in', action: 'external_data' },
    { id: 'a', action: 'noop', dependencies: ['in'] },
  ];
  // Enough of them that the index is not written anew, without the line.
  for (let n = 0; n < 4; n += 1)
    await engine.submit({ name: 'other', steps: [{ id: 'a', action: 'noop' }] }, { waitMs: 60_000 });
  const { id } = await engine.submit({ name: 'again', steps }, { waitMs: 60_000 });
  await engine.stop(id);
  await dir.untilState(id, ({ status }) => status === 'STOPPED');
  await coordinator.parts.checkpoints.make();
  await engine.resume(id);
  await coordinator.parts.checkpoints.make();
  const before = (await engine.get(id)).workflow;
  expect(before.status).toBe('WAITING_FOR_DEPENDENCY');
  const second = await onFilesAlone(first, (image) => {
    const file = path.join(image.workflowsDir, '.engine', 'finished.jsonl');
    const text = fs.readFileSync(file, 'utf8');
    expect(text).toContain('"removed":true');
    fs.writeFileSync(file, text.replaceAll('"removed":true', '"removed":tru3'));
  });
  expect((await second.engine.get(id)).workflow).toEqual(before);
  await second.engine.externalData(id, { step_id: 'in', content: 'x' });
  expect((await second.engine.finished(id)).status).toBe('COMPLETED');
  expect((await second.engine.list()).total).toBe(5);
});

test.each([
  ['PENDING', 'PENDING'],
  ['RUNNING', 'STOPPED'],
])(
  'a finished workflow whose file was edited to hold a %s step runs nothing, then and after a start',
  async (edited, shown) => {
    const first = await live();
    const { engine, dir, holds, coordinator } = first;
    const { id } = await engine.submit({ name: 'over', steps: [holds.step('a')] });
    await holds.arrived('a');
    holds.release('a');
    await engine.finished(id);
    await dir.untilState(id, ({ status }) => status === 'COMPLETED');
    await expect.poll(() => coordinator.parts.workflows.live.has(id)).toBe(false);
    const status = '"status": "COMPLETED",\n      "dependencies"';
    expect(dir.stateText(id)).toContain(status);
    fs.writeFileSync(dir.stateFile(id), dir.stateText(id).replace(status, status.replace('COMPLETED', edited)));
    const { workflow } = await engine.get(id);
    expect(workflow).toMatchObject({ status: 'COMPLETED', warnings: [expect.stringContaining('taken over')] });
    expect(stepOf(workflow, 'a').status).toBe(shown);
    await coordinator.parts.turns.drain();
    expect(coordinator.parts.readySteps.schedule.ready + coordinator.parts.readySteps.schedule.running).toBe(0);
    expect(holds.arrivals('a')).toBe(1);
    const second = await restart(dir);
    expect(stepOf((await second.engine.get(id)).workflow, 'a').status).toBe(shown);
    await second.coordinator.parts.turns.drain();
    expect(second.holds.arrivals('a')).toBe(0);
  },
);
