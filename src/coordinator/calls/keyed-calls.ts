/**
 * Runs calls that change a workflow. The call is decided in a turn, its workflow stays in memory meanwhile, and the
 * call is answered when its batch is durable.
 *
 * Rule, numbered for tests:
 *   K2  one key, one effect: a call with a known Idempotency-Key changes nothing and gets the answer of the first
 *       call.
 *
 * `recorder.ts` puts the answer of a call with a key into its event; from then on it is in the workflow's `header.keys`.
 */
import type { Call, IdempotencyClaim, WorkflowText } from '../../contract/coordinator.ts';
import { Refusal } from '../../contract/failures.ts';
import { limits } from '../../contract/limits.ts';
import { hasBlobs } from '../../core/state-file.ts';
import type { Recall } from '../recall.ts';
import { type Batch, diskFullRefusal, type Turns } from '../turns.ts';
import type { Live, Workflows } from '../workflows.ts';

/** Another call has taken the key since this one looked for it, and is about to be answered. */
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

  /**
   * Calls `run` in a turn; resolves with its result when the turn's batch is durable. `size`: about how many characters
   * its events take (T4).
   */
  inTurn<T>(
    claim: IdempotencyClaim | undefined,
    run: (batch: Batch) => T,
    size: () => number = () => 0,
  ): Promise<T | KeyInUse> {
    const { turns, workflows } = this.#parts;
    if (turns.isStuck) return Promise.reject(diskFullRefusal);
    if (turns.waiting >= limits.inboxCommandsMax) {
      const detail = `${turns.waiting} calls are waiting already. Try again in a moment.`;
      return Promise.reject(new Refusal({ code: 'BUSY', detail, retryAfterSeconds: 1 }));
    }
    return new Promise((resolve, reject) => {
      turns.push({
        refuse: reject,
        run: (batch) => {
          try {
            turns.checkRoom(batch, size);
            const result = claim && workflows.madeUnder(claim.key) !== undefined ? keyInUse : run(batch);
            batch.answer({ answer: () => resolve(result), refuse: reject });
          } catch (error) {
            if (!(error instanceof Refusal)) throw error;
            reject(error);
          }
        },
      });
    });
  }

  /** The same for a call about one workflow. Refuses the call if the workflow was deleted before its turn. */
  inTurnOf<T>(
    live: Live,
    claim: IdempotencyClaim | undefined,
    run: (batch: Batch) => T,
    size: () => number = () => 0,
  ): Promise<T | KeyInUse> {
    const { workflows } = this.#parts;
    const { id } = live.state.header;
    return this.inTurn(
      claim,
      (batch) => {
        if (workflows.live.get(id) !== live) throw workflows.refusal(id);
        return run(batch);
      },
      // The event of a call with a key holds its answer, which shows the workflow.
      () => (claim === undefined ? 0 : live.state.resultsSize) + size(),
    );
  }

  /** Keeps the workflow in memory until `run` settles. */
  async pinned<T>(id: string, run: (live: Live) => Promise<T>): Promise<T> {
    const { recall } = this.#parts;
    const live = await recall.pin(id);
    try {
      return await run(live);
    } finally {
      recall.release(live);
    }
  }

  /** K2: returns the answer of the first call with this key; if there is none, the answer that `fresh` makes. */
  async keyed(
    claim: IdempotencyClaim | undefined,
    fresh: () => Promise<WorkflowText | KeyInUse>,
  ): Promise<WorkflowText> {
    for (;;) {
      const gone = claim && this.#parts.workflows.gone.get(claim.key);
      // All that is left of what a delivery of a webhook has made is its id.
      if (gone !== undefined) return toGone(gone);
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
        // The answer was in the workflow's file, and the file was changed by hand.
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

function toGone(id: string): WorkflowText {
  return { id, version: 0, status: 'STOPPED', json: '', hasBlobs: false, replayed: true };
}
