/**
 * Goal: no query parameter is ignored under `/api`. Method: every call of the OpenAPI document with one parameter that it
 * does not know, and with each that it does; nothing may reach the engine in the first case.
 */
import { expect, it } from 'vitest';
import { type RunningServer, startServer } from './running-server.ts';

interface Operation {
  parameters?: { in: string; name: string }[];
}

async function listCalls(running: RunningServer) {
  const { paths } = (await running.call('GET', '/openapi.json')).json as {
    paths: Record<string, Record<string, Operation>>;
  };
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { parameters = [] }]) => ({
      method: method.toUpperCase(),
      path: path.replace('{id}', '3f2c8f52-6d3c-4a6e-9d5b-0c8f3a1e7b10').replace('{stepId}', 'a'),
      names: parameters.filter((parameter) => parameter.in === 'query').map(({ name }) => name),
    })),
  );
}

it('an unknown parameter is 422 on every call, and names what the call takes', async () => {
  const running = await startServer();
  const calls = await listCalls(running);
  expect(calls.length).toBeGreaterThan(18);
  for (const { method, path, names } of calls) {
    // What stands in the address of a webhook is its sender's.
    if (path.startsWith('/hooks/')) continue;
    const answer = await running.call(method, `${path}?dry_run=1`);
    const takes = names.length === 0 ? 'this call takes none' : `this call takes ${names.join(', ')}`;
    expect([method, path, answer.status, answer.json.errors]).toEqual([
      method,
      path,
      422,
      [{ path: 'dry_run', message: `is no parameter of this call; ${takes}` }],
    ]);
  }
  expect((await running.call('GET', '/api/workflows')).json).toEqual([]);
});

it('the one that was meant is named, and all unknown ones at once', async () => {
  const running = await startServer();
  const errorsOf = async (path: string, method = 'GET') => (await running.call(method, path)).json.errors;
  expect(await errorsOf('/api/workflows?limt=5&statsu=FAILED&limit=2')).toEqual([
    { path: 'limt', message: expect.stringMatching(/; this call takes limit, offset, .*; did you mean "limit"\?$/) },
    { path: 'statsu', message: expect.stringMatching(/; did you mean "status"\?$/) },
  ]);
  expect(await errorsOf('/api/workflows/from-template?templateId=x', 'POST')).toEqual([
    { path: 'templateId', message: expect.stringMatching(/; did you mean "template_id"\?$/) },
  ]);
  expect(await errorsOf('/api/queue?__proto__=1&=2')).toEqual([
    { path: '__proto__', message: expect.any(String) },
    { path: '""', message: expect.any(String) },
  ]);
});

it('an answer names 20 of them', async () => {
  const running = await startServer();
  const query = Array.from({ length: 30 }, (_, i) => `p${i}=1`).join('&');
  expect((await running.call('GET', `/api/queue?${query}`)).json.errors).toHaveLength(20);
});

it('known parameters go on to the call, and outside of /api none is looked at', async () => {
  const running = await startServer();
  expect((await running.call('GET', '/api/workflows?limit=5&offset=0&q=x&view=summary')).status).toBe(200);
  expect((await running.call('GET', '/api/costs?by=model')).status).not.toBe(422);
  expect((await running.call('HEAD', '/api/health?x=1')).status).toBe(422);
  expect((await running.call('GET', '/metrics?x=1')).status).toBe(200);
  expect((await running.call('GET', '/docs/?x=1')).status).not.toBe(422);
});
