/**
 * Clients of an engine that dies again and again: each asks until it is answered, in whichever life that is, keeps what was
 * acknowledged, and sends its calls twice, at once and once more when all is over (G1, K2).
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Workflow } from '../../src/contract/workflow.ts';
import { type EngineProcess, type PlainReply, ProcessGone } from '../fixtures/engine-process.ts';
import type { Witness } from './witness.ts';

interface Acknowledged {
  n: number;
  id: string;
  /** Of the answer to the creating call. */
  createdJson: string;
  hasEnded: boolean;
}

const ms = (n: number) => ({ ms: 5 + ((n * 7) % 25) });
/** 60 to 150 KB: more than what stands in state.json itself. */
const bigText = (n: number) => `${n} `.repeat(30_000);

const shapes: ((n: number) => { name: string; steps: { id: string; [more: string]: unknown }[] })[] = [
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
      { id: 'big', action: 'render', params: { template: bigText(n) } },
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

export class Clients {
  readonly #witness: Witness;
  readonly #acknowledged: Acknowledged[] = [];
  readonly #runs: Promise<void>[] = [];
  #life: EngineProcess | null = null;
  #wakes: (() => void)[] = [];
  #isPolling = true;
  /** Answers to calls that change something. */
  acknowledgedCalls = 0;

  constructor(witness: Witness) {
    this.#witness = witness;
  }

  get begun(): number {
    return this.#runs.length;
  }

  get open(): number {
    return this.begun - this.#acknowledged.filter(({ hasEnded }) => hasEnded).length;
  }

  goTo(life: EngineProcess): void {
    this.#life = life;
    for (const wake of this.#wakes.splice(0)) wake();
  }

  /** One more workflow is on its way. */
  begin(): void {
    const run = this.#run(this.begun);
    run.catch(() => undefined); // Awaited with all others in `finish`.
    this.#runs.push(run);
  }

  /** Asks for acknowledged workflows, one after the other, until `finish`: nothing shown may be missing afterwards. */
  async poll(): Promise<void> {
    for (let turn = 0; this.#isPolling; turn += 1) {
      const known = this.#acknowledged.at(-1 - (turn % Math.min(20, this.#acknowledged.length || 1)));
      if (known) await this.#look(known.id, (life) => life.call('get', known.id));
      await delay(5);
    }
  }

  /**
   * All that was begun before this life has come to its end. Waited for in every third life: a step in flight at three
   * deaths in a row starts alone, late, and the death after that fails it (G15), which on a slow machine would come about.
   */
  async pastEnded(): Promise<void> {
    await Promise.all([...this.#runs]);
  }

  /** Every workflow that was acknowledged so far, as the engine of this moment shows it. */
  async lookAtAll(): Promise<void> {
    for (const { id } of this.#acknowledged) await this.#look(id, (life) => life.call('get', id));
  }

  /** When all have come to their end: every acknowledged call is asked again, and every workflow looked at once more. */
  async finish(): Promise<void> {
    await Promise.all(this.#runs);
    this.#isPolling = false;
    for (const { n, id, createdJson } of this.#acknowledged) {
      const again = await this.#create(n);
      if (again.id !== id || again.json !== createdJson)
        this.#witness.fault('lostAcknowledged', `the call that made ${id} gave another answer later: ${again.id}`);
      if (nameOf(n).startsWith('outside')) await this.#give(n, id);
      const found = await this.#look(id, (life) => life.call('get', id));
      this.#check(n, found);
    }
    const { total } = await this.#keyed((life) => life.call('list', { limit: 1 }));
    if (total !== this.begun)
      this.#witness.fault('repeatedSteps', `${this.begun} workflows were asked for and there are ${total}`);
  }

  /** One workflow from its acceptance to its end. */
  async #run(n: number): Promise<void> {
    // The same call, twice at once: one effect.
    const [created, twin] = await Promise.all([this.#create(n), this.#create(n)]);
    const { id } = created;
    const entry: Acknowledged = { n, id, createdJson: created.json, hasEnded: false };
    this.#acknowledged.push(entry);
    if (twin.id !== id) this.#witness.fault('repeatedSteps', `one key made two workflows: ${id} and ${twin.id}`);
    await this.#look(id, (life) => life.call('get', id));
    if (nameOf(n).startsWith('outside')) await Promise.all([this.#give(n, id), this.#give(n, id)]);
    await this.#look(id, (life) => life.call('finished', id));
    entry.hasEnded = true;
    this.#witness.ended(id);
  }

  async #create(n: number): Promise<PlainReply> {
    const definition = shapes[n % shapes.length]!(n);
    const reply = await this.#keyed((life) => life.call('submit', definition, { idempotencyKey: `create ${n}` }));
    this.acknowledgedCalls += 1;
    return reply;
  }

  async #give(n: number, id: string): Promise<void> {
    const data = { step_id: 'in', content: `data ${n}` };
    const reply = await this.#keyed((life) => life.call('externalData', id, data, { idempotencyKey: `data ${n}` }));
    this.acknowledgedCalls += 1;
    if (reply.queued_dependents !== 1)
      this.#witness.fault('repeatedSteps', `the data of ${id} queued ${reply.queued_dependents} steps`);
  }

  async #look(id: string, call: (life: EngineProcess) => Promise<PlainReply>): Promise<PlainReply> {
    return this.#keyed(async (life) => {
      const known = this.#witness.knownVersion(id);
      const reply = await call(life);
      this.#witness.reply(reply, known);
      return reply;
    });
  }

  /** Makes one call until an engine has answered it; when a process dies over it the next one is asked. */
  async #keyed<T>(call: (life: EngineProcess) => Promise<T>): Promise<T> {
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

  /** What a finished workflow must be, whatever happened on its way. */
  #check(n: number, { id, status, json }: PlainReply): void {
    const fail = (text: string) => this.#witness.fault('changedResults', `${id} (${nameOf(n)}): ${text}`);
    const { name, steps } = JSON.parse(json) as Workflow;
    if (status !== 'COMPLETED') fail(`is ${status}: ${steps.flatMap(({ error }) => error ?? []).join('; ')}`);
    const asked = shapes[n % shapes.length]!(n);
    if (name !== asked.name || steps.map((step) => step.id).join() !== asked.steps.map((step) => step.id).join())
      fail(`is ${name} with the steps ${steps.map((step) => step.id).join()}`);
    const outputs = new Map(steps.map((step) => [step.id, step.outputs]));
    if (name.startsWith('blobs') && outputs.get('length')?.value !== bigText(n).length) fail('has another length');
    if (name.startsWith('outside') && outputs.get('out')?.value !== `DATA ${n}`) fail('has other data');
    // G6: a step began after all it waits for had ended.
    const byId = new Map(steps.map((step) => [step.id, step]));
    for (const step of steps)
      for (const dependency of step.dependencies)
        if (!(step.startTime! >= byId.get(dependency)!.endTime!))
          fail(`${step.id} began before ${dependency} had ended`);
  }
}

function nameOf(n: number): string {
  return shapes[n % shapes.length]!(n).name;
}
