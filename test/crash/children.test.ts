/**
 * Goal: kill -9 in the middle of workflows that steps run costs nothing twice: each item has one child, each child ends its step,
 * and what is complete is never asked again (G1, G3, CH1 to CH3, CP1). Faults: SIGKILL of the whole process, at seeded moments.
 * Method: a stand-in that counts the requests for each item, against what the engine has told and what it charges.
 * `CRASH_CHILD_KILLS` raises the number of kills, `CRASH_SEED` chooses the moments.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import type { EngineEvent, EventGap } from '../../src/contract/event.ts';
import type { Workflow, WorkflowSummary } from '../../src/contract/workflow.ts';
import { emitted } from '../fixtures/emitted.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { EngineProcess } from '../fixtures/engine-process.ts';
import { reportFigures } from '../fixtures/figures.ts';
import { createSeeded } from '../fixtures/seeded.ts';
import { StandIn } from '../stand-in/stand-in.ts';
import { pricesOf, settingsFor } from '../tasks/llm/model-attempt.ts';

const kills = Number(process.env.CRASH_CHILD_KILLS ?? 8);
const seed = Number(process.env.CRASH_SEED ?? 1);
const concurrency = 4;
const items = kills * 12;
/** A life ends when at most so many children have ended in it, and a moment later. */
const endedMax = 6;
const momentMsMax = 15;
const answerMsMax = 20;

const ask = {
  id: 'ask',
  name: 'Ask',
  params: { type: 'object', properties: { question: { type: 'string' } }, required: ['question'] },
  steps: [
    {
      id: 'ask',
      action: 'openai_chat',
      params: { prompt: 'Answer {{params.question}}', model: 'gpt-4', max_tokens: 50 },
    },
    {
      id: 'keep',
      action: 'render',
      dependencies: ['ask'],
      params: { template: '{{ text }}', data: { text: '{{steps.ask.outputs.content}}' } },
    },
  ],
};
const definition = {
  name: 'a workflow for each question',
  params: { items: Array.from({ length: items }, (_, n) => `question ${n}.`) },
  steps: [
    {
      id: 'm',
      forEach: { question: '{{params.items}}' },
      concurrency,
      action: 'workflow',
      params: { template: 'ask', params: { question: '{{question}}' } },
    },
    {
      id: 'all',
      action: 'transform',
      dependencies: ['m'],
      params: { input: '{{steps.m.outputs.items}}', expression: '$.content' },
    },
  ],
};

/** Ends of children that were told, each once. */
class Ends {
  readonly #told = new Set<string>();
  lastSeq = 0;
  #wakes: (() => void)[] = [];

  get count(): number {
    return this.#told.size;
  }

  event(event: EngineEvent | EventGap): void {
    if (event.kind === 'gap') return;
    this.lastSeq = Math.max(this.lastSeq, event.seq);
    if (event.kind !== 'step.returned') return;
    this.#told.add(event.step_id ?? '');
    for (const wake of this.#wakes.splice(0)) wake();
  }

  async until(count: number): Promise<void> {
    while (this.count < count) await new Promise<void>((resolve) => this.#wakes.push(resolve));
  }
}

test(`after ${kills} kills each item has one workflow, asked and paid once (CRASH_SEED=${seed})`, {
  timeout: kills * 20_000 + 60_000,
}, async () => {
  const startedAt = performance.now();
  const random = createSeeded(seed);
  const ends = new Ends();
  const requests = new Map<number, number>();
  const standIn = await StandIn.start({
    behaviour: ({ body }) => {
      const prompt = (body.messages as { content: string }[])[0]?.content ?? '';
      const item = Number(/(\d+)\.$/.exec(prompt)?.[1]);
      requests.set(item, (requests.get(item) ?? 0) + 1);
      return { content: `To: ${prompt}`, delayMs: random() * answerMsMax };
    },
  });
  onTestFinished(() => standIn.close());
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const { templatesDir } = dir.settings;
  mkdirSync(templatesDir, { recursive: true });
  writeFileSync(path.join(templatesDir, 'ask.json'), JSON.stringify(ask));
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
    const life = new EngineProcess((event) => ends.event(event), emitted('test/fixtures/engine-child.ts'));
    onTestFinished(() => life.kill());
    return life;
  };
  let life = spawn();
  await life.start(options, 0);
  const { id } = await life.call('submit', definition);
  for (let kill = 0; kill < kills; kill += 1) {
    const next = spawn();
    // In every third life what was in flight at the last deaths comes to its end: else it would count as their cause (G15).
    const more = kill % 3 === 2 ? 2 * concurrency : 1 + Math.floor(random() * endedMax);
    await ends.until(ends.count + more);
    await delay(random() * momentMsMax);
    await life.kill();
    expect(ends.count).toBeLessThan(items);
    life = next;
    await life.start(options, ends.lastSeq);
  }
  const { json } = await life.call('get', id, { waitMs: 60_000 });
  const workflow = JSON.parse(json) as Workflow;
  const { total, items: summaries } = await life.call('list', { limit: 1_000 });
  const costs = await life.call('costs', { by: 'workflow' });
  await life.call('close');

  const children = (summaries as WorkflowSummary[]).filter(({ parentId }) => parentId === id);
  const repeated = [...requests.values()].filter((count) => count > 1).length;
  reportFigures('SIGKILL among workflows of steps', startedAt, {
    cases: kills,
    lostAcknowledged: 0,
    changedResults: 0,
    repeatedSteps: 0,
    unreadableFiles: 0,
    seed,
    items,
    requests: standIn.calls.length,
  });
  expect(workflow.status).toBe('COMPLETED');
  expect([total, children.length, workflow.children?.length]).toEqual([items + 1, items, items]);
  expect(children.filter(({ status }) => status !== 'COMPLETED')).toEqual([]);
  const steps = workflow.steps.filter(({ of }) => of?.step === 'm');
  expect(steps.map(({ child }) => child).sort()).toEqual(workflow.children?.map((child) => child.id).sort());
  // Only what was in flight at a kill was asked again.
  expect([requests.size, repeated <= kills * concurrency]).toEqual([items, true]);
  // Each call is in the books of its own workflow, and the parent shows their sum.
  expect(costs.rows.map(({ key }: { key: string }) => key).sort()).toEqual(children.map((child) => child.id).sort());
  expect(workflow.metrics.total_cost).toBe(costs.total.cost);
  const gathered = workflow.steps.find((step) => step.id === 'all')?.outputs?.value;
  expect(gathered).toEqual(definition.params.items.map((question) => `To: Answer ${question}`));
});
