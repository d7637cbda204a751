/**
 * Goal: no answer of a model is paid for twice: not by a retry, not by a branch, not by a step with `cache` that asks the
 * same; and OFFLINE lets nothing out. Method: an engine with its files against the stand-in, whose calls are counted.
 */
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Workflow } from '../../../src/contract/workflow.ts';
import { crash, live, newDir } from '../../coordinator/restarts.ts';
import { stepOf } from '../../engine/running-engine.ts';
import type { EngineDir } from '../../fixtures/engine-dir.ts';
import type { InlineEngine } from '../../fixtures/inline-engine.ts';
import * as faults from '../../stand-in/faults.ts';
import { StandIn } from '../../stand-in/stand-in.ts';
import { pricesOf, settingsFor } from './model-attempt.ts';

let standIn: StandIn;
beforeEach(async () => {
  standIn = await StandIn.start();
  onTestFinished(() => standIn.close());
});

const open = (dir: EngineDir = newDir(), settings = {}) =>
  live(dir, {
    settings: {
      secrets: settingsFor(standIn),
      httpAllowHosts: [standIn.host],
      prices: pricesOf(standIn),
      ...settings,
    },
  });

const ask = (id: string, prompt: string, rest: object = {}) => ({
  id,
  action: 'openai_chat',
  params: { prompt },
  ...rest,
});

async function run({ engine }: InlineEngine, steps: object[]): Promise<Workflow> {
  return (await engine.submit({ name: 'w', steps }, { waitMs: 30_000 })).workflow;
}

const after = (...dependencies: string[]) => ({ dependencies, retry: { attemptsMax: 1 } });

it('a retry asks for what had failed and what hung on it, and nobody else again', async () => {
  const life = await open();
  standIn.next({}, faults.status(400));
  const steps = [ask('a', 'A'), ask('b', 'B', after('a')), ask('c', '{{steps.b.outputs.content}}', after('b'))];
  const failed = await run(life, steps);
  expect(failed.status).toBe('FAILED');
  expect(standIn.calls).toHaveLength(2);
  await life.engine.retry(failed.id);
  const { workflow } = await life.engine.finished(failed.id);
  expect(workflow.status).toBe('COMPLETED');
  expect(standIn.calls).toHaveLength(4);
  expect(stepOf(workflow, 'a')).toEqual(stepOf(failed, 'a'));
});

it('a branch asks for its step and what is downstream of it, and nobody else again', async () => {
  const life = await open();
  const steps = [
    ask('a', 'A'),
    ask('b', '{{steps.a.outputs.content}}', after('a')),
    ask('beside', 'C'),
    ask('c', '{{steps.b.outputs.content}}', after('b', 'beside')),
  ];
  const parent = await run(life, steps);
  expect(standIn.calls).toHaveLength(4);
  const reply = await life.engine.branch(parent.id, { stepId: 'b', params: { prompt: 'another' } }, { waitMs: 30_000 });
  expect(reply.workflow.status).toBe('COMPLETED');
  expect(standIn.calls).toHaveLength(6);
  expect(standIn.calls.slice(4).map(({ body }) => (body.messages as { content: string }[])[0]?.content)).toContain(
    'another',
  );
  expect(stepOf(reply.workflow, 'beside').outputs).toEqual(stepOf(parent, 'beside').outputs);
});

it('what was asked before is on no invoice again, of steps that say so', async () => {
  const life = await open();
  const paid = await run(life, [ask('a', 'Why?', { cache: true })]);
  await life.coordinator.parts.cache.idle();
  const billed = standIn.invoice.lines.length;
  const free = await run(life, [ask('b', 'Why?', { cache: true })]);
  expect(standIn.calls).toHaveLength(1);
  expect(standIn.invoice.lines).toHaveLength(billed);
  expect(paid.metrics.total_cost).toBeGreaterThan(0);
  expect(free).toMatchObject({ status: 'COMPLETED', metrics: { total_cost: 0, total_tokens: 0 } });
  expect(free.cost_breakdown).toEqual({});
  expect(stepOf(free, 'b')).toMatchObject({
    outputs: stepOf(paid, 'a').outputs,
    metadata: { model: 'gpt-4', tokens: 0, cost: 0, cache: { hit: true, from: { workflow: paid.id, step: 'a' } } },
  });
  await run(life, [ask('c', 'Why?')]);
  expect(standIn.calls).toHaveLength(2);
});

it('what another server has answered is another answer', async () => {
  const life = await open();
  await run(life, [ask('a', 'Why?', { cache: true })]);
  await life.coordinator.parts.cache.idle();
  const other = await StandIn.start();
  onTestFinished(() => other.close());
  const secrets = settingsFor(other);
  const next = await open(crash(life.dir), { secrets, httpAllowHosts: [other.host] });
  await run(next, [ask('b', 'Why?', { cache: true })]);
  expect([standIn.calls.length, other.calls.length]).toEqual([1, 1]);
});

it('no key is in the cache', async () => {
  const life = await open();
  await run(life, [ask('a', 'Why?', { cache: true })]);
  await life.coordinator.parts.cache.idle();
  const keys = (await import('../../../src/store/inspect.ts')).inspectStore(life.dir);
  const [key = ''] = keys.cachedKeys;
  const reading = await keys.readCached(key);
  expect(reading).toMatchObject({ kind: 'whole', json: expect.stringContaining('"from"') });
  expect(JSON.stringify(reading)).not.toContain('canary');
  expect(JSON.stringify(reading)).not.toContain('Why?');
});

describe('OFFLINE', () => {
  it('answers from the cache, over a restart, and fails at once what is not there', async () => {
    const online = await open();
    await run(online, [ask('a', 'Why?', { cache: true })]);
    await online.coordinator.parts.cache.idle();
    const offline = await open(crash(online.dir), { offline: true });
    const workflow = await run(offline, [
      ask('known', 'Why?', { cache: true }),
      ask('unknown', 'Who?', { cache: true, retry: { attemptsMax: 3 } }),
      ask('uncached', 'Why?'),
      { id: 'page', action: 'http_request', params: { url: standIn.origin } },
      { id: 'server', action: 'chat', params: { prompt: 'Why?', base_url: standIn.baseUrl, model: 'gpt-4' } },
      { id: 'local', action: 'text_split', params: { text: 'one two' } },
    ]);
    expect(Object.fromEntries(workflow.steps.map(({ id, status, attempt }) => [id, `${status} ${attempt}`]))).toEqual({
      known: 'COMPLETED 1',
      unknown: 'FAILED 1',
      uncached: 'FAILED 1',
      page: 'FAILED 1',
      server: 'FAILED 1',
      local: 'COMPLETED 1',
    });
    expect(stepOf(workflow, 'unknown').error).toBe(
      'OFFLINE: "openai_chat" goes out to another machine, and the cache holds no answer to what this step asks; run it once online with `cache: true`, or leave OFFLINE out',
    );
    expect(stepOf(workflow, 'uncached').error).toContain('does not say `cache: true`');
    expect(standIn.calls).toHaveLength(1);
    expect(workflow.metrics.total_cost).toBe(0);
  });

  it('lets a step be that has a text of its own and nobody whom it could ask', async () => {
    const steps = [{ id: 'a', action: 'any_chat', params: { prompt: 'Why?', otherwise: 'Because.' } }];
    const alone = await run(await open(newDir(), { offline: true, secrets: {} }), steps);
    expect(stepOf(alone, 'a')).toMatchObject({ status: 'COMPLETED', outputs: { content: 'Because.' } });
    const setUp = await run(await open(newDir(), { offline: true }), steps);
    expect(stepOf(setUp, 'a').error).toMatch(/^OFFLINE: "any_chat" goes out/);
    expect(standIn.calls).toHaveLength(0);
  });
});
