/**
 * Steps that run a workflow, their child: its creation, its end, and how the two keep together. The rules of the core
 * are CH1 to CH3 in core/child.ts.
 *
 * Rules, numbered for tests:
 *   CP1  what a child's end means to its step is recorded in the turn of that end, or, where outputs must be read or
 *        written first, in a later one; a start compares both ends and records what a death has left out;
 *   CP2  a step that has a child takes it up again: a STOPPED child is resumed, a FAILED one retried, and one that has
 *        ended meanwhile ends the step;
 *   CP3  a child that no step waits for is stopped in the turn in which its step ceases to wait.
 */
import type { Template, WorkflowDefinition } from '../../contract/definition.ts';
import { type FailureCode, Refusal } from '../../contract/failures.ts';
import type { JournalEvent, OutputsRef } from '../../contract/journal-event.ts';
import { limits } from '../../contract/limits.ts';
import type { EngineSettings } from '../../contract/settings.ts';
import type { ActionCatalogue } from '../../contract/task.ts';
import { isAtRest, isTerminal } from '../../contract/workflow.ts';
import { BindingError, bindAny } from '../../core/bindings.ts';
import {
  addChildMetrics,
  type ChildEnd,
  decideChild,
  decideReturn,
  toChildError,
  toChildMetrics,
} from '../../core/child.ts';
import { decideResume, decideRetryCall, decideStop, decideWaiting } from '../../core/decide.ts';
import { decideUnready, decideWait } from '../../core/decide-flow.ts';
import { findSecretParams } from '../../core/secret-params.ts';
import { attendsChild, endOf, type StepState } from '../../core/step-state.ts';
import { warningsOf } from '../../core/validate.ts';
import type { Chance, Clock } from '../clock.ts';
import type { Recall } from '../recall.ts';
import type { Batch, Turns } from '../turns.ts';
import type { Live, Workflows } from '../workflows.ts';
import { type NeededForReturn, neededForReturn, tooLargeToReturn, toReturnJson } from './child-outputs.ts';
import { type Blobs, reader, type StepOutputs } from './step-outputs.ts';
import { sourcesOf } from './step-scope.ts';
import { toEnd } from './wait-times.ts';

/** How templates become definitions. */
export interface Instantiation {
  /** Rejects with a Refusal that names what is wrong with the params. */
  instantiate(template: Template, params: Record<string, unknown>): Promise<WorkflowDefinition>;
  /** Called once, when nothing is made any more. */
  close(): Promise<void>;
}

export interface ChildStepsOptions {
  settings: EngineSettings;
  catalogue: ActionCatalogue;
  clock: Clock;
  chance: Chance;
  outputs: StepOutputs;
  workflows: Workflows;
  turns: Turns;
  instantiation: Instantiation;
  onFatal(error: unknown): void;
}

interface Bound {
  readonly params: Record<string, unknown>;
  readonly within: unknown;
}

type RecordEvent = (batch: Batch, event: JournalEvent) => Live;

export class ChildSteps {
  readonly #options: ChildStepsOptions;
  #record: RecordEvent | null = null;
  #recall: Pick<Recall, 'pin' | 'release'> | null = null;
  /** Children whose outputs are on their way to their step. */
  readonly #returning = new Set<string>();
  /** One check of params at a time: a thread that checks them has a short line. */
  #check: Promise<unknown> = Promise.resolve();

  constructor(options: ChildStepsOptions) {
    this.#options = options;
  }

  connect(record: RecordEvent): void {
    this.#record = record;
  }

  connectRecall(recall: Pick<Recall, 'pin' | 'release'>): void {
    this.#recall = recall;
  }

  /** A PENDING step whose condition is true. */
  begin(live: Live, step: StepState): void {
    const { child } = step;
    const isThere = child !== null && this.#options.workflows.has(child);
    const work = isThere ? this.#takeUp(live, step, child) : this.#create(live, step);
    work.catch((error: unknown) => this.#options.onFatal(error));
  }

  close(): Promise<void> {
    return this.#options.instantiation.close();
  }

  /** CP3. */
  stop(batch: Batch, id: string): void {
    const { workflows, clock } = this.#options;
    const child = workflows.live.get(id);
    if (child === undefined || isTerminal(child.state.header.status)) return;
    this.#record!(batch, decideStop(child.state, clock.now()));
  }

  /** CP1: called after each event of a workflow, which may be a child. */
  changed(batch: Batch, child: Live): void {
    const { workflows, clock } = this.#options;
    const { id, parentId, parentStepId, status } = child.state.header;
    if (parentStepId === null || parentId === null) return;
    const parent = workflows.live.get(parentId);
    if (parent === undefined) {
      if (isTerminal(status) && workflows.finished.has(parentId)) {
        this.#changedLater(child, parentId).catch((error: unknown) => this.#options.onFatal(error));
      }
      return;
    }
    const step = parent.state.step(parentStepId);
    if (step?.child !== id) return;
    if (isTerminal(status)) {
      this.#end(batch, parent, step, child);
    } else if (step.wait?.for === 'workflow' && isAtRest(status) !== (step.wait.atRest === true)) {
      this.#record!(batch, decideWait(parent.state, step.id, toWait(step.wait.until, child), clock.now()));
    }
  }

  /** An attempt that was aborted has ended when the parent had left memory: what it has used is the parent's, too. */
  async #changedLater(child: Live, parentId: string): Promise<void> {
    child.pins += 1;
    const parent = await this.#pinned(parentId);
    this.#options.turns.push({
      run: (batch) => {
        if (parent !== null) {
          this.changed(batch, child);
          this.#recall!.release(parent);
        }
        this.#recall!.release(child);
      },
    });
  }

  /** CP1: after a start. The first turns record what is missing. */
  compare(live: Live): void {
    const { workflows, turns, clock, onFatal } = this.#options;
    const { id, parentId, parentStepId, status } = live.state.header;
    if (isTerminal(status)) return;
    for (const step of live.state.steps) {
      if (step.wait?.for === 'workflow' && step.child !== null) {
        this.#compareChild(live, step, step.child).catch(onFatal);
      }
    }
    // One whose parent is gone goes on: what it makes is its own.
    if (parentId === null || parentStepId === null || !workflows.has(parentId)) return;
    const step = workflows.live.get(parentId)?.state.step(parentStepId);
    if (step?.child === id && endOf(step) === null) return;
    turns.push({
      run: (batch) => {
        if (workflows.live.get(id) === live && !isTerminal(live.state.header.status)) {
          this.#record!(batch, decideStop(live.state, clock.now()));
        }
      },
    });
  }

  async #compareChild(live: Live, step: StepState, id: string): Promise<void> {
    const { workflows, turns } = this.#options;
    const child = await this.#pinned(id);
    turns.push({
      run: (batch) => {
        const now = this.#options.clock.now();
        if (child !== null) this.changed(batch, child);
        else if (this.#isDue(live, step)) {
          const why = workflows.setAside.get(id);
          const error = `workflow ${id} ${why === undefined ? 'is gone' : `was set aside: ${why}`}`;
          this.#record!(batch, decideUnready(live.state, step.id, fault('CHILD_FAILED', error), now));
        }
        if (child !== null) this.#recall!.release(child);
      },
    });
  }

  /** null where there is no such workflow any more. */
  async #pinned(id: string): Promise<Live | null> {
    try {
      return await this.#recall!.pin(id);
    } catch (error) {
      if (error instanceof Refusal) return null;
      throw error;
    }
  }

  /** Nothing has happened to the step since. */
  #isDue(live: Live, step: StepState): boolean {
    const { workflows } = this.#options;
    return workflows.live.get(live.state.header.id) === live && live.state.step(step.id) === step;
  }

  /** CP2. */
  async #takeUp(live: Live, step: StepState, id: string): Promise<void> {
    const child = await this.#pinned(id);
    if (child === null) {
      await this.#create(live, step);
      return;
    }
    const bound = await this.#bind(live, step);
    this.#options.turns.push({
      run: (batch) => {
        if (this.#isDue(live, step)) this.#goOn(batch, { live, step, child, bound });
        this.#recall!.release(child);
      },
    });
  }

  #goOn(
    batch: Batch,
    { live, step, child, bound }: { live: Live; step: StepState; child: Live; bound: Bound | Error },
  ) {
    const now = this.#options.clock.now();
    if (bound instanceof Error) {
      this.#record!(batch, decideUnready(live.state, step.id, fault('BINDING', bound.message), now));
      return;
    }
    const { status } = child.state.header;
    // A file may call itself FAILED and hold no step that is.
    if (status === 'FAILED' && child.state.counts.FAILED > 0) this.#record!(batch, decideRetryCall(child.state, now));
    if (status === 'STOPPED') this.#record!(batch, decideResume(child.state, now));
    // Where nothing of it can run it has ended again, and so has the step.
    const at = live.state.step(step.id);
    if (at?.status !== 'PENDING') return;
    if (isTerminal(child.state.header.status)) {
      this.#end(batch, live, at, child);
      return;
    }
    const until = toEnd(bound.within, Math.max(now, live.state.header.updatedAt));
    this.#record!(batch, decideWait(live.state, step.id, toWait(until, child), now));
  }

  /** CH1. */
  async #create(live: Live, step: StepState): Promise<void> {
    const { chance, clock, turns } = this.#options;
    const made = await this.#define(live, step);
    turns.push({
      run: (batch) => {
        if (!this.#isDue(live, step)) return;
        const now = clock.now();
        if ('error' in made) {
          this.#record!(batch, decideUnready(live.state, step.id, made, now));
          return;
        }
        const id = chance.workflowId();
        const until = toEnd(made.within, Math.max(now, live.state.header.updatedAt));
        const child = this.#record!(batch, decideChild(live.state, step.id, { id, ...made, until, now }));
        this.#record!(batch, decideWait(live.state, step.id, { for: 'workflow', until }, now));
        const waiting = decideWaiting(child.state, now);
        if (waiting) this.#record!(batch, waiting);
      },
    });
  }

  /** What the child is made of, or why there is none. */
  async #define(live: Live, step: StepState) {
    const { settings, catalogue } = this.#options;
    const { templates } = live.state.header;
    const bound = await this.#bind(live, step);
    if (bound instanceof Error) return fault('BINDING', bound.message);
    const templateId = String(step.params.template);
    const template = templates?.[templateId] as unknown as Template | undefined;
    if (template === undefined) return fault('BAD_PARAMS', `the workflow holds no template "${templateId}"`);
    const [secret] = findSecretParams(bound.params, ['params'], settings.secrets, settings.secretStore);
    if (secret !== undefined) return fault('BAD_PARAMS', `${secret.path}: ${secret.message}`);
    try {
      const definition = await this.#instantiate(template, bound.params);
      const warnings = warningsOf(definition, { catalogue, unknownActions: settings.unknownActions });
      return { templateId, definition, warnings, within: bound.within };
    } catch (error) {
      if (error instanceof Refusal) return fault('BAD_PARAMS', error.detail);
      throw error;
    }
  }

  #instantiate(template: Template, params: Record<string, unknown>): Promise<WorkflowDefinition> {
    const checked = this.#check.then(() => this.#options.instantiation.instantiate(template, params));
    this.#check = checked.catch(() => undefined); // The caller has the error.
    return checked;
  }

  /** The step's params, or why they cannot be known. */
  async #bind(live: Live, step: StepState): Promise<Bound | Error> {
    const { state } = live;
    const { params = {}, within } = step.params;
    try {
      const blobs = await this.#options.outputs.readBlobsFor(live, step);
      const value = within === undefined ? { params } : { params, within };
      const bound = bindAny(value, sourcesOf(state, step.of, step, reader(blobs))) as Record<string, unknown>;
      toEnd(bound.within, 0);
      if (typeof bound.params === 'object' && bound.params !== null && !Array.isArray(bound.params)) {
        return { params: bound.params as Record<string, unknown>, within: bound.within };
      }
      return new Error(`params is no object: ${JSON.stringify(bound.params)?.slice(0, 100)}`);
    } catch (error) {
      if (error instanceof BindingError) return error;
      return new Error(`outputs that the step refers to cannot be read: ${(error as Error).message}`);
    }
  }

  /** CP1: the child has ended, or has used something since. */
  #end(batch: Batch, parent: Live, step: StepState, child: Live): void {
    const { clock } = this.#options;
    const isWaiting = attendsChild(step);
    if (isWaiting && child.state.header.status === 'COMPLETED') {
      this.#return(batch, parent, step, child);
      return;
    }
    const end = this.#toEnd(child, toChildError(child.state), null);
    const isNews = JSON.stringify(addChildMetrics(step.base, end.metrics)) !== JSON.stringify(step.metrics);
    if (isWaiting || isNews) this.#record!(batch, decideReturn(parent.state, step.id, end, clock.now()));
  }

  #toEnd({ state }: Live, error: string | null, outputs: OutputsRef | null): ChildEnd {
    const isSimulated = state.header.tags.includes('simulated');
    return { child: state.header.id, error, metrics: toChildMetrics(state), isSimulated, outputs };
  }

  #toReturned(child: Live, kept: OutputsRef | Error): ChildEnd {
    return kept instanceof Error ? this.#toEnd(child, kept.message, null) : this.#toEnd(child, null, kept);
  }

  #return(batch: Batch, parent: Live, step: StepState, child: Live): void {
    const { outputs, clock } = this.#options;
    const needed = neededForReturn(child.state);
    if (needed.blobs.length === 0 && needed.bytes <= limits.outputsInlineBytesMax) {
      const json = toJson(child, new Map());
      const ref = json instanceof Error ? json : outputs.toOutputsNow(json);
      if (ref !== null) {
        const end = this.#toReturned(child, ref);
        this.#record!(batch, decideReturn(parent.state, step.id, end, clock.now()));
        return;
      }
    }
    const { id } = child.state.header;
    if (this.#returning.has(id)) return;
    this.#returning.add(id);
    child.pins += 1;
    this.#returnLater(parent, step.id, child, needed).catch((error: unknown) => this.#options.onFatal(error));
  }

  async #returnLater(parent: Live, stepId: string, child: Live, needed: NeededForReturn): Promise<void> {
    const { workflows, turns, clock } = this.#options;
    const kept = await this.#keep(parent, child, needed);
    turns.push({
      run: (batch) => {
        const { id } = child.state.header;
        const parentId = parent.state.header.id;
        this.#returning.delete(id);
        const step = parent.state.step(stepId);
        const isLive = workflows.live.get(parentId) === parent;
        if (isLive && step?.child === id && attendsChild(step) && child.state.header.status === 'COMPLETED') {
          this.#record!(batch, decideReturn(parent.state, stepId, this.#toReturned(child, kept), clock.now()));
        } else if (!workflows.has(parentId) && !(kept instanceof Error) && 'blob' in kept) {
          // The blob has created the directory of the deleted workflow again.
          batch.effects.push({ kind: 'remove', workflowId: parentId });
        }
        this.#recall!.release(child);
      },
    });
  }

  /** The outputs of the step; durable where they are a blob. */
  async #keep(parent: Live, child: Live, needed: NeededForReturn): Promise<OutputsRef | Error> {
    const { outputs } = this.#options;
    if (needed.bytes > limits.outputsBytesMax) return new Error(tooLargeToReturn);
    const blobs = await outputs.readBlobs(child, needed.blobs).catch((error: Error) => error);
    const json = blobs instanceof Error ? blobs : toJson(child, blobs);
    if (!(json instanceof Error)) return outputs.keep(parent.state.header.id, json);
    return new Error(`what workflow ${child.state.header.id} has made cannot be read: ${json.message}`);
  }
}

function toJson({ state }: Live, blobs: Blobs): string | Error {
  try {
    return toReturnJson(state, reader(blobs));
  } catch (error) {
    if (error instanceof BindingError) return error;
    throw error;
  }
}

function toWait(until: number | null, { state }: Live): NonNullable<StepState['wait']> {
  const wait = { for: 'workflow' as const, until };
  return isAtRest(state.header.status) ? { ...wait, atRest: true } : wait;
}

function fault(code: FailureCode, error: string): { code: FailureCode; error: string } {
  return { code, error };
}
