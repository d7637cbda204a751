/**
 * Goal: a person who sees the code lets in one extension from its own origin, and nobody else gets in. Method: codes on a
 * clock of the test's; HTTP as an extension, a page and a program would speak it; a second server over the same engine
 * stands for a restart.
 */
import { describe, expect, it } from 'vitest';
import { limits } from '../../src/contract/limits.ts';
import { newClientSchema, pairedClientSchema, pairingSchema } from '../../src/contract/pairing.ts';
import { Pairings } from '../../src/server/pairings.ts';
import { FakeEngine } from '../fixtures/fake-engine.ts';
import { openEvents } from './event-reader.ts';
import { type Answer, oneStep, type RunningServer, startServer } from './running-server.ts';

const apiToken = 'a-long-token';
const chrome = `chrome-extension://${'abcdefghijklmnop'.repeat(2)}`;
const firefox = 'moz-extension://3f2c8f52-6d3c-4a6e-9d5b-0c8f3a1e7b10';
const other = `chrome-extension://${'ponmlkjihgfedcba'.repeat(2)}`;
const full = { Authorization: `Bearer ${apiToken}` };

function bearer(token: string, origin: string | null = chrome) {
  return { Authorization: `Bearer ${token}`, ...(origin === null ? {} : { Origin: origin }) };
}

async function openCode(running: RunningServer, headers: Record<string, string> = full): Promise<string> {
  const answer = await running.call('POST', '/api/pairings', { headers });
  expect([answer.status, answer.json?.detail]).toEqual([201, undefined]);
  expect(pairingSchema.strict().parse(answer.json)).toEqual(answer.json);
  return answer.json.code;
}

function sendCode(
  running: RunningServer,
  code: string,
  origin: string | null = chrome,
  name = 'Chrome',
): Promise<Answer> {
  return running.call('POST', '/api/pair', {
    headers: origin === null ? {} : { Origin: origin },
    body: { code, name },
  });
}

async function pair(running: RunningServer, origin = chrome): Promise<{ token: string; id: string }> {
  const answer = await sendCode(running, await openCode(running), origin);
  expect(answer.status).toBe(201);
  return { token: answer.json.token, id: answer.json.client.id };
}

const start = (engine = new FakeEngine()) => startServer({ engine, settings: { apiToken } });

describe('a code', () => {
  it('PI3: has eight places of 30 letters and digits without look-alikes', () => {
    const pairings = new Pairings();
    const codes = Array.from({ length: 2_000 }, () => pairings.open().code);
    expect(codes.filter((code) => !/^[2-9A-HJKMNP-TV-Z]{8}$/.test(code))).toEqual([]);
    expect(new Set(codes.join('')).size).toBe(30);
    expect(new Set(codes).size).toBe(codes.length);
  });

  it('PI2: is good once, in small letters and with blanks and hyphens too', () => {
    const pairings = new Pairings();
    for (const typed of [
      (code: string) => code,
      (code: string) => ` ${code.slice(0, 4).toLowerCase()}-${code.slice(4)} `,
    ]) {
      const { code } = pairings.open();
      expect(pairings.take(typed(code))).toBe(true);
      expect(pairings.take(code)).toBe(false);
    }
  });

  it('PI2: is good for two minutes and no longer', () => {
    let now = 5_000;
    const pairings = new Pairings(() => now);
    const first = pairings.open();
    now += 120_000 - 1;
    expect(pairings.take(first.code)).toBe(true);
    const second = pairings.open();
    now += 120_000;
    expect(pairings.take(second.code)).toBe(false);
  });

  it('PI2: is void after five wrong tries; after four it is not', () => {
    const pairings = new Pairings();
    for (const [wrongTries, isGood] of [
      [4, true],
      [5, false],
      [6, false],
    ] as const) {
      const { code } = pairings.open();
      for (let n = 0; n < wrongTries; n += 1) expect(pairings.take(n === 0 ? '' : 'AAAAAAAA')).toBe(false);
      expect([wrongTries, pairings.take(code)]).toEqual([wrongTries, isGood]);
    }
  });

  it('PI1: ends the one before', () => {
    const pairings = new Pairings();
    const [first, second] = [pairings.open(), pairings.open()];
    expect([pairings.take(first.code), pairings.take(second.code)]).toEqual([false, true]);
  });
});

describe('pairing', () => {
  it.each([chrome, firefox])('gives %s a token of scope capture, stored before it is told', async (origin) => {
    const running = await start();
    const code = await openCode(running);
    const answer = await sendCode(running, code.toLowerCase(), origin, ' Desk ');
    expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([201, origin]);
    expect(newClientSchema.strict().parse(answer.json)).toEqual(answer.json);
    const { token, scope, client } = answer.json;
    expect([scope, client.name, client.origin]).toEqual(['capture', 'Desk', origin]);
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
    const onDisk = JSON.stringify(running.engine.clients);
    expect(onDisk).toContain(client.id);
    expect(onDisk).not.toContain(token);
    expect((await running.call('GET', '/api/templates', { headers: bearer(token, origin) })).status).toBe(200);
    expect(running.logLines.join('')).not.toContain(token);
    expect(running.logLines.join('')).not.toContain(code);
  });

  const wrongOrigins = [
    null,
    'null',
    'http://localhost:3000',
    'https://example.com',
    'http://localhost:PORT',
    'chrome-extension://abc',
    `chrome-extension://${'abcdefghijklmnoz'.repeat(2)}`,
    `${chrome}/`,
    `${chrome}.evil.test`,
    `${chrome}, http://evil.test`,
    chrome.toUpperCase(),
    `chrome-extension://${'ABCDEFGHIJKLMNOP'.repeat(2)}`,
    'moz-extension://3f2c8f52',
    firefox.toUpperCase().replace('MOZ-EXTENSION', 'moz-extension'),
    'safari-web-extension://3f2c8f52-6d3c-4a6e-9d5b-0c8f3a1e7b10',
    'file://',
    'app://abcdefghijklmnopabcdefghijklmnop',
  ];
  it.each(wrongOrigins)('is refused to %s, and the code stays good', async (origin) => {
    const running = await startServer({ settings: { apiToken, allowedOrigins: ['http://localhost:3000'] } });
    const code = await openCode(running);
    const answer = await sendCode(running, code, origin?.replace('PORT', String(running.port)) ?? null);
    expect([answer.status, answer.json.code]).toEqual([403, 'FORBIDDEN']);
    expect(running.engine.clients.clients).toEqual([]);
    expect((await sendCode(running, code)).status).toBe(201);
  });

  it('is refused with two Origins', async () => {
    const running = await start();
    const body = JSON.stringify({ code: await openCode(running), name: 'x' });
    const head = `POST /api/pair HTTP/1.1\r\nHost: localhost:${running.port}\r\nOrigin: ${chrome}\r\nOrigin: ${chrome}\r\n`;
    const text = `${head}Content-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n\r\n${body}`;
    expect(await running.raw(text)).toMatch(/^HTTP\/1\.1 403 /);
  });

  it('PI4: tells a wrong, a used and an expired code, and one where none is open, alike', async () => {
    const running = await start();
    const details = new Set<string>();
    const note = (answer: Answer) => {
      expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([403, chrome]);
      details.add(answer.text);
    };
    note(await sendCode(running, 'AAAAAAAA'));
    const code = await openCode(running);
    note(await sendCode(running, 'AAAAAAAA'));
    note(await sendCode(running, ''));
    expect((await sendCode(running, code)).status).toBe(201);
    note(await sendCode(running, code));
    const next = await openCode(running);
    for (let n = 0; n < 5; n += 1) note(await sendCode(running, 'AAAAAAAA'));
    note(await sendCode(running, next));
    expect([...details]).toEqual([expect.stringContaining('hybrid-engine pair')]);
  });

  it.each([
    [{}, 422],
    [{ code: 'AAAAAAAA' }, 422],
    [{ code: 7, name: 'x' }, 422],
    [{ code: 'A'.repeat(65), name: 'x' }, 422],
    [{ code: 'AAAAAAAA', name: '  ' }, 422],
    [{ code: 'AAAAAAAA', name: 'x'.repeat(101) }, 422],
    [{ code: 'AAAAAAAA', name: 'x', scope: 'full' }, 422],
    [{ code: 'AAAAAAAA', name: 'x'.repeat(5_000) }, 413],
  ])('refuses %j with %i, and that is no try', async (body, status) => {
    const running = await start();
    const code = await openCode(running);
    for (let n = 0; n < 6; n += 1) {
      expect((await running.call('POST', '/api/pair', { headers: { Origin: chrome }, body })).status).toBe(status);
    }
    expect((await sendCode(running, code)).status).toBe(201);
  });

  it('needs scope full to open a code: no client, no page, no extension does', async () => {
    const running = await start();
    const { token } = await pair(running);
    const read = await running.call('POST', '/api/clients', { headers: full, body: { name: 'r', scope: 'read' } });
    const ask = async (headers: Record<string, string>) =>
      (await running.call('POST', '/api/pairings', { headers })).status;
    expect(await ask({})).toBe(401);
    expect(await ask(bearer(token))).toBe(403);
    expect(await ask(bearer(read.json.token, null))).toBe(403);
    expect(await ask({ ...full, Origin: 'http://evil.test' })).toBe(403);
    expect(await ask({ ...full, Origin: other })).toBe(403);
    expect(await ask({ ...full, 'Sec-Fetch-Site': 'cross-site' })).toBe(403);
  });

  it('takes no more clients than there may be, and says so before a code is shown', async () => {
    const running = await start();
    for (let n = 0; n < limits.clientsMax; n += 1) {
      const answer = await running.call('POST', '/api/clients', {
        headers: full,
        body: { name: `${n}`, scope: 'read' },
      });
      expect(answer.status).toBe(201);
    }
    const refused = await running.call('POST', '/api/clients', { headers: full, body: { name: 'x', scope: 'read' } });
    expect([refused.status, refused.json.detail]).toEqual([409, expect.stringContaining('revoke')]);
    expect((await running.call('POST', '/api/pairings', { headers: full })).status).toBe(409);
  });
});

describe('the origin of an extension', () => {
  const preflight = { 'Access-Control-Request-Method': 'POST', 'Access-Control-Request-Headers': 'authorization' };

  it('GD6: gets health and the pairing call before it is paired, and nothing else', async () => {
    const running = await start();
    const ask = async (method: string, path: string, more: Record<string, string> = {}) => {
      const { status, headers } = await running.call(method, path, { headers: { Origin: chrome, ...more } });
      return [status, headers['access-control-allow-origin']];
    };
    expect(await ask('GET', '/api/health')).toEqual([200, chrome]);
    expect(await ask('OPTIONS', '/api/health', preflight)).toEqual([204, chrome]);
    expect(await ask('OPTIONS', '/api/pair', preflight)).toEqual([204, chrome]);
    for (const path of ['/api/templates', '/api/workflows', '/api/pairings', '/api/pair/', '/docs', '/', '/metrics']) {
      expect([path, ...(await ask('OPTIONS', path, preflight))]).toEqual([path, 403, undefined]);
      expect([path, ...(await ask('GET', path, full))]).toEqual([path, 403, undefined]);
      expect([path, ...(await ask('POST', path, full))]).toEqual([path, 403, undefined]);
    }
    expect(await ask('GET', '/api/pair')).toEqual([403, undefined]);
    expect(await ask('POST', '/api/health')).toEqual([403, undefined]);
    const { json } = await running.call('GET', '/api/health', { headers: { Origin: chrome } });
    expect(Object.keys(json).sort()).toEqual(['auth', 'status', 'timestamp']);
  });

  it('is answered everywhere at once when it is paired, preflights too, until its last client is revoked', async () => {
    const running = await start();
    const [first, second] = [await pair(running), await pair(running)];
    const seen = async (origin: string) => {
      const { status, headers } = await running.call('OPTIONS', '/api/workflows/from-template', {
        headers: { Origin: origin, ...preflight },
      });
      return [status, headers['access-control-allow-origin'], headers.vary];
    };
    expect(await seen(chrome)).toEqual([204, chrome, 'Origin']);
    expect(await seen(other)).toEqual([403, undefined, 'Origin']);
    expect(await seen(firefox)).toEqual([403, undefined, 'Origin']);
    for (const [id, status] of [
      [first.id, 204],
      [second.id, 403],
    ] as const) {
      expect((await running.call('DELETE', `/api/clients/${id}`, { headers: full })).status).toBe(204);
      expect((await seen(chrome))[0]).toBe(status);
    }
  });

  it('WH2: gets nothing without its token, also where no API_TOKEN is set', async () => {
    const running = await startServer();
    const code = await openCode(running, {});
    const { token } = (await sendCode(running, code)).json;
    const status = async (headers: Record<string, string>) =>
      (await running.call('POST', '/api/workflows', { headers, body: oneStep })).status;
    expect(await status({ Origin: chrome })).toBe(401);
    expect(await status(bearer(token))).toBe(403);
    expect(await status({})).toBe(201);
    expect((await running.call('GET', '/api/workflows', { headers: { Origin: chrome } })).status).toBe(401);
  });
});

describe('a token of a client', () => {
  it('CI3: is good from its own origin and without one, and from nowhere else', async () => {
    const running = await startServer({ settings: { apiToken, allowedOrigins: ['http://localhost:3000'] } });
    const { token } = await pair(running);
    await pair(running, firefox);
    const made = await running.call('POST', '/api/clients', { headers: full, body: { name: 'r', scope: 'read' } });
    const status = async (given: string, origin: string | null) =>
      (await running.call('GET', '/api/templates', { headers: bearer(given, origin) })).status;
    const page = 'http://localhost:3000';
    const own = `http://localhost:${running.port}`;
    expect(await Promise.all([chrome, null].map((origin) => status(token, origin)))).toEqual([200, 200]);
    expect(await Promise.all([firefox, page, own].map((origin) => status(token, origin)))).toEqual([401, 401, 401]);
    expect(await Promise.all([null, page, own].map((origin) => status(made.json.token, origin)))).toEqual([
      200, 200, 200,
    ]);
    expect(await status(made.json.token, chrome)).toBe(401);
  });

  it('WH1: is wrong once revoked, and does not pass for none where no API_TOKEN is set', async () => {
    const running = await startServer();
    const made = await running.call('POST', '/api/clients', { body: { name: 'r', scope: 'read' } });
    const headers = bearer(made.json.token, null);
    expect((await running.call('GET', '/api/workflows', { headers })).status).toBe(200);
    expect((await running.call('POST', '/api/workflows', { headers, body: oneStep })).status).toBe(403);
    expect((await running.call('DELETE', `/api/clients/${made.json.client.id}`)).status).toBe(204);
    for (const given of [headers, bearer('x', null), bearer(' ', null)]) {
      const answer = await running.call('GET', '/api/workflows', { headers: given });
      expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Bearer realm="hybrid-engine"']);
      expect((await running.call('POST', '/api/workflows', { headers: given, body: oneStep })).status).toBe(401);
      expect((await running.call('GET', '/api/health', { headers: given })).json.version).toBeUndefined();
    }
    expect((await running.call('DELETE', `/api/clients/${made.json.client.id}`)).status).toBe(404);
  });

  it('CI4: has its open streams cut when it is revoked; those of others stay', async () => {
    const running = await start();
    const make = async () =>
      (await running.call('POST', '/api/clients', { headers: full, body: { name: 'r', scope: 'read' } })).json;
    const [one, two] = [await make(), await make()];
    const streams = await Promise.all(
      [one, two].map(({ token }) => openEvents(running.port, '/api/events', bearer(token, null))),
    );
    const [cut, stays] = streams as [(typeof streams)[0], (typeof streams)[0]];
    expect([cut.status, stays.status]).toEqual([200, 200]);
    expect((await running.call('DELETE', `/api/clients/${one.client.id}`, { headers: full })).status).toBe(204);
    await cut.ended;
    let hasEnded = false;
    void stays.ended.then(() => {
      hasEnded = true;
    });
    expect((await running.call('GET', '/api/workflows', { headers: bearer(two.token, null) })).status).toBe(200);
    expect(hasEnded).toBe(false);
    stays.leave();
    await stays.ended;
  });

  it('CI1: is good after a restart, and one that was revoked is not', async () => {
    const engine = new FakeEngine();
    const running = await start(engine);
    const [kept, gone] = [await pair(running), await pair(running, firefox)];
    await running.call('DELETE', `/api/clients/${gone.id}`, { headers: full });
    const again = await start(engine);
    const status = async (token: string, origin: string) =>
      (await again.call('GET', '/api/templates', { headers: bearer(token, origin) })).status;
    expect([await status(kept.token, chrome), await status(gone.token, firefox)]).toEqual([200, 403]);
  });

  it('CI1: is not told where it cannot be stored', async () => {
    const running = await start();
    const code = await openCode(running);
    running.engine.failWith('writeClients', new Error('the disk is gone'));
    expect((await sendCode(running, code)).status).toBe(500);
    running.engine.failWith('writeClients', null);
    expect((await running.call('GET', '/api/clients', { headers: full })).json).toEqual([]);
    expect((await sendCode(running, code)).status).toBe(403);
  });

  it('CI4: is out although the revocation cannot be stored, and can be revoked again', async () => {
    const running = await start();
    const { token, id } = await pair(running);
    running.engine.failWith('writeClients', new Error('the disk is gone'));
    expect((await running.call('DELETE', `/api/clients/${id}`, { headers: full })).status).toBe(500);
    expect((await running.call('GET', '/api/templates', { headers: bearer(token) })).status).toBe(403);
    expect((await running.call('GET', '/api/templates', { headers: bearer(token, null) })).status).toBe(401);
    running.engine.failWith('writeClients', null);
    expect((await running.call('DELETE', `/api/clients/${id}`, { headers: full })).status).toBe(204);
    expect(running.engine.clients.clients).toEqual([]);
  });

  it('CI5: is listed with the hour of its last call, which is written once an hour', async () => {
    const running = await start();
    const { token, id } = await pair(running);
    const list = async () => (await running.call('GET', '/api/clients', { headers: full })).json;
    const [before] = await list();
    expect(pairedClientSchema.strict().parse(before)).toEqual({ ...before, id, last_used_at: null });
    for (let n = 0; n < 5; n += 1) await running.call('GET', '/api/templates', { headers: bearer(token) });
    const [after] = await list();
    expect(after.last_used_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:00:00\.000Z$/);
    // The pairing, and the hour; a second hour where the test ran over its end.
    expect(running.engine.callsOf('writeClients').length).toBeLessThanOrEqual(3);
    expect(running.engine.clients.clients[0]?.last_used_at).toBe(after.last_used_at);
  });
});

describe('AC4: the Idempotency-Key of a client', () => {
  it('is its own: the same key of others meets nothing of it', async () => {
    const running = await start();
    const [one, two] = [await pair(running), await pair(running, firefox)];
    const body = { content: 'x', step_name: 'page' };
    const made = await running.call('POST', '/api/workflows', { headers: full, body: oneStep });
    const path = `/api/workflows/${made.json.id}/external-data`;
    const keys = async (headers: Record<string, string>) => {
      await running.call('POST', path, { headers: { ...headers, 'Idempotency-Key': 'k' }, body });
      return running.engine.callsOf('externalData').at(-1)?.[2] as { idempotencyKey: string };
    };
    const given = [
      await keys(full),
      await keys(bearer(one.token)),
      await keys(bearer(one.token)),
      await keys(bearer(two.token, firefox)),
    ];
    const [ofFull, first, second, ofOther] = given.map(({ idempotencyKey }) => idempotencyKey);
    expect([ofFull, first]).toEqual(['k', second]);
    expect(new Set([ofFull, first, ofOther]).size).toBe(3);
    expect(first).toMatch(/^ client\/client_[0-9a-f]{12}\/[\w-]{43}$/);
  });

  it('is made where it sends none, so that the workflow is known as its own', async () => {
    const running = await start();
    const { token } = await pair(running);
    const made = await running.call('POST', '/api/workflows', { headers: full, body: oneStep });
    const path = `/api/workflows/${made.json.id}`;
    const status = async (under = '') => (await running.call('GET', path + under, { headers: bearer(token) })).status;
    expect([await status(), await status('/steps/only')]).toEqual([403, 403]);
    await running.call('POST', `${path}/external-data`, { headers: bearer(token), body: { content: 'x' } });
    expect([await status(), await status('/steps/only'), await status('/logs')]).toEqual([200, 200, 403]);
    expect(await status('/steps/only?bound=1')).toBe(403);
  });
});
