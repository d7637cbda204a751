/** The calls that change a workflow: stop, resume, retry, delete, and data from outside. */
import type { Call, CallHandlers, IdempotencyClaim, WorkflowText } from '../../contract/coordinator.ts';
import type { ExternalDataReply } from '../../contract/definition.ts';
import { Refusal } from '../../contract/failures.ts';
import type { JournalEvent } from '../../contract/journal-event.ts';
import type { JsonObject } from '../../contract/json.ts';
import { isTerminal } from '../../contract/workflow.ts';
import { decideDelete, decideResume, decideRetryCall, decideStop } from '../../core/decide.ts';
import type { Change } from '../../core/dependents.ts';
import { decideExternalData, waitingForData } from '../../core/external-data.ts';
import type { WorkflowState } from '../../core/state.ts';
import type { Chance, Clock } from '../clock.ts';
import type { Removals } from '../files/removals.ts';
import type { StateFiles } from '../files/state-files.ts';
import type { Recorder } from '../recorder.ts';
import type { StepOutputs } from '../steps/step-outputs.ts';
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
  const { clock, chance, recorder, outputs } = parts;

  const change = (
    id: string,
    claim: IdempotencyClaim | undefined,
    decide: (state: WorkflowState, now: number) => JournalEvent,
  ): Promise<WorkflowText> =>
    keyed.keyed(claim, () =>
      keyed.pinned(id, (live) =>
        keyed.inTurnOf(live, claim, (batch) => {
          const event = decide(live.state, clock.now());
          return toText(live, recorder.record(batch, event, claim, encode).replyJson);
        }),
      ),
    );

  const externalData: Call<'externalData'> = (args) => {
    const { id, claim, stepId, stepName, add, sourceUrl, action } = args;
    return keyed.keyedJson(claim, () =>
      keyed.pinned(id, async (live) => {
        const kept = await outputs.toOutputs(id, args.outputsJson);
        return keyed.inTurnOf(live, claim, (batch) => {
          const event = decideExternalData(live.state, {
            stepId,
            stepName,
            add: add ?? false,
            sourceUrl,
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
    stop: ({ id, claim }) => change(id, claim, decideStop),
    resume: ({ id, budget, claim }) => change(id, claim, (state, now) => decideResume(state, now, budget)),
    retry: ({ id, claim }) => change(id, claim, decideRetryCall),
    delete: ({ id, version }) => deleteWorkflow(parts, keyed, id, version),
    externalData,
  };
}

/**
 * Resolves when the workflow's directory is removed, or when its removal has failed and waits for the next checkpoint.
 */
async function deleteWorkflow(parts: ChangeParts, keyed: KeyedCalls, id: string, version?: number): Promise<null> {
  const { clock, workflows, views, removals, recorder } = parts;
  await keyed.pinned(id, (live) =>
    keyed.inTurnOf(live, undefined, (batch) => {
      const now = clock.now();
      if (version !== undefined) checkUnchanged(live, version);
      if (!isTerminal(live.state.header.status)) recorder.record(batch, decideStop(live.state, now));
      const event = decideDelete(live.state, now);
      recorder.record(batch, event);
      workflows.remove(id, event.spending);
      views.forget(id);
      // This effect stays in the batch on a full disk: the caller is refused, but the deletion is written later.
      batch.effects.push({ kind: 'remove', workflowId: id });
    }),
  );
  await removals.settled(id);
  return null;
}

function checkUnchanged({ state: { header } }: Live, version: number): void {
  if (header.version === version && isTerminal(header.status)) return;
  const detail = `Workflow ${header.id} is ${header.status} in version ${header.version}, and was finished in ${version}`;
  throw new Refusal({ code: 'CONFLICT', detail });
}
