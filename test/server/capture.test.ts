/**
 * Goal: what a capture client has sent is its own, over restarts, and the disk holds no token. Method: a real engine and its
 * files; an extension pairs, gives data, and the engine is closed and opened again.
 */
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { startInlineServer } from './inline-server.ts';

const chrome = `chrome-extension://${'abcdefghijklmnop'.repeat(2)}`;
const waiting = { name: 'w', steps: [{ id: 'page', action: 'external_data' }] };

async function start() {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const server = await startInlineServer({ dir });
  const { code } = (await server.call('POST', '/api/pairings')).json;
  const body = { code, name: 'Chrome' };
  const { token, client } = (await server.call('POST', '/api/pair', { headers: { Origin: chrome }, body })).json;
  const headers = { Authorization: `Bearer ${token}`, Origin: chrome };
  return { dir, server, token: token as string, id: client.id as string, headers };
}

it('AC2, X37: it reads the workflows that it gave data to and no others, also after a restart', async () => {
  const { dir, server, headers } = await start();
  const [mine, other] = [await server.create(waiting), await server.create(waiting)];
  const path = `/api/workflows/${mine}/external-data`;
  const keyed = { ...headers, 'Idempotency-Key': 'capture-1' };
  const first = await server.call('POST', path, { headers: keyed, body: { content: 'x' } });
  expect(first.status).toBe(201);
  // The same key of who has scope full is another key, and the same call of the client is the same.
  const again = await server.call('POST', path, { headers: keyed, body: { content: 'x' } });
  expect([again.json, again.headers['idempotency-replayed']]).toEqual([first.json, 'true']);
  await server.close();

  const later = await startInlineServer({ dir });
  const status = async (id: string) => (await later.call('GET', `/api/workflows/${id}`, { headers })).status;
  expect([await status(mine), await status(other), await status('not-an-id')]).toEqual([200, 403, 404]);
  const replayed = await later.call('POST', path, { headers: keyed, body: { content: 'x' } });
  expect([replayed.status, replayed.headers['idempotency-replayed']]).toEqual([201, 'true']);
  const full = await later.call('POST', `/api/workflows/${other}/external-data`, {
    headers: { 'Idempotency-Key': 'capture-1' },
    body: { content: 'y' },
  });
  expect([full.status, full.json.step_id, full.headers['idempotency-replayed']]).toEqual([201, 'page', undefined]);
  expect(await status(other)).toBe(403);
  expect((await later.call('DELETE', `/api/workflows/${mine}`)).status).toBe(204);
  expect(await status(mine)).toBe(403);
});

it('CI2, X39: the file holds the hash of the token and no token, for its owner alone', async () => {
  const { dir, token, id } = await start();
  const file = join(dir.workflowsDir, '.engine', 'clients.json');
  const text = readFileSync(file, 'utf8');
  expect(text).toContain(id);
  expect(text).not.toContain(token);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

it('a file that the engine did not write is set aside, and nobody is paired', async () => {
  const { dir, server, headers } = await start();
  await server.close();
  const file = join(dir.workflowsDir, '.engine', 'clients.json');
  writeFileSync(file, '{"version":1,"clients":[{"id":"x","scope":"full"}]}');
  const later = await startInlineServer({ dir });
  expect((await later.call('GET', '/api/templates', { headers })).status).toBe(403);
  expect((await later.call('GET', '/api/clients')).json).toEqual([]);
  const { notices } = (await later.call('GET', '/api/health')).json;
  expect(notices.join()).toContain('clients.json');
});
