/** Goal: dry run and validation over HTTP take what creating takes, and YAML. Method: the server over an engine in memory. */
import { describe, expect, it } from 'vitest';
import { Refusal } from '../../src/contract/failures.ts';
import { oneStep, startServer } from './running-server.ts';

describe('POST /api/workflows/dry-run', () => {
  it('answers what a run would do, and makes no workflow', async () => {
    const running = await startServer();
    const answer = await running.call('POST', '/api/workflows/dry-run', { body: oneStep });
    expect([answer.status, answer.json.waves]).toEqual([200, [['only']]]);
    expect(running.engine.workflows.size).toBe(0);
    expect((await running.call('POST', '/api/workflows/dry-run')).status).toBe(400);
    expect((await running.call('POST', '/api/workflows/dry-run?wait=1', { body: oneStep })).status).toBe(422);
    const faulty = await running.call('POST', '/api/workflows/dry-run', { body: { name: 'x' } });
    expect([faulty.status, faulty.json.errors[0].path]).toEqual([422, 'steps']);
  });

  it('hands a template on in both forms', async () => {
    const running = await startServer();
    const path = '/api/workflows/from-template/dry-run';
    await running.call('POST', path, { body: { template_id: 'two-steps', params: { topic: 'x' } } });
    await running.call('POST', `${path}?template_id=two-steps`, { body: { topic: 'y' } });
    expect(running.engine.callsOf('dryRunTemplate')).toEqual([
      ['two-steps', { topic: 'x' }],
      ['two-steps', { topic: 'y' }],
    ]);
    expect((await running.call('POST', path, { body: {} })).status).toBe(422);
  });

  it('is 429 with a time to come back where too many are under way', async () => {
    const running = await startServer();
    running.engine.failWith('dryRun', new Refusal({ code: 'TOO_MANY', detail: 'two', retryAfterSeconds: 2 }));
    const answer = await running.call('POST', '/api/workflows/dry-run', { body: oneStep });
    expect([answer.status, answer.headers['retry-after']]).toEqual([429, '2']);
  });
});

describe('POST /api/workflows/validate', () => {
  const path = '/api/workflows/validate';
  it('hands JSON and YAML on as they came, also what cannot be read', async () => {
    const running = await startServer();
    const texts: [string, string][] = [
      ['application/json', '{"name": '],
      ['application/yaml', 'name: ä\n'],
      ['application/yaml; charset=utf-8', 'a: b'],
    ];
    for (const [type, body] of texts) {
      const answer = await running.call('POST', path, { headers: { 'Content-Type': type }, body });
      expect([answer.status, answer.json]).toEqual([200, { errors: [], warnings: [] }]);
    }
    expect(running.engine.callsOf('validate')).toEqual(texts.map(([, body]) => [body]));
  });

  it.each(['text/plain', 'text/yaml', 'application/x-www-form-urlencoded', 'application/yaml; charset=utf-16'])(
    'refuses %s, which a page of another site could send',
    async (type) => {
      const running = await startServer();
      const answer = await running.call('POST', path, { headers: { 'Content-Type': type }, body: 'a: b' });
      expect(answer.status).toBe(415);
    },
  );

  it('refuses no body, too large a one, and what is no UTF-8', async () => {
    const running = await startServer({ bounds: { creatingBodyBytesMax: 10 } });
    const yaml = { 'Content-Type': 'application/yaml' };
    expect((await running.call('POST', path, { headers: yaml })).status).toBe(400);
    expect((await running.call('POST', path, { headers: yaml, body: 'x'.repeat(11) })).status).toBe(413);
    expect((await running.call('POST', path, { headers: yaml, body: new Uint8Array([0xff, 0xfe]) })).status).toBe(400);
    expect((await running.call('POST', path, { headers: yaml, body: 'x'.repeat(10) })).status).toBe(200);
    // No other call takes YAML.
    expect((await running.call('POST', '/api/workflows', { headers: yaml, body: 'a: b' })).status).toBe(415);
  });
});
