/**
 * Paired clients: who holds a token besides the API_TOKEN, and from which origin.
 *
 *   CI1  a token that was told is on the disk before it is told;
 *   CI2  of a token the SHA-256 is kept and nothing else. It has 256 random bits: nobody finds one that fits a digest, so
 *        no slower function is needed;
 *   CI3  an extension's token is good from the very origin that was paired, and from where no Origin is sent; a
 *        program's from where its origin is allowed;
 *   CI4  a revoked client is out at once: its open answers are cut, its token is wrong and its origin unknown, also
 *        where the disk is full. The call is then refused, as a restart would bring the client back;
 *   CI5  when a client called last is kept to the hour, so that calls write nothing.
 */
import { createHash, randomBytes } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Engine } from '../contract/engine.ts';
import { Refusal } from '../contract/failures.ts';
import { limits } from '../contract/limits.ts';
import type { KeptClient, NewClient, PairedClient } from '../contract/pairing.ts';

interface Entry {
  kept: KeptClient;
  readonly openAnswers: Set<ServerResponse>;
  isRevoked: boolean;
}

const hourMs = 3_600_000;

export class Clients {
  readonly #engine: Pick<Engine, 'readClients' | 'writeClients'>;
  readonly #log: Pick<Logger, 'warn'>;
  /** Milliseconds since 1970. */
  readonly #now: () => number;
  readonly #entries = new Map<string, Entry>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(
    engine: Pick<Engine, 'readClients' | 'writeClients'>,
    log: Pick<Logger, 'warn'>,
    now: () => number = Date.now,
  ) {
    this.#engine = engine;
    this.#log = log;
    this.#now = now;
  }

  /** Once, before the first request. */
  async load(): Promise<void> {
    const { clients } = await this.#engine.readClients();
    for (const kept of clients) this.#put(kept);
  }

  /** CI1. Rejects with CONFLICT where there are `limits.clientsMax`. */
  add(fields: Pick<PairedClient, 'name' | 'origin' | 'scope'>): Promise<NewClient> {
    return this.#inTurn(async () => {
      this.checkRoom();
      const token = randomBytes(32).toString('base64url');
      const kept: KeptClient = {
        id: `client_${randomBytes(6).toString('hex')}`,
        name: fields.name,
        origin: fields.origin,
        scope: fields.scope,
        created_at: this.#isoNow(),
        last_used_at: null,
        token_sha256: digest(token),
      };
      await this.#write([kept]);
      this.#put(kept);
      const { id, name, origin, scope, created_at } = kept;
      return { token, scope, client: { id, name, origin, created_at } };
    });
  }

  checkRoom(): void {
    if (this.#entries.size < limits.clientsMax) return;
    const detail = `There are ${limits.clientsMax} clients already: revoke one first (hybrid-engine clients revoke <id>)`;
    throw new Refusal({ code: 'CONFLICT', detail });
  }

  list(): PairedClient[] {
    return [...this.#entries.values()].map(({ kept: { token_sha256: _, ...shown } }) => shown);
  }

  /** CI4. Rejects with NOT_FOUND for an id that nobody has. */
  async revoke(id: string): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry === undefined)
      throw new Refusal({ code: 'NOT_FOUND', detail: 'No client has this id: GET /api/clients lists all' });
    entry.isRevoked = true;
    for (const response of entry.openAnswers) response.destroy();
    await this.#inTurn(() => this.#write());
    this.#entries.delete(id);
  }

  /** CI3. `origin`: that of the request, null without one. `isAllowed`: the settings allow it, or it is our own. */
  find(token: string, origin: string | null, isAllowed: boolean): KeptClient | null {
    const wanted = digest(token);
    for (const { kept, isRevoked } of this.#entries.values()) {
      // Who could learn a part of the digest from the time this takes would still know no token that has it.
      if (isRevoked || kept.token_sha256 !== wanted) continue;
      const isItsOwn = origin === null || (kept.origin === null ? isAllowed : kept.origin === origin);
      return isItsOwn ? kept : null;
    }
    return null;
  }

  hasOrigin(origin: string): boolean {
    return [...this.#entries.values()].some(({ kept, isRevoked }) => !isRevoked && kept.origin === origin);
  }

  /** CI4, CI5: a call of this client, whose answer is cut when it is revoked. */
  note(id: string, response: ServerResponse): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    entry.openAnswers.add(response);
    response.once('close', () => entry.openAnswers.delete(response));
    const hour = new Date(Math.floor(this.#now() / hourMs) * hourMs).toISOString();
    if (entry.kept.last_used_at === hour) return;
    entry.kept = { ...entry.kept, last_used_at: hour };
    this.#inTurn(() => this.#write()).catch((error: unknown) => {
      this.#log.warn({ err: error }, `when client ${id} called last could not be written`);
    });
  }

  #put(kept: KeptClient): void {
    this.#entries.set(kept.id, { kept, openAnswers: new Set(), isRevoked: false });
  }

  async #write(added: readonly KeptClient[] = []): Promise<void> {
    const stay = [...this.#entries.values()].flatMap(({ kept, isRevoked }) => (isRevoked ? [] : [kept]));
    await this.#engine.writeClients({ version: 1, clients: [...stay, ...added] });
  }

  #inTurn<Result>(act: () => Promise<Result>): Promise<Result> {
    const done = this.#turn.then(act);
    this.#turn = done.catch(() => undefined); // The caller gets the error.
    return done;
  }

  #isoNow(): string {
    return new Date(this.#now()).toISOString();
  }
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
