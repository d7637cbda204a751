/**
 * How a call that changes something gets its turn: decided in the turn, with its workflow held in memory, answered when its
 * batch is durable.
 *
 * Rule, numbered for tests:
 *   K2  one key, one effect: a call with a known Idempotency-Key changes nothing and gets the answer of the first.
 */
import type { Call, IdempotencyClaim, WorkflowText } from '../../contract/coordinator.ts';
import { Refusal } from '../../contract/failures.ts';
import { limits } from '../../contract/limits.ts';
import { hasBlobs } from '../../core/state-file.ts';
import type { Recall } from '../recall.ts';
import { type Batch, diskFullRefusal, type Turns } from '../turns.ts';
import type { Live, Workflows } from '../workflows.ts';

/** Another call in the same turn has the key; its answer is on its way. */
export const keyInUse = Symbol('key in use');
export type KeyInUse = typeof keyInUse;

export interface KeyedCallsParts {
  workflows: Workflows;
  turns: Turns;
  recall: Recall;
  readBlob: Call<'readBlob'>;
}

export class KeyedCalls {
  readonly #parts: KeyedCallsParts;

  constructor(parts: KeyedCallsParts) {
    this.#parts = parts;
  }

  /** Runs in a turn; resolves when its batch is durable. */
  inTurn<T>(claim: IdempotencyClaim | undefined, run: (batch: Batch) => T): Promise<T | KeyInUse> {
    const { turns, workflows } = this.#parts;
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
            const result = claim && workflows.keyOwner(claim.key) !== undefined ? keyInUse : run(batch);
            batch.answer({ answer: () => resolve(result), refuse: reject });
          } catch (error) {
            if (!(error instanceof Refusal)) throw error;
            reject(error);
          }
        },
      });
    });
  }

  /** For a call about a workflow, which may find it deleted when its turn comes. */
  inTurnOf<T>(live: Live, claim: IdempotencyClaim | undefined, run: (batch: Batch) => T): Promise<T | KeyInUse> {
    const { workflows } = this.#parts;
    const { id } = live.state.header;
    return this.inTurn(claim, (batch) => {
      if (workflows.live.get(id) !== live) throw workflows.refusal(id);
      return run(batch);
    });
  }

  /** Holds the workflow in memory while `run` is at work. */
  async pinned<T>(id: string, run: (live: Live) => Promise<T>): Promise<T> {
    const { recall } = this.#parts;
    const live = await recall.pin(id);
    try {
      return await run(live);
    } finally {
      recall.release(live);
    }
  }

  /** K2: the answer of the first call with this key, or what `fresh` makes. */
  async keyed(
    claim: IdempotencyClaim | undefined,
    fresh: () => Promise<WorkflowText | KeyInUse>,
  ): Promise<WorkflowText> {
    for (;;) {
      const replay = await this.#replay(claim);
      if (replay !== null) {
        const shown = JSON.parse(replay) as WorkflowText;
        const { id, version, status } = shown;
        return { id, version, status, json: replay, hasBlobs: hasBlobs(shown), replayed: true };
      }
      const text = await fresh();
      if (text !== keyInUse) return text;
    }
  }

  async keyedJson(claim: IdempotencyClaim | undefined, fresh: () => Promise<string | KeyInUse>) {
    for (;;) {
      const replay = await this.#replay(claim);
      if (replay !== null) return { json: replay, replayed: true };
      const json = await fresh();
      if (json !== keyInUse) return { json, replayed: false };
    }
  }

  async #replay(claim: IdempotencyClaim | undefined): Promise<string | null> {
    const { workflows, turns, readBlob } = this.#parts;
    const owner = claim && workflows.keyOwner(claim.key);
    if (!claim || owner === undefined) return null;
    return this.pinned(owner, async (live) => {
      turns.checkDurable(owner);
      const record = live.state.header.keys.find(({ key }) => key === claim.key);
      if (!record) {
        // It was in the file, and the file has been changed by someone else.
        const detail = `Idempotency-Key "${claim.key}" was used for workflow ${owner}, whose state.json no longer holds the answer; look at that workflow, or use a new key`;
        throw new Refusal({ code: 'CONFLICT', detail });
      }
      if (record.request !== claim.request && record.request !== claim.requestAsSent) {
        const detail = `Idempotency-Key "${claim.key}" was used before with another request; use a new key for a new request`;
        throw new Refusal({
          code: 'INVALID',
          detail,
          errors: [{ path: 'Idempotency-Key', message: 'used before with another request' }],
        });
      }
      if ('json' in record.reply) return record.reply.json;
      const { blob } = record.reply;
      return Buffer.from(await readBlob({ id: owner, blob })).toString('utf8');
    });
  }
}
