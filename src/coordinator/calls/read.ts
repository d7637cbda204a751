/** The calls that only read. They show a workflow only while its state in memory is durable (T3). */
import type { Call, CallHandlers, WorkflowText } from '../../contract/coordinator.ts';
import type { HeldSteps } from '../../contract/engine.ts';
import { Refusal } from '../../contract/failures.ts';
import type { PoolPort } from '../../contract/job.ts';
import { OutOfHandlesError, type StorePort } from '../../contract/store.ts';
import { CostSums } from '../../core/costs.ts';
import type { HeldGate } from '../../core/schedule.ts';
import { hasBlobs } from '../../core/state-file.ts';
import { toIso } from '../../core/time.ts';
import type { Attempts } from '../attempts.ts';
import type { Clock } from '../clock.ts';
import type { Checkpoints } from '../files/checkpointing.ts';
import type { QueueView } from '../files/queue-file.ts';
import type { StateFiles } from '../files/state-files.ts';
import { isOver, type Waits, type WaitUntil } from '../followers/waits.ts';
import type { Incidents } from '../incidents.ts';
import type { Log } from '../log.ts';
import type { Recall } from '../recall.ts';
import type { Recorder } from '../recorder.ts';
import type { ReadySteps } from '../steps/ready-steps.ts';
import { diskFullRefusal, type Turns } from '../turns.ts';
import { encode, toText, type Workflows } from '../workflows.ts';

export interface ReadParts {
  store: StorePort;
  clock: Clock;
  log: Log;
  pool: Pick<PoolPort, 'stats'>;
  incidents: Incidents;
  workflows: Workflows;
  recall: Recall;
  turns: Turns;
  waits: Waits;
  views: StateFiles;
  queue: QueueView;
  checkpoints: Checkpoints;
  readySteps: ReadySteps;
  recorder: Recorder;
  attempts: Attempts;
}

/** Reads one workflow. The calls that create a workflow use it as well. */
export class Reader {
  readonly #parts: ReadParts;

  constructor(parts: ReadParts) {
    this.#parts = parts;
  }

  /** Waits for a status that `until` names, then reads the workflow. `waitMs` 0: no wait; null: no time limit. */
  async read(id: string, waitMs: number | null, until: WaitUntil, signal?: AbortSignal): Promise<WorkflowText> {
    const { workflows, waits } = this.#parts;
    if (waitMs !== 0 && !isOver(workflows.status(id), until)) await waits.wait(id, until, waitMs, signal);
    return this.#readNow(id);
  }

  /**
   * The answer of a call that has created a workflow, after the wait that the call asked for. The workflow is there: if it
   * cannot be shown as it is now, it is shown as it was created, because a refusal would say that nothing has happened.
   */
  async waited(
    text: WorkflowText,
    { waitMs, until }: { waitMs: number | null; until: WaitUntil },
    signal?: AbortSignal,
  ): Promise<WorkflowText> {
    if (waitMs === 0) return text;
    try {
      return { ...(await this.read(text.id, waitMs, until, signal)), replayed: text.replayed };
    } catch (error) {
      if (error instanceof Refusal || error instanceof OutOfHandlesError) return text;
      throw error;
    }
  }

  async #readNow(id: string): Promise<WorkflowText> {
    const { workflows, recall, turns } = this.#parts;
    let live = workflows.live.get(id);
    while (!live) {
      const found = await recall.readFinished(id);
      if (found) {
        const { version, status } = found.entry.summary;
        return { id, version, status, json: found.toText(), hasBlobs: hasBlobs(found.value), replayed: false };
      }
      live = workflows.live.get(id);
    }
    turns.checkDurable(id);
    return toText(live, encode(live));
  }
}

type ReadCalls = CallHandlers<'get' | 'peek' | 'list' | 'facets' | 'readBlob' | 'costs' | 'stats' | 'health'>;

export function createReadCalls(parts: ReadParts, reader: Reader): ReadCalls {
  const { workflows, turns, incidents } = parts;

  const get: Call<'get'> = async ({ id, waitMs, until }, signal) => {
    turns.checkDurable(id);
    return reader.read(id, waitMs, until, signal);
  };

  const peek: Call<'peek'> = async ({ id }) => {
    turns.checkDurable(id);
    const status = workflows.status(id);
    return { version: workflows.version(id), status };
  };

  const readBlob: Call<'readBlob'> = async ({ id, blob }) => {
    workflows.status(id);
    try {
      return await parts.store.readBlob(id, blob);
    } catch (error) {
      if (error instanceof OutOfHandlesError) throw error;
      const detail = `Outputs of workflow ${id} are damaged or gone (blob ${blob}); retry or branch the workflow to make them again`;
      parts.log.error({ workflow: id, blob }, (error as Error).message);
      throw new Refusal({ code: 'SET_ASIDE', detail });
    }
  };

  const costs: Call<'costs'> = async (query) => {
    const sums = new CostSums(query);
    for (const [id, rows] of workflows.spending()) {
      if (rows.length === 0) continue;
      turns.checkDurable(id);
      sums.add(id, rows);
    }
    return sums.toReply();
  };

  const health: Call<'health'> = async () => {
    const full = turns.isDiskFull ? [diskFullRefusal.detail] : [];
    return { status: full.length > 0 ? 'degraded' : 'healthy', notices: [...full, ...incidents.notices] };
  };

  return {
    get,
    peek,
    list: async (query) => workflows.list(query, (id) => turns.isDurable(id)),
    facets: async (filter) => workflows.facets(filter, (id) => turns.isDurable(id)),
    readBlob,
    costs,
    stats: async () => toStats(parts),
    health,
  };
}

function toStats(parts: ReadParts) {
  const { readySteps, workflows, views, queue, recorder, attempts, checkpoints, store, clock, pool } = parts;
  const { schedule } = readySteps;
  const oldest = schedule.oldestReadyAt();
  const { batches, records, bytes, syncs } = store.journalStats;
  return {
    queue: {
      depth: queue.size - schedule.running,
      running: schedule.running,
      max_parallel_nodes: schedule.slotsMax,
      oldest_wait_ms: oldest === null ? 0 : Math.round(clock.monotonic() - oldest),
      held: schedule.held().flatMap((gate) => toHeldSteps(gate, clock) ?? []),
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
    last_seq: store.nextSeq - 1,
  };
}

/** Of the steps that one gate holds, this many are listed. */
const heldShownMax = 20;

/** null: the hold has run out, and the steps wait for a slot. */
function toHeldSteps({ waitsFor, until, steps }: HeldGate, clock: Clock): HeldSteps | null {
  const leftMs = until === null ? 0 : until - clock.monotonic();
  if (leftMs < 0) return null;
  const first = steps.slice(0, heldShownMax);
  return {
    waits_for: waitsFor,
    until: until === null ? null : toIso(Math.ceil(clock.now() + leftMs)),
    steps: steps.length,
    first: first.map(({ workflowId, stepId }) => ({ workflow_id: workflowId, step_id: stepId })),
  };
}
