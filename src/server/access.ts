/**
 * Which calls a scope reaches. `docs/security.md` has the table, and a test walks it.
 *
 *   AC1  `full` reaches every route and `read` every GET. `capture` reaches what its route says, and nothing else: a new
 *        route is closed to it;
 *   AC2  `capture` reads a workflow that this client has started or given data to; of any other it does not learn
 *        whether it is there;
 *   AC3  `capture` starts templates that take a page, and no action;
 *   AC4  a client's Idempotency-Keys are its own: nobody gets an answer of somebody else by guessing a key.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { Context } from 'koa';
import type { Engine } from '../contract/engine.ts';
import type { Refusal } from '../contract/failures.ts';
import { type TokenScope, toClientKeyPrefix } from '../contract/pairing.ts';
import { callerOf, unauthorized } from './callers.ts';
import { isOpenPath } from './guard.ts';
import { quoted, RefusalWithHeaders } from './problem.ts';
import type { Route } from './route.ts';
import { readWorkflowId } from './workflow-reply.ts';

/** `own`: for a workflow that it has started or given data to. */
export type Reach = 'yes' | 'own' | 'no';

export function isOpenRoute({ method, path }: Pick<Route, 'method' | 'path'>): boolean {
  return isOpenPath(path, method.toUpperCase());
}

/** AC1. */
export function reachOf(route: Pick<Route, 'method' | 'path' | 'capture'>, scope: TokenScope): Reach {
  if (scope === 'full' || isOpenRoute(route)) return 'yes';
  if (scope === 'read') return route.method === 'get' ? 'yes' : 'no';
  return route.capture ?? 'no';
}

export async function requireScope(ctx: Context, route: Route, engine: Pick<Engine, 'holdsKey'>): Promise<void> {
  if (isOpenRoute(route)) return;
  const caller = callerOf(ctx);
  if (caller === undefined) throw unauthorized(ctx);
  const reach = reachOf(route, caller.scope);
  if (reach === 'yes') return;
  if (reach === 'own' && caller.client !== null) {
    const id = readWorkflowId(ctx);
    if (await engine.holdsKey(id, toClientKeyPrefix(caller.client))) return;
    const what = 'Scope capture reads the workflows that this client has started or given data to';
    throw wrongScope('read', `${what}; this is none of them: reading all needs a token of scope read or full`);
  }
  const needed = reachOf(route, 'read') === 'yes' ? 'read' : 'full';
  const wanted = needed === 'read' ? 'read or full' : 'full';
  throw wrongScope(needed, `This call needs a token of scope ${wanted}; this one has the scope ${caller.scope}`);
}

/** For what only `full` may ask of a route that `read` reaches. */
export function requireFull(ctx: Context, what: string): void {
  const scope = callerOf(ctx)?.scope;
  if (scope === 'full') return;
  throw wrongScope('full', `${what} needs a token of scope full; this one has the scope ${scope ?? 'none'}`);
}

/** AC3. */
export async function requireTemplateForCapture(
  ctx: Context,
  templateId: string,
  engine: Pick<Engine, 'templates'>,
): Promise<void> {
  if (callerOf(ctx)?.scope !== 'capture') return;
  const found = (await engine.templates()).find(({ id }) => id === templateId);
  if (found !== undefined && 'accepts' in found && found.accepts !== undefined) return;
  const what = `Scope capture starts templates that take a page; ${quoted(templateId)} is none of them`;
  throw wrongScope('full', `${what}: give it "accepts" in its file, or use a token of scope full`);
}

/** AC4. A client's call has a key in any case: by it the workflow is known as its own. */
export function toKeyOf(ctx: Context, key: string | undefined): string | undefined {
  const client = callerOf(ctx)?.client ?? null;
  if (client === null) return key;
  const digest = createHash('sha256').update(key ?? randomUUID());
  return toClientKeyPrefix(client) + digest.digest('base64url');
}

function wrongScope(needed: TokenScope, detail: string): Refusal {
  const challenge = `Bearer realm="hybrid-engine", error="insufficient_scope", scope="${needed}"`;
  return new RefusalWithHeaders({ code: 'FORBIDDEN', detail }, { 'WWW-Authenticate': challenge });
}
