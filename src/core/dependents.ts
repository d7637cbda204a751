/**
 * What the end of a step means to those that wait for it: they are queued, skipped or stopped, and their ends are followed
 * in turn, until nothing more follows.
 *
 * Rules, numbered for tests:
 *   DE1  a waiting step becomes PENDING (queued) exactly when the ends of its dependencies let it run, by its `join`
 *        (table J, `join.ts`); at a workflow's creation `decide.ts` and `create-workflow.ts` apply the same test to its
 *        first steps;
 *   DE2  after a failure, every unfinished step that can no longer run because of it is STOPPED, and its error names
 *        the failed step; under fail-fast every unfinished step is, but for those with `join: ended` or `failed`. A step
 *        that is COMPLETED, as by data from outside, blocks nothing;
 *   DE3  a step for which data is kept (`external-data.ts`) is COMPLETED in the same event in which it may run, and so on
 *        through all that wait for it;
 *   DE4  a step that no failure stops, and that its `join` does not let run either, is skipped: COMPLETED without outputs;
 *   DE5  a failure is tolerated where the step says so, or where its group has room for one more failed item: the step is
 *        COMPLETED then, keeps its error, and counts as one that has not run.
 */
import { toTolerated } from './flow.ts';
import type { GroupTally } from './group-tally.ts';
import { isBegun, isControlled, isUnderWay, toGroupOutputs, toItemError, wholeOf } from './groups.ts';
import { itemAt } from './item-at.ts';
import { verdictOf } from './join.ts';
import type { WorkflowState } from './state.ts';
import { addLogs, countOf, endOf, externalAction, type StepState, toleratesItself } from './step-state.ts';
import { type Change, dependsOnSuccess, isHeld, isUnfinished, stopSteps } from './stop-steps.ts';
import { toIso } from './time.ts';

/** What goes into the log of a step that data from outside has made ready. */
export function toIngestedLine(at: number): string {
  return `Queued due to external data dependency satisfaction at ${toIso(at)}`;
}

/** A step that has ended. */
interface Ended {
  readonly i: number;
  /** The failed step that those it holds up will name; null when it has not failed. */
  readonly root: string | null;
  /** For the logs of the steps that it makes ready. */
  readonly line?: string | undefined;
}

/** One event's consequences, as far as they are known. */
class Settling {
  readonly state: WorkflowState;
  readonly at: number;
  readonly change: Change;
  readonly ended: Ended[] = [];

  constructor(state: WorkflowState, at: number, change: Change) {
    this.state = state;
    this.at = at;
    this.change = change;
  }

  /** Follows all ends, and those that come of them. */
  run(): void {
    const { state, ended } = this;
    let from = 0;
    do {
      for (; from < ended.length; from += 1) this.#follow(itemAt(ended, from));
      for (const g of state.takeFreed()) this.begin(g);
    } while (from < ended.length);
  }

  #follow(each: Ended): void {
    const { state } = this;
    for (const next of state.downstreamOf(each.i)) this.settleWaiting(next, each);
    const { of } = state.stepAt(each.i);
    if (of !== null) this.#settleGroup(state.placeOf(of.step), of.index);
  }

  settleWaiting(i: number, { root, line }: Omit<Ended, 'i'>): void {
    const { state, at, change } = this;
    const step = state.stepAt(i);
    if (!isUnfinished(step)) return;
    if (isUnderWay(step)) {
      this.#goOn(i);
      return;
    }
    const verdict = verdictOf(state, i);
    if (verdict === 'blocked') {
      const failed = root ?? nameLost(state, step);
      stopSteps(state, [i], at, `Upstream step "${failed}" failed`, change);
      this.ended.push({ i, root: failed });
    } else if (step.status === 'WAITING_FOR_DEPENDENCY' && step.wait === null && isBegun(state, step)) {
      if (verdict === 'skipped') this.skip(i, toSkipReason(step));
      if (verdict === 'ready') this.#queue(i, line);
    }
  }

  /** A group that was stopped, or whose own item had to wait for a place. */
  #goOn(i: number): void {
    const tally = this.state.tallyAt(i);
    if (tally.openItems === 0) this.#ask(i);
    tally.retake();
    this.begin(i);
  }

  /** A round has ended: the loop asks whether it is done. */
  #ask(i: number): void {
    const step = this.state.stepAt(i);
    if (step.wait !== null || !isBegun(this.state, step)) return;
    this.state.setStep(i, { status: 'PENDING', queuedAt: this.at });
    this.change.queued.push(i);
  }

  /** DE1 and DE3. */
  #queue(i: number, line: string | undefined): void {
    const { state, at, change } = this;
    const step = state.stepAt(i);
    if (step.pause !== null) return;
    if (step.action !== externalAction || isControlled(step)) {
      const logs = line === undefined ? {} : { logs: addLogs(step, [line]) };
      state.setStep(i, { status: 'PENDING', queuedAt: at, ...logs });
      change.queued.push(i);
    } else if (isHeld(step)) {
      this.completeHeld(i);
    }
  }

  /** DE3. */
  completeHeld(i: number): void {
    const { state, at, change } = this;
    const logs = addLogs(state.stepAt(i), [`Completed with the data that was kept at ${toIso(at)}`]);
    state.setStep(i, { status: 'COMPLETED', error: null, startTime: at, endTime: at, wait: null, logs });
    change.completed.push(i);
    this.ended.push({ i, root: null, line: toIngestedLine(at) });
  }

  /** DE4. */
  skip(i: number, reason: string): void {
    const { state, at, change } = this;
    const step = state.stepAt(i);
    const dropped = isHeld(step) ? ['The data that was kept for it is dropped'] : [];
    state.setStep(i, {
      status: 'COMPLETED',
      outcome: 'skipped',
      outputs: { json: '{}' },
      error: null,
      endTime: at,
      logs: addLogs(step, [`Skipped at ${toIso(at)}: ${reason}`, ...dropped]),
    });
    change.completed.push(i);
    this.ended.push({ i, root: null });
    // Of a group that runs again, and whose condition is no longer true.
    for (const inner of state.placesOf(i)) if (state.stepAt(inner).status !== 'COMPLETED') this.skip(inner, reason);
  }

  /** DE2 and DE5. `fields`: what else changes with the failure. */
  fail(i: number, error: string, { logs = [], ...fields }: Partial<StepState> = {}): void {
    const { state, at } = this;
    const step = state.stepAt(i);
    const isTolerated = this.#tolerates(step);
    const lines = [...logs, `Failed: ${error}`, ...(isTolerated ? ['Tolerated: the workflow goes on'] : [])];
    state.setStep(i, {
      endTime: at,
      wait: null,
      errorCode: null,
      ...fields,
      error,
      status: isTolerated ? 'COMPLETED' : 'FAILED',
      outcome: isTolerated ? 'tolerated' : null,
      outputs: isTolerated ? { json: '{}' } : step.outputs,
      logs: addLogs(step, lines),
    });
    this.ended.push({ i, root: isTolerated ? null : step.id });
    if (isTolerated) this.#absolve(i);
    // The failure of an item is that of its group, which may be tolerated.
    else if (state.header.failurePolicy === 'fail-fast' && step.of === null) this.#failFast(step.id);
  }

  /** DE5. An ended group that was tolerated itself tolerates what its items still do. */
  #tolerates(step: StepState): boolean {
    const { state } = this;
    if (toleratesItself(step.flow)) return true;
    if (step.of === null) return false;
    const place = state.placeOf(step.of.step);
    const group = state.stepAt(place);
    if (group.outcome === 'tolerated') return true;
    if (group.flow.repeat !== null) return false;
    const tally = state.tallyAt(place);
    const failed = tally.failedItems + (tally.isFailed(step.of.index) ? 0 : 1);
    return failed <= toTolerated(group.flow.tolerate, countOf(group));
  }

  /** A tolerated group: none of its steps fails the workflow any more. */
  #absolve(group: number): void {
    const { state, at } = this;
    for (const i of state.placesOf(group)) {
      const step = state.stepAt(i);
      if (step.status === 'FAILED') {
        const logs = addLogs(step, ['Tolerated: the workflow goes on']);
        state.setStep(i, { status: 'COMPLETED', outcome: 'tolerated', outputs: { json: '{}' }, logs });
      } else if (step.status === 'STOPPED') {
        const logs = addLogs(step, [`Skipped at ${toIso(at)}: the failure of its group is tolerated`]);
        state.setStep(i, { status: 'COMPLETED', outcome: 'skipped', outputs: { json: '{}' }, endTime: at, logs });
      }
      this.#absolve(i);
    }
  }

  #failFast(failed: string): void {
    const { state, at, change } = this;
    // Items that have not begun end as a whole; those under way may have steps that clean up.
    const notBegun = new Set([...state.tallies.values()].flatMap((tally) => this.#listNotBegun(tally)));
    const places = [...state.steps.keys()].filter((i) => notBegun.has(i) || dependsOnSuccess(state.stepAt(i)));
    const before = change.stopped.length;
    stopSteps(state, places, at, `Stopped because step "${failed}" failed (fail-fast)`, change);
    for (const i of change.stopped.slice(before)) this.ended.push({ i, root: failed });
  }

  /** F2, F3 and F5: what the end of a step means to the group that has made it. */
  #settleGroup(g: number, index: number): void {
    const { state } = this;
    const group = state.stepAt(g);
    const tally = state.tallyAt(g);
    if (!isUnderWay(group)) {
      // The last item of a group that has failed before.
      if (state.isOver(g)) this.ended.push({ i: g, root: null });
      return;
    }
    const { repeat, tolerate } = group.flow;
    if (tally.failedItems > (repeat ? 0 : toTolerated(tolerate, countOf(group)))) {
      this.#failGroup(g, toItemError(state, tally, index, repeat ? 'round' : 'item'));
    } else if (repeat) {
      if (tally.openItems === 0) this.#ask(g);
    } else if (tally.openItems === 0) {
      this.completeGroup(g, toGroupOutputs(state, group, tally));
    } else if (!tally.isOpen(index)) {
      this.begin(g);
    }
  }

  #failGroup(g: number, error: string): void {
    const { state, at, change } = this;
    const waiting = this.#listNotBegun(state.tallyAt(g));
    stopSteps(state, waiting, at, `Step "${state.stepAt(g).id}" failed`, change);
    this.fail(g, error, { errorCode: 'ITEMS_FAILED' });
    (state.stepAt(g).status === 'FAILED' ? change.failed : change.completed).push(g);
  }

  /** With what a retry has left of groups within. */
  #listNotBegun(tally: GroupTally): number[] {
    return [...tally.notBegun()].flatMap((i) => [i, ...wholeOf(this.state, i)]);
  }

  completeGroup(g: number, outputs: object): void {
    const { state, at, change } = this;
    const { count, failed } = outputs as { count?: number; failed?: number };
    const allFailed = count !== undefined && count > 0 && failed === count;
    const warning = allFailed ? [`Warning: all ${count} items have failed, and all were tolerated`] : [];
    state.setStep(g, {
      status: 'COMPLETED',
      outputs: { json: JSON.stringify(outputs) },
      error: null,
      endTime: at,
      logs: addLogs(state.stepAt(g), [...warning, `Completed successfully at ${toIso(at)}`]),
    });
    change.completed.push(g);
    this.ended.push({ i: g, root: null });
  }

  /** F2: begins the items that may run now. */
  begin(g: number): void {
    const { state } = this;
    const group = state.stepAt(g);
    if (!isUnderWay(group) || !isBegun(state, group)) return;
    const tally = state.tallyAt(g);
    for (const index of tally.takeBegun()) {
      for (const i of itemAt(tally.places, index)) this.settleWaiting(i, { root: null });
    }
  }
}

/** Follows what comes of one event: `begin` names its first consequences. */
export function settle(state: WorkflowState, at: number, change: Change, begin: (settling: Settling) => void): void {
  const settling = new Settling(state, at, change);
  begin(settling);
  settling.run();
}
export type { Settling };

/** The step has ended: what follows. */
export function settleEnd(state: WorkflowState, i: number, at: number, change: Change, line?: string): void {
  settle(state, at, change, ({ ended }) => ended.push({ i, root: null, line }));
}

/** DE1 and DE3 for each of the places, as after a resume. */
export function settleWaiting(state: WorkflowState, places: readonly number[], at: number, change: Change): void {
  settle(state, at, change, (settling) => {
    for (const i of places) settling.settleWaiting(i, { root: null });
  });
}

/** DE2 and DE5. */
export function failStep(
  state: WorkflowState,
  i: number,
  { at, error, ...fields }: { at: number; error: string } & Partial<StepState>,
  change: Change,
): void {
  settle(state, at, change, (settling) => settling.fail(i, error, fields));
}

function toSkipReason({ flow, dependencies }: StepState): string {
  if (flow.join === 'failed') return 'nothing that it waits for has failed';
  return dependencies.length === 1 ? `step "${dependencies[0]}" has not run` : 'what it waits for has not run';
}

function nameLost(state: WorkflowState, { dependencies }: StepState): string {
  const places = dependencies.flatMap((id) => state.index.get(id) ?? []);
  const lost = places.map((i) => state.stepAt(i)).filter((step) => endOf(step) === 'lost');
  return itemAt(lost, 0).id;
}
