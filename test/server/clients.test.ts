/** Goal: of paired clients no more is kept than is needed: no answer that has ended, an hour of the last call, so many clients. Method: an engine that keeps what is written, and a clock of the test's own. */
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { limits } from '../../src/contract/limits.ts';
import type { KeptClients } from '../../src/contract/pairing.ts';
import { Clients } from '../../src/server/clients.ts';

const origin = `chrome-extension://${'a'.repeat(32)}`;
const fields = { name: 'n', origin, scope: 'capture' as const };

function clientsAt(now: () => number) {
  const written: KeptClients[] = [];
  const engine = {
    readClients: async (): Promise<KeptClients> => ({ version: 1, clients: [] }),
    writeClients: async (kept: KeptClients) => void written.push(structuredClone(kept)),
  };
  const warned: string[] = [];
  return {
    clients: new Clients(engine, { warn: (_: unknown, text: string) => warned.push(text) } as never, now),
    written,
    warned,
  };
}

class Answer extends EventEmitter {
  cuts = 0;

  destroy(): void {
    this.cuts += 1;
  }
}

const response = (answer: Answer) => answer as unknown as ServerResponse;

test('CI4: of a client that is revoked the open answers are cut, once, and those that have ended are forgotten', async () => {
  const { clients } = clientsAt(() => 0);
  const { client } = await clients.add(fields);
  const [open, ended] = [new Answer(), new Answer()];
  for (const answer of [open, ended]) clients.note(client.id, response(answer));
  ended.emit('close');
  await clients.revoke(client.id);
  expect([open.cuts, ended.cuts]).toEqual([1, 0]);
  expect(clients.hasOrigin(origin)).toBe(false);
});

test('CI4: while the revocation is written, neither the token nor the origin is good', async () => {
  const { clients } = clientsAt(() => 0);
  const { token, client } = await clients.add(fields);
  expect([clients.find(token, origin, false)?.id, clients.hasOrigin(origin)]).toEqual([client.id, true]);
  const revoked = clients.revoke(client.id);
  expect([clients.find(token, origin, false), clients.hasOrigin(origin)]).toEqual([null, false]);
  await revoked;
  expect(clients.list()).toEqual([]);
});

test('CI5: the hour of the last call is written when another one begins, and not before', async () => {
  let now = Date.UTC(2026, 0, 31, 12, 59, 59, 999);
  const { clients, written } = clientsAt(() => now);
  const { client } = await clients.add(fields);
  const call = async () => {
    clients.note(client.id, response(new Answer()));
    await new Promise((resolve) => setImmediate(resolve));
    return [written.length, clients.list()[0]?.last_used_at];
  };
  expect(await call()).toEqual([2, '2026-01-31T12:00:00.000Z']);
  now -= 59 * 60_000;
  expect(await call()).toEqual([2, '2026-01-31T12:00:00.000Z']);
  now = Date.UTC(2026, 0, 31, 13);
  expect(await call()).toEqual([3, '2026-01-31T13:00:00.000Z']);
});

test('the last place is taken, and none after it', async () => {
  const { clients } = clientsAt(() => 0);
  for (let n = 1; n < limits.clientsMax; n += 1) await clients.add(fields);
  expect(() => clients.checkRoom()).not.toThrow();
  await clients.add(fields);
  expect(() => clients.checkRoom()).toThrow(`There are ${limits.clientsMax} clients already`);
});
