/**
 * Goal: every route is reached by the scopes that docs/security.md names, and by no other caller. Method: each route of
 * the OpenAPI document, and of those beside it, is called without a token, with a wrong one and with a token of each scope;
 * who is refused has no effect.
 */
import { existsSync, readFileSync } from 'node:fs';
import { Router } from '@koa/router';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { pagePaths } from '../../src/server/page-paths.ts';
import { FakeEngine, fakeTemplate } from '../fixtures/fake-engine.ts';
import { oneStep, type RunningServer, startServer } from './running-server.ts';

const apiToken = 'a-long-token';
const chrome = `chrome-extension://${'abcdefghijklmnop'.repeat(2)}`;
const anyId = '00000000-0000-4000-8000-000000000000';
const outside = ['GET /docs', 'GET /metrics', 'GET /openapi.json'];
/** They need no token, but a proof of another kind: a code, a signature. Their refusals are their own. */
const withProof = ['POST /api/pair', 'POST /hooks/{template}'];
type Reach = 'yes' | 'own' | '–';
interface Row {
  call: string;
  none: Reach;
  read: Reach;
  capture: Reach;
  full: Reach;
}

function readTable(markdown: string): Row[] {
  const line = /^\| `((?:GET|POST|DELETE) [^`]+)` \| (yes|–) \| (yes|–) \| (yes|own|–) \| (yes) \|$/gm;
  return [...markdown.matchAll(line)].map(([, call = '', ...cells]) => {
    const [none, read, capture, full] = cells as [Reach, Reach, Reach, Reach];
    return { call, none, read, capture, full };
  });
}

const table = readTable(readFileSync('docs/security.md', 'utf8'));

class Walk {
  readonly running: RunningServer;
  readonly tokens: Readonly<Record<'read' | 'capture', string>>;
  /** A workflow that the capture client has given data to, and one that it has not. */
  readonly own: string;
  readonly foreign: string;

  private constructor(running: RunningServer, tokens: Walk['tokens'], own: string, foreign: string) {
    this.running = running;
    this.tokens = tokens;
    this.own = own;
    this.foreign = foreign;
  }

  static async start(): Promise<Walk> {
    const running = await startServer({ settings: { apiToken } });
    const headers = { Authorization: `Bearer ${apiToken}` };
    const post = async (path: string, body: unknown, more: Record<string, string> = {}) =>
      (await running.call('POST', path, { headers: { ...headers, ...more }, body })).json;
    const { code } = (await running.call('POST', '/api/pairings', { headers })).json;
    const { token: capture } = (
      await running.call('POST', '/api/pair', { headers: { Origin: chrome }, body: { code, name: 'c' } })
    ).json;
    const { token: read } = await post('/api/clients', { name: 'r', scope: 'read' });
    const [own, foreign] = [await post('/api/workflows', oneStep), await post('/api/workflows', oneStep)];
    const asClient = { Authorization: `Bearer ${capture}` };
    await post(`/api/workflows/${own.id}/external-data`, { content: 'x' }, asClient);
    running.engine.calls.length = 0;
    return new Walk(running, { read, capture }, own.id, foreign.id);
  }

  /** The status, and the code of a refusal. Streams are asked for their head alone. */
  async ask(
    call: string,
    token: string | null,
    id: string,
  ): Promise<{ status: number; detail: string; needed: string }> {
    const [method = '', path = ''] = call.split(' ');
    const real = path.replace('{stepId}', 'only').replace('{template}', 'two-steps').replace('{id}', id);
    const headers = {
      ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
      ...(path === '/api/pair' ? { Origin: chrome } : {}),
    };
    const answer = await this.running.call(path.endsWith('/events') ? 'HEAD' : method, real, { headers });
    const challenge = answer.headers['www-authenticate'] ?? '';
    return {
      status: answer.status,
      detail: answer.json?.detail ?? '',
      needed: /scope="(\w+)"/.exec(challenge)?.[1] ?? '',
    };
  }
}

const isIn = (status: number) => status !== 401 && status !== 403;

describe('the table of docs/security.md', () => {
  it('has every route', async () => {
    const running = await startServer();
    const { json } = await running.call('GET', '/openapi.json');
    const calls = Object.entries(json.paths as Record<string, object>).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(table.map(({ call }) => call).sort()).toEqual([...calls, ...outside].sort());
    for (const { call, ...reach } of table) {
      if (outside.includes(call)) continue;
      const [method = '', path = ''] = call.split(' ');
      const scopes = (['read', 'capture', 'full'] as const).filter((scope) => reach[scope] !== '–');
      const told = json.paths[path][method.toLowerCase()]['x-scopes'];
      expect([call, told]).toEqual([call, reach.none === 'yes' ? [] : scopes]);
    }
  });

  it('has every route that the router knows, and no other', async () => {
    const register = vi.spyOn(Router.prototype, 'register');
    onTestFinished(() => register.mockRestore());
    await startServer();
    const mounted = register.mock.calls.flatMap(([path, methods]) =>
      methods.map((method) => `${method.toUpperCase()} ${String(path).replaceAll(/:(\w+)/g, '{$1}')}`),
    );
    const dashboard = [...pagePaths, '/assets/{file}', '/docs/{file}'].map((path) => `GET ${path}`);
    expect([...table.map(({ call }) => call), ...dashboard].sort()).toEqual(mounted.sort());
  });

  it('is what a caller without a token and one with a wrong token meet', async () => {
    const walk = await Walk.start();
    for (const { call, none } of table) {
      if (withProof.includes(call)) continue;
      for (const token of [null, 'wrong', `${walk.tokens.read}x`, walk.tokens.capture.toLowerCase(), `${apiToken} `]) {
        const { status } = await walk.ask(call, token?.trimEnd() === apiToken ? 'x' : token, walk.own);
        expect([call, token, status === 401]).toEqual([call, token, none !== 'yes']);
      }
    }
    const asked = new Set(walk.running.engine.calls.map(({ name }) => name));
    expect([...asked]).toEqual(['health']);
  });

  it.each(['read', 'capture', 'full'] as const)('is what a token of scope %s meets', async (scope) => {
    const walk = await Walk.start();
    const token = scope === 'full' ? apiToken : walk.tokens[scope];
    for (const row of table) {
      if (withProof.includes(row.call)) continue;
      const calledBefore = walk.running.engine.calls.length;
      for (const id of [walk.own, walk.foreign, anyId]) {
        const { status, detail, needed } = await walk.ask(row.call, token, id);
        const reaches = row[scope] === 'yes' || (row[scope] === 'own' && id === walk.own);
        expect([row.call, id, isIn(status), status === 401]).toEqual([row.call, id, reaches, false]);
        if (reaches) continue;
        const wanted = row.read === 'yes' ? 'read' : 'full';
        // The head of a stream has no text.
        const told = row.call.endsWith('/events') ? '' : expect.stringContaining(`scope ${wanted}`);
        expect([row.call, detail, needed]).toEqual([row.call, told, wanted]);
      }
      if (row[scope] !== '–') continue;
      const asked = walk.running.engine.calls.slice(calledBefore).map(({ name }) => name);
      expect([row.call, asked]).toEqual([row.call, []]);
    }
    // The walk itself has deleted one, and no client has.
    expect(walk.running.engine.callsOf('delete').length > 0).toBe(scope === 'full');
  });

  it('is read from the page: a row that is not there would be missed', () => {
    expect(table.length).toBeGreaterThan(45);
    expect(readTable('| `GET /api/x` | – | yes | own | yes |')).toEqual([
      { call: 'GET /api/x', none: '–', read: 'yes', capture: 'own', full: 'yes' },
    ]);
  });
});

describe('within a route', () => {
  it('?bound=1 is for scope full alone', async () => {
    const walk = await Walk.start();
    const status = async (token: string, query: string) =>
      (
        await walk.running.call('GET', `/api/workflows/${walk.own}/steps/only${query}`, {
          headers: { Authorization: `Bearer ${token}` },
        })
      ).status;
    for (const [token, bound] of [
      [apiToken, 200],
      [walk.tokens.read, 403],
      [walk.tokens.capture, 403],
    ] as const) {
      expect([await status(token, ''), await status(token, '?bound=0'), await status(token, '?bound=1')]).toEqual([
        200,
        200,
        bound,
      ]);
      expect(await status(token, '?bound=1&bound=1')).toBe(422);
    }
  });

  it('AC3: capture starts templates that take a page, and neither another template nor an action', async () => {
    const engine = new FakeEngine();
    const running = await startServer({ engine });
    const page = { ...fakeTemplate, id: 'page-digest', accepts: { page: { html: 'html' } } };
    engine.templates = async () => [fakeTemplate, page];
    const made = await running.call('POST', '/api/clients', { body: { name: 'c', scope: 'capture' } });
    const headers = { Authorization: `Bearer ${made.json.token}` };
    const start = async (template: string, inQuery: boolean) => {
      const query = inQuery ? `?template_id=${encodeURIComponent(template)}` : '';
      const body = inQuery ? { html: 'x' } : { template_id: template, params: { html: 'x' } };
      return running.call('POST', `/api/workflows/from-template${query}`, { headers, body });
    };
    for (const inQuery of [true, false]) {
      const answer = await start('page-digest', inQuery);
      expect(answer.status).toBe(201);
      const read = await running.call('GET', `/api/workflows/${answer.json.id}`, { headers });
      expect(read.status).toBe(200);
    }
    expect(engine.callsOf('submitTemplate')).toHaveLength(2);
    for (const template of [
      'two-steps',
      'http_request',
      'openai_chat',
      'unknown',
      'page-digest ',
      'PAGE-DIGEST',
      '__proto__',
    ]) {
      for (const inQuery of [true, false]) {
        const answer = await start(template, inQuery);
        expect([template, answer.status, answer.json.detail]).toEqual([
          template,
          expect.toSatisfy((status: number) => status === 403 || status === 422),
          expect.any(String),
        ]);
      }
    }
    expect(engine.callsOf('submitTemplate')).toHaveLength(2);
  });
});

describe('the table of threats', () => {
  const page = readFileSync('docs/security.md', 'utf8');
  const rows = [...page.matchAll(/^\| (X\d+) \| (.+) \| (.+) \| `(test\/[^`]+)` \|$/gm)];

  it('has a control and a test that exists for each', () => {
    const ids = [...new Set(rows.map(([, id]) => id))];
    expect(ids).toEqual(Array.from({ length: 53 }, (_, n) => `X${n + 1}`));
    expect(rows.filter(([, , threat, control]) => threat!.trim() === '' || control!.trim() === '')).toEqual([]);
    expect(rows.map(([, , , , file]) => file).filter((file) => !existsSync(file!))).toEqual([]);
    // A row of another shape would be passed over.
    expect(page.match(/^\| X\d+ /gm)).toHaveLength(rows.length);
  });

  it.each(['H', 'W', 'E'])('and so has each %s of the lists', (letter) => {
    const items = [...page.matchAll(new RegExp(`^- \\*\\*${letter}(\\d+)\\.[^]*?(?=\\n- |\\n\\n)`, 'gm'))];
    expect(items.map(([, number]) => Number(number))).toEqual(items.map((_, at) => at + 1));
    for (const [text] of items) {
      const files = [...text.matchAll(/`(test\/[^`]+\.ts)`/g)].map(([, file]) => file!);
      const isLeftOpen = text.includes('No control') || text.includes('nothing\n  is fetched');
      expect([text, isLeftOpen || files.length > 0, files.filter((file) => !existsSync(file))]).toEqual([
        text,
        true,
        [],
      ]);
    }
  });
});
