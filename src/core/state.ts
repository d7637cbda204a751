/**
 * A workflow in memory: an immutable header, immutable steps, and counts derived from them, so that the end of one
 * step costs no walk over the graph. Only events change it (`evolve.ts`).
 *
 * Rules, numbered for tests:
 *   ST1  the derived counts always equal what a walk over the steps would give (`derive()` is that walk);
 *   ST2  everything that is not derived survives the state file (`ViewEncoder` and `toMeta`, then `readWorkflow`)
 *        unchanged;
 *   ST3  a step that an event or a decision names is there.
 */

import { broken } from '../contract/broken.ts';
import type { Budget } from '../contract/budget.ts';
import type { StepId, WorkflowId } from '../contract/ids.ts';
import type { IdempotencyRecord } from '../contract/journal-event.ts';
import type { JsonObject } from '../contract/json.ts';
import type { Reservation, SpendingRow } from '../contract/ledger.ts';
import { limits } from '../contract/limits.ts';
import type { FailurePolicy, JobStatus, RetryPolicy } from '../contract/workflow.ts';
import { type Amounts, addAmounts, noAmounts, toAmounts } from './budget.ts';
import { createGraph } from './graph.ts';
import { addAt, itemAt } from './item-at.ts';
import { addMetrics, emptyTotals, type Totals } from './metrics.ts';
import { type Results, sizeOfResults } from './size.ts';

export interface StepState extends Results {
  readonly id: StepId;
  readonly name: string;
  readonly action: string;
  readonly dependencies: readonly string[];
  readonly params: JsonObject;
  readonly timeoutMs: number | null;
  readonly retry: RetryPolicy | null;
  /** The step may take its answer from the cache. */
  readonly cache: boolean;
  readonly status: JobStatus;
  /** Milliseconds since 1970. */
  readonly startTime: number | null;
  readonly endTime: number | null;
  readonly attempt: number;
  /** Failed attempts since the step was last resumed or retried. */
  readonly failures: number;
  /** While the step waits for its next attempt: when that is due, and how long the whole wait is. */
  readonly dueAt: number | null;
  readonly delayMs: number;
  /** How many times in a row the engine has died while an attempt of this step ran. */
  readonly deaths: number;
  /** The reservation of its last attempt, until that has ended; an attempt that was stopped keeps it until then. */
  readonly reserved: Reservation | null;
  /** Set when a budget has paused the step: why, and until when. */
  readonly pause: { readonly reason: string; readonly until: 'resume' | 'day' } | null;
}

export interface Branch {
  readonly id: string;
  readonly stepId: string;
  readonly createdAt: number;
}

export interface Header {
  readonly id: WorkflowId;
  readonly name: string;
  readonly status: JobStatus;
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly description: string;
  readonly tags: readonly string[];
  readonly parentId: string | null;
  readonly branches: readonly Branch[];
  readonly params: JsonObject;
  readonly templateId: string | null;
  readonly failurePolicy: FailurePolicy;
  readonly version: number;
  readonly warnings: readonly string[];
  /** A step has started, or data from outside has arrived: the workflow is no longer PENDING. */
  readonly started: boolean;
  readonly keys: readonly IdempotencyRecord[];
  /** The ledger's rows for its own attempts; without those of steps that a branch has from its parent. */
  readonly spending: readonly SpendingRow[];
  readonly budget: Budget | null;
  /** Sequence number of the last event applied. */
  readonly seq: number;
}

export type StatusCounts = Record<JobStatus, number>;

/** After so many deaths a step is a suspect: it runs alone, so that other steps are not blamed. */
export const suspectDeaths = 3;

export const externalAction = 'external_data';

export class WorkflowState {
  header: Header;
  readonly steps: StepState[];
  readonly index = new Map<string, number>();
  downstream: number[][] = [];
  /** For each step, how many of its dependencies are not COMPLETED; unknown ids count too. */
  missing: number[] = [];
  counts: StatusCounts = emptyCounts();
  totals: Totals = emptyTotals();
  /**
   * The size of each step's results (`sizeOfResults`), computed on demand: recovery sets most steps more than once.
   */
  #sizes: number[] = [];
  #sizesSum = 0;
  readonly #uncounted = new Set<number>();
  /** The sum of the steps' reservations. */
  reserved: Amounts = noAmounts;
  /** How many steps a budget has paused. */
  paused = 0;
  /** Steps that wait for an unknown id, by that id. */
  #waitingForAbsent = new Map<string, number[]>();

  constructor(header: Header, steps: StepState[]) {
    this.header = header;
    this.steps = steps;
    this.derive();
  }

  /** Computes all derived values afresh, O(steps + dependencies). */
  derive(): void {
    const graph = createGraph(this.steps);
    this.index.clear();
    for (const [id, i] of graph.index) this.index.set(id, i);
    this.downstream = graph.downstream as number[][];
    this.counts = emptyCounts();
    this.totals = emptyTotals();
    this.#sizes = [];
    this.#sizesSum = 0;
    this.#uncounted.clear();
    this.reserved = noAmounts;
    this.paused = 0;
    this.#waitingForAbsent.clear();
    this.missing = this.steps.map((step, i) => {
      this.counts[step.status] += 1;
      addMetrics(this.totals, step.metrics, 1);
      this.#uncounted.add(i);
      if (step.reserved) this.reserved = addAmounts(this.reserved, toAmounts(step.reserved));
      if (step.pause) this.paused += 1;
      let missing = 0;
      for (const id of new Set(step.dependencies)) {
        const at = this.index.get(id);
        if (at === undefined) this.#waitFor(id, i);
        if (at === undefined || this.stepAt(at).status !== 'COMPLETED') missing += 1;
      }
      return missing;
    });
  }

  /** The size of the results of all steps together. */
  get resultsSize(): number {
    for (const i of this.#uncounted) {
      const size = sizeOfResults(this.stepAt(i));
      this.#sizesSum += size - (this.#sizes[i] ?? 0);
      this.#sizes[i] = size;
    }
    this.#uncounted.clear();
    return this.#sizesSum;
  }

  step(id: StepId): StepState | undefined {
    const i = this.index.get(id);
    return i === undefined ? undefined : this.steps[i];
  }

  /** ST3. */
  placeOf(id: string): number {
    return this.index.get(id) ?? broken('ST3', `workflow ${this.header.id} has no step "${id}"`);
  }

  /** ST3. */
  stepAt(i: number): StepState {
    return itemAt(this.steps, i);
  }

  /** ST3. */
  stepOf(id: string): StepState {
    return this.stepAt(this.placeOf(id));
  }

  /** ST3: the places of the steps that wait for this one. */
  downstreamOf(i: number): readonly number[] {
    return itemAt(this.downstream, i);
  }

  setHeader(change: Partial<Header>): void {
    this.header = { ...this.header, ...change };
  }

  setStep(i: number, change: Partial<StepState>): void {
    const before = this.stepAt(i);
    const after = { ...before, ...change };
    this.steps[i] = after;
    if (before.status !== after.status) {
      this.counts[before.status] -= 1;
      this.counts[after.status] += 1;
      const step = after.status === 'COMPLETED' ? -1 : before.status === 'COMPLETED' ? 1 : 0;
      if (step !== 0) for (const next of this.downstreamOf(i)) this.#addMissing(next, step);
      if (this.counts[before.status] < 0) broken('ST1', `${this.counts[before.status]} steps are ${before.status}`);
    }
    if (hasOtherResults(before, after)) this.#uncounted.add(i);
    if (before.reserved !== after.reserved) {
      this.reserved = addAmounts(this.reserved, toAmounts(before.reserved), -1);
      this.reserved = addAmounts(this.reserved, toAmounts(after.reserved));
      const { costPico, tokens, calls } = this.reserved;
      if (costPico < 0n || tokens < 0 || calls < 0) {
        broken('ST1', `${costPico} picodollars, ${tokens} tokens and ${calls} calls are reserved`);
      }
    }
    this.paused += Number(after.pause !== null) - Number(before.pause !== null);
    if (this.paused < 0) broken('ST1', `${this.paused} steps are paused`);
    if (before.metrics !== after.metrics) {
      addMetrics(this.totals, before.metrics, -1);
      addMetrics(this.totals, after.metrics, 1);
      const { costPico, unpriced } = this.totals;
      if (costPico < 0n || unpriced < 0) broken('ST1', `${costPico} picodollars and ${unpriced} unpriced steps`);
    }
  }

  /** Adds a COMPLETED step without dependencies; steps that waited for its id become its dependents. */
  addStep(step: StepState): number {
    const i = this.steps.length;
    const waiting = this.#waitingForAbsent.get(step.id) ?? [];
    this.#waitingForAbsent.delete(step.id);
    this.steps.push(step);
    this.index.set(step.id, i);
    this.missing.push(0);
    this.downstream.push(waiting);
    this.counts[step.status] += 1;
    addMetrics(this.totals, step.metrics, 1);
    this.#uncounted.add(i);
    for (const next of waiting) this.#addMissing(next, -1);
    return i;
  }

  #addMissing(i: number, change: number): void {
    const missing = addAt(this.missing, i, change);
    if (missing < 0) broken('ST1', `step "${this.stepAt(i).id}" waits for ${missing} steps`);
  }

  #waitFor(id: string, i: number): void {
    const waiting = this.#waitingForAbsent.get(id);
    if (waiting) waiting.push(i);
    else this.#waitingForAbsent.set(id, [i]);
  }
}

function hasOtherResults(a: Results, b: Results): boolean {
  return (
    a.outputs !== b.outputs ||
    a.logs !== b.logs ||
    a.error !== b.error ||
    a.metadata !== b.metadata ||
    a.metrics !== b.metrics
  );
}

function emptyCounts(): StatusCounts {
  return { PENDING: 0, RUNNING: 0, COMPLETED: 0, FAILED: 0, WAITING_FOR_DEPENDENCY: 0, STOPPED: 0 };
}

/** A step's log keeps its latest lines, each cut at a bound, so that endless attempts do not fill memory. */
export function addLogs(step: StepState, lines: readonly string[]): readonly string[] {
  const logs = [...step.logs, ...lines.map((line) => line.slice(0, limits.logLineLengthMax))];
  return logs.length > limits.logLinesMax ? logs.slice(-limits.logLinesMax) : logs;
}
