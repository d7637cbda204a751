/**
 * Goal: the templates that ask a model do so, as often as they should and with what they should. Method: each runs on an engine
 * whose providers are the stand-in.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Engine } from '../../src/contract/engine.ts';
import type { Workflow } from '../../src/contract/workflow.ts';
import { createEngine } from '../../src/main.ts';
import { StandIn } from '../stand-in/stand-in.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

let dir: string;
let standIn: StandIn;
let engine: Engine;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hybrid-model-templates-'));
  standIn = await StandIn.start();
  engine = await createEngine({
    ownThread: false,
    settings: {
      workflowsDir: join(dir, 'workflows'),
      queueStateFile: join(dir, 'queue.json'),
      logLevel: 'fatal',
      httpAllowHosts: [standIn.host],
      prices: { [`${standIn.host}/*`]: { input_per_million: 1, output_per_million: 2 } },
      secrets: { DEEPSEEK_BASE_URL: standIn.baseUrl, GEMINI_BASE_URL: standIn.baseUrl },
    },
  });
});
afterAll(async () => {
  await engine.close();
  await standIn.close();
  await rm(dir, { recursive: true, force: true });
});

const askedOf = (body: Readonly<Record<string, unknown>>) =>
  (body.messages as { content: string }[]).map(({ content }) => content).join('\n');
const reportOf = ({ steps }: Workflow) => String(steps.find(({ id }) => id === 'report')?.outputs?.content);

test('research-brief asks four questions at once and makes one brief of the answers', async () => {
  const before = standIn.calls.length;
  // Nobody is answered before all four have asked.
  const together = (content: string) => async (response: ServerResponse) => {
    await standIn.untilCalls(before + 4);
    const answer = {
      choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content } }],
      usage: { prompt_tokens: 100, completion_tokens: 50 },
    };
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  };
  standIn.next(...['First', 'Second', 'Third', 'Fourth'].map((notes) => together(`${notes} notes.`)), {
    content: 'The **brief**.',
    usage: { prompt_tokens: 1_000, completion_tokens: 200 },
  });
  const { id } = await engine.submitTemplate('research-brief', { topic: 'Tea in Europe', model: 'deepseek-x' });
  const { workflow } = await engine.finished(id);
  expect(workflow.steps.map((step) => step.error)).toEqual(workflow.steps.map(() => null));
  const calls = standIn.calls.slice(before);
  expect(calls.map(({ model }) => model)).toEqual(Array.from({ length: 5 }, () => 'deepseek-x'));
  const asked = calls.map(({ body }) => askedOf(body));
  for (const question of asked.slice(0, 4)) expect(question).toContain('Topic: Tea in Europe\n\nQuestion: ');
  expect(new Set(asked).size).toBe(5);
  for (const notes of ['First', 'Second', 'Third', 'Fourth']) expect(asked[4]).toContain(`${notes} notes.`);
  expect(calls.map(({ body }) => body.max_tokens)).toEqual([700, 700, 700, 700, 1200]);
  expect(reportOf(workflow)).toMatch(
    /^# Tea in Europe\n\nThe \*\*brief\*\*\.\n\n---\nWritten by deepseek-x from its answers to 4 questions\./,
  );
  // 1,400 tokens at $1 and 400 at $2 a million.
  expect(workflow.cost_breakdown).toEqual({ 'deepseek-x': 0.0022 });
});

test('page-summary has a model sum the page up, and gives it no more of the page than it is to read', async () => {
  standIn.next({ content: 'A summary.' });
  const params = { provider: 'gemini', characters: 1_000, focus: 'the price' };
  const { id } = await engine.submitTemplate('page-summary', params, { waitMs: 60_000 });
  const text = `Tea costs 4 euros. ${'Leaves are picked in spring. '.repeat(60)} The very end.`;
  const content = `<html><head><title>Tea</title></head><body><article><p>${text}</p></article></body></html>`;
  await engine.externalData(id, { content, step_id: 'capture', source_url: 'https://example.org/tea' });
  const { workflow } = await engine.finished(id);
  const { body, model } = standIn.calls.at(-1) ?? { body: {} };
  expect(model).toBe('gemini-3.6-flash');
  expect(askedOf(body)).toContain('Dwell on: the price');
  expect(askedOf(body)).toContain('Tea costs 4 euros.');
  expect(askedOf(body)).not.toContain('The very end.');
  expect(workflow.steps.find((step) => step.id === 'summary')).toMatchObject({
    outputs: { content: 'A summary.', answered_by: 'model' },
    metadata: { provider: 'gemini', answered_by: 'model' },
  });
  expect(reportOf(workflow)).toMatch(
    /^# Tea\n\nSource: <https:\/\/example\.org\/tea>\nCaptured: .*\n\nA summary\.\n\n---\nSummed up by gemini-3\.6-flash, from the beginning of the page\.\n$/,
  );
});
