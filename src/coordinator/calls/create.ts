/**
 * The calls that make a workflow: from a definition, or as a branch of another. Its state.json exists before the answer, and
 * the blobs it shares with its parent before the event that names them.
 */
import type { Call, IdempotencyClaim, WorkflowText } from '../../contract/coordinator.ts';
import { invalid, Refusal } from '../../contract/failures.ts';
import type { JournalEvent } from '../../contract/journal-event.ts';
import type { JsonObject } from '../../contract/json.ts';
import { DiskFailedError, DiskFullError, OutOfHandlesError } from '../../contract/store.ts';
import { decideBranch, decideBranched, decideCreate, decideWaiting, listBlobs } from '../../core/decide.ts';
import type { WorkflowState } from '../../core/state.ts';
import { validateStepParams } from '../../core/validate.ts';
import type { Coordinator } from '../coordinator.ts';
import type { Batch } from '../turns.ts';
import { encode, type Live, toText } from '../workflows.ts';
import { type CallTurns, taken } from './keyed-calls.ts';
import type { ReadingCalls } from './read.ts';

export class CreatingCalls {
  readonly #c: Coordinator;
  readonly #turns: CallTurns;
  readonly #reading: ReadingCalls;

  constructor(coordinator: Coordinator, turns: CallTurns, reading: ReadingCalls) {
    this.#c = coordinator;
    this.#turns = turns;
    this.#reading = reading;
  }

  submit: Call<'submit'> = async (args, signal) => {
    const { definition, templateId, claim } = args;
    const text = await this.#turns.keyed(claim, async () => {
      const id = this.#c.parts.chance.workflowId();
      const made = await this.#turns.inTurn(claim, (batch) =>
        this.#create(batch, decideCreate({ id, definition, templateId, now: this.#c.parts.clock.now() }), claim),
      );
      return made === taken ? taken : this.#show(made);
    });
    return this.#reading.waited(text, args, signal);
  };

  branch: Call<'branch'> = async (args, signal) => {
    const { id: parentId, request, claim } = args;
    const params = request.params as JsonObject | undefined;
    const text = await this.#turns.keyed(claim, () =>
      this.#turns.pinned(parentId, async (parent) => {
        if (params) this.#checkBranchParams(parent.state, request.stepId, params);
        const id = this.#c.parts.chance.workflowId();
        const decide = () =>
          decideBranch(parent.state, { id, stepId: request.stepId, params, now: this.#c.parts.clock.now() });
        // Blobs are durable before the event that names them; a result recorded meanwhile asks for another round.
        const copied = new Set<string>();
        for (;;) {
          const wanted = blobsOf(parent.state, decide()).filter((name) => !copied.has(name));
          if (wanted.length > 0) await this.#copyBlobs(parentId, id, wanted);
          for (const name of wanted) copied.add(name);
          const made = await this.#turns.inTurnOf(parent, claim, (batch) => {
            const event = decide();
            return blobsOf(parent.state, event).every((name) => copied.has(name))
              ? this.#create(batch, event, claim)
              : null;
          });
          if (made !== null) return made === taken ? taken : this.#show(made);
        }
      }),
    );
    return this.#reading.waited(text, args, signal);
  };

  async #copyBlobs(fromId: string, toId: string, names: readonly string[]): Promise<void> {
    try {
      await this.#c.parts.store.copyBlobs(fromId, toId, names);
    } catch (error) {
      const isOfDisk = error instanceof DiskFullError || error instanceof DiskFailedError;
      if (isOfDisk || error instanceof OutOfHandlesError) throw error;
      const detail = `Outputs of workflow ${fromId} cannot be taken over: ${(error as Error).message}; branch from the step that makes them`;
      throw new Refusal({ code: 'SET_ASIDE', detail });
    }
  }

  #checkBranchParams(state: WorkflowState, stepId: string, params: JsonObject): void {
    const { catalogue, settings } = this.#c.parts;
    const errors = validateStepParams(state.steps, stepId, params, state.header.params, {
      catalogue,
      unknownActions: settings.unknownActions,
    });
    if (errors.length > 0) throw invalid(`The params for step "${stepId}" are not valid`, errors);
  }

  #create(
    batch: Batch,
    event: Extract<JournalEvent, { kind: 'workflow.created' }>,
    claim: IdempotencyClaim | undefined,
  ) {
    const { live, replyJson } = this.#c.recorder.record(batch, event, claim, encode);
    const text = toText(live, replyJson);
    const parent = event.parent && this.#c.workflows.live.get(event.parent.id);
    if (parent) this.#c.recorder.record(batch, decideBranched(parent.state, this.#c.parts.clock.now()));
    // From PENDING, as its maker sees it, to what it is.
    const waiting = decideWaiting(live.state, this.#c.parts.clock.now());
    if (waiting) this.#c.recorder.record(batch, waiting);
    return { live, text };
  }

  /** state.json exists before the answer. */
  async #show({ live, text }: { live: Live; text: WorkflowText }): Promise<WorkflowText> {
    await this.#c.views.hasFile(live);
    return text;
  }
}

/** The branch's steps stand in the parent's order; those taken over are the COMPLETED ones. */
function blobsOf(parent: WorkflowState, event: { workflow: JsonObject }): string[] {
  const steps = event.workflow.steps as { status: string }[];
  return listBlobs(parent.steps.filter((_, i) => steps[i]?.status === 'COMPLETED'));
}
