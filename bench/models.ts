/**
 * Question: how long do 1,000 model steps take that all run at once and wait 2 s each for their answer, on two pool threads,
 * and what does the engine hold in memory meanwhile?
 *
 *   npm run build && npm run bench:models
 *
 * The provider is a bare server in a process of its own. Floor: the same requests by bare undici on one thread.
 */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import type { Engine, EngineSettings } from '../src/main.ts';
import { createDataDir, describeMachine } from './fixtures.ts';

const steps = 1_000;
const answerMs = 2_000;
const runs = 6;

/** The other process: it shares the machine's cores, so it does no more than a server has to. */
async function provide(): Promise<void> {
  let calls = 0;
  let open = 0;
  let openMax = 0;
  const answer = JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content: 'An answer.' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 },
  });
  const server = createServer((request, response) => {
    calls += 1;
    open += 1;
    openMax = Math.max(openMax, open);
    request.resume();
    setTimeout(() => {
      open -= 1;
      response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
    }, answerMs);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', 1_024, resolve));
  process.on('message', () => process.send?.({ calls, openMax }));
  process.on('disconnect', () => process.exit());
  process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`);
}

async function measureFloor(baseUrl: string): Promise<number> {
  const dispatcher = new Agent();
  const body = JSON.stringify({ model: 'm', messages: [{ role: 'user', content: 'Why?' }] });
  const ask = async () => {
    const headers = { 'content-type': 'application/json' };
    const answer = await request(`${baseUrl}/chat/completions`, { method: 'POST', headers, body, dispatcher });
    await answer.body.text();
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: steps }, ask));
  const ms = performance.now() - startedAt;
  await dispatcher.close();
  return ms;
}

async function measureEngine(engine: Engine, baseUrl: string, count: number) {
  const step = (_: unknown, i: number) => ({
    id: `s${i}`,
    action: 'chat',
    params: { base_url: baseUrl, model: 'm', prompt: `Question ${i}` },
  });
  let peak = 0;
  const sampler = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss());
  }, 20);
  const startedAt = performance.now();
  const { id } = await engine.submit({ name: 'many', steps: Array.from({ length: count }, step) });
  const { workflow } = await engine.get(id, { waitMs: 60_000 });
  const ms = performance.now() - startedAt;
  clearInterval(sampler);
  assert.equal(workflow.status, 'COMPLETED');
  return { ms, peakMiB: peak / 2 ** 20 };
}

async function main(): Promise<void> {
  const provider = fork(fileURLToPath(import.meta.url), ['provider']);
  const [baseUrl] = (await once(provider, 'message')) as [string];
  const { createEngine } = (await import(
    new URL('../dist/main.js', import.meta.url).href
  )) as typeof import('../src/main.ts');
  const dir = createDataDir();
  const settings: Partial<EngineSettings> = {
    ...dir.settings,
    maxParallelNodes: steps,
    poolThreads: 2,
    httpAllowHosts: [new URL(baseUrl).host],
  };
  const engine = await createEngine({ settings });
  // Both threads have loaded what a call needs.
  await measureEngine(engine, baseUrl, 8);
  const idleMiB = process.memoryUsage.rss() / 2 ** 20;
  const round = (value: number) => Math.round(value);
  console.log(`${steps} steps of ${answerMs} ms at once. ${describeMachine()}`);
  console.log('\n| run | engine ms | floor: undici ms | RSS before MiB | peak MiB |\n|---|---:|---:|---:|---:|');
  for (let run = 1; run <= runs; run += 1) {
    const { ms, peakMiB } = await measureEngine(engine, baseUrl, steps);
    const floorMs = await measureFloor(baseUrl);
    console.log(`| ${run} | ${round(ms)} | ${round(floorMs)} | ${round(idleMiB)} | ${round(peakMiB)} |`);
  }
  provider.send('count');
  const [{ calls, openMax }] = (await once(provider, 'message')) as [{ calls: number; openMax: number }];
  assert.equal(calls, 8 + 2 * runs * steps);
  console.log(`\nThe provider has seen ${calls} calls, at most ${openMax} at once.`);
  provider.disconnect();
  await engine.close();
  dir.remove();
}

if (process.argv[2] === 'provider') await provide();
else await main();
