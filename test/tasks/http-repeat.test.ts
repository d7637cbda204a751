/**
 * Goal: only failures that repeating can cure are repeated, and a request that may have been carried out is sent twice
 * only where the step says so (EX2, EX3). Method: the attempt's outcome, and what `decideRetry` makes of it; once an
 * engine, whose server counts.
 */
import { createServer as createTcpServer, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../src/contract/job.ts';
import { decideRetry } from '../../src/core/retry.ts';
import { tasks } from '../../src/tasks/registry.ts';
import { runAttempt } from '../../src/worker/attempt.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { openInline } from '../fixtures/inline-engine.ts';
import { closeServer, listen, listenTcp, local, servers } from './http-server.ts';

async function outcomeOf(params: Record<string, unknown>, signal = new AbortController().signal): Promise<Outcome> {
  const job = { jobId: 1, workflowId: 'w', stepId: 's', attempt: 1, action: 'http_request', lane: 'io' as const };
  const paramsJson = JSON.stringify(params);
  return runAttempt(
    { ...job, isolated: false, paramsJson, timeoutMs: 1_234, secrets: {} },
    { tasks, signal, ...local },
  );
}

const repeats = (outcome: Outcome, attemptsMax?: number) =>
  outcome.kind === 'failed' &&
  decideRetry({
    code: outcome.code,
    policy: attemptsMax === undefined ? null : { attemptsMax },
    failures: 1,
    retryAfterMs: outcome.retryAfterMs,
    onlyIfAsked: outcome.onlyIfAsked === true,
    random: 0,
  }).kind === 'retry';

const methods = ['GET', 'PUT', 'DELETE', 'OPTIONS', 'HEAD', 'POST', 'PATCH'];
const isUnsafe = (method: string) => method === 'POST' || method === 'PATCH';

describe.each(methods)('%s', (method) => {
  it.each([
    [500, {}, true, false],
    [502, {}, true, false],
    [503, {}, true, false],
    [503, { 'retry-after': '1' }, true, true],
    [504, {}, true, false],
    [529, {}, true, false],
    [408, {}, true, false],
    [425, {}, true, true],
    [429, {}, true, true],
    [400, {}, false, false],
    [404, {}, false, false],
    [409, {}, false, false],
    [501, {}, false, false],
    [505, {}, false, false],
    [511, {}, false, false],
  ])('answered %d with %j', async (status, headers, whenSafe, whenUnsafe) => {
    const url = await listen((_request, response) => void response.writeHead(status, headers).end());
    const outcome = await outcomeOf({ url, method });
    expect(repeats(outcome)).toBe(isUnsafe(method) ? whenUnsafe : whenSafe);
    // The step may say otherwise.
    expect(repeats(outcome, 2)).toBe(true);
  });

  it.each([
    ['no answer', ''],
    ['half an answer', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'],
  ])('that got %s', async (_what, bytes) => {
    // A HEAD needs no more than the headers.
    const given = method === 'HEAD' ? 'HTTP/1.1 2' : bytes;
    const outcome = await outcomeOf({ url: await listenTcp(given), method });
    expect(outcome).toMatchObject({ kind: 'failed', code: 'NETWORK' });
    expect(repeats(outcome)).toBe(!isUnsafe(method));
    expect(repeats(outcome, 2)).toBe(true);
  });

  it('that reached nobody is repeated', async () => {
    const url = await listen(() => {});
    await closeServer();
    const outcome = await outcomeOf({ url, method });
    expect(outcome).toMatchObject({ kind: 'failed', code: 'NETWORK' });
    expect(repeats(outcome)).toBe(true);
  });

  it('whose time is over while the server works', async () => {
    const abort = new AbortController();
    const url = await listen(() => abort.abort('TIMEOUT'));
    const outcome = await outcomeOf({ url, method }, abort.signal);
    expect(outcome).toMatchObject({ kind: 'failed', code: 'TIMEOUT' });
    expect(outcome).toMatchObject({ message: expect.stringMatching(/^the attempt took longer than its 1234 ms/) });
    expect(repeats(outcome)).toBe(!isUnsafe(method));
  });

  it('whose time is over while the body of a redirect comes', async () => {
    const abort = new AbortController();
    const url = await listen((_request, response) => {
      response.writeHead(307, { location: '/to', 'content-length': '1000' }).write('x', () => abort.abort('TIMEOUT'));
    });
    const outcome = await outcomeOf({ url, method }, abort.signal);
    expect(outcome).toMatchObject({ kind: 'failed', code: 'TIMEOUT' });
    expect(repeats(outcome)).toBe(!isUnsafe(method));
  });

  it('whose time is over before it could be sent is repeated', async () => {
    const abort = new AbortController();
    // A server that never greets: TLS waits for it.
    const sockets: Socket[] = [];
    const server = createTcpServer((socket) => {
      sockets.push(socket.on('error', () => {}));
      socket.once('data', () => abort.abort('TIMEOUT'));
    });
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    const outcome = await outcomeOf({ url: `https://127.0.0.1:${port}/`, method }, abort.signal);
    expect(outcome).toMatchObject({ kind: 'failed', code: 'TIMEOUT' });
    for (const socket of sockets) socket.destroy();
  });

  it('that is stopped is only that', async () => {
    const abort = new AbortController();
    const url = await listen(() => abort.abort('CANCELLED'));
    expect(await outcomeOf({ url, method }, abort.signal)).toMatchObject({ kind: 'failed', code: 'CANCELLED' });
  });
});

describe('what is the same at the next attempt', () => {
  it.each([
    ['no HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['headers without end', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(32_768)}\r\n\r\n`],
    ['damaged gzip', 'HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\n\r\nnogz!'],
  ])('%s is not repeated by itself', async (_what, bytes) => {
    const outcome = await outcomeOf({ url: await listenTcp(bytes) });
    expect(outcome).toMatchObject({ kind: 'failed', code: 'NETWORK' });
    expect(repeats(outcome)).toBe(false);
    expect(repeats(outcome, 2)).toBe(true);
  });
});

describe('a POST that was redirected', () => {
  it.each([
    [302, '/from'],
    [303, '/from'],
    [307, '/to'],
  ])('%d and then got no answer names the request that may have been carried out', async (status, path) => {
    const url = await listen(({ url: asked, socket }, response) => {
      if (asked === '/from') response.writeHead(status, { location: '/to' }).end();
      else socket.destroy();
    });
    const outcome = await outcomeOf({ url: `${url}/from`, method: 'POST' });
    expect(outcome).toMatchObject({
      code: 'NETWORK',
      onlyIfAsked: true,
      message: expect.stringContaining(`carried out POST ${url}${path},`),
    });
  });

  it('on, to where nobody listens, has not been carried out', async () => {
    const nobody = await listen(() => {});
    await closeServer();
    const url = await listen((_request, response) => void response.writeHead(307, { location: nobody }).end());
    expect(await outcomeOf({ url, method: 'POST' })).toMatchObject({ code: 'NETWORK' });
  });

  it('away, to a GET that is refused for a time, has been carried out', async () => {
    const url = await listen(({ url: asked }, response) => {
      if (asked === '/from') response.writeHead(303, { location: '/to' }).end();
      else response.writeHead(503, { 'retry-after': '1' }).end();
    });
    const outcome = await outcomeOf({ url: `${url}/from`, method: 'POST' });
    expect(outcome).toMatchObject({ code: 'HTTP_RETRYABLE', onlyIfAsked: true });
  });
});

describe('in an engine', () => {
  it('a POST that fails with 500 is sent once, and as often as the step says where it says so', async () => {
    const asked: string[] = [];
    const url = await listen(({ url: path = '' }, response) => {
      asked.push(path);
      response.writeHead(500).end('broken.');
    });
    const dir = new EngineDir();
    const { engine } = await openInline(dir, { settings: { httpAllowHosts: ['127.0.0.1'] } });
    try {
      const step = (id: string, rest: object = {}) => ({
        id,
        action: 'http_request',
        params: { url: `${url}/${id}`, method: 'POST', body: {} },
        ...rest,
      });
      const retry = { attemptsMax: 2, backoffMs: 0 };
      const steps = [step('once'), step('twice', { retry }), step('still-once', { retry: { backoffMs: 0 } })];
      const created = await engine.submit({ name: 'posts', steps }, { waitMs: 60_000 });
      expect(created.workflow.status).toBe('FAILED');
      expect(asked.sort()).toEqual(['/once', '/still-once', '/twice', '/twice']);
      expect(created.workflow.steps[0]?.error).toBe(
        `POST ${url}/once answered 500: broken. The server may have carried out POST ${url}/once, so it is not repeated by itself; to repeat it, give the step "retry": {"attemptsMax": 3}`,
      );
    } finally {
      await engine.close();
      dir.remove();
    }
  });
});
