/**
 * Who may talk to us at all. Runs before the router and before any byte of a body is read.
 *
 *   GD1  the Host header is there once and is, character for character, one we answer to: a web page that points its
 *       own name at our address gets 421; so do HTTP/1.0 and targets that name a host of their own;
 *   GD2  an Origin is one that was allowed, or our own; it is never reflected otherwise, and never `*` or `null`;
 *   GD3  where API_TOKEN is set, every route but health and the documentation needs it; comparing takes constant time.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Context, Middleware } from 'koa';
import { Refusal } from '../contract/failures.ts';
import type { ServerSettings } from '../contract/settings.ts';
import { quoted, RefusalWithHeaders } from './problem.ts';

const openPaths: ReadonlySet<string> = new Set(['/api/health', '/openapi.json', '/docs']);
const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

const allowedMethods = 'GET, HEAD, POST, DELETE';
const allowedHeaders = 'Content-Type, Authorization, Idempotency-Key, If-None-Match, Last-Event-ID';
const exposedHeaders = 'ETag, Link, X-Total-Count, Location, Retry-After, Idempotency-Replayed';

export function createGuard(settings: ServerSettings, listeningPort: () => number): Middleware {
  const token = settings.apiToken === null ? null : digest(settings.apiToken);
  return async (ctx, next) => {
    const hosts = allowedHosts(settings, listeningPort());
    checkTarget(ctx.req);
    checkHost(ctx.req, hosts);
    ctx.set('Vary', 'Origin');
    const origin = checkOrigin(ctx.req, settings.allowedOrigins, hosts);
    if (origin !== null) {
      ctx.set('Access-Control-Allow-Origin', origin);
      ctx.set('Access-Control-Expose-Headers', exposedHeaders);
      if (ctx.method === 'OPTIONS' && ctx.req.headers['access-control-request-method'] !== undefined) {
        answerPreflight(ctx);
        return;
      }
    }
    if (token !== null && !isOpenPath(ctx.path)) checkToken(ctx.req, token);
    await next();
  };
}

export function isOpenPath(path: string): boolean {
  return openPaths.has(path) || path.startsWith('/docs/');
}

function allowedHosts(settings: ServerSettings, port: number): string[] {
  if (settings.allowedHosts.length > 0) return settings.allowedHosts;
  const names = ['127.0.0.1', 'localhost', '[::1]'];
  const hosts = names.map((name) => `${name}:${port}`);
  // Browsers leave the default port out.
  return port === 80 ? [...hosts, ...names] : hosts;
}

function checkTarget(request: IncomingMessage): void {
  if (request.httpVersion !== '1.1') {
    throw new Refusal({ code: 'MISDIRECTED', detail: `HTTP/${request.httpVersion} is not answered: use HTTP/1.1` });
  }
  if (!request.url?.startsWith('/')) {
    throw new Refusal({
      code: 'MISDIRECTED',
      detail: 'The request target must be a path such as /api/health, without scheme and host',
    });
  }
}

function checkHost(request: IncomingMessage, hosts: readonly string[]): void {
  // request.headers keeps the first of two Host headers; the raw ones tell.
  const given = rawValues(request, 'host');
  if (given.length === 1 && given[0] !== undefined && hosts.includes(given[0])) return;
  const what =
    given.length === 1 ? `Host ${quoted(given[0] ?? '')} is not answered` : `There were ${given.length} Host headers`;
  throw new Refusal({
    code: 'MISDIRECTED',
    detail: `${what}: use ${hosts.join(' or ')}, or name the host in ALLOWED_HOSTS`,
  });
}

/** The origin to name in the answer; null when the request carries none. */
function checkOrigin(request: IncomingMessage, origins: readonly string[], hosts: readonly string[]): string | null {
  const given = rawValues(request, 'origin');
  const [origin] = given;
  if (origin !== undefined) {
    const isOwn = hosts.some((host) => origin === `http://${host}`);
    if (given.length === 1 && origin !== 'null' && (isOwn || origins.includes(origin))) return origin;
    throw new Refusal({
      code: 'FORBIDDEN',
      detail: `Origin ${quoted(origin)} may not call this engine: name it in ALLOWED_ORIGINS`,
    });
  }
  const isMutating = !safeMethods.has(request.method ?? '');
  if (isMutating && rawValues(request, 'sec-fetch-site').some((site) => site.toLowerCase() === 'cross-site')) {
    throw new Refusal({ code: 'FORBIDDEN', detail: 'Changes asked for by a page of another site are refused' });
  }
  return null;
}

function answerPreflight(ctx: Context): void {
  ctx.set('Access-Control-Allow-Methods', allowedMethods);
  ctx.set('Access-Control-Allow-Headers', allowedHeaders);
  ctx.set('Access-Control-Max-Age', '600');
  ctx.status = 204;
}

function checkToken(request: IncomingMessage, token: Buffer): void {
  const given = /^Bearer ([\x21-\x7e]+)$/i.exec(request.headers.authorization ?? '')?.[1];
  // Both sides are digests of one length, so that the time taken tells neither the length nor a prefix.
  if (given !== undefined && timingSafeEqual(digest(given), token)) return;
  throw new RefusalWithHeaders(
    {
      code: 'UNAUTHORIZED',
      detail: 'This engine asks for its API_TOKEN: send it as "Authorization: Bearer <token>"',
    },
    { 'WWW-Authenticate': 'Bearer realm="hybrid-engine"' },
  );
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

function rawValues(request: IncomingMessage, name: string): string[] {
  const values: string[] = [];
  for (let at = 0; at + 1 < request.rawHeaders.length; at += 2) {
    if (request.rawHeaders[at]?.toLowerCase() === name) values.push(request.rawHeaders[at + 1] ?? '');
  }
  return values;
}
