/** The calls that only read. What memory says of a workflow is told only while it is durable (T3). */

import type { Call, WorkflowText } from '../../contract/coordinator.ts';
import type { HeldSteps } from '../../contract/engine.ts';
import { Refusal } from '../../contract/failures.ts';
import { OutOfHandlesError } from '../../contract/store.ts';
import { CostSums } from '../../core/costs.ts';
import type { HeldGate } from '../../core/schedule.ts';
import { hasBlobs } from '../../core/state-file.ts';
import { toIso } from '../../core/time.ts';
import type { Clock } from '../clock.ts';
import type { Coordinator } from '../coordinator.ts';
import { isOver, type WaitUntil } from '../followers/waits.ts';
import { diskFullRefusal } from '../turns.ts';
import { encode, toText } from '../workflows.ts';

export class ReadingCalls {
  readonly #c: Coordinator;

  constructor(coordinator: Coordinator) {
    this.#c = coordinator;
  }

  get: Call<'get'> = async ({ id, waitMs, until }, signal) => {
    this.#c.turns.checkDurable(id);
    await this.#wait(id, waitMs, until, signal);
    return this.#read(id);
  };

  peek: Call<'peek'> = async ({ id }) => {
    this.#c.turns.checkDurable(id);
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
      this.#c.turns.checkDurable(id);
      sums.add(id, rows);
    }
    return sums.toReply();
  };

  stats: Call<'stats'> = async () => {
    const { readySteps, workflows, views, queue, recorder, attempts, checkpoints, parts, pool } = this.#c;
    const { schedule } = readySteps;
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
      events: recorder.events,
      journal_batches: batches,
      journal_records: records,
      journal_bytes: bytes,
      journal_syncs: syncs,
      checkpoints: checkpoints.made,
      state_files_written: views.filesWritten,
      queue_files_written: queue.filesWritten,
      steps_started: attempts.counts.started,
      steps_completed: attempts.counts.completed,
      steps_failed: attempts.counts.failed,
      steps_retried: attempts.counts.retried,
      pool_threads: pool.stats().threads,
      set_aside: workflows.setAside.size,
      last_seq: parts.store.nextSeq - 1,
    };
  };

  health: Call<'health'> = async () => {
    const full = this.#c.turns.isDiskFull ? [diskFullRefusal.detail] : [];
    return { status: full.length > 0 ? 'degraded' : 'healthy', notices: [...full, ...this.#c.notices] };
  };

  /** The answer of a call that has made a workflow, when it has waited for it as it was asked to. */
  async waited(
    text: WorkflowText,
    { waitMs, until }: { waitMs: number | null; until: WaitUntil },
    signal?: AbortSignal,
  ): Promise<WorkflowText> {
    if (waitMs === 0) return text;
    await this.#wait(text.id, waitMs, until, signal);
    return { ...(await this.#read(text.id)), replayed: text.replayed };
  }

  async #wait(id: string, waitMs: number | null, until: WaitUntil, signal?: AbortSignal): Promise<void> {
    if (waitMs === 0 || isOver(this.#c.workflows.status(id), until)) return;
    await this.#c.waits.wait(id, until, waitMs, signal);
  }

  async #read(id: string): Promise<WorkflowText> {
    let live = this.#c.workflows.live.get(id);
    while (!live) {
      const found = await this.#c.workflows.readFinished(id);
      if (found) {
        const { version, status } = found.entry.summary;
        return { id, version, status, json: found.text, hasBlobs: hasBlobs(found.value), replayed: false };
      }
      live = this.#c.workflows.live.get(id);
    }
    this.#c.turns.checkDurable(id);
    return toText(live, encode(live));
  }
}

const shownMax = 20;

/** null: they are held no longer, and wait for a slot. */
export function toHeldSteps({ waitsFor, until, steps }: HeldGate, clock: Clock): HeldSteps | null {
  const leftMs = until === null ? 0 : until - clock.monotonic();
  if (leftMs < 0) return null;
  const first = steps.slice(0, shownMax);
  return {
    waits_for: waitsFor,
    until: until === null ? null : toIso(Math.ceil(clock.now() + leftMs)),
    steps: steps.length,
    first: first.map(({ workflowId, stepId }) => ({ workflow_id: workflowId, step_id: stepId })),
  };
}
