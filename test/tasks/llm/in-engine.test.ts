/**
 * Goal: model steps do in the pool and in an engine what they do alone: one request an attempt, repeats are the engine's,
 * deadlines and cancellations hold, and no key reaches a file or a log. Method: the product's own threads, and an engine with
 * its files, against the stand-in.
 */
import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openEngine, startInline, stepOf } from '../../engine/running-engine.ts';
import { emittedUrl } from '../../fixtures/emitted.ts';
import { EngineDir } from '../../fixtures/engine-dir.ts';
import { createJob, createTestPool } from '../../pool/harness.ts';
import * as faults from '../../stand-in/faults.ts';
import { StandIn } from '../../stand-in/stand-in.ts';
import { canaryKey, pricesOf, settingsFor } from './model-attempt.ts';

let standIn: StandIn;
beforeAll(async () => {
  standIn = await StandIn.start();
});
afterAll(() => standIn.close());

const chatParams = () => ({ prompt: 'Why?', base_url: standIn.baseUrl, api_key_env: 'CHAT_API_KEY', model: 'gpt-4' });

it('a thread of the pool answers, meets deadlines and cancellations, and keeps what was used', async () => {
  const moody = await StandIn.start({
    behaviour: ({ model }) => {
      if (model === 'silent') return faults.silence;
      return model === 'stalls' ? { content: 'one two three', usageIn: 'every', stallAfter: 2 } : {};
    },
  });
  const threadUrl = emittedUrl('src/worker/thread.ts');
  const network = { allowHosts: [moody.host], ownPort: null };
  const threads = await createTestPool(
    { cpuThreads: 1, ioThreads: 1, network, prices: pricesOf(moody) },
    { threadUrl },
  );
  try {
    const job = (params: Record<string, unknown>, timeoutMs = 60_000) =>
      createJob('openai_chat', { params: { prompt: 'Why?', ...params }, secrets: settingsFor(moody), timeoutMs });
    const stalled = job({ model: 'stalls', stream: true });
    const run = threads.run(job({ model: 'silent' }, 300), stalled);
    await moody.untilCalls(1);
    const [answered] = await threads.run(job({}));
    threads.pool.cancel([stalled.jobId]);
    expect(await run).toMatchObject([
      { code: 'TIMEOUT', metrics: { calls: 1, cost: null } },
      { code: 'CANCELLED', metrics: { calls: 1 } },
    ]);
    expect(answered).toMatchObject({ kind: 'completed', metrics: { calls: 1, cost: expect.any(Number) } });
    expect(moody.calls.length).toBeLessThanOrEqual(3);
    expect(JSON.stringify(threads.outcomes)).not.toContain('canary');
    expect(threads.faults).toEqual([]);
  } finally {
    await threads.pool.close();
    await moody.close();
  }
});

/** Every byte of a data directory. */
function bytesOf(dir: EngineDir): string {
  const files = fs.readdirSync(dir.root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map((file) => fs.readFileSync(path.join(file.parentPath, file.name), 'latin1')).join('\n');
}

describe('an engine', () => {
  it('repeats what repeating can cure and nothing else, and writes no key anywhere', async () => {
    const { engine, dir, log } = await startInline({
      settings: { secrets: settingsFor(standIn), httpAllowHosts: [standIn.host] },
    });
    const before = standIn.calls.length;
    standIn.next(
      faults.status(503),
      { content: `Your key is ${canaryKey}.` },
      faults.echoKey,
      faults.status(429, { error: { code: 'insufficient_quota' } }),
    );
    const step = (id: string, dependencies: string[], rest = {}) => ({
      id,
      name: id,
      action: 'chat',
      dependencies,
      params: chatParams(),
      retry: { attemptsMax: 3, backoffMs: 1 },
      ...rest,
    });
    const definition = {
      name: 'Models',
      steps: [step('repeated', []), step('echoed', ['repeated']), step('spent', ['repeated'], {})],
    };
    const { workflow } = await engine.submit(definition, { waitMs: 30_000 });
    expect(stepOf(workflow, 'repeated')).toMatchObject({
      status: 'COMPLETED',
      attempt: 2,
      outputs: { content: expect.stringMatching(/^Your key is \[secret \w+\]\.$/) },
    });
    expect(['echoed', 'spent'].map((id) => stepOf(workflow, id))).toMatchObject([
      { status: 'FAILED', attempt: 1 },
      { status: 'FAILED', attempt: 1 },
    ]);
    expect(standIn.calls.length).toBe(before + 4);
    await engine.close();
    for (const text of [bytesOf(dir), log.join('\n'), JSON.stringify(workflow)]) {
      expect(text).not.toContain(canaryKey);
      expect(text).not.toContain(Buffer.from(canaryKey).toString('base64').slice(0, 20));
    }
    expect(bytesOf(dir)).toContain('Your key is [secret ');
  });

  it('with its own threads runs a model step from a template id, at the prices that were set', async () => {
    const dir = new EngineDir();
    const dollarsPerToken = { input_per_million: 1_000_000, output_per_million: 1_000_000 };
    const prices = { [`${standIn.host}/gpt-4`]: dollarsPerToken };
    const engine = await openEngine(dir, {
      settings: { secrets: settingsFor(standIn), httpAllowHosts: [standIn.host], prices },
    });
    try {
      standIn.next({ content: 'Hello!' });
      const { workflow } = await engine.submitTemplate('openai_chat', { prompt: 'Say hello' }, { waitMs: 30_000 });
      expect(workflow.steps).toMatchObject([
        {
          action: 'openai_chat',
          status: 'COMPLETED',
          outputs: { content: 'Hello!' },
          metadata: { model: 'gpt-4', response_model: 'gpt-4-2026-01-01', tokens: 12 },
          execution_metrics: { tokens: 12, model: 'gpt-4', cost: 12 },
        },
      ]);
      expect(workflow).toMatchObject({ metrics: { total_cost: 12 }, cost_breakdown: { 'gpt-4': 12 } });
    } finally {
      await engine.close();
      dir.remove();
    }
  });
});
