/**
 * Goal: kill -9 in the middle of a map of model calls costs nothing twice: an item that is complete is never asked again, and
 * what it has made stays at its place (G1, G3, F1, F4). Faults: SIGKILL of the whole process, at seeded moments, while items are
 * in flight. Method: a stand-in that counts the requests for each item, against what the engine has told and what it charges.
 * `CRASH_MAP_KILLS` raises the number of kills, `CRASH_SEED` chooses the moments.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { EngineEvent, EventGap } from '../../src/contract/event.ts';
import type { Workflow } from '../../src/contract/workflow.ts';
import { emitted } from '../fixtures/emitted.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { EngineProcess } from '../fixtures/engine-process.ts';
import { reportFigures } from '../fixtures/figures.ts';
import { createSeeded } from '../fixtures/seeded.ts';
import { StandIn } from '../stand-in/stand-in.ts';
import { pricesOf, settingsFor } from '../tasks/llm/model-attempt.ts';

const kills = Number(process.env.CRASH_MAP_KILLS ?? 20);
const seed = Number(process.env.CRASH_SEED ?? 1);
const concurrency = 4;
const items = kills * 20;
/** A life ends when at most so many items have been completed in it, and a moment later. */
const completedMax = 6;
const momentMsMax = 15;
const answerMsMax = 20;

const definition = {
  name: 'map of questions',
  params: { items: Array.from({ length: items }, (_, n) => `question ${n}.`) },
  steps: [
    {
      id: 'm',
      forEach: { question: '{{params.items}}' },
      concurrency,
      steps: [
        { id: 'ask', action: 'openai_chat', params: { prompt: 'Answer {{question}}', model: 'gpt-4', max_tokens: 50 } },
        {
          id: 'keep',
          action: 'render',
          dependencies: ['ask'],
          params: { template: '{{ text }}', data: { text: '{{steps.ask.outputs.content}}' } },
        },
      ],
    },
    {
      id: 'all',
      action: 'transform',
      dependencies: ['m'],
      params: { input: '{{steps.m.outputs.items}}', expression: '$.content' },
    },
  ],
};

/** What the stand-in was asked about each item, and what the engine has told of it. */
class Counts {
  readonly requests = new Map<number, number>();
  /** How often an item had been asked about when its completion was told. */
  readonly #asWhenDone = new Map<number, { seq: number; requests: number }>();
  readonly faults: string[] = [];
  lastSeq = 0;
  #wakes: (() => void)[] = [];

  get completed(): number {
    return this.#asWhenDone.size;
  }

  asked(item: number): void {
    this.requests.set(item, (this.requests.get(item) ?? 0) + 1);
  }

  event(event: EngineEvent | EventGap): void {
    if (event.kind === 'gap') return;
    this.lastSeq = Math.max(this.lastSeq, event.seq);
    const item = /^m\.(\d+)\.ask$/.exec(event.step_id ?? '')?.[1];
    if (item === undefined) return;
    const done = this.#asWhenDone.get(Number(item));
    if (event.kind === 'step.started' && done !== undefined && event.seq > done.seq)
      this.faults.push(`item ${item} was started by event ${event.seq} after it was completed by ${done.seq}`);
    if (event.kind !== 'step.completed') return;
    if (done !== undefined && done.seq !== event.seq) this.faults.push(`item ${item} was completed twice`);
    if (done === undefined)
      this.#asWhenDone.set(Number(item), { seq: event.seq, requests: this.requests.get(Number(item)) ?? 0 });
    for (const wake of this.#wakes.splice(0)) wake();
  }

  async untilCompleted(count: number): Promise<void> {
    while (this.completed < count) await new Promise<void>((resolve) => this.#wakes.push(resolve));
  }

  get askedAgain(): number[] {
    return [...this.#asWhenDone].flatMap(([item, { requests }]) =>
      this.requests.get(item) === requests ? [] : [item],
    );
  }
}

const promptOf = (body: Readonly<Record<string, unknown>>) =>
  (body.messages as { content: string }[])[0]?.content ?? '';

test(`after ${kills} kills in mid-map no completed item is asked or paid again (CRASH_SEED=${seed})`, {
  timeout: kills * 20_000 + 60_000,
}, async () => {
  const startedAt = performance.now();
  const random = createSeeded(seed);
  const counts = new Counts();
  const standIn = await StandIn.start({
    behaviour: ({ body }) => {
      const prompt = promptOf(body);
      counts.asked(Number(/(\d+)\.$/.exec(prompt)?.[1]));
      return { content: `To: ${prompt}`, delayMs: random() * answerMsMax };
    },
  });
  onTestFinished(() => standIn.close());
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const options = {
    settings: {
      ...dir.settings,
      maxParallelNodes: 2 * concurrency,
      poolThreads: 1,
      logLevel: 'fatal' as const,
      httpAllowHosts: [standIn.host],
      prices: pricesOf(standIn),
      secrets: settingsFor(standIn),
    },
  };
  const spawn = (): EngineProcess => {
    const life = new EngineProcess((event) => counts.event(event), emitted('test/fixtures/engine-child.ts'));
    onTestFinished(() => life.kill());
    return life;
  };
  let life = spawn();
  await life.start(options, 0);
  const { id } = await life.call('submit', definition);
  for (let kill = 0; kill < kills; kill += 1) {
    const next = spawn();
    // In every third life what was in flight at the last deaths comes to its end: else it would count as their cause (G15).
    const more = kill % 3 === 2 ? 2 * concurrency : 1 + Math.floor(random() * completedMax);
    await counts.untilCompleted(counts.completed + more);
    await delay(random() * momentMsMax);
    await life.kill();
    expect(counts.completed).toBeLessThan(items);
    life = next;
    await life.start(options, counts.lastSeq);
  }
  const { json } = await life.call('get', id, { waitMs: 60_000 });
  const workflow = JSON.parse(json) as Workflow;
  const costs = await life.call('costs', { by: 'workflow' });
  const { steps } = workflow;
  await life.call('close');

  const asks = steps.filter((step) => /^m\.\d+\.ask$/.test(step.id));
  const attempts = asks.reduce((sum, { attempt }) => sum + attempt, 0);
  reportFigures('SIGKILL in mid-map', startedAt, {
    cases: kills,
    lostAcknowledged: 0,
    changedResults: 0,
    repeatedSteps: counts.askedAgain.length + counts.faults.length,
    unreadableFiles: 0,
    seed,
    items,
    requests: standIn.calls.length,
    attempts,
  });
  expect(workflow.status).toBe('COMPLETED');
  expect([counts.faults, counts.askedAgain]).toEqual([[], []]);
  // An attempt is recorded before it asks: no item was asked more often than it was begun, and only what was in flight twice.
  const asked = asks.map((step, n) => [counts.requests.get(n) ?? 0, step.attempt] as const);
  expect(asked.filter(([requests, attempt]) => requests < 1 || requests > attempt)).toEqual([]);
  expect(attempts - items).toBeLessThanOrEqual(kills * concurrency);
  // The kills did hit items in flight.
  expect(attempts).toBeGreaterThan(items + kills / 4);
  // Each begun attempt is one call in the books. What it cost is known of those that were answered: one for each item.
  expect(costs.total).toMatchObject({ calls: attempts, unpriced_calls: attempts - items });
  expect(BigInt(Math.round(costs.total.cost * 1e12)) <= standIn.invoice.costPico).toBe(true);
  const gathered = steps.find((step) => step.id === 'all')?.outputs?.value;
  expect(gathered).toEqual(definition.params.items.map((question) => `To: Answer ${question}`));
});
