/**
 * The durable facts. One event is one atomic change: a result together with the dependents that it queues, a branch
 * together with its entry at the parent. No fact needs two events, so a crash between two events never leaves half a
 * fact. `core/evolve.ts` computes what an event changes, live and in recovery alike; `core/transitions.ts` says where
 * each kind may come; `journal-event-schema.ts` checks the shape.
 */
import type { Budget } from './budget.ts';
import type { FailureCode } from './failures.ts';
import type { JsonObject } from './json.ts';
import type { Reservation, SpendingRow } from './ledger.ts';

/** Outputs in memory: compact JSON text, or the name (SHA-256) and size of the blob that holds it. */
export type OutputsRef = { readonly json: string } | { readonly blob: string; readonly bytes: number };

/** The answer given to a call that carried an Idempotency-Key. */
export interface IdempotencyRecord {
  readonly key: string;
  /** SHA-256 (hex) of the call and its arguments. */
  readonly request: string;
  /** The answer as JSON text, or the blob that holds it. */
  readonly reply: { readonly json: string } | { readonly blob: string };
}

interface Base {
  readonly workflowId: string;
  /** Milliseconds since 1970, never before the workflow's previous event. */
  readonly at: number;
  /** The workflow's version after this event. */
  readonly version: number;
  readonly idempotency?: IdempotencyRecord;
}

export type JournalEvent =
  | (Base & {
      readonly kind: 'workflow.created';
      /** The workflow in the form of a state file; fields that are left out have their defaults. */
      readonly workflow: JsonObject;
      /** The parent of a branch, which then lists the branch and has this version. */
      readonly parent?: { readonly id: string; readonly stepId: string; readonly version: number };
    })
  | (Base & {
      readonly kind: 'workflow.adopted' | 'workflow.taken_over';
      /**
       * SHA-256 (hex) of the state.json that the workflow was read from. As long as that file is in place, it is
       * older than this event, whatever event of another journal it names.
       */
      readonly sha256?: string;
      readonly workflow: JsonObject;
      /** Answers to calls with a key, if an engine wrote the file. */
      readonly keys?: readonly IdempotencyRecord[];
      /** Its spending, if an engine wrote the file. */
      readonly spending?: readonly SpendingRow[];
    })
  | (Base & {
      readonly kind:
        | 'workflow.waiting'
        /** Tells the followers of a parent of its new branch; the creation of the branch has listed it there. */
        | 'workflow.branched'
        | 'workflow.stopped'
        | 'workflow.retried';
    })
  /**
   * `budget`: replaces these amounts of the workflow's budget. `of`: a day has begun; only the steps that the budget
   * of the day before had paused go on.
   */
  | (Base & { readonly kind: 'workflow.resumed'; readonly budget?: Budget; readonly of?: 'day' })
  /** `spending`: the workflow's spending, which is kept after it is gone. */
  | (Base & { readonly kind: 'workflow.deleted'; readonly spending?: readonly SpendingRow[] })
  /** `unclean`: the engine had died, so an attempt that was in flight may be the cause. */
  | (Base & { readonly kind: 'workflow.recovered'; readonly unclean?: true })
  | (Base & {
      readonly kind: 'step.started';
      readonly stepId: string;
      readonly attempt: number;
      /** Set when the attempt calls a model. The end of the attempt settles it. */
      readonly reserved?: Reservation;
      /** Lines for the step's log: what the step has waited for, besides a slot. */
      readonly logs?: readonly string[];
    })
  | (Base & {
      readonly kind: 'step.completed';
      readonly stepId: string;
      readonly attempt: number;
      readonly durationMs: number;
      readonly outputs: OutputsRef;
      readonly metadata: JsonObject | null;
      readonly metrics: JsonObject | null;
      readonly logs: readonly string[];
      readonly simulated?: true;
    })
  | (Base & {
      readonly kind: 'step.retrying';
      readonly stepId: string;
      readonly attempt: number;
      readonly durationMs: number;
      readonly code: FailureCode;
      readonly error: string;
      readonly logs: readonly string[];
      readonly metrics: JsonObject | null;
      readonly delayMs: number;
      readonly attemptsMax: number;
      readonly lost?: true;
    })
  | (Base & {
      readonly kind: 'step.failed';
      readonly stepId: string;
      readonly attempt: number;
      readonly durationMs: number;
      readonly code: FailureCode;
      readonly error: string;
      readonly logs: readonly string[];
      readonly metadata: JsonObject | null;
      readonly metrics: JsonObject | null;
      readonly lost?: true;
    })
  /** A budget has no room for the call of a step that was ready. */
  | (Base & {
      readonly kind: 'step.paused';
      readonly stepId: string;
      readonly reason: string;
      /** `resume`: it goes on after a resume. `day`: after a resume, or with the next day. */
      readonly until: 'resume' | 'day';
    })
  /** An attempt has ended that no longer counted, but has a usage or a reservation. */
  | (Base & {
      readonly kind: 'step.spent';
      readonly stepId: string;
      readonly attempt: number;
      readonly metrics: JsonObject | null;
      /** Its usage was lost with its thread or with the engine: its reservation counts instead. */
      readonly lost?: true;
    })
  | (Base & {
      readonly kind: 'external_data.ingested';
      readonly stepId: string;
      /** Set when no step waited for the data: a step is added for it. */
      readonly added?: { readonly name: string; readonly action: string };
      readonly outputs: OutputsRef;
      readonly metadata: JsonObject;
    });

/** The text between an event's other fields and the JSON of its outputs, which come last. */
const beforeOutputs = ',"outputs":{"json":';
const afterOutputs = '}}';

/** The JSON text of an event. Outputs are JSON text already and are inserted as they are. */
export function toEventJson(event: JournalEvent): string {
  if ((event.kind === 'step.completed' || event.kind === 'external_data.ingested') && 'json' in event.outputs) {
    const { outputs, ...rest } = event;
    return `${JSON.stringify(rest).slice(0, -1)}${beforeOutputs}${(outputs as { json: string }).json}${afterOutputs}`;
  }
  return JSON.stringify(event);
}

/** Reads what `toEventJson` wrote. The journal's checksums vouch for the text, so it is not checked again. */
export function readEventJson(json: string): JournalEvent {
  // Outputs are most of a journal: they are cut out as text, not parsed and written again.
  const at = json.indexOf(beforeOutputs);
  const rest = at === -1 ? null : parseWhole(`${json.slice(0, at)}}`);
  if (rest !== null) {
    rest.outputs = { json: json.slice(at + beforeOutputs.length, -afterOutputs.length) };
    return rest as unknown as JournalEvent;
  }
  const event = JSON.parse(json) as JournalEvent & { outputs?: { json?: unknown; blob?: string; bytes?: number } };
  if (event.outputs && event.outputs.json !== undefined) {
    (event as { outputs: OutputsRef }).outputs = { json: JSON.stringify(event.outputs.json) };
  }
  return event;
}

/**
 * null if the characters were found deeper in the event, as in its metadata: only if they begin a field of the event
 * itself does the text before them, with a closing brace, parse as a whole. They cannot occur inside a string, where
 * quotes are escaped.
 */
function parseWhole(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return null;
  }
}
