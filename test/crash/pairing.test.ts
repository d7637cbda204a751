/**
 * Goal: a token that was told is good after kill -9 (CI1), and a client that was revoked stays out (CI4). Faults: SIGKILL
 * right after the answer. Method: the product as users start it, on one data directory, in two lives.
 */
import { expect, onTestFinished, test } from 'vitest';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { Served } from './served.ts';

const chrome = `chrome-extension://${'abcdefghijklmnop'.repeat(2)}`;

test('a token outlives kill -9 right after its answer; a revoked one does not come back', {
  timeout: 120_000,
}, async () => {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const first = new Served(dir);
  const url = await first.listening();
  const post = async (path: string, body?: unknown, headers: Record<string, string> = {}) =>
    fetch(url + path, {
      method: 'POST',
      headers: { ...(body === undefined ? {} : { 'Content-Type': 'application/json' }), ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  const program = (await (await post('/api/clients', { name: 'gone', scope: 'read' })).json()) as Made;
  const revoked = await fetch(`${url}/api/clients/${program.client.id}`, { method: 'DELETE' });
  expect(revoked.status).toBe(204);
  const { code } = (await (await post('/api/pairings')).json()) as { code: string };
  const answer = await post('/api/pair', { code, name: 'Chrome' }, { Origin: chrome });
  const { token } = (await answer.json()) as Made;
  first.child.kill('SIGKILL');
  await first.exited;

  const second = new Served(dir);
  const later = await second.listening();
  const status = async (given: string) =>
    (await fetch(`${later}/api/templates`, { headers: { Authorization: `Bearer ${given}` } })).status;
  expect([await status(token), await status(program.token)]).toEqual([200, 401]);
});

interface Made {
  readonly token: string;
  readonly client: { readonly id: string };
}
