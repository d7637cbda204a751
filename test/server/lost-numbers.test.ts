/**
 * Goal: a number in a body that no number can hold stays what JSON.parse makes of it, or null, and the workflow's
 * warnings name its path and its text. Method: bodies as text, sent to a server over a whole engine; each beside the
 * nearest number that can be held.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pino } from 'pino';
import { beforeAll, expect, test } from 'vitest';
import type { Workflow } from '../../src/contract/workflow.ts';
import { createEngine, version } from '../../src/main.ts';
import { createServer } from '../../src/server/server.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';

const dir = new EngineDir();
let url: string;
let stop: () => Promise<void>;

async function start(): Promise<void> {
  const engine = await createEngine({
    settings: { ...dir.settings, poolThreads: 1, logLevel: 'fatal', simulationMs: 1 },
    ownThread: false,
  });
  const settings = { host: '127.0.0.1', port: 0, apiToken: null, allowedHosts: [], allowedOrigins: [] };
  const server = createServer({ engine, settings, log: pino({ level: 'silent' }), version });
  ({ url } = await server.listen());
  stop = async () => {
    await server.close();
    await engine.close();
  };
}

beforeAll(async () => {
  mkdirSync(dir.settings.templatesDir, { recursive: true });
  const { templatesDir } = dir.settings;
  const yaml = [
    'id: big',
    'name: Big',
    'params: {type: object, properties: {id: {type: integer, default: 9007199254740993}, x: {}}}',
    'steps:',
    '  - {id: a, action: noop, params: {id: 12345678901234567890, inf: 1e400, given: "{{params.id}}", zip: 007}}',
  ];
  writeFileSync(join(templatesDir, 'big.yaml'), `${yaml.join('\n')}\n`);
  const json = '{"id": "big-json", "name": "Big", "steps": [{"id": "a", "action": "noop", "params": {"x": 1e400}}]}';
  writeFileSync(join(templatesDir, 'big.json'), json);
  writeFileSync(join(templatesDir, 'own.yaml'), 'id: own\nname: Own\nsteps:\n  - {id: a, action: noop}\n');
  await start();
  return async () => {
    await stop();
    dir.remove();
  };
});

interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests read what they expect and fail where it is not there.
  json: any;
}

async function post(path: string, body: string): Promise<Answer> {
  const response = await fetch(`${url}/api/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
  });
  return { status: response.status, json: await response.json() };
}

async function get(id: string): Promise<Workflow> {
  return (await (await fetch(`${url}/api/workflows/${id}`)).json()) as Workflow;
}

const toText = (written: string, kept: string) =>
  `${written} cannot be held as a number and became ${kept}; send it as text to keep it`;
const toFileText = (written: string, kept: string) =>
  `${written} cannot be held as a number and became ${kept}; put it into quotes to keep it`;

const definition = (params: string, own: string) =>
  `{"name": "n", "params": ${params}, "steps": [{"id": "a", "action": "noop", "params": ${own}}]}`;

test('BO4: a definition: params and steps, at every depth, and the same after a restart', async () => {
  const body = definition('{"id": 9007199254740993, "n": 1}', '{"list": [1, {"x": 1e400}], "own": "{{params.id}}"}');
  const { status, json } = await post('workflows?wait=20', body);
  expect([status, json.status]).toEqual([201, 'COMPLETED']);
  const warnings = [
    `params.id: ${toText('9007199254740993', '9007199254740992')}`,
    `steps[0].params.list[1].x: ${toText('1e400', 'null')}`,
  ];
  expect(json.warnings).toEqual(warnings);
  expect(json.params).toEqual({ id: 9007199254740992, n: 1 });
  expect(json.steps[0].params).toEqual({ list: [1, { x: null }], own: '{{params.id}}' });
  await stop();
  await start();
  const again = await get(json.id);
  expect([again.warnings, again.params, again.steps[0]?.params]).toEqual([warnings, json.params, json.steps[0].params]);
});

test('numbers that can be held, and text, are no warnings', async () => {
  const body = definition('{"id": 9007199254740992, "big": 1e300, "text": "9007199254740993"}', '{"x": 0.1}');
  expect((await post('workflows', body)).json.warnings).toEqual([]);
});

test.each([
  ['from-template', '{"template_id": "own", "params": {"id": 9007199254740993}}'],
  ['from-template?template_id=own', '{"id": 9007199254740993}'],
])('params of a template: %s', async (path, body) => {
  const { status, json } = await post(`workflows/${path}`, body);
  expect(status).toBe(201);
  expect(json.warnings).toEqual([`params.id: ${toText('9007199254740993', '9007199254740992')}`]);
  expect(json.params).toEqual({ id: 9007199254740992 });
});

test('params for an action: the step has them too, and they are named once', async () => {
  const { json } = await post('workflows/from-template?template_id=noop', '{"id": 1e400}');
  expect(json.warnings).toEqual([`params.id: ${toText('1e400', 'null')}`]);
  expect([json.params, json.steps[0].params]).toEqual([{ id: null }, { id: null }]);
});

test('numbers of the template itself, in YAML and in JSON', async () => {
  const { json } = await post('workflows/from-template?template_id=big&wait=20', '{"x": 1e-400}');
  expect(json.status).toBe('COMPLETED');
  expect(json.warnings).toEqual([
    `params.x: ${toText('1e-400', '0')}`,
    `params.properties.id.default: ${toFileText('9007199254740993', '9007199254740992')}`,
    `steps[0].params.id: ${toFileText('12345678901234567890', '12345678901234567000')}`,
    `steps[0].params.inf: ${toFileText('1e400', 'null')}`,
    `steps[0].params.zip: ${toFileText('007', '7')}`,
  ]);
  expect(json.params).toEqual({ id: 9007199254740992, x: 0 });
  expect(json.steps[0].params).toMatchObject({ id: 12345678901234567000, inf: null, zip: 7 });
  const other = await post('workflows/from-template?template_id=big-json', '{}');
  expect(other.json.warnings).toEqual([`steps[0].params.x: ${toFileText('1e400', 'null')}`]);
});

test('a branch: its own params by the place of the step; what it takes over keeps its lines', async () => {
  const steps = ['a', 'b'].map((id) => `{"id": "${id}", "action": "noop", "params": {"x": 1e400}}`).join(', ');
  const parent = await post('workflows?wait=20', `{"name": "n", "params": {"p": 1e500}, "steps": [${steps}]}`);
  const ofParent = [
    `params.p: ${toText('1e500', 'null')}`,
    `steps[0].params.x: ${toText('1e400', 'null')}`,
    `steps[1].params.x: ${toText('1e400', 'null')}`,
  ];
  expect(parent.json.warnings).toEqual(ofParent);
  const path = `workflows/${parent.json.id}/branches`;
  expect((await post(path, '{"stepId": "b"}')).json.warnings).toEqual(ofParent);
  const replaced = await post(path, '{"stepId": "b", "params": {"y": [9007199254740993]}}');
  expect(replaced.json.warnings).toEqual([
    `steps[1].params.y[0]: ${toText('9007199254740993', '9007199254740992')}`,
    ofParent[0],
    ofParent[1],
  ]);
  expect(replaced.json.steps[1].params).toEqual({ y: [9007199254740992] });
});

test('metadata of external data: the answer says so, also when it is given again', async () => {
  const { json } = await post(
    'workflows',
    '{"name": "n", "steps": [{"id": "page", "action": "external_data"}, {"id": "b", "action": "external_data"}]}',
  );
  const path = `workflows/${json.id}/external-data`;
  const answer = await post(
    path,
    '{"content": "x", "step_id": "page", "metadata": {"id": 9007199254740993, "i": 1e400}}',
  );
  expect(answer).toEqual({
    status: 201,
    json: {
      step_id: 'page',
      workflow_id: json.id,
      queued_dependents: 0,
      status: 'success',
      warnings: [
        `metadata.id: ${toText('9007199254740993', '9007199254740992')}`,
        `metadata.i: ${toText('1e400', 'null')}`,
      ],
    },
  });
  expect((await get(json.id)).steps[0]?.metadata).toEqual({ id: 9007199254740992, i: null });
  const plain = await post(path, '{"content": "x", "step_id": "b", "metadata": {"id": 1}}');
  expect(plain.json).not.toHaveProperty('warnings');
});

test('where null is refused, the refusal says what was written there', async () => {
  const definition = '{"name": "n", "steps": [{"id": "a", "action": "delay", "params": {"ms": 1e400}}]}';
  const { status, json } = await post('workflows', definition);
  expect(status).toBe(422);
  expect(json.errors).toEqual([
    {
      path: 'steps[0].params.ms',
      message: 'expected number, received null (1e400 cannot be held as a number)',
    },
  ]);
  const resumed = await post(`workflows/${crypto.randomUUID()}/resume`, '{"budget": {"usd": 1e400}}');
  expect(resumed.json.errors[0].message).toContain('(1e400 cannot be held as a number)');
  const query = await post('workflows/from-template?template_id=big', '{"id": 1e400}');
  expect([query.status, query.json.errors[0].path]).toEqual([422, 'params.id']);
  expect(query.json.errors[0].message).toContain('(1e400 cannot be held as a number)');
});

test('with thousands of them 20 are named', async () => {
  const list = `[${Array.from({ length: 10_000 }, () => '9007199254740993').join(',')}]`;
  const { json } = await post('workflows', definition('{}', `{"list": ${list}, "x": "{{typo}}"}`));
  expect(json.warnings).toHaveLength(22);
  expect(json.warnings.slice(19, 21)).toEqual([
    `steps[0].params.list[19]: ${toText('9007199254740993', '9007199254740992')}`,
    'and more numbers that cannot be held',
  ]);
  expect(json.warnings[21]).toMatch(/^steps\[0\]\.params\.x: \{\{typo\}\} is no reference/);
});

test('the same key and text give the same workflow', async () => {
  const send = () =>
    fetch(`${url}/api/workflows`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': 'lost' },
      body: definition('{"id": 1e400}', '{}'),
    }).then((response) => response.json() as Promise<Workflow>);
  const first = await send();
  expect(await send()).toEqual(first);
  expect(first.warnings).toHaveLength(1);
});
