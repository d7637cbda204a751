/**
 * Goal: what the engine says a workflow has cost is what the provider charges, to the last digit, whatever happened to the
 * calls. Method: workflows over several models and actions, streaming and not, with calls that are refused, break off after
 * they said their usage, or give an answer that is of no use, and are repeated; then steps, totals, cost_breakdown, costs
 * and the stand-in's own invoice, which reckons with rates of its own, are compared in whole picodollars.
 */
import { expect, it, onTestFinished } from 'vitest';
import type { Workflow } from '../../../src/contract/workflow.ts';
import { startInline } from '../../engine/running-engine.ts';
import { createSeeded } from '../../fixtures/seeded.ts';
import * as faults from '../../stand-in/faults.ts';
import { type Behaviour, StandIn } from '../../stand-in/stand-in.ts';
import { settingsFor } from './model-attempt.ts';

const seed = Number(process.env.INVOICE_SEED ?? 7);
const models = ['gpt-4', 'gpt-4o', 'gpt-4o-mini'];
const toPico = (dollars: unknown) => BigInt(Math.round(Number(dollars) * 1e12));

it('the ledger is the invoice: of models mixed, streamed and not, failed and repeated', async () => {
  const random = createSeeded(seed);
  const words = () => Array.from({ length: 1 + Math.floor(random() * 40) }, (_, at) => `word${at}`).join(' ');
  const met = new Map<string, number>();
  const behaviours: [string, () => Behaviour][] = [
    ['answered', () => ({ content: words(), cachedTokens: Math.floor(random() * 5) })],
    ['usage in every chunk', () => ({ content: words(), usageIn: 'every', cachedTokens: 3 })],
    ['of no use', () => ({ content: '' })],
    ['cut', () => ({ content: words(), finishReason: 'length' })],
    ['broken off', () => ({ content: 'one two three four', usageIn: 'every', cutAfter: 3 })],
    ['refused', () => faults.status(503)],
    ['throttled', () => faults.status(429, { error: { code: 'rate_limit_exceeded' } }, { 'retry-after-ms': '1' })],
    ['wrong', () => faults.status(400)],
    ['withheld', () => ({ content: 'no', finishReason: 'content_filter' })],
  ];
  const standIn = await StandIn.start({
    behaviour: ({ stream }) => {
      const [name, make] = behaviours[Math.floor(random() * behaviours.length)] ?? ['answered', () => ({})];
      // Only a stream can say what it has used and break off afterwards.
      const isUsed = name !== 'broken off' || stream;
      met.set(isUsed ? name : 'answered', (met.get(isUsed ? name : 'answered') ?? 0) + 1);
      return isUsed ? make() : { content: words() };
    },
  });
  onTestFinished(() => standIn.close());
  // A price of PRICES_FILE by the address, for the stand-in is no provider that the price list knows.
  const prices = {
    [`${standIn.host}/gpt-4`]: { input_per_million: 30, output_per_million: 60 },
    [`${standIn.host}/gpt-4o`]: { input_per_million: 2.5, cached_input_per_million: 1.25, output_per_million: 10 },
    [`${standIn.host}/gpt-4o-mini`]: {
      input_per_million: 0.15,
      cached_input_per_million: 0.075,
      output_per_million: 0.6,
    },
  };
  const { engine } = await startInline({
    settings: { secrets: settingsFor(standIn), httpAllowHosts: [standIn.host], prices, maxParallelNodes: 8 },
  });
  const actions = ['openai_chat', 'deepseek_chat', 'gemini_chat', 'chat'];
  const step = (n: number) => ({
    id: `s${n}`,
    action: actions[n % actions.length],
    dependencies: n < 8 ? [] : [`s${n - 8}`],
    retry: { attemptsMax: 4, backoffMs: 1, backoffMsMax: 2 },
    params: {
      prompt: `Question ${n}: ${words()}`,
      model: models[n % models.length],
      stream: n % 2 === 0,
      ...(n % actions.length === 3 ? { base_url: standIn.baseUrl } : {}),
    },
  });
  const workflows: Workflow[] = [];
  for (let round = 0; round < 3; round += 1) {
    const steps = Array.from({ length: 32 }, (_, n) => step(n));
    const { id } = await engine.submit({ name: `Mixed ${round}`, steps });
    let { workflow } = await engine.finished(id);
    // What was spent before a retry stays spent.
    if (workflow.status === 'FAILED') {
      await engine.retry(id);
      ({ workflow } = await engine.finished(id));
    }
    workflows.push(workflow);
  }
  console.log(`invoice seed ${seed}: ${standIn.calls.length} calls, ${JSON.stringify(Object.fromEntries(met))}`);
  for (const [name] of behaviours) expect(met.get(name) ?? 0, name).toBeGreaterThan(0);
  expect(
    workflows.flatMap(({ steps }) => steps).some(({ status, attempt }) => status === 'COMPLETED' && attempt > 1),
  ).toBe(true);

  const stepsSum = workflows
    .flatMap(({ steps }) => steps)
    .reduce((sum, { execution_metrics: metrics }) => sum + toPico(metrics?.cost ?? 0), 0n);
  const totals = workflows.reduce((sum, { metrics }) => sum + toPico(metrics.total_cost), 0n);
  const byModel = (model: string) =>
    workflows.reduce((sum, { cost_breakdown: costs }) => sum + toPico(costs[model] ?? 0), 0n);
  const { invoice } = standIn;
  expect({ steps: stepsSum, totals }).toEqual({ steps: invoice.costPico, totals: invoice.costPico });
  for (const model of models) {
    const charged = invoice.lines
      .filter((line) => line.model === model)
      .reduce((sum, line) => sum + (line.costPico ?? 0n), 0n);
    expect(charged).toBeGreaterThan(0n);
    expect(byModel(model), model).toBe(charged);
  }
  const costs = await engine.costs({ by: 'model' });
  expect(toPico(costs.total.cost)).toBe(invoice.costPico);
  expect(costs.total).toMatchObject({ tokens: invoice.tokens, calls: standIn.calls.length, cost_is_floor: false });
  expect(workflows.map(({ metrics }) => metrics.cost_is_floor)).toEqual([false, false, false]);
});
