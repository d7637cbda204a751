/**
 * Tickets: what an `EventSource` sends in place of the token, as it cannot send a header.
 *
 *   TI1  a ticket opens one event stream, once, within `limits.ticketMsMax`, and nothing else; one that was made for a
 *        workflow opens streams of that workflow alone;
 *   TI2  no ticket is kept or logged as it is: only its SHA-256 is in memory, and none outlives the server;
 *   TI3  no more than `limits.ticketsMax` wait; another is refused (429).
 */
import { createHash, randomBytes } from 'node:crypto';
import type { Context } from 'koa';
import type { Ticket } from '../contract/engine-page.ts';
import { Refusal } from '../contract/failures.ts';
import { limits } from '../contract/limits.ts';

interface Waiting {
  readonly workflow: string | null;
  /** On the clock of `now`. */
  readonly expiresAt: number;
}

const streamPath = /^\/api\/(?:events|workflows\/([^/]+)\/events)$/;

export class Tickets {
  readonly #waiting = new Map<string, Waiting>();
  /** Monotonic milliseconds. */
  readonly #now: () => number;

  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  issue(workflow: string | null): Ticket {
    this.#dropExpired();
    if (this.#waiting.size >= limits.ticketsMax) {
      const detail = `${limits.ticketsMax} tickets wait for their streams already: open those, or try again in a moment`;
      throw new Refusal({ code: 'TOO_MANY', detail, retryAfterSeconds: 5 });
    }
    const ticket = randomBytes(32).toString('base64url');
    this.#waiting.set(digest(ticket), { workflow, expiresAt: this.#now() + limits.ticketMsMax });
    return { ticket, expires_at: new Date(Date.now() + limits.ticketMsMax).toISOString() };
  }

  /** TI1: whether the request brings a ticket for what it asks. The ticket is used up in any case. */
  admits(ctx: Context): boolean {
    const asked = streamPath.exec(ctx.path);
    const { ticket } = ctx.query;
    if (asked === null || ctx.method !== 'GET' || typeof ticket !== 'string') return false;
    const key = digest(ticket);
    const found = this.#waiting.get(key);
    this.#waiting.delete(key);
    if (found === undefined || found.expiresAt <= this.#now()) return false;
    const { workflow } = found;
    if (workflow === null) return true;
    const wanted = asked[1] === undefined ? [ctx.query.workflow ?? ''].flat() : [asked[1]];
    const texts = ctx.query.tokens === undefined ? [] : [ctx.query.tokens].flat();
    return [...wanted, ...texts].every((id) => id.toLowerCase() === workflow);
  }

  /** They are in the order of their expiry. */
  #dropExpired(): void {
    for (const [key, { expiresAt }] of this.#waiting) {
      if (expiresAt > this.#now()) return;
      this.#waiting.delete(key);
    }
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
