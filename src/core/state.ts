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
import type { SpendingRow } from '../contract/ledger.ts';
import type { FailurePolicy, JobStatus } from '../contract/workflow.ts';
import { type Amounts, addAmounts, noAmounts, toAmounts } from './budget.ts';
import { isGroup } from './flow.ts';
import { createGraph } from './graph.ts';
import { GroupTally, type StepEnd } from './group-tally.ts';
import { addAt, itemAt } from './item-at.ts';
import { addMetrics, emptyTotals, type Totals } from './metrics.ts';
import { type Results, sizeOfResults } from './size.ts';
import {
  addEnd,
  attendsChild,
  type EndCounts,
  type EndOfStep,
  endOf,
  goesOn,
  noEnds,
  type StepState,
  toItemEnd,
} from './step-state.ts';

/** A branch of the workflow, or a child that one of its steps has started. */
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
  /** Of a child: the step of its parent that it runs for. */
  readonly parentStepId: string | null;
  readonly branches: readonly Branch[];
  readonly children: readonly Branch[];
  /** The templates that its `workflow` steps can reach, by id; null where it has none. */
  readonly templates: JsonObject | null;
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

export class WorkflowState {
  header: Header;
  readonly steps: StepState[];
  readonly index = new Map<string, number>();
  downstream: number[][] = [];
  /** For each step, how many of its dependencies are not over (`isOver`); unknown ids count too. */
  missing: number[] = [];
  /** Of those that have ended: how many are lost, skipped and tolerated (`EndOfStep`). */
  ends: EndCounts[] = [];
  /** The counts of each group, by its place. */
  readonly tallies = new Map<number, GroupTally>();
  /** How many steps were skipped, and how many failures tolerated. */
  outcomes = { skipped: 0, tolerated: 0 };
  /** How many steps wait for what comes by itself: a time of their own, a workflow that works. */
  timed = 0;
  readonly #freed = new Set<number>();
  /** Children that were under way when their step has ceased to wait for them. */
  #left: string[] = [];
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
  /** By place: the version in which the step last changed, as far as that is known; and from which version on it is. */
  readonly #changedIn: number[] = [];
  #knownFrom: number | null = null;
  /** By place, perhaps more than once. */
  #changed: number[] = [];
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
    this.ends = this.steps.map(noEnds);
    this.tallies.clear();
    this.outcomes = { skipped: 0, tolerated: 0 };
    this.timed = 0;
    this.steps.forEach((step, i) => {
      this.#enter(step, i);
    });
    this.#keepOpen();
    this.missing = this.steps.map((step, i) => {
      let missing = 0;
      for (const id of new Set(step.dependencies)) {
        const at = this.index.get(id);
        if (at === undefined) this.#waitFor(id, i);
        const end = at === undefined ? null : endOf(this.stepAt(at));
        if (end !== null) addEnd(itemAt(this.ends, i), end, 1);
        if (at === undefined || !this.isOver(at)) missing += 1;
      }
      return missing;
    });
  }

  /** Items whose inner group has ended, and works on, have not ended: groups within groups first. */
  #keepOpen(): void {
    for (const i of [...this.tallies.keys()].reverse()) {
      const step = this.stepAt(i);
      if (step.of === null) continue;
      this.tallyAt(this.placeOf(step.of.step)).change(step.of.index, toItemEnd(step), this.#toItemEnd(i));
    }
  }

  /** Counts a step that is new to the derived values. Groups stand before the steps that are made from them. */
  #enter(step: StepState, i: number): void {
    this.counts[step.status] += 1;
    addMetrics(this.totals, step.metrics, 1);
    this.#uncounted.add(i);
    if (step.reserved) this.reserved = addAmounts(this.reserved, toAmounts(step.reserved));
    if (step.pause) this.paused += 1;
    if (goesOn(step)) this.timed += 1;
    if (step.outcome) this.outcomes[step.outcome] += 1;
    if (isGroup(step.flow)) this.tallies.set(i, new GroupTally(step.flow.repeat ? 1 : step.flow.concurrency));
    if (step.of) this.tallyAt(this.placeOf(step.of.step)).add(step.of.index, i, toItemEnd(step));
  }

  /** Nobody has seen the workflow yet: what has changed up to now is its beginning. */
  forgetChanges(): void {
    this.#changed = [];
  }

  /** All that has changed since it was last called has changed in this version. */
  markChanges(version: number): void {
    this.#knownFrom ??= version - 1;
    while (this.#changedIn.length < this.steps.length) this.#changedIn.push(0);
    for (const i of this.#changed) this.#changedIn[i] = version;
    this.#changed.length = 0;
  }

  /**
   * The places of the steps that have changed since a version, ascending; null where that is not known. What changed before
   * the workflow came into memory is not.
   */
  changedSince(version: number): number[] | null {
    const latest = this.header.version;
    if (version > latest || version < (this.#knownFrom ?? latest)) return null;
    return [...this.steps.keys()].filter((i) => (this.#changedIn[i] ?? 0) > version);
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

  /**
   * The step has ended, and so has all that was made from it: when a group has failed, or was stopped, items of it may
   * still be under way.
   */
  isOver(i: number): boolean {
    return endOf(this.stepAt(i)) !== null && this.#isAtRest(i);
  }

  #isAtRest(i: number): boolean {
    return (this.tallies.get(i)?.openItems ?? 0) === 0;
  }

  #toItemEnd(i: number, step = this.stepAt(i)): StepEnd {
    return toItemEnd(step, { isAtRest: this.#isAtRest(i), isAtWork: (this.tallies.get(i)?.itemsAtWork ?? 0) > 0 });
  }

  setHeader(change: Partial<Header>): void {
    this.header = { ...this.header, ...change };
  }

  setStep(i: number, change: Partial<StepState>): void {
    const before = this.stepAt(i);
    const after: Writable<StepState> = { ...before, ...change };
    // A code is that of an error: where the error goes, or another one comes without a code, it goes too.
    if (change.error !== undefined && change.errorCode === undefined) after.errorCode = null;
    this.steps[i] = after;
    this.#changed.push(i);
    if (before.status !== after.status) {
      this.counts[before.status] -= 1;
      this.counts[after.status] += 1;
      if (this.counts[before.status] < 0) broken('ST1', `${this.counts[before.status]} steps are ${before.status}`);
    }
    if (hasOtherEnd(before, after)) this.#setEnd(i, before, after);
    this.timed += Number(goesOn(after)) - Number(goesOn(before));
    if (before.child !== null && attendsChild(before) && !(attendsChild(after) && after.child === before.child)) {
      this.#left.push(before.child);
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

  /** The children that steps have ceased to wait for since the last call. */
  takeLeft(): string[] {
    const left = this.#left;
    this.#left = [];
    return left;
  }

  /** What the end of a step, or its new beginning, changes at the steps that wait for it and at its group. */
  #setEnd(i: number, before: StepState, after: StepState): void {
    if (before.outcome) this.outcomes[before.outcome] -= 1;
    if (after.outcome) this.outcomes[after.outcome] += 1;
    const had = endOf(before);
    const has = endOf(after);
    if (had !== has) for (const next of this.downstreamOf(i)) this.#changeEnd(next, had, has);
    // A start, say, means nothing to others.
    else if (after.of === null) return;
    this.#changeOver(i, this.#toItemEnd(i, before), this.#toItemEnd(i, after));
  }

  #changeEnd(i: number, had: EndOfStep | null, has: EndOfStep | null): void {
    const ends = itemAt(this.ends, i);
    if (had !== null) addEnd(ends, had, -1);
    if (has !== null) addEnd(ends, has, 1);
  }

  /** What it means that the step is over, or works again: to those that wait for it, and to the group that it is of. */
  #changeOver(i: number, had: StepEnd, has: StepEnd): void {
    if (had.isEnded !== has.isEnded) {
      for (const next of this.downstreamOf(i)) this.#addMissing(next, has.isEnded ? -1 : 1);
    }
    const { of } = this.stepAt(i);
    if (of === null) return;
    const g = this.placeOf(of.step);
    const before = this.#toItemEnd(g);
    this.tallyAt(g).change(of.index, had, has);
    if (had.isAtWork && !has.isAtWork) this.#freed.add(g);
    const after = this.#toItemEnd(g);
    if (before.isEnded !== after.isEnded || before.isAtWork !== after.isAtWork) this.#changeOver(g, before, after);
  }

  /** The groups of which a step has ceased to be at work since the last call: another item may have its place now. */
  takeFreed(): number[] {
    const freed = [...this.#freed];
    this.#freed.clear();
    return freed;
  }

  /** Adds a COMPLETED step without dependencies; steps that waited for its id become its dependents. */
  addStep(step: StepState): number {
    const i = this.#append(step);
    const waiting = this.#waitingForAbsent.get(step.id) ?? [];
    this.#waitingForAbsent.delete(step.id);
    this.downstream[i] = waiting;
    this.#enter(step, i);
    for (const next of waiting) {
      this.#changeEnd(next, null, endOf(step));
      this.#addMissing(next, -1);
    }
    return i;
  }

  /** Adds the steps of a group's items or rounds; they depend on each other alone. Returns their places. */
  addSteps(steps: readonly StepState[]): number[] {
    const places = steps.map((step) => this.#append(step));
    steps.forEach((step, k) => {
      const i = itemAt(places, k);
      for (const id of step.dependencies) {
        itemAt(this.downstream, this.placeOf(id)).push(i);
        this.#addMissing(i, 1);
      }
      this.#enter(step, i);
    });
    return places;
  }

  #append(step: StepState): number {
    const i = this.steps.length;
    this.steps.push(step);
    this.#changed.push(i);
    this.index.set(step.id, i);
    this.missing.push(0);
    this.ends.push(noEnds());
    this.downstream.push([]);
    return i;
  }

  /** ST3: the counts of a group. */
  tallyAt(i: number): GroupTally {
    return this.tallies.get(i) ?? broken('ST3', `step "${this.stepAt(i).id}" is no group`);
  }

  /** The places of all steps that a group has made, in their order; none for any other step. */
  placesOf(i: number): readonly number[] {
    return this.tallies.get(i)?.places.flat() ?? [];
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

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** What it is to those that wait for it, or to its group, may be another. */
function hasOtherEnd(a: StepState, b: StepState): boolean {
  return a.status !== b.status || a.outcome !== b.outcome || a.wait !== b.wait || a.pause !== b.pause;
}

function hasOtherResults(a: Results, b: Results): boolean {
  return (
    a.outputs !== b.outputs ||
    a.logs !== b.logs ||
    a.attempts !== b.attempts ||
    a.error !== b.error ||
    a.metadata !== b.metadata ||
    a.metrics !== b.metrics
  );
}

function emptyCounts(): StatusCounts {
  return { PENDING: 0, RUNNING: 0, COMPLETED: 0, FAILED: 0, WAITING_FOR_DEPENDENCY: 0, STOPPED: 0 };
}
