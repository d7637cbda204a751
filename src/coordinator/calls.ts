/** What each call does, in terms of the coordinator: bring the workflow in, decide in a turn, answer when it is durable. */
import type { CallName, CoordinatorCalls, IdempotencyClaim, WorkflowText } from '../contract/coordinator.ts';
import { invalid, Refusal } from '../contract/failures.ts';
import type { JournalEvent } from '../contract/journal-event.ts';
import type { JsonObject } from '../contract/json.ts';
import { limits } from '../contract/limits.ts';
import { DiskFailedError, DiskFullError, OutOfHandlesError } from '../contract/store.ts';
import { isTerminal } from '../contract/workflow.ts';
import { CostSums } from '../core/costs.ts';
import {
  decideBranch,
  decideBranched,
  decideCreate,
  decideDelete,
  decideExternalData,
  decideResume,
  decideRetryCall,
  decideStop,
  listBlobs,
} from '../core/decide.ts';
import type { Change } from '../core/evolve.ts';
import type { WorkflowState } from '../core/state.ts';
import { validateStepParams } from '../core/validate.ts';
import type { Coordinator } from './coordinator.ts';
import { toHeldSteps } from './held-steps.ts';
import { type Batch, diskFullRefusal } from './turns.ts';
import { isOver } from './waits.ts';
import type { Live } from './workflows.ts';

type Call<K extends CallName> = (
  args: CoordinatorCalls[K]['args'],
  signal?: AbortSignal,
) => Promise<CoordinatorCalls[K]['answer']>;
export type CallHandlers = { readonly [K in CallName]: Call<K> };

/** Another call in the same turn has taken the key; its answer is on its way. */
const taken = Symbol('taken');

class Calls implements CallHandlers {
  readonly #c: Coordinator;

  constructor(coordinator: Coordinator) {
    this.#c = coordinator;
  }

  submit: Call<'submit'> = async (args, signal) => {
    const { definition, templateId, claim } = args;
    const text = await this.#keyed(claim, async () => {
      const id = this.#c.parts.chance.workflowId();
      const made = await this.#inTurn(claim, (batch) =>
        this.#create(batch, decideCreate({ id, definition, templateId, now: this.#c.parts.clock.now() }), claim),
      );
      return made === taken ? taken : this.#show(made);
    });
    return this.#waited(text, args, signal);
  };

  branch: Call<'branch'> = async (args, signal) => {
    const { id: parentId, request, claim } = args;
    const params = request.params as JsonObject | undefined;
    const text = await this.#keyed(claim, () =>
      this.#pinned(parentId, async (parent) => {
        if (params) this.#checkBranchParams(parent.state, request.stepId, params);
        const id = this.#c.parts.chance.workflowId();
        const decide = () =>
          decideBranch(parent.state, { id, stepId: request.stepId, params, now: this.#c.parts.clock.now() });
        // Blobs are durable before the event that names them; a result recorded meanwhile asks for another round.
        const copied = new Set<string>();
        for (;;) {
          const wanted = blobsOf(parent.state, decide()).filter((name) => !copied.has(name));
          if (wanted.length > 0) await this.#copyBlobs(parentId, id, wanted);
          for (const name of wanted) copied.add(name);
          const made = await this.#inTurn(claim, (batch) => {
            this.#stillThere(parent);
            const event = decide();
            return blobsOf(parent.state, event).every((name) => copied.has(name))
              ? this.#create(batch, event, claim)
              : null;
          });
          if (made !== null) return made === taken ? taken : this.#show(made);
        }
      }),
    );
    return this.#waited(text, args, signal);
  };

  async #copyBlobs(fromId: string, toId: string, names: readonly string[]): Promise<void> {
    try {
      await this.#c.parts.store.copyBlobs(fromId, toId, names);
    } catch (error) {
      const isOfDisk = error instanceof DiskFullError || error instanceof DiskFailedError;
      if (isOfDisk || error instanceof OutOfHandlesError) throw error;
      const detail = `Outputs of workflow ${fromId} cannot be taken over: ${(error as Error).message}; branch from the step that makes them`;
      throw new Refusal({ code: 'SET_ASIDE', detail });
    }
  }

  #checkBranchParams(state: WorkflowState, stepId: string, params: JsonObject): void {
    const { catalogue, settings } = this.#c.parts;
    const errors = validateStepParams(state.steps, stepId, params, state.header.params, {
      catalogue,
      unknownActions: settings.unknownActions,
    });
    if (errors.length > 0) throw invalid(`The params for step "${stepId}" are not valid`, errors);
  }

  #create(
    batch: Batch,
    event: Extract<JournalEvent, { kind: 'workflow.created' }>,
    claim: IdempotencyClaim | undefined,
  ) {
    const { live, replyJson } = this.#c.record(batch, event, claim, encode);
    const text = this.#c.toText(live, replyJson);
    const parent = event.parent && this.#c.workflows.live.get(event.parent.id);
    if (parent) this.#c.record(batch, decideBranched(parent.state, this.#c.parts.clock.now()));
    this.#c.recordWaiting(batch, live);
    return { live, text };
  }

  /** state.json exists before the answer. */
  async #show({ live, text }: { live: Live; text: WorkflowText }): Promise<WorkflowText> {
    await this.#c.views.hasFile(live);
    return text;
  }

  stop: Call<'stop'> = ({ id, claim }) => this.#change(id, claim, decideStop);
  resume: Call<'resume'> = ({ id, budget, claim }) =>
    this.#change(id, claim, (state, now) => decideResume(state, now, budget));
  retry: Call<'retry'> = ({ id, claim }) => this.#change(id, claim, decideRetryCall);

  #change(
    id: string,
    claim: IdempotencyClaim | undefined,
    decide: (state: WorkflowState, now: number) => JournalEvent,
  ): Promise<WorkflowText> {
    return this.#keyed(claim, () =>
      this.#pinned(id, (live) =>
        this.#inTurn(claim, (batch) => {
          this.#stillThere(live);
          const event = decide(live.state, this.#c.parts.clock.now());
          return this.#c.toText(live, this.#c.record(batch, event, claim, encode).replyJson);
        }),
      ),
    );
  }

  delete: Call<'delete'> = async ({ id }) => {
    let removal: Promise<void> | undefined;
    await this.#pinned(id, (live) =>
      this.#inTurn(undefined, (batch) => {
        this.#stillThere(live);
        const now = this.#c.parts.clock.now();
        if (!isTerminal(live.state.header.status)) this.#c.record(batch, decideStop(live.state, now));
        const event = decideDelete(live.state, now);
        this.#c.record(batch, event);
        this.#c.workflows.remove(id, event.spending);
        this.#c.views.forget(id);
        // Also when the caller was refused for want of room, and the event is written later.
        batch.after.push(() => {
          removal = this.#c.removeFiles(id);
          // The caller has the error; the next start removes what stayed.
          removal.catch(() => undefined);
        });
      }),
    );
    await removal;
    return null;
  };

  externalData: Call<'externalData'> = async (args) => {
    const { id, claim, stepId, stepName, sourceUrl, action } = args;
    const answer = await this.#keyedJson(claim, () =>
      this.#pinned(id, async (live) => {
        const outputs = await this.#c.execution.outputs.toOutputs(id, args.outputsJson);
        return this.#inTurn(claim, (batch) => {
          this.#stillThere(live);
          const event = decideExternalData(live.state, {
            stepId,
            stepName,
            sourceUrl,
            action,
            outputs,
            metadata: args.metadata as JsonObject,
            suffix: this.#c.parts.chance.hex(8),
            now: this.#c.parts.clock.now(),
          });
          const toReply = (_: Live, change: Change) =>
            JSON.stringify({
              step_id: event.stepId,
              workflow_id: id,
              queued_dependents: change.queued.length,
              status: 'success',
            });
          return this.#c.record(batch, event, claim, toReply).replyJson;
        });
      }),
    );
    return answer;
  };

  get: Call<'get'> = async ({ id, waitMs, until }, signal) => {
    this.#checkDurable(id);
    await this.#wait(id, waitMs, until, signal);
    return this.#read(id);
  };

  peek: Call<'peek'> = async ({ id }) => {
    this.#checkDurable(id);
    const status = this.#c.workflows.status(id);
    return { version: this.#c.workflows.version(id), status };
  };

  list: Call<'list'> = async (query) => this.#c.workflows.list(query, (id) => this.#c.turns.isDurable(id));

  readBlob: Call<'readBlob'> = async ({ id, blob }) => {
    this.#c.workflows.status(id);
    try {
      return await this.#c.parts.store.readBlob(id, blob);
    } catch (error) {
      if (error instanceof OutOfHandlesError) throw error;
      const detail = `Outputs of workflow ${id} are damaged or gone (blob ${blob}); retry or branch the workflow to make them again`;
      this.#c.parts.log.error({ workflow: id, blob }, (error as Error).message);
      throw new Refusal({ code: 'SET_ASIDE', detail });
    }
  };

  costs: Call<'costs'> = async (query) => {
    const sums = new CostSums(query);
    for (const [id, rows] of this.#c.workflows.spending()) {
      if (rows.length === 0) continue;
      this.#checkDurable(id);
      sums.add(id, rows);
    }
    return sums.toReply();
  };

  stats: Call<'stats'> = async () => {
    const { execution, workflows, views, queue, counts, parts, pool } = this.#c;
    const { schedule } = execution;
    const oldest = schedule.oldestReadyAt();
    const { batches, records, bytes, syncs } = parts.store.journalStats;
    return {
      queue: {
        depth: queue.size - schedule.running,
        running: schedule.running,
        max_parallel_nodes: schedule.slotsMax,
        oldest_wait_ms: oldest === null ? 0 : Math.round(parts.clock.monotonic() - oldest),
        held: schedule.held().flatMap((gate) => toHeldSteps(gate, parts.clock) ?? []),
      },
      workflows: workflows.countByStatus(),
      active_in_memory: workflows.live.size,
      events: counts.events,
      journal_batches: batches,
      journal_records: records,
      journal_bytes: bytes,
      journal_syncs: syncs,
      checkpoints: counts.checkpoints,
      state_files_written: views.filesWritten,
      queue_files_written: queue.filesWritten,
      steps_started: counts.started,
      steps_completed: counts.completed,
      steps_failed: counts.failed,
      steps_retried: counts.retried,
      pool_threads: pool.stats().threads,
      set_aside: workflows.setAside.size,
      last_seq: parts.store.nextSeq - 1,
    };
  };

  health: Call<'health'> = async () => {
    const full = this.#c.turns.isDiskFull ? [diskFullRefusal.detail] : [];
    return { status: full.length > 0 ? 'degraded' : 'healthy', notices: [...full, ...this.#c.notices] };
  };

  close: Call<'close'> = async () => {
    await this.#c.close();
    return null;
  };

  /** Runs in a turn; resolves when its batch is durable. */
  #inTurn<T>(claim: IdempotencyClaim | undefined, run: (batch: Batch) => T): Promise<T | typeof taken> {
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

  async #pinned<T>(id: string, run: (live: Live) => Promise<T>): Promise<T> {
    const live = await this.#c.workflows.pin(id);
    try {
      return await run(live);
    } finally {
      this.#c.unpin(live);
    }
  }

  /** A call that waited for its turn may find the workflow deleted. */
  #stillThere(live: Live): void {
    const { id } = live.state.header;
    if (this.#c.workflows.live.get(id) !== live) throw this.#c.workflows.refusal(id);
  }

  /** T3 */
  #checkDurable(id: string): void {
    if (!this.#c.turns.isDurable(id)) throw diskFullRefusal;
  }

  /** K2 */
  async #keyed(
    claim: IdempotencyClaim | undefined,
    fresh: () => Promise<WorkflowText | typeof taken>,
  ): Promise<WorkflowText> {
    for (;;) {
      const replay = await this.#replay(claim);
      if (replay !== null) {
        const { id, version, status } = JSON.parse(replay) as WorkflowText;
        return { id, version, status, json: replay, hasBlobs: replay.includes('"blob": "'), replayed: true };
      }
      const text = await fresh();
      if (text !== taken) return text;
    }
  }

  async #keyedJson(claim: IdempotencyClaim | undefined, fresh: () => Promise<string | typeof taken>) {
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
    return this.#pinned(owner, async (live) => {
      this.#checkDurable(owner);
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
      return Buffer.from(await this.readBlob({ id: owner, blob })).toString('utf8');
    });
  }

  async #waited(
    text: WorkflowText,
    { waitMs, until }: { waitMs: number | null; until: 'rest' | 'finished' },
    signal?: AbortSignal,
  ): Promise<WorkflowText> {
    if (waitMs === 0) return text;
    await this.#wait(text.id, waitMs, until, signal);
    return { ...(await this.#read(text.id)), replayed: text.replayed };
  }

  async #wait(id: string, waitMs: number | null, until: 'rest' | 'finished', signal?: AbortSignal): Promise<void> {
    if (waitMs === 0 || isOver(this.#c.workflows.status(id), until)) return;
    await this.#c.waits.wait(id, until, waitMs, signal);
  }

  async #read(id: string): Promise<WorkflowText> {
    let live = this.#c.workflows.live.get(id);
    while (!live) {
      const found = await this.#c.workflows.readFinished(id);
      if (found) {
        const { version, status } = found.entry.summary;
        return { id, version, status, json: found.text, hasBlobs: found.text.includes('"blob": "'), replayed: false };
      }
      live = this.#c.workflows.live.get(id);
    }
    this.#checkDurable(id);
    return this.#c.toText(live, encode(live));
  }
}

function encode(live: Live): string {
  return live.encoder.encode(live.state);
}

/** The branch's steps stand in the parent's order; those taken over are the COMPLETED ones. */
function blobsOf(parent: WorkflowState, event: { workflow: JsonObject }): string[] {
  const steps = event.workflow.steps as { status: string }[];
  return listBlobs(parent.steps.filter((_, i) => steps[i]?.status === 'COMPLETED'));
}

export function createCallHandlers(coordinator: Coordinator): CallHandlers {
  return new Calls(coordinator);
}
