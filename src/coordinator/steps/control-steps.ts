/**
 * Ready steps that need no attempt: a condition is asked, a list is read, a loop goes on or ends, a wait begins or is over.
 * Each is decided in a turn of its own, from what is recorded: no slot takes part, and after a death the same is decided
 * again. What takes time to read was read before (preparations.ts). A step whose condition is true, and that has a task,
 * joins the line like any other.
 *
 * Rules, numbered for tests:
 *   SW1  a decision is made of recorded outputs alone, so that it is the same after a restart;
 *   SW2  a time that a step waits for is recorded before the wait begins; after a death what is overdue elapses at once.
 */

import { toInlineText } from '../../contract/code-text.ts';
import type { JournalEvent } from '../../contract/journal-event.ts';
import { limits } from '../../contract/limits.ts';
import { addMadeUpField, toWrittenId } from '../../contract/rehearsal.ts';
import type { DryRun, EngineSettings } from '../../contract/settings.ts';
import { BindingError, bindAny } from '../../core/bindings.ts';
import {
  decideDecision,
  decideElapsed,
  decideMap,
  decideRound,
  decideSkip,
  decideUnready,
  decideWait,
} from '../../core/decide-flow.ts';
import { isControlled } from '../../core/groups.ts';
import { readLists } from '../../core/item-list.ts';
import type { WorkflowState } from '../../core/state.ts';
import { externalAction, type StepState, workflowAction } from '../../core/step-state.ts';
import type { Clock } from '../clock.ts';
import type { Batch, Turns } from '../turns.ts';
import type { Live, Workflows } from '../workflows.ts';
import type { ChildSteps } from './child-steps.ts';
import type { FarList } from './far-lists.ts';
import { madeUpLabel, toMadeUpList } from './made-up-list.ts';
import { comesOfMadeUp } from './made-up-values.ts';
import { askNear, nothingRead, type Preparations, type Prepared } from './preparations.ts';
import { reader } from './step-outputs.ts';
import { forgetList, keepList, listOf, makeUpList, type ReadOutputs, sourcesOf } from './step-scope.ts';
import { bindQuestion } from './step-view.ts';
import { toDuration, toEnd, toTime } from './wait-times.ts';

export interface ControlStepsOptions {
  clock: Clock;
  preparations: Preparations;
  workflows: Workflows;
  turns: Turns;
  /** In a dry run conditions count as true, loops as done after a round, approvals as approved. */
  settings: Pick<EngineSettings, 'dryRun'>;
  childSteps: ChildSteps;
  onFatal(error: unknown): void;
}

/** What follows from a decision; the recorder is built after this. */
export interface ControlParts {
  record(batch: Batch, event: JournalEvent): void;
  /** The step runs like any other. */
  goOn(live: Live, i: number): void;
}

/** A timer looks at the clock at least so often: the machine may have slept, or its clock been set. */
const lookAgainMs = 60 * 60 * 1000;

export class ControlSteps {
  readonly #options: ControlStepsOptions;
  #parts: ControlParts | null = null;
  readonly #timers = new Set<() => void>();
  /** SW1: what is read for each step. A step that was stopped and is ready again is read for again. */
  readonly #readings = new Map<string, Promise<Prepared>>();
  #isHalted = false;

  constructor(options: ControlStepsOptions) {
    this.#options = options;
  }

  get #dryRun(): DryRun | undefined {
    return this.#options.settings.dryRun;
  }

  connect(parts: ControlParts): void {
    this.#parts = parts;
  }

  /** A PENDING step for which `isControlled` holds. */
  add(live: Live, i: number): void {
    const { preparations, turns, onFatal } = this.#options;
    const step = live.state.steps[i]!;
    const key = `${live.state.header.id}/${step.id}`;
    const reading = preparations.prepare(live, step);
    // What was read for this step before is no longer asked for.
    this.#readings.delete(key);
    if (reading === null) {
      turns.push({ run: (batch) => this.#settle(batch, live, i, nothingRead) });
      return;
    }
    this.#readings.set(key, reading);
    const settle = (prepared: Prepared) => {
      const run = (batch: Batch) => {
        if (this.#readings.get(key) !== reading) return;
        this.#readings.delete(key);
        this.#settle(batch, live, i, prepared);
      };
      turns.push({ run });
    };
    reading.then(settle).catch(onFatal);
  }

  /** SW2: a step that waits until a time. */
  watch(live: Live, stepId: string, until: number): void {
    const step = live.state.step(stepId);
    if (step === undefined) return;
    // At most the whole duration: a jump of the wall clock must not lengthen the wait.
    const leftMs = Math.max(0, until - this.#options.clock.now());
    const wholeMs = toDuration(step);
    this.#arm(live, stepId, until, wholeMs === null ? null : Math.min(leftMs, wholeMs));
  }

  /** `leftMs` null: the wait is for a time of day, and the clock says when it has come. */
  #arm(live: Live, stepId: string, until: number, leftMs: number | null): void {
    const { clock, turns } = this.#options;
    if (this.#isHalted) return;
    const ms = Math.min(leftMs ?? Math.max(0, until - clock.now()), lookAgainMs);
    const cancel = clock.timer(ms, () => {
      this.#timers.delete(cancel);
      if (live.state.step(stepId)?.wait?.until !== until) return;
      const isOver = leftMs === null ? clock.now() >= until : leftMs <= ms;
      if (isOver) turns.push({ run: (batch) => this.#elapse(batch, live, stepId, until) });
      else this.#arm(live, stepId, until, leftMs === null ? null : leftMs - ms);
    });
    this.#timers.add(cancel);
  }

  stop(): void {
    this.#isHalted = true;
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  #elapse(batch: Batch, live: Live, stepId: string, until: number): void {
    const { clock } = this.#options;
    const step = live.state.step(stepId);
    if (!this.#isLive(live) || step?.wait?.until !== until) return;
    this.#parts!.record(batch, decideElapsed(live.state, step, clock.now()));
  }

  #isLive(live: Live): boolean {
    return this.#options.workflows.live.get(live.state.header.id) === live;
  }

  #settle(batch: Batch, live: Live, i: number, prepared: Prepared): void {
    const { state } = live;
    const step = state.steps[i]!;
    // A stop may have come meanwhile, or another decision about the same step.
    if (!this.#isLive(live) || step.status !== 'PENDING' || !isControlled(step)) return;
    if (!this.#options.preparations.isComplete(live, step, prepared)) {
      this.add(live, i);
      return;
    }
    const event = this.#decide(state, step, prepared);
    if (event !== null) this.#parts!.record(batch, event);
    else if (step.action === workflowAction) this.#options.childSteps.begin(live, step);
    else this.#parts!.goOn(live, i);
    if (event?.kind === 'step.waiting' && event.for === 'decision') this.#approve(batch, live, step.id);
  }

  /** In a dry run: as if somebody approved at once, with the data that others refer to. */
  #approve(batch: Batch, { state }: Live, stepId: string): void {
    const { clock } = this.#options;
    const dryRun = this.#dryRun;
    if (dryRun === undefined) return;
    const made = { data: null as unknown };
    const paths = dryRun.wanted[stepId] ?? dryRun.wanted[toWrittenId(stepId)] ?? [];
    if (paths.some(([field, inner]) => field === 'data' && inner !== undefined)) made.data = {};
    for (const path of paths) if (path[0] === 'data') addMadeUpField(made, path);
    const nobody = { approved: true, by: null, comment: null, data: made.data };
    this.#parts!.record(batch, decideDecision(state, stepId, nobody, clock.now()));
  }

  /** null: the step has a task, and may run. */
  #decide(state: WorkflowState, step: StepState, prepared: Prepared): JournalEvent | null {
    const now = this.#options.clock.now();
    const { blobs, verdict } = prepared;
    const fail = (error: string) => decideUnready(state, step.id, { code: 'BINDING', error }, now);
    if (blobs instanceof Error) return fail(`outputs that the step refers to cannot be read: ${blobs.message}`);
    const read = reader(blobs);
    try {
      const condition = this.#options.preparations.conditionOf(step);
      if (verdict instanceof BindingError) throw verdict;
      const isTrue = condition === null || (verdict ?? askNear(state, condition, step, read));
      if (condition?.of === 'when' && !isTrue) return decideSkip(state, step.id, `${condition.text} is false`, now);
      if (step.flow.forEach !== null) return this.#map(state, step, prepared.list, read, now);
      if (step.flow.repeat !== null) return this.#repeat(state, step, isTrue, now);
      return this.#wait(state, step, read, now);
    } catch (error) {
      if (error instanceof BindingError) return fail(error.message);
      throw error;
    }
  }

  #map(state: WorkflowState, step: StepState, far: Prepared['list'], read: ReadOutputs, now: number): JournalEvent {
    forgetList(state, step);
    const known = this.#knownList(state, step, far, read);
    if (known === null) {
      const { count } = listOf(state, step, read);
      return decideMap(state, step.id, { count, labels: Array.from({ length: count }, () => madeUpLabel) }, now);
    }
    const { count } = known.list;
    const { label } = step.flow;
    if (label === null || count > limits.stepsMax) return decideMap(state, step.id, { count }, now);
    const toLabel = (index: number) => {
      const sources = sourcesOf(state, { step: step.id, index }, step, read);
      return toInlineText(bindAny(label, sources)).slice(0, limits.labelShownMax);
    };
    const labels = known.labels ?? Array.from({ length: count }, (_, index) => toLabel(index));
    return decideMap(state, step.id, { count, labels: [...labels] }, now);
  }

  /** null: a dry run has made the list up. Throws BindingError where there is none. */
  #knownList(state: WorkflowState, step: StepState, far: Prepared['list'], read: ReadOutputs): FarList | null {
    const dryRun = this.#dryRun;
    try {
      if (far instanceof BindingError) throw far;
      const known = far ?? { list: listOf(state, step, read), labels: null };
      if (dryRun !== undefined && isOpenList(state, step, known.list.count, dryRun.items))
        throw new BindingError('open');
      if (far !== null) keepList(state, step, far.list);
      return known;
    } catch (error) {
      if (dryRun === undefined || !(error instanceof BindingError)) throw error;
      makeUpList(state, step, toMadeUpList(step, dryRun.items ?? 1, listsKnown(state, step, read)));
      return null;
    }
  }

  /** `isTrue`: what its `until` says; the first round begins without. */
  #repeat(state: WorkflowState, step: StepState, isTrue: boolean, now: number): JournalEvent {
    return decideRound(state, step.id, step.count === null ? null : isTrue, now);
  }

  #wait(state: WorkflowState, step: StepState, read: ReadOutputs, now: number): JournalEvent | null {
    const at = Math.max(now, state.header.updatedAt);
    const sources = sourcesOf(state, step.of, step, read);
    const isWithin = step.action === 'approval' || step.action === externalAction;
    const end = isWithin ? toEnd(bindAny(step.params.within, sources), at) : null;
    if (step.action === 'approval') {
      // What nobody could read is not asked.
      bindQuestion(state, step, read);
      return decideWait(state, step.id, { for: 'decision', until: end }, now);
    }
    if (step.action === externalAction) {
      // In a dry run it is made up when all else rests, however long that takes.
      const until = this.#dryRun === undefined ? end : null;
      return decideWait(state, step.id, { for: 'data', until }, now);
    }
    if (step.action !== 'delay' || (step.params.for === undefined && step.params.until === undefined)) return null;
    const bound = bindAny({ for: step.params.for, until: step.params.until }, sources);
    const until = toTime(bound as Record<string, unknown>, at);
    return decideWait(state, step.id, { for: 'time', until: this.#dryRun === undefined ? until : at }, now);
  }
}

/** In a dry run: nobody can know how long the list is, and what was made up for it has another length than is asked for. */
function isOpenList(state: WorkflowState, group: StepState, count: number, items: number | undefined): boolean {
  const isOther = items === undefined ? count === 0 : count !== items;
  return isOther && comesOfMadeUp(state, group.flow.forEach, { context: group.of, step: group });
}

/** Of the lists of a group, those that can be known: each by itself. */
function listsKnown(state: WorkflowState, group: StepState, read: ReadOutputs): Map<string, readonly unknown[]> {
  const { forEach, batch } = group.flow;
  const sources = sourcesOf(state, group.of, group, read);
  const isNamed = typeof forEach === 'object' && forEach !== null && !Array.isArray(forEach);
  const known = new Map<string, readonly unknown[]>();
  for (const [name, list] of Object.entries(isNamed ? forEach : {})) {
    if (comesOfMadeUp(state, list, { context: group.of, step: group })) continue;
    try {
      for (const [key, items] of readLists({ [name]: bindAny(list, sources) }, batch)) known.set(key, items);
    } catch (error) {
      if (!(error instanceof BindingError)) throw error;
    }
  }
  return known;
}
