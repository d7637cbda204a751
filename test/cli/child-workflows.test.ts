/** Goal: the command line knows steps that run workflows: it checks, runs, rehearses and prunes them. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { pruneOn } from '../../src/cli/prune.ts';
import type { ListQuery } from '../../src/contract/list-query.ts';
import type { WorkflowSummary } from '../../src/contract/workflow.ts';
import { runCli } from './cli-process.ts';

// Each run starts processes and threads, which a busy machine makes slow.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

let home: string;
let cwd: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'hybrid-children-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));
beforeEach(async () => {
  cwd = await mkdtemp(join(home, 'run-'));
  await mkdir(join(cwd, 'templates'));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

const write = (file: string, value: object) => writeFile(join(cwd, file), JSON.stringify(value));
const cli = (args: string[], env: Record<string, string> = {}) =>
  runCli(args, { cwd, env: { TEMPLATES_DIR: 'templates', ...env } });
const call = (id: string, template: string, params: object, rest: object = {}) => ({
  id,
  action: 'workflow',
  params: { template, params },
  ...rest,
});
const greeting = {
  id: 'greeting',
  name: 'Greeting',
  params: { type: 'object', properties: { name: { type: 'string' } }, required: ['name'] },
  steps: [
    { id: 'greet', action: 'render', params: { template: 'Hello {{ name }}!', data: { name: '{{params.name}}' } } },
  ],
};

test('run prints what a workflow has returned, and ends as the whole does', async () => {
  await write('templates/greeting.json', greeting);
  await write('welcome.json', { name: 'Welcome', steps: [call('sub', 'greeting', { name: 'Ada' })] });
  const { status, stdout } = await cli(['run', 'welcome.json']);
  expect([status, stdout]).toEqual([0, 'Hello Ada!\n']);
});

test('run says what a workflow below waits for', async () => {
  const steps = [
    { id: 'ok', action: 'approval', params: { message: 'Publish it?' } },
    { id: 'page', action: 'external_data' },
  ];
  await write('templates/ask.json', { id: 'ask', name: 'Ask', steps });
  await write('parent.json', { name: 'Parent', steps: [call('sub', 'ask', {})] });
  const { status, stderr } = await cli(['run', 'parent.json']);
  expect(status).toBe(3);
  expect(stderr).toContain('waits for a decision: ok: Publish it?');
  expect(stderr).toContain('waits for page: ');
});

test('a dry run goes into the workflow: its calls and costs count', async () => {
  const ask = (id: string, prompt: string, rest: object = {}) => ({
    id,
    action: 'openai_chat',
    params: { model: 'gpt-4', prompt, max_tokens: 100 },
    ...rest,
  });
  const steps = [
    ask('facts', 'Facts about {{params.topic}}', { params: { model: 'gpt-4', prompt: 'x', max_tokens: 100 } }),
    { id: 'page', action: 'external_data' },
    {
      id: 'list',
      action: 'http_request',
      params: { url: 'https://example.org/list' },
      dependencies: ['facts', 'page'],
    },
  ];
  await write('templates/research.json', { id: 'research', name: 'Research', steps });
  await write('parent.json', {
    name: 'Parent',
    steps: [
      call('sub', 'research', { topic: 'tea' }),
      ask('all', '{{steps.sub.outputs.steps.list.json.title}}', { dependencies: ['sub'] }),
    ],
  });
  const { status, stdout } = await cli(['run', 'parent.json', '--dry-run', '--json'], { OPENAI_API_KEY: 'sk-canary' });
  const plan = JSON.parse(stdout);
  expect([status, plan.status]).toEqual([0, 'COMPLETED']);
  expect(plan.waves).toEqual([['sub'], ['sub/facts', 'sub/page'], ['sub/list'], ['all']]);
  expect(plan.models).toMatchObject({ calls: 2, output_tokens: 200 });
  expect(plan.steps.find(({ id }: { id: string }) => id === 'sub/facts').would.kind).toBe('model_call');
  const text = await cli(['run', 'parent.json', '--dry-run'], { OPENAI_API_KEY: 'sk-canary' });
  expect(text.stdout).toMatch(/sub +workflow +COMPLETED +run a workflow of its own/);
});

test('validate finds templates among its files and in TEMPLATES_DIR, and what is wrong with calls of them', async () => {
  await write('templates/greeting.json', greeting);
  await write('near.json', { id: 'near', name: 'Near', steps: [call('sub', 'greeting', { name: 'Ada' })] });
  await write('good.json', { name: 'Good', steps: [call('sub', 'near', {})] });
  const good = await cli(['validate', 'good.json', 'near.json']);
  expect([good.status, good.stdout]).toEqual([
    0,
    'good.json: ok (definition, 1 step)\nnear.json: ok (template near, 1 step)\n',
  ]);
  await write('bad.json', {
    name: 'Bad',
    steps: [call('a', 'greting', {}), call('b', 'greeting', { name: 5 }), call('c', 'round', {})],
  });
  await write('round.json', { id: 'round', name: 'Round', steps: [call('again', 'round', {})] });
  const bad = await cli(['validate', 'bad.json', 'round.json']);
  expect(bad.status).toBe(1);
  expect(bad.stdout.split('\n')).toEqual([
    expect.stringMatching(/^bad\.json:\d+:\d+: steps\[0\]\.params\.template: there is no template "greting"/),
    expect.stringMatching(/^bad\.json:\d+:\d+: steps\[1\]\.params\.params\.name: /),
    expect.stringMatching(/^bad\.json:\d+:\d+: steps\[2\]\.params\.template: .*in a circle: round → round$/),
    expect.stringMatching(/^round\.json:\d+:\d+: steps\[0\]\.params\.template: .*in a circle: round → round$/),
    '',
  ]);
});

test('prune leaves children to their parents', async () => {
  const summary = (id: string, more: object = {}) =>
    ({ id, updatedAt: '2026-01-31T12:00:00.000Z', version: 1, ...more }) as WorkflowSummary;
  const items = [summary('parent'), summary('child', { parentId: 'parent', parentStepId: 'sub' })];
  const deleted: string[] = [];
  const engine = {
    list: async ({ status }: ListQuery = {}) => {
      const shown = [status].flat().includes('COMPLETED') ? items.filter(({ id }) => !deleted.includes(id)) : [];
      return { total: shown.length, items: shown, rest: shown.length };
    },
    delete: async (id: string) => void deleted.push(id),
  };
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() }) as unknown as NodeJS.WriteStream;
  const now = Date.parse('2026-03-31T12:00:00.000Z');
  const status = await pruneOn(engine, { count: 0 }, { dryRun: false, now }, { stdout: silent, stderr: silent });
  expect([status, deleted]).toEqual([0, ['parent']]);
});
