/**
 * Goal: what an author gets wrong is said, and what data holds is never run, in a whole engine. Method: workflows with one
 * slip each, and their partners without it; the steps' outputs and the workflow's `warnings` as clients see them.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Engine } from '../../src/contract/engine.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { expectRefusal, openEngine, stepOf } from './running-engine.ts';

const dir = new EngineDir();
let engine: Engine;

beforeAll(async () => {
  engine = await openEngine(dir);
});
afterAll(async () => {
  await engine.close();
  dir.remove();
});

const finish = async (definition: unknown) => {
  const { id } = await engine.submit(definition);
  return (await engine.finished(id)).workflow;
};

test('text that holds Liquid or JSONata can stand in a template or an expression, and is not run', async () => {
  const workflow = await finish({
    name: 'data is not code',
    params: { page: 'In Vue write {{ msg | upper }}.', evil: '{{ secret }}', quote: '" & secret & "' },
    steps: [
      { id: 'inline', action: 'render', params: { template: 'Summary: {{params.page}}', data: { secret: 'TOP' } } },
      { id: 'leak', action: 'render', params: { template: 'Note: {{params.evil}}', data: { secret: 'TOP' } } },
      { id: 'asdata', action: 'render', params: { template: 'S: {{ page }}', data: { page: '{{params.page}}' } } },
      {
        id: 'later',
        action: 'render',
        dependencies: ['leak'],
        params: { template: '{{steps.leak.outputs.content}}!', data: { secret: 'TOP' } },
      },
      { id: 'jsonata', action: 'transform', params: { input: { secret: 'TOP' }, expression: '"<{{params.quote}}>"' } },
      {
        id: 'cached',
        action: 'transform',
        cache: true,
        params: { input: { secret: 'TOP' }, expression: '{{params.quote}} & "!"' },
      },
    ],
  });
  expect(workflow.status).toBe('COMPLETED');
  expect(workflow.warnings).toEqual([]);
  expect(workflow.steps.map(({ id, outputs }) => [id, outputs?.content])).toEqual([
    ['inline', 'Summary: In Vue write {{ msg | upper }}.'],
    ['leak', 'Note: {{ secret }}'],
    ['asdata', 'S: In Vue write {{ msg | upper }}.'],
    ['later', 'Note: {{ secret }}!'],
    ['jsonata', '<" & secret & ">'],
    ['cached', '" & secret & "!'],
  ]);
});

test('where a reference in code can be no value, the step fails and says why', async () => {
  const workflow = await finish({
    name: 'names',
    params: { key: 'x' },
    steps: [{ id: 'a', action: 'render', params: { template: '{{ data.{{params.key}} }}', data: { data: { x: 1 } } } }],
  });
  expect(workflow.status).toBe('FAILED');
  expect(stepOf(workflow, 'a').error).toContain('{{params.key}} cannot stand here');
});

const slips = (params: Record<string, unknown>) => ({
  name: 'slips',
  params: { topic: 'tea' },
  steps: [{ id: 'a', action: 'noop', params }],
});
const warning = 'steps[0].params.x: {{topic}} is no reference and stays as it is; write {{params.topic}}';

test('references that are none are warnings of a new workflow, of its later views and of its branch', async () => {
  const created = await engine.submit(slips({ x: '{{topic}}' }));
  expect(created.workflow.warnings).toEqual([warning]);
  expect((await engine.finished(created.id)).workflow.warnings).toEqual([warning]);
  const branch = await engine.branch(created.id, { stepId: 'a' });
  expect(branch.workflow.warnings).toEqual([warning]);
  const mended = await engine.branch(created.id, { stepId: 'a', params: { x: '{{params.topic}}' } });
  expect(mended.workflow.warnings).toEqual([]);
  const broken = await engine.branch(mended.id, { stepId: 'a', params: { y: '{{tpoic}}' } });
  expect(broken.workflow.warnings).toEqual([
    'steps[0].params.y: {{tpoic}} is no reference and stays as it is; write {{params.<name>}} or {{steps.<id>.outputs.<path>}}',
  ]);
  expect((await engine.submit(slips({ x: '{{params.topic}}' }))).workflow.warnings).toEqual([]);
});

test('each slip of the field is a warning or is refused', async () => {
  const lines = (await engine.submit(slips({ a: '{{params.topic | upcase}}', b: '{{params}}', c: '{{step.a.x}}' })))
    .workflow.warnings;
  expect(lines.map((line) => line.split(' is no reference')[0])).toEqual([
    'steps[0].params.a: {{params.topic | upcase}}',
    'steps[0].params.b: {{params}}',
    'steps[0].params.c: {{step.a.x}}',
  ]);
  await expectRefusal(
    engine.submit(slips({ x: '{{params.tpoic}}' })),
    'INVALID',
    /^The workflow definition is not valid/,
  );
});

test('a reference on a line of its own in a block keeps its type', async () => {
  const workflow = await finish({
    name: 'block',
    params: { text: 'tea' },
    steps: [
      { id: 'src', action: 'transform', params: { input: {}, expression: '[{"v":1},{"v":2}]' } },
      {
        id: 'sum',
        action: 'transform',
        dependencies: ['src'],
        params: { input: '{{steps.src.outputs.value}}\n', expression: '$sum(v)' },
      },
      { id: 'text', action: 'transform', params: { input: '{{params.text}}\n', expression: '$' } },
    ],
  });
  expect(workflow.steps.map(({ outputs }) => outputs?.value)).toEqual([[{ v: 1 }, { v: 2 }], 3, 'tea']);
});

test('values in an address ask the server for what they say, and never for another path', async () => {
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    response.end('ok');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const place = new EngineDir();
  onTestFinished(() => place.remove());
  const local = await openEngine(place, { settings: { ...place.settings, httpAllowHosts: [host] } });
  onTestFinished(() => local.close());
  const get = (id: string, url: string) => ({ id, action: 'http_request', params: { url } });
  const { id } = await local.submit({
    name: 'addresses',
    failurePolicy: 'continue',
    params: { target: `http://${host}/base`, topic: 'R&D', path: 'a b/c', up: '../secret' },
    steps: [
      get('path', `http://${host}/wiki/{{params.topic}}`),
      get('query', `http://${host}/?q={{params.topic}}&p={{params.path}}`),
      get('whole', '{{params.target}}/lock/{{params.path}}'),
      get('up', `http://${host}/public/{{params.up}}`),
    ],
  });
  const { workflow } = await local.finished(id);
  expect(asked.sort()).toEqual(['/?q=R%26D&p=a%20b%2Fc', '/base/lock/a%20b/c', '/wiki/R%26D']);
  expect(stepOf(workflow, 'up')).toMatchObject({ status: 'FAILED', error: expect.stringContaining('".."') });
});
