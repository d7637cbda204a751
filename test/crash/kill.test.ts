/**
 * Goal: kill -9 at any moment costs nothing that anybody was told (G1 to G4, G6 to G8).
 * Faults: SIGKILL of the whole process, at seeded moments: in the middle of work and of recovery. Real files, real pool;
 * the page cache survives, as it does when a process is killed. The next process is loaded while one lives, so that a life
 * costs little more than its work. `CRASH_CYCLES` raises the number of kills, `CRASH_SEED` chooses the moments.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { Workflow } from '../../src/contract/workflow.ts';
import type { EngineOptions } from '../../src/main.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { EngineProcess, type PlainReply, ProcessGone } from '../fixtures/engine-process.ts';
import { createSeeded } from '../fixtures/seeded.ts';
import { Witness } from './witness.ts';

const cycles = Number(process.env.CRASH_CYCLES ?? 30);
const seed = Number(process.env.CRASH_SEED ?? 1);
const workflowsTotal = 50;
/** A life ends when this many events have come at most, and a moment later, so that it gets somewhere on any machine. */
const lifeEventsMax = 45;
const momentMsMax = 15;
/** When there is nothing left to do no more events come. */
const idleLifeMs = 1_000;

const ms = (n: number) => ({ ms: 5 + ((n * 7) % 25) });

const shapes: ((n: number) => { name: string; steps: object[] })[] = [
  (n) => ({
    name: `chain ${n}`,
    steps: [0, 1, 2, 3, 4].map((i) => ({
      id: `s${i}`,
      action: 'delay',
      params: ms(n + i),
      dependencies: i === 0 ? [] : [`s${i - 1}`],
    })),
  }),
  (n) => ({
    name: `diamonds ${n}`,
    steps: [
      { id: 'a', action: 'delay', params: ms(n) },
      { id: 'b', action: 'noop', dependencies: ['a'] },
      { id: 'c', action: 'delay', params: ms(n + 1), dependencies: ['a'] },
      { id: 'd', action: 'noop', dependencies: ['b', 'c'] },
    ],
  }),
  (n) => ({
    name: `fan ${n}`,
    steps: [
      { id: 'root', action: 'noop' },
      ...Array.from({ length: 12 }, (_, i) => ({
        id: `f${i}`,
        action: 'delay',
        params: ms(i),
        dependencies: ['root'],
      })),
    ],
  }),
  (n) => ({
    name: `blobs ${n}`,
    steps: [
      { id: 'big', action: 'render', params: { template: `${n} `.repeat(30_000) } },
      {
        id: 'length',
        action: 'transform',
        dependencies: ['big'],
        params: { input: '{{steps.big.outputs.content}}', expression: '$length($)' },
      },
    ],
  }),
  (n) => ({
    name: `outside ${n}`,
    steps: [
      { id: 'in', action: 'external_data' },
      {
        id: 'out',
        action: 'transform',
        dependencies: ['in'],
        params: { input: '{{steps.in.outputs.content}}', expression: '$uppercase($)' },
      },
    ],
  }),
];

/** Makes one call until an engine has answered it; a process that dies over it is asked again in its next life. */
class Client {
  readonly #witness: Witness;
  #life: EngineProcess | null = null;
  #wakes: (() => void)[] = [];
  isOver = false;

  constructor(witness: Witness) {
    this.#witness = witness;
  }

  goTo(life: EngineProcess): void {
    this.#life = life;
    for (const wake of this.#wakes.splice(0)) wake();
  }

  async keyed<T>(call: (life: EngineProcess) => Promise<T>): Promise<T> {
    for (;;) {
      const life = this.#life;
      if (life) {
        try {
          return await call(life);
        } catch (error) {
          if (!(error instanceof ProcessGone)) throw error;
          if (this.#life === life) this.#life = null;
        }
      } else await new Promise<void>((resolve) => this.#wakes.push(resolve));
    }
  }

  /** One workflow from its acceptance to its end. */
  async run(n: number): Promise<PlainReply> {
    const definition = shapes[n % shapes.length]!(n);
    const accepted = await this.keyed((life) => life.call('submit', definition, { idempotencyKey: `create ${n}` }));
    const { id } = accepted;
    const look = (call: (life: EngineProcess) => Promise<PlainReply>) =>
      this.keyed(async (life) => {
        const known = this.#witness.knownVersion(id);
        const reply = await call(life);
        this.#witness.reply(reply, known);
        return reply;
      });
    await look((life) => life.call('get', id));
    if (definition.name.startsWith('outside')) {
      const data = { step_id: 'in', content: `data ${n}` };
      await this.keyed((life) => life.call('externalData', id, data, { idempotencyKey: `data ${n}` }));
    }
    await look((life) => life.call('finished', id));
    return look((life) => life.call('get', id));
  }
}

test(`after ${cycles} kills every accepted workflow is complete, and nothing shown was taken back`, {
  timeout: cycles * 20_000 + 60_000,
}, async () => {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const random = createSeeded(seed);
  const witness = new Witness(dir);
  const client = new Client(witness);
  const options: EngineOptions = {
    ownThread: false,
    settings: { ...dir.settings, poolThreads: 1, maxParallelNodes: 4, logLevel: 'error' },
  };
  const spawn = () => new EngineProcess((event) => witness.event(event));
  const reading = witness.readFiles();
  onTestFinished(() => witness.stop());
  const runs: Promise<PlainReply>[] = [];
  const begin = (n: number) => {
    const run = client.run(n);
    run.catch(() => undefined); // Awaited at the end, with all others.
    runs.push(run);
  };
  let spare = spawn();
  onTestFinished(() => spare.kill());
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    const life = spare;
    spare = spawn();
    const started = life.start(options);
    const isKilledInRecovery = cycle % 5 === 4;
    if (isKilledInRecovery) {
      await Promise.race([started, delay(random() * 300)]);
    } else {
      await started;
      client.goTo(life);
      const share = Math.ceil((workflowsTotal * (cycle + 1)) / cycles);
      for (let n = runs.length; n < share && n < workflowsTotal; n += 1) begin(n);
      await Promise.race([witness.progress(Math.floor(random() * lifeEventsMax)), delay(idleLifeMs)]);
      await delay(random() * momentMsMax);
    }
    started.catch(() => undefined);
    await life.kill();
  }
  await spare.start(options);
  client.goTo(spare);
  for (let n = runs.length; n < workflowsTotal; n += 1) begin(n);
  const ends = await Promise.all(runs);
  const listed = await spare.call('list', { limit: 1000 });
  await spare.call('close');
  witness.stop();
  await reading;

  expect(witness.violations).toEqual([]);
  expect(ends.filter(({ status }) => status !== 'COMPLETED')).toEqual([]);
  // One effect for each key, however often it was asked for.
  expect(listed.total).toBe(workflowsTotal);
  expect(new Set(ends.map(({ id }) => id)).size).toBe(workflowsTotal);
  ends.forEach(({ json, id }, n) => {
    const workflow = JSON.parse(json) as Workflow;
    const outputs = Object.fromEntries(workflow.steps.map((step) => [step.id, step.outputs]));
    if (workflow.name.startsWith('blobs')) expect(outputs.length).toEqual({ value: `${n} `.repeat(30_000).length });
    if (workflow.name.startsWith('outside')) expect(outputs.out).toMatchObject({ value: `DATA ${n}` });
    // G6: a step began after all it waits for had ended.
    const byId = new Map(workflow.steps.map((step) => [step.id, step]));
    for (const step of workflow.steps) {
      for (const dependency of step.dependencies) expect(step.startTime! >= byId.get(dependency)!.endTime!).toBe(true);
    }
    expect(dir.state(id).version).toBe(workflow.version);
  });
  expect(dir.queue()).toEqual([]);
  expect(dir.quarantined()).toEqual([]);
  expect(witness.filesRead).toBeGreaterThan(cycles);
  // The kills did hit work that was under way.
  expect(witness.recoveries.size).toBeGreaterThan(cycles / 2);
  expect(witness.resumptions.size).toBeGreaterThan(cycles / 10);
});
