/**
 * What has to be read before a step without an attempt is decided. Conditions over large data are asked by the reader, and
 * large lists made by it: the coordinator's thread gets a verdict, or the bytes of a list. What is small is decided in the
 * turn itself.
 */
import type { DryRun } from '../../contract/settings.ts';
import { BindingError } from '../../core/bindings.ts';
import { type ConditionUse, conditionUses, evaluateCondition, toConditionFault } from '../../core/condition.ts';
import { type Context, toScopedId } from '../../core/context.ts';
import { isGroup } from '../../core/flow.ts';
import type { WorkflowState } from '../../core/state.ts';
import { externalAction, type StepState } from '../../core/step-state.ts';
import type { Clock } from '../clock.ts';
import type { Live } from '../workflows.ts';
import type { FarList, FarLists } from './far-lists.ts';
import type { Inquiries } from './inquiries.ts';
import { draftCondition } from './inquiry-parts.ts';
import { isReadable, NeededOutputs, neededForList } from './needed-outputs.ts';
import type { Blobs, StepOutputs } from './step-outputs.ts';
import { conditionScopeOf, type ReadOutputs } from './step-scope.ts';

/** What was read. */
export interface Prepared {
  /** The content of blobs that small decisions refer to; an error: they cannot be read. */
  readonly blobs: Blobs | Error;
  /** Of a condition over large data; null: it is asked in the turn. */
  readonly verdict: boolean | BindingError | null;
  /** A large list; null: it is made in the turn. */
  readonly list: FarList | BindingError | null;
}

export const nothingRead: Prepared = { blobs: new Map(), verdict: null, list: null };

/** A condition that is asked of a step, and where. */
export interface AskedCondition {
  readonly text: string;
  readonly context: Context;
  /** `until`: of a loop. */
  readonly of: 'when' | 'until';
}

export interface PreparationsOptions {
  readonly inquiries: Inquiries;
  readonly farLists: FarLists;
  readonly outputs: Pick<StepOutputs, 'readBlobs'>;
  readonly clock: Pick<Clock, 'soon'>;
  readonly dryRun: DryRun | undefined;
}

export class Preparations {
  readonly #options: PreparationsOptions;

  constructor(options: PreparationsOptions) {
    this.#options = options;
  }

  /** The condition that decides the step; null: none. A dry run asks none. */
  conditionOf(step: StepState): AskedCondition | null {
    const { when, repeat: loop } = step.flow;
    if (this.#options.dryRun !== undefined) return null;
    // A group, or a step with a child, has asked its condition before it has begun.
    if (when !== null && step.count === null && step.child === null)
      return { text: when, context: step.of, of: 'when' };
    if (loop === null || step.count === null) return null;
    return { text: loop.until, context: { step: step.id, index: step.count - 1 }, of: 'until' };
  }

  /** null: nothing has to be read. */
  prepare(live: Live, step: StepState): Promise<Prepared> | null {
    const { state } = live;
    const condition = this.conditionOf(step);
    const isFarCondition = condition !== null && neededForCondition(state, condition).isFar;
    const isFarList = step.flow.forEach !== null && isFar(state, step);
    const rest = neededForRest(state, step, isFarList);
    if (!isFarCondition && !isFarList && rest.farLists.size === 0 && rest.blobs.length === 0) return null;
    return this.#read(live, step, { condition: isFarCondition ? condition : null, isFarList });
  }

  /** Whether what was read is all that the decision takes: a list may have been forgotten since. */
  isComplete({ state }: Live, step: StepState, { verdict, list }: Prepared): boolean {
    if (verdict === false || verdict instanceof BindingError) return true;
    const condition = verdict === null ? this.conditionOf(step) : null;
    if (condition !== null && neededForCondition(state, condition).farLists.size > 0) return false;
    return neededForRest(state, step, list !== null).farLists.size === 0;
  }

  async #read(
    live: Live,
    step: StepState,
    { condition, isFarList }: { condition: AskedCondition | null; isFarList: boolean },
  ): Promise<Prepared> {
    const verdict = condition === null ? null : await faultOr(() => this.#ask(live, step, condition));
    const isDecided = condition?.of === 'when' && verdict !== true;
    if (isDecided) return { ...nothingRead, verdict };
    const list = isFarList ? await faultOr(() => this.#options.farLists.make(live, step)) : null;
    return { blobs: await this.#readRest(live, step, isFarList), verdict, list };
  }

  async #ask(live: Live, step: StepState, condition: AskedCondition): Promise<boolean> {
    const { farLists, inquiries, clock } = this.#options;
    const { state } = live;
    for (;;) {
      const needed = neededForCondition(state, condition);
      if (needed.farLists.size === 0) break;
      await farLists.load(live, needed.farLists);
    }
    const pause = () => new Promise<void>((resolve) => clock.soon(resolve));
    const draft = await draftCondition(state, condition.context, step, condition.text, pause);
    const answer = await inquiries.ask(state.header.id, draft);
    if (answer.kind === 'fault') throw new BindingError(answer.fault);
    if (answer.kind === 'list') throw new Error('an inquiry about a condition has a list');
    return answer.value;
  }

  async #readRest(live: Live, step: StepState, isFarList: boolean): Promise<Blobs | Error> {
    const { farLists, outputs } = this.#options;
    try {
      for (;;) {
        const needed = neededForRest(live.state, step, isFarList);
        await farLists.load(live, needed.farLists);
        const blobs = await outputs.readBlobs(live, needed.blobs);
        if (neededForRest(live.state, step, isFarList).farLists.size === 0) return blobs;
      }
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }
}

async function faultOr<T>(find: () => Promise<T>): Promise<T | BindingError> {
  try {
    return await find();
  } catch (error) {
    if (error instanceof BindingError) return error;
    throw error;
  }
}

/** Whether the reader makes the list of the group. */
function isFar(state: WorkflowState, group: StepState): boolean {
  return neededForList(state, group).isFarList && isReadable(state, group);
}

function neededForCondition(state: WorkflowState, { text, context }: AskedCondition): NeededOutputs {
  const needed = new NeededOutputs(state, { listsApart: true });
  const use: ConditionUse = conditionUses(text);
  for (const id of use.steps) needed.addStep(toScopedId(state, context, id), []);
  for (const path of use.outputPaths) if (path.root === 'previous') needed.addPrevious(path.step, [], context);
  for (const root of use.roots) needed.addItem(root, context);
  return needed;
}

/** What is read in the turn itself, conditions aside. */
function neededForRest(state: WorkflowState, step: StepState, isFarList: boolean): NeededOutputs {
  const needed = new NeededOutputs(state, { listsApart: true });
  if (step.flow.forEach !== null && !isFarList) needed.addList(step);
  if (!isGroup(step.flow) && (step.action === 'delay' || step.action === 'approval')) {
    needed.addValue(step.params, step.of, step);
  }
  if (step.action === externalAction) needed.addValue(step.params.within, step.of, step);
  return needed;
}

/** Asks a condition over small data. Throws BindingError where it comes out as neither true nor false. */
export function askNear(
  state: WorkflowState,
  { text, context }: AskedCondition,
  step: Pick<StepState, 'flow'>,
  read: ReadOutputs,
): boolean {
  const { steps, roots, outputPaths } = conditionUses(text);
  const previous = outputPaths.flatMap((path) => (path.root === 'previous' ? [path.step] : []));
  const scope = conditionScopeOf(state, context, step, { steps, roots, previous }, read);
  const verdict = evaluateCondition(text, scope);
  if ('fault' in verdict) throw new BindingError(toConditionFault(text, verdict.fault));
  return verdict.value;
}
