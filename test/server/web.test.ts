/**
 * Goal: the dashboard's files and nothing else are answered, with the policy that keeps hostile text harmless. Method: a
 * made-up build in a directory of its own, read by a server; partner tests ask for what is not there.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { pagePaths } from '../../src/server/page-paths.ts';
import { startServer } from './running-server.ts';

const script = 'console.log("the app, long enough to be worth packing");';
const html = { Accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
let webDirectory: string;

beforeAll(() => {
  webDirectory = mkdtempSync(join(tmpdir(), 'hybrid-web-'));
  mkdirSync(join(webDirectory, 'assets'));
  writeFileSync(join(webDirectory, 'index.html'), '<!doctype html><title>Hybrid Engine</title>');
  writeFileSync(join(webDirectory, 'LICENSES.txt'), 'not answered');
  writeFileSync(join(webDirectory, 'assets/app-1A.js.gz'), gzipSync(script));
  writeFileSync(join(webDirectory, 'assets/inter-2B.woff2'), 'a font');
  writeFileSync(join(webDirectory, 'assets/app-1A.js.map'), 'not answered');
});
afterAll(() => rmSync(webDirectory, { recursive: true, force: true }));

const paths = pagePaths.map((path) => path.replaceAll(/\{\w+\}/g, 'x'));

describe('the pages', () => {
  it.each(paths)('%s is answered with the shell', async (path) => {
    const running = await startServer({ webDirectory });
    const answer = await running.call('GET', path, { headers: html });
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    expect(answer.text).toContain('<title>Hybrid Engine</title>');
    expect(answer.headers['cache-control']).toBe('no-cache');
    expect(running.engine.calls).toEqual([]);
  });

  it('PG1: carry the policy: own files only, Trusted Types with one policy, framed by nobody', async () => {
    const running = await startServer({ webDirectory });
    const { headers } = await running.call('GET', '/', { headers: html });
    expect(headers['content-security-policy']).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
        "connect-src 'self'; worker-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; " +
        "frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types engine",
    );
    expect(headers['x-content-type-options']).toBe('nosniff');
    expect(headers['referrer-policy']).toBe('no-referrer');
    expect(headers['cross-origin-opener-policy']).toBe('same-origin');
    expect(headers['access-control-allow-origin']).toBeUndefined();
  });

  it('PG2: are not for programs that ask for JSON: those get what they always got', async () => {
    const running = await startServer({ webDirectory });
    const answer = await running.call('GET', '/', { headers: { Accept: 'application/json' } });
    expect([answer.status, answer.json.code]).toEqual([404, 'NOT_FOUND']);
    expect(answer.headers['content-type']).toContain('application/problem+json');
  });

  it('PG4: need no token, tell nothing, and leave every call to need it', async () => {
    const running = await startServer({ webDirectory, settings: { apiToken: 'a-long-token' } });
    for (const path of [...paths, '/assets/app-1A.js']) {
      expect((await running.call('GET', path, { headers: html })).status, path).toBe(200);
    }
    const json = { Accept: 'application/json' };
    expect((await running.call('GET', '/', { headers: json })).status).toBe(401);
    expect((await running.call('GET', '/api/workflows', { headers: html })).status).toBe(401);
    expect((await running.call('GET', '/runs/x/y', { headers: html })).status).toBe(401);
    expect((await running.call('GET', '/assetsx', { headers: html })).status).toBe(401);
  });

  it('open from a link on another site, while calls and files do not', async () => {
    const running = await startServer({ webDirectory });
    const headers = { ...html, 'Sec-Fetch-Site': 'cross-site' };
    const status = async (path: string) => (await running.call('GET', path, { headers })).status;
    expect(await status('/runs/x')).toBe(200);
    expect(await status('/api/workflows')).toBe(403);
    expect(await status('/assets/app-1A.js')).toBe(403);
  });

  it('say what to do where the dashboard was not built', async () => {
    const running = await startServer();
    const answer = await running.call('GET', '/', { headers: html });
    expect([answer.status, answer.json.detail]).toEqual([404, 'The dashboard is not built: run "npm run build"']);
  });

  it.each(['/api/nope', '/api', '/runs', '/new/a/b', '/index.html', '/costs/x'])(
    'are none of %s, which stays a problem',
    async (path) => {
      const running = await startServer({ webDirectory });
      const answer = await running.call('GET', path, { headers: html });
      expect([answer.status, answer.json.code]).toEqual([404, 'NOT_FOUND']);
    },
  );
});

describe('the files', () => {
  it('come packed to who takes that, unpacked to others, each form with its own tag', async () => {
    const running = await startServer({ webDirectory });
    const packed = await running.call('GET', '/assets/app-1A.js', { headers: { 'Accept-Encoding': 'gzip' } });
    const plain = await running.call('GET', '/assets/app-1A.js');
    expect(packed.headers['content-encoding']).toBe('gzip');
    expect(Number(packed.headers['content-length'])).toBe(gzipSync(script).length);
    expect([plain.text, plain.headers['content-encoding']]).toEqual([script, undefined]);
    expect(plain.headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect(plain.headers.etag).not.toBe(packed.headers.etag);
    expect(plain.headers.vary).toBe('Origin, Accept-Encoding');
    const font = await running.call('GET', '/assets/inter-2B.woff2', { headers: { 'Accept-Encoding': 'gzip' } });
    expect([font.text, font.headers['content-type'], font.headers['content-encoding']]).toEqual([
      'a font',
      'font/woff2',
      undefined,
    ]);
  });

  it('may be kept for ever, and are not sent twice', async () => {
    const running = await startServer({ webDirectory });
    const first = await running.call('GET', '/assets/app-1A.js');
    expect(first.headers['cache-control']).toBe('public, max-age=31536000, immutable');
    const again = await running.call('GET', '/assets/app-1A.js', { headers: { 'If-None-Match': first.headers.etag } });
    expect([again.status, again.text]).toEqual([304, '']);
    const other = await running.call('GET', '/assets/app-1A.js', { headers: { 'If-None-Match': '"other"' } });
    expect(other.status).toBe(200);
  });

  it.each([
    '/assets/app-1A.js.gz',
    '/assets/app-1A.js.map',
    '/assets/index.html',
    '/assets/..%2Findex.html',
    '/assets/%2e%2e%2f%2e%2e%2fpackage.json',
    '/assets/__proto__',
    '/assets/',
    '/LICENSES.txt',
  ])('PG3: are those that were there at the start: not %s', async (path) => {
    const running = await startServer({ webDirectory });
    const answer = await running.call('GET', path);
    expect([answer.status, answer.json.code]).toEqual([404, 'NOT_FOUND']);
  });
});
