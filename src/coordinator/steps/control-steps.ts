/**
 * Ready steps that need no attempt: a condition is asked, a list is read, a loop goes on or ends, a wait begins or is over.
 * Each is decided in a turn of its own, from what is recorded: no slot and no thread takes part, and after a death the same
 * is decided again. A step whose condition is true, and that has a task, joins the line like any other.
 *
 * Rules, numbered for tests:
 *   SW1  a decision is made of recorded outputs alone, so that it is the same after a restart;
 *   SW2  a time that a step waits for is recorded before the wait begins; after a death what is overdue elapses at once.
 */

import { toInlineText } from '../../contract/code-text.ts';
import { readDuration } from '../../contract/flow.ts';
import type { JournalEvent } from '../../contract/journal-event.ts';
import { limits } from '../../contract/limits.ts';
import { addMadeUpField, toWrittenId } from '../../contract/rehearsal.ts';
import type { DryRun, EngineSettings } from '../../contract/settings.ts';
import { BindingError, bindAny } from '../../core/bindings.ts';
import { type ConditionUse, conditionUses, evaluateCondition } from '../../core/condition.ts';
import { type Context, toScopedId } from '../../core/context.ts';
import {
  decideDecision,
  decideElapsed,
  decideMap,
  decideRound,
  decideSkip,
  decideUnready,
  decideWait,
} from '../../core/decide-flow.ts';
import { isGroup } from '../../core/flow.ts';
import { isControlled } from '../../core/groups.ts';
import type { ItemList } from '../../core/item-list.ts';
import type { WorkflowState } from '../../core/state.ts';
import { externalAction, type StepState, workflowAction } from '../../core/step-state.ts';
import type { Clock } from '../clock.ts';
import type { Batch, Turns } from '../turns.ts';
import type { Live, Workflows } from '../workflows.ts';
import type { ChildSteps } from './child-steps.ts';
import { madeUpLabel, toMadeUpList } from './made-up-list.ts';
import { type Blobs, reader, type StepOutputs } from './step-outputs.ts';
import {
  conditionScopeOf,
  forgetList,
  listOf,
  makeUpList,
  NeededOutputs,
  type ReadOutputs,
  sourcesOf,
} from './step-scope.ts';
import { bindQuestion } from './step-view.ts';
import { toEnd } from './within.ts';

export interface ControlStepsOptions {
  clock: Clock;
  outputs: StepOutputs;
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
    const { outputs, turns, onFatal } = this.#options;
    const needed = this.#blobsFor(live.state, live.state.steps[i]!);
    if (needed.length === 0) {
      turns.push({ run: (batch) => this.#settle(batch, live, i, new Map()) });
      return;
    }
    const push = (blobs: Blobs | Error) => turns.push({ run: (batch) => this.#settle(batch, live, i, blobs) });
    outputs.readBlobs(live, needed).then(push, push).catch(onFatal);
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

  #settle(batch: Batch, live: Live, i: number, blobs: Blobs | Error): void {
    const { state } = live;
    const step = state.steps[i]!;
    // A stop may have come meanwhile, or another decision about the same step.
    if (!this.#isLive(live) || step.status !== 'PENDING' || !isControlled(step)) return;
    const event = this.#decide(state, step, blobs);
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
  #decide(state: WorkflowState, step: StepState, blobs: Blobs | Error): JournalEvent | null {
    const now = this.#options.clock.now();
    const fail = (error: string) => decideUnready(state, step.id, { code: 'BINDING', error }, now);
    if (blobs instanceof Error) return fail(`outputs that the step refers to cannot be read: ${blobs.message}`);
    const read = reader(blobs);
    try {
      if (step.flow.when !== null && isNew(step) && this.#dryRun === undefined) {
        const isTrue = ask(state, step.flow.when, step.of, step, read);
        if (!isTrue) return decideSkip(state, step.id, `${step.flow.when} is false`, now);
      }
      if (step.flow.forEach !== null) return this.#map(state, step, read, now);
      if (step.flow.repeat !== null) return this.#repeat(state, step, read, now);
      return this.#wait(state, step, read, now);
    } catch (error) {
      if (error instanceof BindingError) return fail(error.message);
      throw error;
    }
  }

  #map(state: WorkflowState, step: StepState, read: ReadOutputs, now: number): JournalEvent {
    forgetList(state, step);
    const known = this.#knownList(state, step, read);
    if (known === null) {
      const { count } = listOf(state, step, read);
      return decideMap(state, step.id, { count, labels: Array.from({ length: count }, () => madeUpLabel) }, now);
    }
    const { count } = known;
    const { label } = step.flow;
    if (label === null || count > limits.stepsMax) return decideMap(state, step.id, { count }, now);
    const labels = Array.from({ length: count }, (_, index) => {
      const sources = sourcesOf(state, { step: step.id, index }, step, read);
      return toInlineText(bindAny(label, sources)).slice(0, limits.labelShownMax);
    });
    return decideMap(state, step.id, { count, labels }, now);
  }

  /** null: a dry run has made the list up. Throws BindingError where there is none. */
  #knownList(state: WorkflowState, step: StepState, read: ReadOutputs): ItemList | null {
    const dryRun = this.#dryRun;
    try {
      return listOf(state, step, read);
    } catch (error) {
      if (dryRun === undefined || !(error instanceof BindingError)) throw error;
      makeUpList(state, step, toMadeUpList(step, dryRun.items ?? 1));
      return null;
    }
  }

  #repeat(state: WorkflowState, step: StepState, read: ReadOutputs, now: number): JournalEvent {
    if (step.count === null) return decideRound(state, step.id, null, now);
    if (this.#dryRun !== undefined) return decideRound(state, step.id, true, now);
    const isDone = ask(state, step.flow.repeat!.until, { step: step.id, index: step.count - 1 }, step, read);
    return decideRound(state, step.id, isDone, now);
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
    if (step.action === externalAction) return decideWait(state, step.id, { for: 'data', until: end }, now);
    if (step.action !== 'delay' || (step.params.for === undefined && step.params.until === undefined)) return null;
    const bound = bindAny({ for: step.params.for, until: step.params.until }, sources);
    const until = toTime(bound as Record<string, unknown>, at);
    return decideWait(state, step.id, { for: 'time', until: this.#dryRun === undefined ? until : at }, now);
  }

  #blobsFor(state: WorkflowState, step: StepState): string[] {
    const { when, forEach, label, repeat: loop } = step.flow;
    const needed = new NeededOutputs(state);
    if (when !== null && isNew(step)) addCondition(needed, state, conditionUses(when), step.of);
    if (forEach !== null) needed.addValue(forEach, step.of, step);
    if (label !== null) needed.addValue(label, { step: step.id, index: 0 }, step);
    if (loop !== null && step.count !== null) {
      addCondition(needed, state, conditionUses(loop.until), { step: step.id, index: step.count - 1 });
    }
    if (!isGroup(step.flow) && (step.action === 'delay' || step.action === 'approval')) {
      needed.addValue(step.params, step.of, step);
    }
    if (step.action === externalAction) needed.addValue(step.params.within, step.of, step);
    return needed.blobs;
  }
}

/** A group, or a step with a child, has asked its condition before it has begun. */
function isNew({ count, child }: StepState): boolean {
  return count === null && child === null;
}

/** How long a wait of this step is in all, in milliseconds; null where it ends at a time of day. */
function toDuration({ flow, params }: StepState): number | null {
  const text = flow.repeat?.every ?? params.for ?? params.within;
  return typeof text === 'string' ? readDuration(text) : null;
}

/** Throws BindingError where the condition comes out as neither true nor false. */
function ask(
  state: WorkflowState,
  text: string,
  context: Context,
  step: Pick<StepState, 'flow'>,
  read: ReadOutputs,
): boolean {
  const { steps, roots, outputPaths } = conditionUses(text);
  const previous = outputPaths.flatMap((path) => (path.root === 'previous' ? [path.step] : []));
  const scope = conditionScopeOf(state, context, step, { steps, roots, previous }, read);
  const verdict = evaluateCondition(text, scope);
  if ('fault' in verdict) throw new BindingError(`the condition ${text} cannot be answered: ${verdict.fault}`);
  return verdict.value;
}

function addCondition(needed: NeededOutputs, state: WorkflowState, use: ConditionUse, context: Context): void {
  for (const id of use.steps) needed.addStep(toScopedId(state, context, id), []);
  for (const path of use.outputPaths) if (path.root === 'previous') needed.addPrevious(path.step, [], context);
  for (const root of use.roots) needed.addItem(root, context);
}

/** Milliseconds since 1970. A time that is past is over at once. */
function toTime({ for: duration, until }: Record<string, unknown>, at: number): number {
  if (duration !== undefined) {
    const ms = typeof duration === 'string' ? readDuration(duration) : null;
    if (ms === null) throw new BindingError(`for is no duration as in 30s or 2h: ${JSON.stringify(duration)}`);
    return at + ms;
  }
  const time = typeof until === 'string' && /(?:[zZ]|[+-]\d\d:\d\d)$/.test(until) ? Date.parse(until) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new BindingError(`until is no time with a zone as in 2026-01-31T12:00:00Z: ${JSON.stringify(until)}`);
  }
  return time;
}
