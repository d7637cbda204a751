/**
 * Goal: no configured secret is anywhere it does not belong (G18). Method: the product as its users start it, with a key of
 * its own in every setting; every model action, streaming and not, before a stand-in that repeats the key it was given in
 * every way there is; then the data directory, the logs, the event streams, the answer of every route and the command
 * line's output are searched for any ten characters in a row of any secret, as they are, in base64 and in a URL.
 */
import fs from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { readSettings } from '../../src/config.ts';
import type { Workflow } from '../../src/contract/workflow.ts';
import { runCli } from '../cli/cli-process.ts';
import { Served } from '../crash/served.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { StandIn } from '../stand-in/stand-in.ts';
import { models, repeatKey } from './providers.ts';

/** Of a form that no provider's own masking rules know, one that they do, and one that changes in a URL. */
const secrets: Record<string, string> = {
  OPENAI_API_KEY: 'sk-proj-Xw7qPlm2Zr9tKc4vNd8sQy1fHb6gWXYZ',
  DEEPSEEK_API_KEY: 'canary.dJ3kLp0xVt5mRz8wEq2nYb7cUf4hGs6a',
  GOOGLE_API_KEY: 'AIzaSyCanaryM9vB4nX7cQ1wE5rT8yU2iO6pA3s',
  CHAT_API_KEY: 'local/key+with=signs/H7gF3dS9aZ5xC1vB8nM4',
  API_TOKEN: 'token-t0K3nQ8wE2rT6yU4iO1pL9kJ5hG7fD3sA',
};
const windowLength = 10;

/** What of a secret must not be found: each run of characters, in each form. */
const needles = new Map(
  Object.entries(secrets).flatMap(([name, value]) => {
    const bytes = Buffer.from(value);
    const forms = [value, encodeURIComponent(value), bytes.toString('base64'), bytes.toString('base64url')];
    return forms.flatMap((form) =>
      Array.from({ length: form.length - windowLength + 1 }, (_, at): [string, string] => [
        form.slice(at, at + windowLength),
        name,
      ]),
    );
  }),
);

/** Where a secret stands in the text, with what stands around it. */
function findSecrets(where: string, text: string): string[] {
  const found: string[] = [];
  for (let at = 0; at + windowLength <= text.length && found.length < 3; at += 1) {
    const name = needles.get(text.slice(at, at + windowLength));
    if (name === undefined) continue;
    found.push(`${name} in ${where}: …${text.slice(Math.max(0, at - 80), at + 60)}…`);
    at += 60;
  }
  return found;
}

function textsOf(dir: EngineDir): [string, string][] {
  const files = fs.readdirSync(dir.root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.map((file) => {
    const full = path.join(file.parentPath, file.name);
    return [path.relative(dir.root, full), fs.readFileSync(full, 'latin1')];
  });
}

async function start() {
  const standIn = await StandIn.start({ behaviour: repeatKey });
  onTestFinished(() => standIn.close());
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const env = {
    ...secrets,
    ...Object.fromEntries(
      ['OPENAI', 'DEEPSEEK', 'GEMINI', 'CHAT'].map((name) => [`${name}_BASE_URL`, standIn.baseUrl]),
    ),
    LOG_LEVEL: 'trace',
    MAX_PARALLEL_NODES: '16',
  };
  return { standIn, dir, env };
}

const headers = { authorization: `Bearer ${secrets.API_TOKEN}`, 'content-type': 'application/json' };

/** Collects a stream of events until it holds `end`, or the server is gone. */
async function collect(url: string, end: RegExp): Promise<string> {
  const abort = new AbortController();
  const response = await fetch(url, { headers: { ...headers, 'last-event-id': '0' }, signal: abort.signal });
  let text = '';
  try {
    for await (const part of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(part).toString();
      if (end.test(text)) break;
    }
  } catch {
    // Killed by the test.
  }
  abort.abort();
  return text;
}

test('no secret is in a file, a log, an event, an answer or a line of the command line', {
  timeout: 240_000,
}, async () => {
  const { standIn, dir, env } = await start();
  const served = new Served(dir, env);
  const url = await served.listening();
  const seen: [string, string][] = [];
  const get = async (where: string, init: RequestInit = {}) => {
    const response = await fetch(`${url}${where}`, { headers, ...init });
    const text = await response.text();
    seen.push([`${init.method ?? 'GET'} ${where}`, `${[...response.headers].join('\n')}\n${text}`]);
    return { status: response.status, text };
  };
  const post = (where: string, body: unknown) => get(where, { method: 'POST', body: JSON.stringify(body) });

  const actions = ['openai_chat', 'deepseek_chat', 'gemini_chat', 'chat', 'any_chat'];
  const own = { base_url: standIn.baseUrl, api_key_env: 'CHAT_API_KEY' };
  const ids: string[] = [];
  const streams: Promise<string>[] = [];
  for (const action of actions) {
    const steps = models.flatMap((model) =>
      [false, true].map((stream) => ({
        id: `${model}${stream ? '-stream' : ''}`,
        action,
        dependencies: ['go'],
        retry: { attemptsMax: 1 },
        params: {
          prompt: 'Why?',
          model,
          stream,
          ...(model === 'answers-json' ? { response_format: 'json_object' } : {}),
          ...(action === 'chat' ? own : {}),
        },
      })),
    );
    const created = await post('/api/workflows', {
      name: action,
      steps: [{ id: 'go', action: 'external_data' }, ...steps],
    });
    expect(created.status).toBe(201);
    const { id } = JSON.parse(created.text) as Workflow;
    ids.push(id);
    streams.push(collect(`${url}/api/workflows/${id}/events`, /"at":"[^"]+","status":"FAILED"/));
  }
  const all = collect(`${url}/api/events`, /no such thing/);
  for (const id of ids) await post(`/api/workflows/${id}/external-data`, { step_id: 'go', content: 'Go.' });
  const events = (await Promise.all(streams)).join('\n');
  seen.push(['events of a workflow', events]);
  // It has been through what it was meant to go through.
  expect(standIn.calls.length).toBe(actions.length * models.length * 2);
  expect(events).toMatch(/event:\s?step\.tokens\ndata:.*\[secret \w+_API_KEY\]/);

  // Slips of those who call: a key where a param, an address or a path should be.
  const slips = [
    { api_key: secrets.OPENAI_API_KEY },
    { headers: { authorization: `Bearer ${secrets.OPENAI_API_KEY}` } },
    { extra: { authorization: secrets.CHAT_API_KEY } },
  ];
  for (const slip of slips) {
    const params = { prompt: 'Why?', ...slip };
    expect(
      (await post('/api/workflows', { name: 'slip', steps: [{ id: 'a', action: 'openai_chat', params }] })).status,
    ).toBe(422);
  }
  const userinfo = { prompt: 'Why?', model: 'm', base_url: `http://user:${secrets.DEEPSEEK_API_KEY}@127.0.0.1:9/v1` };
  expect(
    (await post('/api/workflows', { name: 'slip', steps: [{ id: 'a', action: 'chat', params: userinfo }] })).status,
  ).toBe(422);
  await get('/api/workflows', { headers: { authorization: `Bearer ${secrets.API_TOKEN}x` } });
  await get('/api/workflows', { headers: { authorization: `Basic ${secrets.API_TOKEN}` } });

  const paths = ['', '?view=summary'].map((query) => `/api/workflows${query}`);
  for (const id of ids) {
    const workflow = JSON.parse((await get(`/api/workflows/${id}`)).text) as Workflow;
    expect(workflow.status).toBe('FAILED');
    paths.push(
      `/api/workflows/${id}/external-data`,
      ...workflow.steps.map((step) => `/api/workflows/${id}/steps/${step.id}`),
    );
  }
  const document = JSON.parse((await get('/openapi.json')).text) as { paths: Record<string, { get?: unknown }> };
  const plain = Object.keys(document.paths).filter((route) => document.paths[route]?.get && !/\{|events/.test(route));
  expect(plain).toContain('/api/actions');
  for (const route of [...paths, ...plain, '/docs', '/metrics', '/api/no-such-thing']) await get(route);
  for (const by of ['day', 'model', 'action', 'workflow']) await get(`/api/costs?by=${by}`);

  const cli = { cwd: dir.root, env };
  for (const args of [
    ['list', '--server', url],
    ['show', ids[0] ?? '', '--server', url],
  ]) {
    const { stdout, stderr } = await runCli(args, cli);
    seen.push([args.join(' '), `${stdout}\n${stderr}`]);
    expect(stdout).not.toBe('');
  }

  // One more life, over a damaged file, so that something is set aside.
  served.child.kill('SIGKILL');
  const first = await served.exited;
  const everything = await all;
  expect(everything).toContain('step.failed');
  seen.push(['stream of all events', everything]);
  fs.writeFileSync(dir.stateFile(ids[0] ?? ''), dir.stateText(ids[0] ?? '').slice(0, -100));
  const again = new Served(dir, env);
  const secondUrl = await again.listening();
  await fetch(`${secondUrl}/api/workflows/${ids[0]}`, { headers });
  again.child.kill('SIGTERM');
  const second = await again.exited;
  seen.push(['logs', [first, second].map(({ stdout, stderr }) => `${stdout}\n${stderr}`).join('\n')]);
  for (const args of [['doctor'], ['run', 'openai_chat', '-p', 'prompt=Why?', '-p', 'model=says-401']]) {
    const { stdout, stderr } = await runCli(args, cli);
    seen.push([args.join(' '), `${stdout}\n${stderr}`]);
    expect(stdout + stderr).not.toBe('');
  }

  const found = [...seen, ...textsOf(dir)].flatMap(([where, text]) => findSecrets(where, text));
  expect(found).toEqual([]);
  // The search finds what is there.
  expect(findSecrets('here', `x ${secrets.API_TOKEN}`)).not.toEqual([]);
});

test.each([
  ['a key with a space', { OPENAI_API_KEY: `${secrets.OPENAI_API_KEY} x` }],
  ['a token with a line end in it', { API_TOKEN: `${secrets.API_TOKEN}\nx` }],
  ['an address with credentials', { OPENAI_BASE_URL: `http://user:${secrets.OPENAI_API_KEY}@box/v1` }],
  [
    'an address with credentials that is none',
    { OPENAI_BASE_URL: `http://user:${secrets.OPENAI_API_KEY}@box:99999/v1` },
  ],
  ['an address with a key as its query', { CHAT_BASE_URL: `http://box:99999/v1?key=${secrets.CHAT_API_KEY}` }],
  ['an address of another kind', { GEMINI_BASE_URL: `ftp://${secrets.GOOGLE_API_KEY}@box/v1` }],
  ['a host with credentials', { HTTP_ALLOW_HOSTS: `user:${secrets.CHAT_API_KEY}@box` }],
  ['an origin with credentials', { ALLOWED_ORIGINS: `http://user:${secrets.API_TOKEN}@box` }],
])('a start that %s ends does not show it', (_what, env) => {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  let message = '';
  try {
    readSettings(env, dir.root);
  } catch (error) {
    message = (error as Error).message;
  }
  expect(message).not.toBe('');
  expect(findSecrets('message', message)).toEqual([]);
});

test('an address of a server that holds credentials is refused without being shown', async () => {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const { stdout, stderr, status } = await runCli(
    ['list', '--server', `http://user:${secrets.API_TOKEN}@127.0.0.1:9`],
    { cwd: dir.root },
  );
  expect(status).not.toBe(0);
  expect(findSecrets('output', stdout + stderr)).toEqual([]);
});
