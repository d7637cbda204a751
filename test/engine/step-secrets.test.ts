/**
 * Goal: steps send secrets whose values no file, log, event or answer ever holds. Method: an engine with files, and a server
 * that repeats all that it was sent in every form; afterwards everything that the engine wrote or said is searched.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import type { EngineEvent } from '../../src/contract/event.ts';
import type { SecretStore } from '../../src/contract/secret-store.ts';
import { validateDefinition } from '../../src/core/validate.ts';
import { createActionCatalogue } from '../../src/tasks/registry.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { openInline } from '../fixtures/inline-engine.ts';
import { listen, readBytes } from '../tasks/http-server.ts';
import { refusalOf, startEngine, startInline, stepOf } from './running-engine.ts';

const values = {
  TOKEN: 'ghp_canary/0123+456789=',
  // In other texts each of its characters is written in another way.
  ODD: `c4nary "quoted" \\ & <b> é 'x' /%+~ end`,
  PASSWORD: 'pa:ss/canary+1',
  PATH: '123456:canary/B00/x-y_z',
  LINES: '-----BEGIN KEY-----\ncanary\nAAAA\n-----END KEY-----',
};
type Name = keyof typeof values;

interface Seen {
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}

/** Repeats what it was sent: as JSON, as bytes, as a page, as a refusal. */
async function startEcho() {
  const seen: Seen[] = [];
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const body = await readBytes(request);
    const { url = '', headers } = request;
    seen.push({ url, headers, body });
    const { authorization = '' } = headers;
    const decoded = Buffer.from(authorization.replace(/^Basic /, ''), 'base64').toString();
    const texts = [url, decodeURIComponent(url), authorization, decoded, body.toString(), headers['x-key'] ?? ''].map(
      String,
    );
    const all = JSON.stringify({
      texts,
      json: texts.map((text) => JSON.stringify(text)),
      slashed: texts.map((text) => JSON.stringify(text).replaceAll('/', '\\/')),
      base64: texts.flatMap((text) =>
        ['', 'a', 'ab'].map((before) => Buffer.from(`${before}${text}`).toString('base64')),
      ),
      base64url: texts.map((text) => Buffer.from(text).toString('base64url')),
      urls: texts.flatMap((text) => [encodeURIComponent(text), toLowerHex(encodeURIComponent(text)), encodeURI(text)]),
      html: texts.map((text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')),
    });
    response.setHeader('x-repeated', encodeURI(texts.join(' ').replaceAll('\n', ' ')));
    response.setHeader('set-cookie', [`a=${encodeURIComponent(authorization)}`]);
    if (url.startsWith('/bytes')) {
      response.setHeader('content-type', 'application/octet-stream');
      response.end(Buffer.concat([Buffer.from([0, 255, 1]), body, Buffer.from([254, 0, 9])]));
    } else {
      response.statusCode = url.startsWith('/refuse') ? 401 : 200;
      response.setHeader('content-type', url.startsWith('/text') ? 'text/plain' : 'application/json');
      response.end(all);
    }
  };
  const origin = await listen((request, response) => void answer(request, response));
  return { seen, origin, host: new URL(origin).host };
}

function storeFor(host: string): SecretStore {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value, hosts: [host] }]));
}

/** Every file below, in the data directory and beside it. */
function filesOf(dir: string): string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isDirectory() ? filesOf(path) : name.endsWith('.sock') ? [] : [path];
  });
}

function toLowerHex(text: string): string {
  return text.replace(/%[0-9A-F]{2}/g, (found) => found.toLowerCase());
}

/** Written apart from the forms that the engine looks for. */
function formsOf(value: string): string[] {
  const json = JSON.stringify(value).slice(1, -1);
  return [
    value,
    json,
    JSON.stringify(json).slice(1, -1),
    encodeURIComponent(value),
    toLowerHex(encodeURIComponent(value)),
    encodeURIComponent(encodeURIComponent(value)),
    Buffer.from(value).toString('base64'),
    Buffer.from(value).toString('base64url'),
    Buffer.from(`user:${value}`).toString('base64'),
    Buffer.from(`Bearer ${value}`).toString('base64'),
    value.replaceAll('\n', '\r\n'),
    ...value.split('\n').filter((line) => line.includes('canary') && line.length >= 8),
  ];
}

function expectNoValue(texts: readonly string[]): void {
  for (const [name, value] of Object.entries(values)) {
    for (const form of formsOf(value)) {
      const found = texts.findIndex((text) => text.includes(form));
      expect(found === -1 ? 'nowhere' : `${name} as ${form} in ${texts[found]?.slice(0, 300)}`).toBe('nowhere');
    }
  }
}

function toSteps(origin: string) {
  const step = (id: string, params: object, rest: object = {}) => ({
    id,
    action: 'http_request',
    params: { url: `${origin}/json`, ...params },
    ...rest,
  });
  const post = (body: unknown, type?: string) => ({
    method: 'POST',
    body,
    ...(type ? { headers: { 'content-type': type } } : {}),
  });
  const all = { token: '{{secrets.TOKEN}}', odd: ['{{secrets.ODD}}'], lines: 'x {{secrets.LINES}}' };
  return [
    step('bearer', { auth: 'TOKEN' }),
    step('basic', { auth: { basic: { user: 'user', secret: 'PASSWORD' } } }),
    step('header', { auth: { header: 'X-Key', secret: 'TOKEN', prefix: 'v1 ' } }),
    step(
      'written',
      { headers: { 'x-key': 'Token {{secrets.TOKEN}}', cookie: 'a={{secrets.PASSWORD}}' } },
      { cache: true },
    ),
    step('query', { query: { key: '{{secrets.ODD}}', list: ['{{secrets.TOKEN}}'] } }),
    step('path', { url: `${origin}/json/bot{{secrets.PATH}}/x?key={{secrets.ODD}}` }),
    step('body', post(all)),
    step('text', { ...post('{{secrets.LINES}} and {{secrets.ODD}}'), url: `${origin}/text` }),
    step('form', post({ odd: '{{secrets.ODD}}', token: '{{secrets.TOKEN}}' }, 'application/x-www-form-urlencoded')),
    step(
      'parts',
      post(
        {
          file: { content: '{{secrets.LINES}}', filename: 'k.pem' },
          field: '{{secrets.LINES}}',
          odd: '{{secrets.ODD}}',
        },
        'multipart/form-data',
      ),
    ),
    step('bytes', { ...post('{{secrets.ODD}}{{secrets.TOKEN}}'), url: `${origin}/bytes` }),
    step('refused', { url: `${origin}/refuse/{{secrets.PATH}}`, auth: 'TOKEN' }),
    step('later', { ...post(Object.values(values).length), url: `${origin}/json` }),
  ];
}

test('secrets of every form arrive, and nothing that the engine keeps or says holds one', async () => {
  const { seen, origin, host } = await startEcho();
  const settings = { httpAllowHosts: ['127.0.0.1'], secretStore: storeFor(host) };
  const { engine, dir, log } = await startInline({ settings });
  const events: EngineEvent[] = [];
  const ending = new AbortController();
  const following = (async () => {
    for await (const event of engine.events({ signal: ending.signal })) if (event.kind !== 'gap') events.push(event);
  })();
  const created = await engine.submit({ name: 'all forms', steps: toSteps(origin) });
  const { workflow } = await engine.finished(created.id);
  const again = await engine.submit({
    name: 'from the cache',
    steps: toSteps(origin).filter(({ id }) => id === 'written'),
  });
  const answered = await engine.finished(again.id);
  const branch = await engine.branch(created.id, { stepId: 'body' });
  await engine.finished(branch.id);

  const of = (part: string) =>
    seen.find(({ url, headers, body }) => JSON.stringify([url, headers, body.toString()]).includes(part));
  const arrived = (name: Name) => JSON.stringify(values[name]).slice(1, -1);
  expect(of(`Bearer ${values.TOKEN}`)).toBeDefined();
  expect(of(`Basic ${Buffer.from(`user:${values.PASSWORD}`).toString('base64')}`)).toBeDefined();
  expect(seen.map(({ headers }) => headers['x-key'])).toEqual(
    expect.arrayContaining([`v1 ${values.TOKEN}`, `Token ${values.TOKEN}`]),
  );
  expect(seen.map(({ url }) => url)).toEqual(
    expect.arrayContaining([
      `/json?key=${encodeURIComponent(values.ODD)}&list=${encodeURIComponent(values.TOKEN)}`,
      `/json/bot${values.PATH}/x?key=${encodeURIComponent(values.ODD)}`,
    ]),
  );
  const bodies = seen.map(({ body }) => body.toString());
  expect(bodies).toContain(JSON.stringify({ token: values.TOKEN, odd: [values.ODD], lines: `x ${values.LINES}` }));
  expect(bodies).toContain(`${values.LINES} and ${values.ODD}`);
  expect(bodies).toContain(new URLSearchParams({ odd: values.ODD, token: values.TOKEN }).toString());
  expect(bodies.filter((body) => body.includes('form-data') && body.includes(values.LINES))).toHaveLength(1);
  expect(arrived('LINES')).toContain('canary');

  const statuses = workflow.steps.map(({ id, status }) => `${id} ${status}`);
  expect(statuses.filter((status) => !status.endsWith(' COMPLETED'))).toEqual(['refused FAILED']);
  expect(stepOf(workflow, 'bearer').outputs).toMatchObject({
    status: 200,
    content: expect.stringContaining('Bearer [secret TOKEN]'),
  });
  expect(stepOf(answered.workflow, 'written').logs.join()).toContain('cache');

  const texts = [
    ...(await Promise.all(workflow.steps.map(async ({ id }) => JSON.stringify(await engine.getStep(created.id, id))))),
    ...[created, answered, branch, await engine.get(created.id)].map(({ json }) => json),
    JSON.stringify([
      await engine.list(),
      await engine.secrets(),
      await engine.actions(),
      await engine.stats(),
      await engine.health(),
    ]),
    ...log,
  ];
  await engine.close();
  ending.abort();
  await following;
  expect(events.length).toBeGreaterThan(20);
  const files = filesOf(dir.root);
  expect(files.filter((file) => /journal|cache|state\.json|blobs/.test(file)).length).toBeGreaterThan(5);
  expectNoValue([
    ...texts,
    JSON.stringify(events),
    ...files.map((file) => readFileSync(file, 'latin1')),
    ...files.map((file) => readFileSync(file, 'utf8')),
  ]);
});

test('what the search above finds: the value itself, in a file of an engine that does not know it as a secret', async () => {
  const { origin } = await startEcho();
  const { engine, dir } = await startInline({ settings: { httpAllowHosts: ['127.0.0.1'] } });
  const headers = { 'x-key': values.TOKEN };
  const { id } = await engine.submit({
    name: 'x',
    steps: [{ id: 'a', action: 'http_request', params: { url: origin, headers } }],
  });
  await engine.finished(id);
  await engine.close();
  const files = filesOf(dir.root).map((file) => readFileSync(file, 'latin1'));
  expect(() => expectNoValue(files)).toThrow(/TOKEN as ghp_canary/);
});

describe('a text that names a secret', () => {
  const from = (origin: string) => ({
    name: 'x',
    params: { text: '{{secrets.TOKEN}}' },
    steps: [
      {
        id: 'a',
        action: 'http_request',
        cache: true,
        params: { url: `${origin}/a`, method: 'POST', body: '{{params.text}} {{params.text}}' },
      },
    ],
  });

  test('and comes in as data stays text: from a param, an answer and data from outside', async () => {
    const { seen, origin, host } = await startEcho();
    const { engine } = await startInline({ settings: { httpAllowHosts: ['127.0.0.1'], secretStore: storeFor(host) } });
    const url = `${origin}/json`;
    const created = await engine.submit({
      name: 'x',
      params: { text: '{{secrets.TOKEN}}' },
      steps: [
        { id: 'page', action: 'external_data' },
        {
          id: 'send',
          action: 'http_request',
          dependencies: ['page'],
          params: {
            url,
            method: 'POST',
            headers: { 'x-key': '{{params.text}} {{secrets.TOKEN}} {{steps.page.outputs.content}}' },
            body: '{{steps.page.outputs.content}}',
          },
        },
      ],
    });
    await engine.externalData(created.id, {
      content: '{{secrets.TOKEN}}',
      content_type: 'text/plain',
      step_id: 'page',
    });
    await engine.finished(created.id);
    expect(seen).toHaveLength(1);
    expect(seen[0]?.headers['x-key']).toBe(`{{secrets.TOKEN}} ${values.TOKEN} {{secrets.TOKEN}}`);
    expect(seen[0]?.body.toString()).toBe('{{secrets.TOKEN}}');
  });

  test('and one that is a secret are two questions to the cache; the value is no part of either', async () => {
    const { seen, origin, host } = await startEcho();
    const dir = new EngineDir();
    onTestFinished(() => dir.remove());
    const open = async (secretStore: SecretStore) => {
      const inline = await openInline(dir, { settings: { httpAllowHosts: ['127.0.0.1'], secretStore } });
      onTestFinished(() => inline.engine.close());
      return inline.engine;
    };
    const asData = from(origin);
    const asSecret = structuredClone(asData);
    asSecret.steps[0]!.params.body = '{{secrets.TOKEN}} {{params.text}}';
    const engine = await open(storeFor(host));
    for (const definition of [asSecret, asData, asSecret, asData])
      await engine.finished((await engine.submit(definition)).id);
    const bodies = () => seen.map(({ body }) => body.toString());
    expect(bodies()).toEqual([`${values.TOKEN} {{secrets.TOKEN}}`, '{{secrets.TOKEN}} {{secrets.TOKEN}}']);
    await engine.close();
    // Another value asks the same question.
    const changed = await open({ TOKEN: { value: 'another-value', hosts: [host] } });
    await changed.finished((await changed.submit(asSecret)).id);
    expect(bodies()).toHaveLength(2);
  });
});

test('a secret is bound at call time: a step that a start without it fails is right after a start with it', async () => {
  const { seen, origin } = await startEcho();
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const open = async (secretStore: SecretStore) => {
    const inline = await openInline(dir, { settings: { httpAllowHosts: ['127.0.0.1'], secretStore } });
    onTestFinished(() => inline.engine.close());
    return inline;
  };
  const first = await open({ TOKEN: { value: 'first-value' } });
  const { id } = await first.engine.submit({
    name: 'x',
    steps: [
      { id: 'page', action: 'external_data' },
      { id: 'a', action: 'http_request', dependencies: ['page'], params: { url: origin, auth: 'TOKEN' } },
    ],
  });
  await first.engine.close();
  const without = await open({});
  await without.engine.externalData(id, { content: 'x', content_type: 'text/plain', step_id: 'page' });
  const { workflow } = await without.engine.finished(id);
  expect(stepOf(workflow, 'a')).toMatchObject({
    status: 'FAILED',
    error: expect.stringMatching(/there is no secret "TOKEN": set SECRET_TOKEN/),
  });
  expect(seen).toEqual([]);
  await without.engine.close();
  const changed = await open({ TOKEN: { value: 'second-value' } });
  await changed.engine.retry(id);
  await changed.engine.finished(id);
  expect(seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer second-value']);
});

test('data that makes an address of its own gets no secret', async () => {
  const { seen, origin, host } = await startEcho();
  const elsewhere = await listen((_request, response) => void response.end());
  const settings = { httpAllowHosts: ['127.0.0.1', 'localhost'], secretStore: storeFor(host) };
  const { engine } = await startInline({ settings });
  const definition = (url: string) => ({
    name: 'x',
    params: { url },
    steps: [{ id: 'a', action: 'http_request', params: { url: '{{params.url}}/json', auth: 'TOKEN' } }],
  });
  const errorOf = async (url: string) => {
    const { workflow } = await engine.finished((await engine.submit(definition(url))).id);
    return stepOf(workflow, 'a').error;
  };
  expect(await errorOf(origin)).toBeNull();
  for (const other of [elsewhere, `http://localhost:${new URL(origin).port}`, `http://${host}@localhost:1`]) {
    expect(await errorOf(other)).toMatch(
      /gets no secret of this step: the secret TOKEN goes to 127\.0\.0\.1:\d+ alone/,
    );
  }
  expect(seen).toHaveLength(1);
});

test('values in params, and names that nobody knows, are refused at creation, in a branch too', async () => {
  const { origin, host } = await startEcho();
  const { engine, dir } = await startInline({
    settings: { httpAllowHosts: ['127.0.0.1'], secretStore: storeFor(host) },
  });
  const step = (params: object) => ({
    name: 'x',
    steps: [{ id: 'a', action: 'http_request', params: { url: origin, ...params } }],
  });
  const refused = await refusalOf(engine.submit(step({ body: `Bearer ${values.TOKEN}`, method: 'POST' })));
  expect(refused.errors).toEqual([
    {
      path: 'steps[0].params.body',
      message: expect.stringMatching(
        /^holds the value of TOKEN: name it in params of http_request, as \{\{secrets\.TOKEN\}\}/,
      ),
    },
  ]);
  const unknown = await refusalOf(engine.submit(step({ auth: 'NOBODY' })));
  expect(unknown).toMatchObject({ code: 'INVALID', errors: [{ path: 'steps[0].params.auth' }] });
  const { id } = await engine.submit(step({ auth: 'TOKEN' }));
  await engine.finished(id);
  const branched = await refusalOf(
    engine.branch(id, { stepId: 'a', params: { url: origin, headers: { a: '{{secrets.NOBODY}}', b: values.TOKEN } } }),
  );
  expect(branched.errors?.map(({ path }) => path)).toEqual(['params.headers.a', 'params.headers.b']);
  await engine.close();
  expectNoValue([
    JSON.stringify([refused, unknown, branched]),
    ...filesOf(dir.root).map((file) => readFileSync(file, 'utf8')),
  ]);
});

test('of a refusal that is cut within a secret nothing of it is shown, also where an earlier step has sent it', async () => {
  const origin = await listen((_request, response) => {
    response.statusCode = 400;
    response.end(`${'x'.repeat(290)}${values.TOKEN}${'y'.repeat(2_000)}`);
  });
  const settings = { httpAllowHosts: ['127.0.0.1'], secretStore: storeFor(new URL(origin).host) };
  const { engine } = await startInline({ settings });
  const step = (id: string, body: string) => ({
    id,
    action: 'http_request',
    params: { url: origin, method: 'POST', body },
  });
  const { id } = await engine.submit({ name: 'x', steps: [step('a', '{{secrets.TOKEN}}'), step('b', 'nothing')] });
  const { workflow } = await engine.finished(id);
  for (const name of ['a', 'b']) expect(stepOf(workflow, name).error).toMatch(/answered 400: x{290}\[secret T/);
});

test('in real threads too, and only those of the I/O lane are given the store', async () => {
  const { seen, origin, host } = await startEcho();
  const { engine } = await startEngine({
    settings: { httpAllowHosts: ['127.0.0.1'], secretStore: { TOKEN: { value: values.TOKEN, hosts: [host] } } },
  });
  expect(await engine.secrets()).toEqual([{ name: 'TOKEN' }]);
  const { id } = await engine.submit({
    name: 'x',
    steps: [
      { id: 'a', action: 'http_request', params: { url: `${origin}/json`, auth: 'TOKEN' } },
      {
        id: 'b',
        action: 'render',
        dependencies: ['a'],
        params: { template: '{{ c }}', data: { c: '{{steps.a.outputs.content}}' } },
      },
    ],
  });
  const { workflow, json } = await engine.finished(id);
  expect(workflow.status).toBe('COMPLETED');
  expect(seen.map(({ headers }) => headers.authorization)).toEqual([`Bearer ${values.TOKEN}`]);
  expect(JSON.stringify(stepOf(workflow, 'b').outputs)).toContain('[secret TOKEN]');
  expectNoValue([json]);
});

test('a dry run rehearses with names alone', async () => {
  const { seen, origin, host } = await startEcho();
  const { engine, dir } = await startEngine({
    settings: { httpAllowHosts: ['127.0.0.1'], secretStore: storeFor(host), dryRun: { wanted: {} } },
  });
  const { id } = await engine.submit({ name: 'x', steps: toSteps(origin) });
  const { workflow, json } = await engine.finished(id);
  expect(workflow.steps.map(({ status, error }) => error ?? status)).toEqual(workflow.steps.map(() => 'COMPLETED'));
  expect(seen).toEqual([]);
  await engine.close();
  expectNoValue([json, ...filesOf(dir.root).map((file) => readFileSync(file, 'utf8'))]);
});

test('the example of the documentation is a workflow, and sends the secret where it says', () => {
  const page = readFileSync('docs/secrets.md', 'utf8');
  const example = /<!-- file: issues\.yaml -->\n```yaml\n([\s\S]*?)```/.exec(page)?.[1] ?? '';
  const options = { catalogue: createActionCatalogue(), unknownActions: 'reject' } as const;
  const faults = (secretStore: SecretStore) => {
    const checked = validateDefinition(parse(example), { ...options, secretStore });
    return checked.ok ? checked.warnings : checked.errors.map(({ message }) => message);
  };
  expect(faults({ GITHUB_TOKEN: { value: 'x' } })).toEqual([]);
  expect(faults({ GITHUB_TOKEN: { value: 'x', hosts: ['api.github.com'] } })).toEqual([]);
  expect(faults({})).toEqual([expect.stringMatching(/^there is no secret "GITHUB_TOKEN"/)]);
});
