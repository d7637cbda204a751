/**
 * Who may talk to us at all. Runs before the router and before any byte of a body is read.
 *
 *   GD1  the Host header is there once and is, character for character, one we answer to: a web page that points its
 *       own name at our address gets 421; so do targets that name a host of their own;
 *   GD2  an Origin is one that was allowed, or our own; it is never reflected otherwise, and never `*` or `null`;
 *       without an Origin, what a browser says about the page that asks is on a list of what is allowed;
 *   GD3  where API_TOKEN is set, every route but health, the documentation, the dashboard's own files and deliveries of
 *        webhooks, which are signed, needs it, or the token of a paired client (callers.ts); comparing takes constant
 *        time. A ticket stands in for it at event streams (tickets.ts);
 *   GD4  health is answered whatever the Host, so that whoever watches the engine needs no setting; a caller whose Host
 *       is not one of ours, or who lacks the token, learns that it is alive, whether it asks for a token, and nothing more;
 *   GD5  no header is left unseen: one with more headers than `headersMax` is refused;
 *   GD6  the origin of a browser extension that is not paired may ask for health and send a pairing code, and nothing
 *        else; once paired it is answered everywhere, until its last client is revoked.
 */
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import type { Context, Middleware } from 'koa';
import { Refusal } from '../contract/failures.ts';
import { isExtensionOrigin } from '../contract/pairing.ts';
import type { ServerSettings } from '../contract/settings.ts';
import { type CallerOrigin, Callers, type KnownCaller, unauthorized } from './callers.ts';
import type { Clients } from './clients.ts';
import { isPagePath, isWebPath } from './page-paths.ts';
import { quoted } from './problem.ts';
import { RefusalHints } from './refusal-hints.ts';
import type { RouteParts } from './route.ts';

const healthPath = '/api/health';
/** Where an extension that is not paired yet sends its code. */
export const pairPath = '/api/pair';
const openPaths: ReadonlySet<string> = new Set([healthPath, '/openapi.json', '/docs']);
/** What a page of another site may show: a link to it leads there, and it changes and tells nothing. */
const documentPaths: ReadonlySet<string> = new Set(['/openapi.json', '/docs']);
/** Values of Sec-Fetch-Site: our own page, a page of another port of this host, or no page at all. */
const allowedSites: ReadonlySet<string> = new Set(['same-origin', 'same-site', 'none']);
/** Deliveries of webhooks: each is let in by its own signature. */
const hookPath = /^\/hooks\/[^/]+$/;
/** Several times what browsers and proxies send. */
export const headersMax = 200;

const allowedMethods = 'GET, HEAD, POST, DELETE';
const allowedHeaders = 'Content-Type, Authorization, Idempotency-Key, If-None-Match, Last-Event-ID';
const exposedHeaders =
  'ETag, Link, X-Total-Count, X-Next-Cursor, X-Log-Next, Last-Event-ID, Location, Retry-After, Idempotency-Replayed, ' +
  'Content-Disposition';

export function createGuard(
  { settings, log, tickets, clients }: Pick<RouteParts, 'settings' | 'log' | 'tickets' | 'clients'>,
  listeningPort: () => number,
): Middleware {
  const callers = new Callers(settings.apiToken, clients);
  const hints = new RefusalHints(settings, log);
  return async (ctx, next) => {
    const hosts = allowedHosts(settings, listeningPort());
    checkHeaderCount(ctx.req);
    checkTarget(ctx.req);
    const isKnownHost = checkHost(ctx, hosts, hints);
    ctx.set('Vary', 'Origin');
    const from = checkOrigin(ctx, { origins: settings.allowedOrigins, hosts, hints, clients });
    if (from === null) checkSite(ctx);
    else {
      ctx.set('Access-Control-Allow-Origin', from.origin);
      ctx.set('Access-Control-Expose-Headers', exposedHeaders);
      if (ctx.method === 'OPTIONS' && ctx.req.headers['access-control-request-method'] !== undefined) {
        answerPreflight(ctx);
        return;
      }
    }
    const caller = callers.find(ctx.req, from);
    const isOpen = isOpenPath(ctx.path, ctx.method);
    if (caller === null && !isOpen && !tickets.admits(ctx)) throw unauthorized(ctx);
    // A ticket opens streams alone, which are there to be read.
    ctx.state.caller = caller ?? (isOpen ? undefined : ({ scope: 'read', client: null } satisfies KnownCaller));
    ctx.state.origin = from?.origin;
    ctx.state.isTrusted = isKnownHost && caller !== null && caller.scope !== 'capture';
    if (caller !== null && caller.client !== null) clients.note(caller.client, ctx.res);
    await next();
  };
}

/** The dashboard's files are only ever read. */
export function isOpenPath(path: string, method: string): boolean {
  if (openPaths.has(path) || path.startsWith('/docs/')) return true;
  if (method === 'POST' && hookPath.test(path)) return true;
  if (path === pairPath && method === 'POST') return true;
  return (method === 'GET' || method === 'HEAD') && isWebPath(path);
}

/** False for a caller who may learn that the engine is alive, and nothing more (GD4). */
export function isTrusted(ctx: Context): boolean {
  return ctx.state.isTrusted === true;
}

/** Values of the Host header that are answered; without ALLOWED_HOSTS the loopback names, and HOST where it is one address. */
export function allowedHosts(settings: ServerSettings, port: number): string[] {
  if (settings.allowedHosts.length > 0) return settings.allowedHosts;
  const own = toUrlHost(settings.host);
  const names = [...new Set(['127.0.0.1', 'localhost', '[::1]', ...(isWildcard(settings.host) ? [] : [own])])];
  const hosts = names.map((name) => `${name}:${port}`);
  // Browsers leave the default port out.
  return port === 80 ? [...hosts, ...names] : hosts;
}

/** True for the addresses that stand for every address of the machine. */
export function isWildcard(host: string): boolean {
  return ['0.0.0.0', '[::]'].includes(toUrlHost(host));
}

/** A host as it stands in a URL, in the spelling of browsers: `[::1]`. */
export function toUrlHost(host: string): string {
  const bare = host.replace(/^\[(.*)\]$/, '$1');
  const name = isIP(bare) === 6 ? `[${bare}]` : bare;
  return URL.canParse(`http://${name}`) ? new URL(`http://${name}`).hostname : name;
}

function checkHeaderCount(request: IncomingMessage): void {
  const count = request.rawHeaders.length / 2;
  if (count <= headersMax) return;
  throw new Refusal({
    code: 'HEADERS_TOO_LARGE',
    detail: `A request may have ${headersMax} headers; this one has ${count}: leave some out`,
  });
}

function checkTarget(request: IncomingMessage): void {
  if (request.httpVersion !== '1.1' && request.httpVersion !== '1.0') {
    throw new Refusal({ code: 'MISDIRECTED', detail: `HTTP/${request.httpVersion} is not answered: use HTTP/1.1` });
  }
  if (!request.url?.startsWith('/')) {
    throw new Refusal({
      code: 'MISDIRECTED',
      detail: 'The request target must be a path such as /api/health, without scheme and host',
    });
  }
}

/** True when the Host is one of ours; false when it is not, and the path is one for everybody. */
function checkHost(ctx: Context, hosts: readonly string[], hints: RefusalHints): boolean {
  // request.headers keeps the first of two Host headers; the raw ones tell.
  const given = rawValues(ctx.req, 'host');
  const [host] = given;
  if (given.length === 1 && host !== undefined && hosts.includes(host)) return true;
  // HTTP/1.0 knows requests without a Host.
  const isWellFormed = given.length === 1 || (given.length === 0 && ctx.req.httpVersion === '1.0');
  if (isWellFormed && ctx.path === healthPath) return false;
  if (given.length === 1) hints.host(host ?? '');
  const what =
    given.length === 1 ? `Host ${quoted(host ?? '')} is not answered` : `There were ${given.length} Host headers`;
  throw new Refusal({
    code: 'MISDIRECTED',
    detail: `${what}: use ${hosts.join(' or ')}, or name the host in ALLOWED_HOSTS`,
  });
}

interface OriginCheck {
  origins: readonly string[];
  hosts: readonly string[];
  hints: RefusalHints;
  clients: Clients;
}

/** The origin to name in the answer; null when the request carries none. */
function checkOrigin(ctx: Context, { origins, hosts, hints, clients }: OriginCheck): CallerOrigin | null {
  const given = rawValues(ctx.req, 'origin');
  const [origin] = given;
  if (origin === undefined) return null;
  const isSingle = given.length === 1;
  const isOwn = hosts.some((host) => origin === `http://${host}`);
  if (isSingle && origin !== 'null' && (isOwn || origins.includes(origin))) return { origin, isAllowed: true };
  const isExtension = isExtensionOrigin(origin);
  const mayAsk = clients.hasOrigin(origin) || isOpenToExtensions(ctx);
  if (isSingle && isExtension && mayAsk) return { origin, isAllowed: false };
  if (isSingle) hints.origin(origin);
  const advice = isExtension ? 'pair the extension (hybrid-engine pair)' : 'name it in ALLOWED_ORIGINS';
  throw new Refusal({ code: 'FORBIDDEN', detail: `Origin ${quoted(origin)} may not call this engine: ${advice}` });
}

/** GD6. */
function isOpenToExtensions({ path, method }: Context): boolean {
  if (path === pairPath) return method === 'POST' || method === 'OPTIONS';
  return path === healthPath && ['GET', 'HEAD', 'OPTIONS'].includes(method);
}

/** GD2. Images and links of another site's page carry no Origin; only browsers send this header. */
function checkSite(ctx: Context): void {
  if (documentPaths.has(ctx.path) || ctx.path.startsWith('/docs/') || isPagePath(ctx.path)) return;
  const sites = rawValues(ctx.req, 'sec-fetch-site');
  if (sites.length === 0 || (sites.length === 1 && allowedSites.has(sites[0] ?? ''))) return;
  throw new Refusal({
    code: 'FORBIDDEN',
    detail: 'What a page of another site asks for is refused: open it by itself',
  });
}

function answerPreflight(ctx: Context): void {
  ctx.set('Access-Control-Allow-Methods', allowedMethods);
  ctx.set('Access-Control-Allow-Headers', allowedHeaders);
  ctx.set('Access-Control-Max-Age', '600');
  ctx.status = 204;
}

function rawValues(request: IncomingMessage, name: string): string[] {
  const values: string[] = [];
  for (let at = 0; at + 1 < request.rawHeaders.length; at += 2) {
    if (request.rawHeaders[at]?.toLowerCase() === name) values.push(request.rawHeaders[at + 1] ?? '');
  }
  return values;
}
