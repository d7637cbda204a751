/**
 * Goal: the limits of a model are kept and used, over all workflows, and a step that waits for them takes no slot and says what
 * it waits for. Method: an engine against the stand-in, which keeps limits of its own; both by one clock, that is moved on
 * whenever nothing is under way, so that minutes take no time.
 */
import { describe, expect, onTestFinished, test } from 'vitest';
import type { EngineSettings } from '../../src/contract/settings.ts';
import type { Workflow } from '../../src/contract/workflow.ts';
import { StillClock } from '../damage/still-clock.ts';
import type { InlineEngine } from '../fixtures/inline-engine.ts';
import * as faults from '../stand-in/faults.ts';
import type { Behaviour, Call } from '../stand-in/stand-in.ts';
import { StandIn, type StandInOptions } from '../stand-in/stand-in.ts';
import { pricesOf, settingsFor } from '../tasks/llm/model-attempt.ts';
import { startInline, stepOf } from './running-engine.ts';

const minuteMs = 60_000;
/** Rounds of the loop in which what is due has long begun. */
const idleMax = 1_000;

interface Paced extends InlineEngine {
  standIn: StandIn;
  clock: StillClock;
  /** When each call came to the stand-in. */
  came: number[];
  /** Moves the clock from one hold to the next until the workflow has ended. */
  finish(id: string): Promise<Workflow>;
}

async function startPaced(
  limits: StandInOptions['limits'],
  settings: Partial<EngineSettings>,
  behaviour: (call: Call) => Behaviour = () => ({}),
): Promise<Paced> {
  const clock = new StillClock();
  const came: number[] = [];
  const standIn = await StandIn.start({
    ...(limits ? { limits } : {}),
    now: () => clock.monotonic(),
    behaviour: (call) => {
      came.push(clock.monotonic());
      return behaviour(call);
    },
  });
  onTestFinished(() => standIn.close());
  const secrets = settingsFor(standIn);
  const own = { secrets, httpAllowHosts: [standIn.host], prices: pricesOf(standIn), ...settings };
  const inline = await startInline({ clock, settings: own });
  const { flights, readySteps, turns } = inline.coordinator.parts;
  const finish = async (id: string) => {
    let isDone = false;
    const finished = inline.engine.finished(id).then(({ workflow }) => {
      isDone = true;
      return workflow;
    });
    for (let idle = 0; !isDone; ) {
      await new Promise((resolve) => setImmediate(resolve));
      if (isDone || flights.count > 0 || turns.waiting > 0) continue;
      idle += 1;
      if (idle > idleMax) throw new Error(`nothing goes on at ${clock.monotonic()} ms, though nothing holds it`);
      // With nobody held it is a step's own wait for its next attempt.
      const until = readySteps.schedule.heldUntil ?? clock.monotonic() + 500;
      if (until <= clock.monotonic()) continue;
      clock.advance(until - clock.monotonic());
      idle = 0;
    }
    return finished;
  };
  return { ...inline, standIn, clock, came, finish };
}

const ask = (id: string, prompt = 'Why?', rest: object = {}) => ({
  id,
  action: 'openai_chat',
  params: { prompt, max_tokens: 10 },
  ...rest,
});

/** The most calls that come within so long of one another. */
function most(came: readonly number[], windowMs: number): number {
  return Math.max(...came.map((from) => came.filter((at) => at >= from && at < from + windowMs).length));
}

test('300 steps by 60 requests and 20,000 tokens a minute: none fails, over 90 % of the rate is used, the bill is the ledger', async () => {
  const limits = { requestsPerMinute: 60, tokensPerMinute: 20_000 };
  const { engine, standIn, clock, came, finish } = await startPaced(limits, {
    maxParallelNodes: 100,
    modelLimits: { 'openai/gpt-4': limits },
  });
  // Half of them are bound by requests, the other half by tokens.
  const long = 'word '.repeat(440);
  const steps = Array.from({ length: 300 }, (_, i) => ask(`s${i}`, i < 150 ? `Why ${i}?` : `${long}${i}`));
  const { id } = await engine.submit({ name: 'many', steps });
  const workflow = await finish(id);
  expect(workflow.metrics).toMatchObject({ completed_steps: 300, failed_steps: 0 });
  expect(workflow.steps.every(({ attempt }) => attempt === 1)).toBe(true);
  expect([standIn.calls.length, standIn.throttled]).toEqual([300, 0]);
  const tokens = standIn.invoice.lines.slice(150).reduce((sum, line) => sum + line.inputTokens + line.outputTokens, 0);
  const minutesAllowed = 150 / 60 + tokens / 20_000;
  expect(minutesAllowed / (clock.monotonic() / minuteMs)).toBeGreaterThan(0.9);
  expect(most(came, minuteMs)).toBeLessThanOrEqual(60);
  expect(most(came, 10_000)).toBeLessThanOrEqual(12);
  expect(workflow.metrics.total_tokens).toBe(standIn.invoice.tokens);
  expect(workflow.metrics.total_cost).toBe(Number(standIn.invoice.costPico) / 1e12);
  expect(stepOf(workflow, 's20').logs[0]).toMatch(/^Waited 1[89]\.\d s for requests a minute of openai\/gpt-4$/);
  expect(stepOf(workflow, 's290').logs[0]).toMatch(/^Waited \d+\.\d s for tokens a minute of openai\/gpt-4$/);
  expect(stepOf(workflow, 's0').logs[0]).toMatch(/^Started execution at/);
}, 120_000);

test('one refusal pauses the model for all workflows, and what has piled up comes at its pace', async () => {
  const refusal = faults.status(429, { error: { code: 'rate_limit_exceeded' } }, { 'retry-after': '20' });
  let calls = 0;
  const { engine, standIn, clock, came, finish } = await startPaced(
    undefined,
    { maxParallelNodes: 100, modelLimits: { 'openai/*': { requestsPerMinute: 60 } } },
    () => {
      calls += 1;
      return calls === 10 ? refusal : {};
    },
  );
  const workflows = ['a', 'b'].map((name) => ({
    name,
    steps: Array.from({ length: 30 }, (_, i) => ask(`${name}${i}`)),
  }));
  const ids = [];
  for (const workflow of workflows) ids.push((await engine.submit(workflow)).id);
  for (const id of ids) expect((await finish(id)).metrics).toMatchObject({ completed_steps: 30 });
  const pausedAt = came[9]!;
  expect(standIn.calls.length).toBe(61);
  // What had begun in the same moment is all that came before the pause was over.
  expect(came.filter((at) => at > pausedAt && at < pausedAt + 20_000)).toEqual([]);
  const after = came.filter((at) => at >= pausedAt + 20_000);
  expect([after.length, most(after, 10_000) <= 12]).toEqual([51, true]);
  expect(clock.monotonic()).toBeGreaterThanOrEqual(20_000);
}, 120_000);

test('a model without limits whose provider says no time is asked again by one call at a time', async () => {
  let calls = 0;
  const { engine, came, finish } = await startPaced(undefined, { maxParallelNodes: 20 }, () => {
    calls += 1;
    return calls <= 20 ? faults.status(429, { error: { code: 'rate_limit_exceeded' } }) : {};
  });
  const { id } = await engine.submit({ name: 'w', steps: Array.from({ length: 30 }, (_, i) => ask(`s${i}`)) });
  const workflow = await finish(id);
  expect(workflow.metrics).toMatchObject({ completed_steps: 30, failed_steps: 0 });
  expect(workflow.steps.map(({ attempt }) => attempt).sort()).toEqual([...Array(10).fill(1), ...Array(20).fill(2)]);
  expect(came.filter((at) => at < 2_000)).toHaveLength(20);
}, 60_000);

describe('a step that waits for its model', () => {
  const modelLimits = { 'openai/*': { concurrency: 1 } };

  test('takes no slot, is told of with what it waits for, and goes on when the call before it has ended', async () => {
    const standIn = await StandIn.start();
    onTestFinished(() => standIn.close());
    const answers: (() => void)[] = [];
    const hold = { content: 'late' };
    standIn.next((response) => {
      answers.push(() =>
        faults.body(JSON.stringify({ choices: [{ message: hold, finish_reason: 'stop' }] }))(response, null!, null!),
      );
    });
    const settings = {
      maxParallelNodes: 2,
      modelLimits,
      secrets: settingsFor(standIn),
      httpAllowHosts: [standIn.host],
    };
    const { engine } = await startInline({ settings });
    const steps = [ask('first'), ask('second'), ask('third'), { id: 'other', action: 'noop' }];
    const { id } = await engine.submit({ name: 'w', steps });
    await standIn.untilCalls(1);
    while (stepOf((await engine.get(id)).workflow, 'other').status !== 'COMPLETED') await engine.get(id);
    const { queue } = await engine.stats();
    expect(queue).toMatchObject({ depth: 2, running: 1 });
    expect(queue.held).toEqual([
      {
        waits_for: 'the end of another call of openai/gpt-4',
        until: null,
        steps: 2,
        first: ['second', 'third'].map((step_id) => ({ workflow_id: id, step_id })),
      },
    ]);
    expect(standIn.calls).toHaveLength(1);
    answers[0]!();
    const { workflow } = await engine.finished(id);
    expect(workflow.status).toBe('COMPLETED');
    expect(standIn.openMax).toBe(1);
    expect((await engine.stats()).queue.held).toEqual([]);
  });

  test('can be stopped, and holds up nobody then', async () => {
    const standIn = await StandIn.start();
    onTestFinished(() => standIn.close());
    standIn.next(faults.silence);
    const settings = { modelLimits, secrets: settingsFor(standIn), httpAllowHosts: [standIn.host] };
    const { engine } = await startInline({ settings });
    const { id } = await engine.submit({ name: 'w', steps: [ask('first'), ask('second')] });
    await standIn.untilCalls(1);
    await engine.stop(id);
    const { workflow } = await engine.submit({ name: 'v', steps: [ask('next')] }, { waitMs: 20_000 });
    expect([workflow.status, standIn.calls.length]).toEqual(['COMPLETED', 2]);
  });
});
