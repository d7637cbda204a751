/**
 * Who calls: the holder of the API_TOKEN, a paired client, or, where no API_TOKEN is set, anybody on this machine.
 *
 *   WH1  a token that is sent counts, right or wrong: a wrong one never passes for none, so that a revoked client is
 *        no local caller where no API_TOKEN is set;
 *   WH2  a paired origin is not let in without its token, whatever the settings.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Context } from 'koa';
import type { Refusal } from '../contract/failures.ts';
import type { TokenScope } from '../contract/pairing.ts';
import type { Clients } from './clients.ts';
import { RefusalWithHeaders } from './problem.ts';

export interface KnownCaller {
  readonly scope: TokenScope;
  /** The id of a paired client; null for who holds the API_TOKEN, a ticket, or needs none. */
  readonly client: string | null;
}

/** The Origin of a request; `isAllowed`: it is our own, or the settings name it. */
export interface CallerOrigin {
  readonly origin: string;
  readonly isAllowed: boolean;
}

export class Callers {
  readonly #apiToken: Buffer | null;
  readonly #clients: Clients;

  constructor(apiToken: string | null, clients: Clients) {
    this.#apiToken = apiToken === null ? null : digest(apiToken);
    this.#clients = clients;
  }

  /** null for a caller who may only use what is open to all. `from` is null where no Origin is sent. */
  find(request: IncomingMessage, from: CallerOrigin | null): KnownCaller | null {
    const sent = /^Bearer(?:\s+(.*))?$/i.exec(request.headers.authorization ?? '');
    if (sent === null) {
      const isLocal = this.#apiToken === null && (from === null || from.isAllowed);
      return isLocal ? { scope: 'full', client: null } : null;
    }
    const given = sent[1] ?? '';
    // Both sides are digests of one length, so that the time taken tells neither the length nor a prefix.
    if (this.#apiToken !== null && timingSafeEqual(digest(given), this.#apiToken))
      return { scope: 'full', client: null };
    const client = this.#clients.find(given, from?.origin ?? null, from?.isAllowed ?? true);
    return client === null ? null : { scope: client.scope, client: client.id };
  }
}

/** Absent for a caller who may only use what is open to all. */
export function callerOf(ctx: Context): KnownCaller | undefined {
  return ctx.state.caller as KnownCaller | undefined;
}

/** Of a call without a token, or with a wrong one. */
export function unauthorized(ctx: Context): Refusal {
  const detail =
    ctx.query.ticket !== undefined
      ? 'The ticket is not known, used, too old or for another stream: take a new one with POST /api/tickets'
      : ctx.req.headers.authorization === undefined
        ? 'This engine asks for its API_TOKEN, or the token of a paired client: send it as "Authorization: Bearer <token>"'
        : 'The token is not that of this engine, nor of a client that is paired with it from here: send API_TOKEN, or pair again (hybrid-engine pair)';
  return new RefusalWithHeaders(
    { code: 'UNAUTHORIZED', detail },
    { 'WWW-Authenticate': 'Bearer realm="hybrid-engine"' },
  );
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
