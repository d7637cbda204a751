// Goal: the door of webhooks, over HTTP: no token, but every other guard; nothing is read that need not be (H2, H6 to H11).
import { describe, expect, onTestFinished, test } from 'vitest';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { nowS, secretStore, signGithub, writeHookTemplates } from '../fixtures/hook-senders.ts';
import { type InlineServer, startInlineServer } from './inline-server.ts';
import { callPort, startServer } from './running-server.ts';

const scheduleClock = { now: () => nowS * 1_000, timer: () => () => undefined };
const apiToken = 'the-token-of-the-engine';

async function start(bounds = {}): Promise<InlineServer> {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  writeHookTemplates(dir);
  return startInlineServer({
    dir,
    inline: { settings: { secretStore }, scheduleClock },
    settings: { apiToken },
    bounds,
  });
}

test('a delivery needs no token; 202 names the workflow, and says when it was there before', async () => {
  const { port, call } = await start();
  const first = await callPort(port, 'POST', '/hooks/github', signGithub());
  expect([first.status, Object.keys(first.json)]).toEqual([202, ['workflow_id']]);
  expect(first.headers['idempotency-replayed']).toBeUndefined();
  const again = await callPort(port, 'POST', '/hooks/github?anything=1', signGithub());
  expect([again.status, again.json]).toEqual([202, first.json]);
  expect(again.headers['idempotency-replayed']).toBe('true');
  expect((await call('GET', `/api/workflows/${first.json.workflow_id}`)).json.templateId).toBe('github');
});

test('only POST needs no token, and only one name below /hooks', async () => {
  const { port } = await start();
  const statuses: unknown[] = [];
  for (const [method, path] of [
    ['GET', '/hooks/github'],
    ['DELETE', '/hooks/github'],
    ['POST', '/hooks/github/more'],
    ['POST', '/hooks/'],
    ['POST', '/hooks'],
    ['POST', '/api/hooks/github'],
    ['POST', '/hooks/../api/workflows'],
    ['POST', '//hooks/github'],
  ] as const) {
    statuses.push([method, path, (await callPort(port, method, path)).status]);
  }
  expect(statuses).toEqual([
    ['GET', '/hooks/github', 401],
    ['DELETE', '/hooks/github', 401],
    ['POST', '/hooks/github/more', 401],
    ['POST', '/hooks/', 401],
    ['POST', '/hooks', 401],
    ['POST', '/api/hooks/github', 401],
    ['POST', '/hooks/../api/workflows', 401],
    ['POST', '//hooks/github', 401],
  ]);
});

describe('the guard stays', () => {
  test.each([
    ['another Host', { host: 'hooks.example.com' }, 421],
    ['an Origin that was not allowed', { origin: 'https://example.com' }, 403],
    ['an Origin that is null', { origin: 'null' }, 403],
    ['a page of another site', { 'sec-fetch-site': 'cross-site' }, 403],
  ])('%s', async (_, more, status) => {
    const { port, engine } = await start();
    const { headers, body } = signGithub();
    const answer = await callPort(port, 'POST', '/hooks/github', { headers: { ...headers, ...more }, body });
    expect(answer.status).toBe(status);
    expect((await engine.list()).total).toBe(0);
  });
});

describe('no work without a right', () => {
  test('a delivery without a signature is answered before its body comes', async () => {
    const { port } = await start();
    const headers = { 'content-type': 'application/json', 'content-length': 1_000_000 };
    const answer = await callPort(port, 'POST', '/hooks/github', { headers, withholdBody: true });
    expect(answer.status).toBe(401);
  });

  test('one that announces too much is answered before its body comes', async () => {
    const { port } = await start();
    const { headers } = signGithub();
    const announced = { ...headers, 'content-length': 1024 * 1024 + 1 };
    const answer = await callPort(port, 'POST', '/hooks/github', { headers: announced, withholdBody: true });
    expect(answer.status).toBe(413);
  });

  test('a body of so many bytes as a call may have is read, one more byte is not', async () => {
    const { port } = await start({ bodyBytesMax: 1_000 });
    const { headers } = signGithub();
    const within = await callPort(port, 'POST', '/hooks/github', { headers, body: 'x'.repeat(1_000) });
    const beyond = await callPort(port, 'POST', '/hooks/github', { headers, body: 'x'.repeat(1_001) });
    expect([within.status, beyond.status]).toEqual([401, 413]);
  });
});

test('the log names template and reason once a minute, however often somebody tries, and no name that he makes up', async () => {
  const { FakeEngine } = await import('../fixtures/fake-engine.ts');
  const engine = new FakeEngine();
  engine.receive = async (_, delivery) => {
    delivery.onRefused('no signature fits');
    return null;
  };
  const { call, logLines } = await startServer({ engine });
  for (let i = 0; i < 3; i += 1) expect((await call('POST', '/hooks/a', { body: {} })).status).toBe(204);
  await call('POST', '/hooks/b', { body: {} });
  const told = logLines.map((line) => JSON.parse(line)).filter(({ level }) => level === 40);
  expect(told.map(({ template, why, msg }) => [template, why, msg])).toEqual([
    ['a', 'no signature fits', 'a delivery of a webhook was refused'],
    ['b', 'no signature fits', 'a delivery of a webhook was refused'],
  ]);
});
