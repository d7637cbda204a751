/**
 * Goal: a budget of $1.00 over a fan-out of 100 calls holds over SIGKILL: spent and reserved are what they were, no call goes
 * out for which there is no room, and the provider's invoice is not above the budget. Method: the engine in a process of its
 * own, a stand-in that falls silent so that calls are in flight at the kill, and two lives after it.
 */
import { expect, onTestFinished, test } from 'vitest';
import type { Workflow } from '../../src/contract/workflow.ts';
import { emitted } from '../fixtures/emitted.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { EngineProcess } from '../fixtures/engine-process.ts';
import * as faults from '../stand-in/faults.ts';
import { StandIn } from '../stand-in/stand-in.ts';
import { pricesOf, settingsFor } from '../tasks/llm/model-attempt.ts';

const answeredFirst = 20;
const parallel = 8;

/** Whole picodollars of what stands in dollars. */
const pico = (dollars: number) => BigInt(Math.round(dollars * 1e12));

test('a budget over a fan-out holds over SIGKILL, to the picodollar', { timeout: 240_000 }, async () => {
  const standIn = await StandIn.start({
    behaviour: ({ number }) => {
      const isSilent = number > answeredFirst && number <= answeredFirst + 2 * parallel;
      return isSilent ? faults.silence : { content: 'word '.repeat(300).trim() };
    },
  });
  onTestFinished(() => standIn.close());
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const options = {
    settings: {
      ...dir.settings,
      maxParallelNodes: parallel,
      poolThreads: 1,
      logLevel: 'fatal' as const,
      httpAllowHosts: [standIn.host],
      prices: pricesOf(standIn),
      secrets: settingsFor(standIn),
    },
  };
  const begin = async (): Promise<EngineProcess> => {
    const engine = new EngineProcess(() => undefined, emitted('test/fixtures/engine-child.ts'));
    onTestFinished(() => engine.kill());
    await engine.start(options, 0);
    return engine;
  };
  const read = async (engine: EngineProcess, id: string, waitMs = 0): Promise<Workflow> =>
    JSON.parse((await engine.call('get', id, { waitMs })).json) as Workflow;

  const first = await begin();
  const { id } = await first.call('submit', {
    name: 'hundred',
    budget: { usd: 1 },
    steps: Array.from({ length: 100 }, (_, i) => ({
      id: `s${i}`,
      action: 'openai_chat',
      params: { prompt: 'Why?', model: 'gpt-4', max_tokens: 500 },
    })),
  });
  await standIn.untilCalls(answeredFirst + parallel);
  const before = await read(first, id);
  expect(before.budget).toMatchObject({ spent: { calls: answeredFirst }, reserved: { calls: parallel } });
  expect(pico(before.budget?.spent.usd ?? 0)).toBe(standIn.invoice.costPico);
  await first.kill();

  // What was in flight may have been billed: it stays as it was reserved, and the next calls are reserved beside it.
  const second = await begin();
  await standIn.untilCalls(answeredFirst + 2 * parallel);
  const after = await read(second, id);
  const { spent, reserved } = before.budget!;
  expect(pico(after.budget?.spent.usd ?? 0)).toBe(pico(spent.usd) + pico(reserved.usd));
  expect(after.budget).toMatchObject({ spent: { calls: 28 }, reserved });
  await second.kill();

  const third = await begin();
  const last = await read(third, id, 60_000);
  expect(last.status).toBe('WAITING_FOR_DEPENDENCY');
  expect(last.budget?.reserved).toEqual({ usd: 0, tokens: 0, calls: 0 });
  expect(last.budget?.spent.calls).toBe(standIn.calls.length);
  // No room for one more, and not a picodollar above.
  const room = pico(1) - pico(last.budget?.spent.usd ?? 0);
  const one = pico(reserved.usd) / BigInt(parallel);
  expect([room >= 0n, room < one]).toEqual([true, true]);
  expect(standIn.invoice.costPico <= pico(1)).toBe(true);
  expect(
    last.steps.filter(({ reason }) => reason?.startsWith("the workflow's budget of $1.00 is used up")),
  ).toHaveLength(100 - last.metrics.completed_steps);
  const costs = await third.call('costs', { by: 'workflow' });
  expect(pico(costs.total.cost)).toBe(standIn.invoice.costPico);
  expect(costs.total).toMatchObject({ calls: standIn.calls.length, unpriced_calls: 2 * parallel });
});
