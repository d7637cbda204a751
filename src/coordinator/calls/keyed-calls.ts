/**
 * How a call that changes something gets its turn: once for each Idempotency-Key (K2), with its workflow held in memory,
 * decided in the turn, answered when its batch is durable.
 */
import type { Call, IdempotencyClaim, WorkflowText } from '../../contract/coordinator.ts';
import { Refusal } from '../../contract/failures.ts';
import { limits } from '../../contract/limits.ts';
import { hasBlobs } from '../../core/state-file.ts';
import type { Coordinator } from '../coordinator.ts';
import { type Batch, diskFullRefusal } from '../turns.ts';
import type { Live } from '../workflows.ts';

/** Another call in the same turn has taken the key; its answer is on its way. */
export const taken = Symbol('taken');

export class CallTurns {
  readonly #c: Coordinator;
  readonly #readBlob: Call<'readBlob'>;

  constructor(coordinator: Coordinator, readBlob: Call<'readBlob'>) {
    this.#c = coordinator;
    this.#readBlob = readBlob;
  }

  /** Runs in a turn; resolves when its batch is durable. */
  inTurn<T>(claim: IdempotencyClaim | undefined, run: (batch: Batch) => T): Promise<T | typeof taken> {
    const { turns } = this.#c;
    if (turns.isDiskFull) return Promise.reject(diskFullRefusal);
    if (turns.waiting >= limits.inboxCommandsMax) {
      const detail = `${turns.waiting} calls are waiting already. Try again in a moment.`;
      return Promise.reject(new Refusal({ code: 'BUSY', detail, retryAfterSeconds: 1 }));
    }
    return new Promise((resolve, reject) => {
      turns.push({
        refuse: reject,
        run: (batch) => {
          try {
            const result = claim && this.#c.workflows.keyOwner(claim.key) !== undefined ? taken : run(batch);
            batch.after.push(() => resolve(result));
            batch.refusals.push(reject);
          } catch (error) {
            if (!(error instanceof Refusal)) throw error;
            reject(error);
          }
        },
      });
    });
  }

  /** For a call about a workflow, which may find it deleted when its turn comes. */
  inTurnOf<T>(live: Live, claim: IdempotencyClaim | undefined, run: (batch: Batch) => T): Promise<T | typeof taken> {
    const { id } = live.state.header;
    return this.inTurn(claim, (batch) => {
      if (this.#c.workflows.live.get(id) !== live) throw this.#c.workflows.refusal(id);
      return run(batch);
    });
  }

  /** Holds the workflow in memory while `run` is at work. */
  async pinned<T>(id: string, run: (live: Live) => Promise<T>): Promise<T> {
    const live = await this.#c.workflows.pin(id);
    try {
      return await run(live);
    } finally {
      this.#c.unpin(live);
    }
  }

  /** K2: the answer of the first call with this key, or what `fresh` makes. */
  async keyed(
    claim: IdempotencyClaim | undefined,
    fresh: () => Promise<WorkflowText | typeof taken>,
  ): Promise<WorkflowText> {
    for (;;) {
      const replay = await this.#replay(claim);
      if (replay !== null) {
        const shown = JSON.parse(replay) as WorkflowText;
        const { id, version, status } = shown;
        return { id, version, status, json: replay, hasBlobs: hasBlobs(shown), replayed: true };
      }
      const text = await fresh();
      if (text !== taken) return text;
    }
  }

  async keyedJson(claim: IdempotencyClaim | undefined, fresh: () => Promise<string | typeof taken>) {
    for (;;) {
      const replay = await this.#replay(claim);
      if (replay !== null) return { json: replay, replayed: true };
      const json = await fresh();
      if (json !== taken) return { json, replayed: false };
    }
  }

  async #replay(claim: IdempotencyClaim | undefined): Promise<string | null> {
    const owner = claim && this.#c.workflows.keyOwner(claim.key);
    if (!claim || owner === undefined) return null;
    return this.pinned(owner, async (live) => {
      this.#c.turns.checkDurable(owner);
      const record = live.state.header.keys.find(({ key }) => key === claim.key);
      if (!record) {
        // It was in the file, and the file has been changed by someone else.
        const detail = `Idempotency-Key "${claim.key}" was used for workflow ${owner}, whose state.json no longer holds the answer; look at that workflow, or use a new key`;
        throw new Refusal({ code: 'CONFLICT', detail });
      }
      if (record.request !== claim.request) {
        const detail = `Idempotency-Key "${claim.key}" was used before with another request; use a new key for a new request`;
        throw new Refusal({
          code: 'INVALID',
          detail,
          errors: [{ path: 'Idempotency-Key', message: 'used before with another request' }],
        });
      }
      if ('json' in record.reply) return record.reply.json;
      const { blob } = record.reply;
      return Buffer.from(await this.#readBlob({ id: owner, blob })).toString('utf8');
    });
  }
}
