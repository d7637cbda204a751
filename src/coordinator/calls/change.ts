/** The calls that change a workflow: stop, resume, retry, delete, and what comes in from outside. */
import type { Call, IdempotencyClaim, WorkflowText } from '../../contract/coordinator.ts';
import type { JournalEvent } from '../../contract/journal-event.ts';
import type { JsonObject } from '../../contract/json.ts';
import { isTerminal } from '../../contract/workflow.ts';
import { decideDelete, decideExternalData, decideResume, decideRetryCall, decideStop } from '../../core/decide.ts';
import type { Change } from '../../core/dependents.ts';
import type { WorkflowState } from '../../core/state.ts';
import type { Coordinator } from '../coordinator.ts';
import { encode, type Live, toText } from '../workflows.ts';
import type { CallTurns } from './keyed-calls.ts';

export class ChangingCalls {
  readonly #c: Coordinator;
  readonly #turns: CallTurns;

  constructor(coordinator: Coordinator, turns: CallTurns) {
    this.#c = coordinator;
    this.#turns = turns;
  }

  stop: Call<'stop'> = ({ id, claim }) => this.#change(id, claim, decideStop);
  resume: Call<'resume'> = ({ id, budget, claim }) =>
    this.#change(id, claim, (state, now) => decideResume(state, now, budget));
  retry: Call<'retry'> = ({ id, claim }) => this.#change(id, claim, decideRetryCall);

  #change(
    id: string,
    claim: IdempotencyClaim | undefined,
    decide: (state: WorkflowState, now: number) => JournalEvent,
  ): Promise<WorkflowText> {
    return this.#turns.keyed(claim, () =>
      this.#turns.pinned(id, (live) =>
        this.#turns.inTurnOf(live, claim, (batch) => {
          const event = decide(live.state, this.#c.parts.clock.now());
          return toText(live, this.#c.recorder.record(batch, event, claim, encode).replyJson);
        }),
      ),
    );
  }

  delete: Call<'delete'> = async ({ id }) => {
    let removal: Promise<void> | undefined;
    await this.#turns.pinned(id, (live) =>
      this.#turns.inTurnOf(live, undefined, (batch) => {
        const now = this.#c.parts.clock.now();
        if (!isTerminal(live.state.header.status)) this.#c.recorder.record(batch, decideStop(live.state, now));
        const event = decideDelete(live.state, now);
        this.#c.recorder.record(batch, event);
        this.#c.workflows.remove(id, event.spending);
        this.#c.views.forget(id);
        // Also when the caller was refused for want of room, and the event is written later.
        batch.after.push(() => {
          removal = this.#c.removals.remove(id);
          // The caller has the error; the next start removes what stayed.
          removal.catch(() => undefined);
        });
      }),
    );
    await removal;
    return null;
  };

  externalData: Call<'externalData'> = async (args) => {
    const { id, claim, stepId, stepName, sourceUrl, action } = args;
    const answer = await this.#turns.keyedJson(claim, () =>
      this.#turns.pinned(id, async (live) => {
        const outputs = await this.#c.outputs.toOutputs(id, args.outputsJson);
        return this.#turns.inTurnOf(live, claim, (batch) => {
          const event = decideExternalData(live.state, {
            stepId,
            stepName,
            sourceUrl,
            action,
            outputs,
            metadata: args.metadata as JsonObject,
            suffix: this.#c.parts.chance.hex(8),
            now: this.#c.parts.clock.now(),
          });
          const toReply = (_: Live, change: Change) =>
            JSON.stringify({
              step_id: event.stepId,
              workflow_id: id,
              queued_dependents: change.queued.length,
              status: 'success',
            });
          return this.#c.recorder.record(batch, event, claim, toReply).replyJson;
        });
      }),
    );
    return answer;
  };
}
