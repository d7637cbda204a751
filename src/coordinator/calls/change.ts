/** The calls that change a workflow: stop, resume, retry, delete, and data from outside. */
import type { Budget } from '../../contract/budget.ts';
import type { Call, CallHandlers, IdempotencyClaim, WorkflowText } from '../../contract/coordinator.ts';
import type { ExternalDataReply } from '../../contract/definition.ts';
import { Refusal } from '../../contract/failures.ts';
import type { JournalEvent } from '../../contract/journal-event.ts';
import type { JsonObject } from '../../contract/json.ts';
import { isTerminal } from '../../contract/workflow.ts';
import { decideDelete, decideResume, decideRetryCall, decideStop } from '../../core/decide.ts';
import { decideExternalData, waitingForData } from '../../core/external-data.ts';
import type { Change } from '../../core/stop-steps.ts';
import type { Chance, Clock } from '../clock.ts';
import type { Removals } from '../files/removals.ts';
import type { StateFiles } from '../files/state-files.ts';
import type { Recorder } from '../recorder.ts';
import type { StepOutputs } from '../steps/step-outputs.ts';
import type { Batch } from '../turns.ts';
import { encode, type Live, toText, type Workflows } from '../workflows.ts';
import type { KeyedCalls } from './keyed-calls.ts';

/** An answer lists at most so many steps. */
const waitingMax = 100;

export interface ChangeParts {
  clock: Clock;
  chance: Chance;
  workflows: Workflows;
  views: StateFiles;
  removals: Removals;
  outputs: StepOutputs;
  recorder: Recorder;
}

type ChangeCalls = CallHandlers<'stop' | 'resume' | 'retry' | 'delete' | 'externalData'>;

export function createChangeCalls(parts: ChangeParts, keyed: KeyedCalls): ChangeCalls {
  const { clock, chance, recorder, outputs, workflows } = parts;

  const change = (
    id: string,
    claim: IdempotencyClaim | undefined,
    decide: (live: Live, now: number) => JournalEvent,
    then: (batch: Batch, live: Live) => void = () => undefined,
  ): Promise<WorkflowText> =>
    keyed.keyed(claim, () =>
      keyed.pinned(id, (live) =>
        keyed.inTurnOf(live, claim, (batch) => {
          const event = decide(live, clock.now());
          const text = toText(live, recorder.record(batch, event, claim, encode).replyJson);
          then(batch, live);
          return text;
        }),
      ),
    );

  const externalData: Call<'externalData'> = (args) => {
    const { id, claim, stepId, stepName, add, sourceUrl, contentType, action } = args;
    return keyed.keyedJson(claim, () =>
      keyed.pinned(id, async (live) => {
        const kept = await outputs.toOutputs(id, args.outputsJson);
        return keyed.inTurnOf(live, claim, (batch) => {
          const event = decideExternalData(live.state, {
            stepId,
            stepName,
            add: add ?? false,
            sourceUrl,
            ...(contentType === undefined ? {} : { contentType }),
            action,
            outputs: kept,
            metadata: args.metadata as JsonObject,
            suffix: chance.hex(8),
            now: clock.now(),
          });
          const waiting = event.added ? waitingForData(live.state).map((step) => step.id) : [];
          const toReply = (_: Live, { queued }: Change) => {
            const reply: ExternalDataReply = {
              step_id: event.stepId,
              workflow_id: id,
              queued_dependents: queued.length,
              status: 'success',
              ...(event.held ? { held: true } : {}),
              ...(event.added ? { added: true } : {}),
              ...(waiting.length > 0 ? { waiting: waiting.slice(0, waitingMax) } : {}),
            };
            return JSON.stringify(reply);
          };
          return recorder.record(batch, event, claim, toReply).replyJson;
        });
      }),
    );
  };

  return {
    stop: ({ id, claim }) => change(id, claim, ({ state }, now) => decideStop(state, now)),
    resume: ({ id, budget, claim }) =>
      change(id, claim, resumed(workflows, budget), (batch) => resumeBelow(parts, batch, id)),
    retry: ({ id, claim }) =>
      change(id, claim, (live, now) => {
        refuseOfChild(workflows, live, 'retry');
        return decideRetryCall(live.state, now);
      }),
    delete: ({ id, version }) => deleteWorkflow(parts, keyed, id, version),
    externalData,
  };
}

/** The workflows under way below this one of whose steps a budget has paused some. */
function pausedBelow(workflows: Workflows, id: string): Live[] {
  return workflows.descendants(id).flatMap((below) => {
    const live = workflows.live.get(below);
    return live !== undefined && live.state.paused > 0 && !isTerminal(live.state.header.status) ? [live] : [];
  });
}

function resumeBelow({ workflows, recorder, clock }: ChangeParts, batch: Batch, id: string): void {
  for (const { state } of pausedBelow(workflows, id)) recorder.record(batch, decideResume(state, clock.now()));
}

function resumed(workflows: Workflows, budget: Budget | undefined): (live: Live, now: number) => JournalEvent {
  return (live, now) => {
    refuseOfChild(workflows, live, 'resume');
    return decideResume(live.state, now, budget, pausedBelow(workflows, live.state.header.id).length > 0);
  };
}

/** A child that has ended goes on with its step alone: else nobody would wait for it. */
function refuseOfChild(workflows: Workflows, { state: { header } }: Live, call: 'resume' | 'retry' | 'delete'): void {
  const { id, status, parentStepId } = header;
  const parentId = workflows.parentOf(id);
  if (parentId === null || (call !== 'delete' && !isTerminal(status))) return;
  const what = `Workflow ${id} is ${status}, and runs for step "${parentStepId}" of workflow ${parentId}`;
  throw new Refusal({ code: 'CONFLICT', detail: `${what}; ${call} that one, and this one with it` });
}

/**
 * Also deletes the workflows that its steps have started. Resolves when the directories are removed, or when a removal
 * has failed and waits for the next checkpoint.
 */
async function deleteWorkflow(parts: ChangeParts, keyed: KeyedCalls, id: string, version?: number): Promise<null> {
  const { clock, workflows, views, removals, recorder } = parts;
  const removed: string[] = [];
  const remove = (batch: Batch, one: string) => {
    const live = workflows.live.get(one);
    const entry = workflows.finished.get(one);
    if (live !== undefined) {
      if (!isTerminal(live.state.header.status)) recorder.record(batch, decideStop(live.state, clock.now()));
      const event = decideDelete(live.state, clock.now());
      recorder.record(batch, event);
      workflows.remove(one, event.spending);
      workflows.gone.keep(event.deliveries ?? [], one, event.at);
    } else if (entry !== undefined) {
      recorder.recordRemoval(batch, entry);
    } else {
      return;
    }
    views.forget(one);
    // This effect stays in the batch on a full disk: the caller is refused, but the deletion is written later.
    batch.effects.push({ kind: 'remove', workflowId: one });
    removed.push(one);
  };
  await keyed.pinned(id, (live) =>
    keyed.inTurnOf(live, undefined, (batch) => {
      if (version !== undefined) checkUnchanged(live, version);
      refuseOfChild(workflows, live, 'delete');
      if (!isTerminal(live.state.header.status)) recorder.record(batch, decideStop(live.state, clock.now()));
      // Those below first: where a death cuts this off, nothing is left without what it belongs to.
      for (const one of [...workflows.descendants(id), id]) remove(batch, one);
    }),
  );
  for (const one of removed) await removals.settled(one);
  return null;
}

function checkUnchanged({ state: { header } }: Live, version: number): void {
  if (header.version === version && isTerminal(header.status)) return;
  const detail = `Workflow ${header.id} is ${header.status} in version ${header.version}, and was finished in ${version}`;
  throw new Refusal({ code: 'CONFLICT', detail });
}
