/** Goal: over REST, one key and one request have one effect, in whatever order its fields come. Method: a real engine behind the server. */
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { createServer } from '../../src/server/server.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { openInline } from '../fixtures/inline-engine.ts';

async function start() {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const { engine } = await openInline(dir);
  onTestFinished(() => engine.close());
  const settings = { host: '127.0.0.1', port: 0, apiToken: null, allowedHosts: [], allowedOrigins: [] };
  const server = createServer({ engine, settings, log: pino({ level: 'silent' }), version: '1.2.3' });
  const { url } = await server.listen();
  onTestFinished(() => server.close());
  return async (path: string, key: string, body: string | null, method = 'POST') => {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key };
    const answer = await fetch(`${url}/api/workflows${path}`, { method, headers, body });
    const json = JSON.parse((await answer.text()) || 'null') as { id: string; errors?: { path: string }[] };
    return { status: answer.status, replayed: answer.headers.get('idempotency-replayed'), json };
  };
}

it('the same request in another order of fields gets the first answer, another request 422', async () => {
  const post = await start();
  const first = await post(
    '',
    'k',
    '{"name":"n","steps":[{"id":"in","action":"external_data","params":{"b":2,"a":1}}]}',
  );
  expect([first.status, first.replayed]).toEqual([201, null]);
  const second = await post(
    '',
    'k',
    '{ "steps": [{"params":{"a":1.0,"b":2e0},"action":"external_d\\u0061ta","id":"in"}], "name": "n" }',
  );
  expect(second).toEqual({ ...first, replayed: 'true' });
  const other = await post(
    '',
    'k',
    '{"name":"n","steps":[{"id":"in","action":"external_data","params":{"b":1,"a":2}}]}',
  );
  expect([other.status, other.json.errors?.[0]?.path]).toEqual([422, 'Idempotency-Key']);

  const { id } = first.json;
  const data = await post(`/${id}/external-data`, 'd', '{"content":"x","metadata":{"b":{"d":1,"c":2},"a":null}}');
  expect(data.status).toBe(201);
  expect(await post(`/${id}/external-data`, 'd', '{"metadata":{"a":null,"b":{"c":2,"d":1}},"content":"x"}')).toEqual({
    ...data,
    replayed: 'true',
  });
  const stopped = await post(`/${id}/branches`, 'b', '{"stepId":"in"}');
  expect(stopped.replayed).toBeNull();
  for (const verb of ['stop', 'resume']) {
    const once = await post(`/${stopped.json.id}/${verb}`, verb, '{}');
    expect([once.status, once.replayed]).toEqual([200, null]);
    expect(await post(`/${stopped.json.id}/${verb}`, verb, '{}')).toEqual({ ...once, replayed: 'true' });
  }

  const template = await post('/from-template?template_id=t', 't', '{"b":2,"a":1}');
  const same = await post('/from-template', 't', '{"params":{"a":1,"b":2},"template_id":"t"}');
  expect([same.status, same.replayed, same.json]).toEqual([201, 'true', template.json]);
});

it('every POST that is repeated says so; a DELETE takes no key: it answers 204, then 404', async () => {
  const post = await start();
  const failing = '{"name":"f","steps":[{"id":"a","action":"http_request","params":{"url":"http://127.0.0.1:1/"}}]}';
  const failed = await post('?wait=60', 'f', failing);
  const waiting = await post('', 'w', '{"name":"w","steps":[{"id":"in","action":"external_data"}]}');
  const { id } = waiting.json;
  const calls: [string, string][] = [
    ['', '{"name":"n","steps":[{"id":"a","action":"noop"}]}'],
    ['/from-template', '{"template_id":"noop"}'],
    [`/${id}/branches`, '{"stepId":"in"}'],
    [`/${id}/stop`, '{}'],
    [`/${id}/resume`, '{}'],
    [`/${id}/external-data`, '{"content":"x","metadata":{"id":1e400}}'],
    [`/${failed.json.id}/retry`, '{}'],
  ];
  for (const [i, [path, body]] of calls.entries()) {
    const first = await post(path, `key-${i}`, body);
    expect([path, Math.floor(first.status / 100), first.replayed]).toEqual([path, 2, null]);
    expect(await post(path, `key-${i}`, body)).toEqual({ ...first, replayed: 'true' });
  }
  expect(await post(`/${id}`, 'd', null, 'DELETE')).toEqual({ status: 204, replayed: null, json: null });
  expect(await post(`/${id}`, 'd', null, 'DELETE')).toMatchObject({ status: 404, replayed: null });
});
