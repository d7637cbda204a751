/** The calls about single steps: reading one, deciding one that waits for a person, and listing those that wait. */
import type { Call, CallHandlers } from '../../contract/coordinator.ts';
import type { WaitingStep } from '../../contract/decision.ts';
import { invalid, Refusal } from '../../contract/failures.ts';
import { limits } from '../../contract/limits.ts';
import type { EngineSettings } from '../../contract/settings.ts';
import { OutOfHandlesError } from '../../contract/store.ts';
import type { ActionCatalogue } from '../../contract/task.ts';
import { isTerminal } from '../../contract/workflow.ts';
import { type AwaitedStep, listAwaited } from '../../core/awaited.ts';
import type { ShownParams } from '../../core/bindings.ts';
import { collectionOf } from '../../core/collect.ts';
import { decideDecision, stepNotFound } from '../../core/decide-flow.ts';
import { findSecretParams } from '../../core/secret-params.ts';
import type { WorkflowState } from '../../core/state.ts';
import type { StepState } from '../../core/step-state.ts';
import { takeRuleOf } from '../../core/taking.ts';
import { toIso } from '../../core/time.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Recorder } from '../recorder.ts';
import { type Blobs, reader, type StepOutputs } from '../steps/step-outputs.ts';
import { bindForReaders, neededFor, toSmallSources, toStepText, toWholeView } from '../steps/step-view.ts';
import type { Turns } from '../turns.ts';
import type { Live, Workflows } from '../workflows.ts';
import type { KeyedCalls } from './keyed-calls.ts';

export interface StepParts {
  settings: EngineSettings;
  catalogue: ActionCatalogue;
  clock: Clock;
  log: Log;
  workflows: Workflows;
  turns: Turns;
  outputs: StepOutputs;
  recorder: Recorder;
}

export function createStepCalls(parts: StepParts, keyed: KeyedCalls): CallHandlers<'step' | 'decide' | 'waiting'> {
  const { clock, recorder, turns } = parts;

  const step: Call<'step'> = async ({ id, stepId, bound }) => {
    turns.checkDurable(id);
    return keyed.pinned(id, async (live) => {
      turns.checkDurable(id);
      const shown = bound ? await readShownParams(parts, live, stepId) : undefined;
      return readStep(parts, live, stepId, shown);
    });
  };

  const decide: Call<'decide'> = (args) => {
    const { id, stepId, claim, isChecked, approved, by, comment, data } = args;
    const decision = { approved, by, comment, data };
    const secret = findSecretParams(decision, [], parts.settings.secrets);
    if (secret.length > 0) throw invalid('The decision is not valid', secret);
    return keyed.keyedJson(claim, () =>
      keyed.pinned(id, (live) =>
        keyed.inTurnOf(live, claim, (batch) => {
          const event = decideDecision(live.state, stepId, decision, clock.now());
          if (!isChecked && live.state.stepOf(stepId).params.data !== undefined) {
            const detail = `Step "${stepId}" of workflow ${id} began to wait while the decision came; send it again`;
            throw new Refusal({ code: 'CONFLICT', detail });
          }
          const toReply = ({ state }: Live) => JSON.stringify(toWholeView(state.stepOf(stepId)), null, 2);
          return recorder.record(batch, event, claim, toReply).replyJson;
        }),
      ),
    );
  };

  const waiting: Call<'waiting'> = async ({ limit = limits.listLimitDefault, offset = 0 }) => {
    const all = findAwaited(parts);
    const items: WaitingStep[] = [];
    for (const awaited of all.slice(offset, offset + limit)) items.push(await toWaitingStep(parts, awaited));
    return { total: all.length, items };
  };

  return { step, decide, waiting };
}

/**
 * The params with their references replaced. Values of outputs that are large are left out: nobody waits for more than
 * `boundSourcesBytesMax` to be read and parsed.
 */
async function readShownParams(parts: StepParts, live: Live, stepId: string): Promise<ShownParams> {
  const { state } = live;
  const step = state.step(stepId);
  if (step === undefined) throw stepNotFound(state.header.id, stepId);
  const needed = toSmallSources(state, step);
  const blobs = await parts.outputs.readBlobs(live, needed.blobs).catch((error: unknown) => {
    if (error instanceof OutOfHandlesError) throw error;
    // What refers to damaged outputs stays as it is written.
    parts.log.error({ workflow: state.header.id, step: stepId }, (error as Error).message);
    return new Map<string, unknown>();
  });
  return bindForReaders(state, step, needed.isSmall, reader(blobs), parts.catalogue.get(step.action)?.code);
}

async function readStep({ outputs, log }: StepParts, live: Live, stepId: string, shown?: ShownParams) {
  const { state } = live;
  const { id } = state.header;
  for (;;) {
    const step = state.step(stepId);
    if (step === undefined) throw stepNotFound(id, stepId);
    const needed = neededFor(state, step);
    let blobs: Blobs;
    try {
      blobs = await outputs.readBlobs(live, needed.blobs);
    } catch (error) {
      if (error instanceof OutOfHandlesError) throw error;
      log.error({ workflow: id, step: stepId }, (error as Error).message);
      const detail = `Outputs of workflow ${id} are damaged or gone; retry or branch the workflow to make them again`;
      throw new Refusal({ code: 'SET_ASIDE', detail });
    }
    // While blobs were read, the step may have gone on.
    if (state.step(stepId) === step) return toStepText(state, step, needed, reader(blobs), shown);
  }
}

interface Awaited extends AwaitedStep {
  readonly live: Live;
}

/** Of all workflows; the longest wait first. */
function findAwaited({ workflows, turns }: StepParts): Awaited[] {
  const found: Awaited[] = [];
  for (const live of workflows.live.values()) {
    const { id, status } = live.state.header;
    if (isTerminal(status) || !turns.isDurable(id)) continue;
    for (const awaited of listAwaited(live.state)) found.push({ ...awaited, live });
  }
  return found.sort((a, b) => a.since - b.since);
}

async function toWaitingStep(parts: StepParts, { live, step, for: what, since }: Awaited): Promise<WaitingStep> {
  const { wait } = step;
  const collection = collectionOf(live.state, step);
  const { id, name, action } = collection ?? step;
  const until = wait?.until ?? null;
  const take = what === 'data' ? takeRuleOf(step.params) : null;
  const message = what === 'decision' ? await readMessage(parts, live, id) : undefined;
  return {
    workflow_id: live.state.header.id,
    step_id: id,
    name,
    action,
    for: what,
    ...(message === undefined ? {} : { message }),
    ...(take === null ? {} : { take }),
    ...(collection === undefined ? {} : toCollected(live.state, collection)),
    ...(until === null ? {} : { until: toIso(until) }),
    since: toIso(since),
  };
}

function toCollected(state: WorkflowState, collection: StepState): Pick<WaitingStep, 'collect' | 'collected'> {
  const places = state.placesOf(state.placeOf(collection.id)).map((i) => state.stepAt(i));
  return { collect: places.length, collected: places.filter(({ status }) => status === 'COMPLETED').length };
}

/** undefined where what the message refers to is damaged or gone: the step waits all the same. */
async function readMessage(parts: StepParts, live: Live, stepId: string): Promise<string | undefined> {
  try {
    const { json } = await readStep(parts, live, stepId);
    return (JSON.parse(json) as { message?: string }).message;
  } catch (error) {
    if (error instanceof Refusal) return undefined;
    throw error;
  }
}
