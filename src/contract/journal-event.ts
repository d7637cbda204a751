/**
 * The durable facts. One event is one atomic transition over all it touches: a result with the dependents it makes
 * ready, a branch with its parent's entry. Two events are never needed for one fact, so a crash between events never
 * leaves half of one. What an event implies is computed by `core/evolve.ts`, the same live and in recovery.
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
      /** The workflow in the form of a state file; what it leaves out has its default. */
      readonly workflow: JsonObject;
      /** A branch also lists itself at its parent, whose version grows to `parentVersion`. */
      readonly parent?: { readonly id: string; readonly stepId: string; readonly version: number };
    })
  | (Base & {
      readonly kind: 'workflow.adopted' | 'workflow.taken_over';
      /**
       * SHA-256 (hex) of the state.json it was taken from, byte for byte. Where that file still stands it is older than this
       * event, whatever event of another journal it names.
       */
      readonly sha256?: string;
      readonly workflow: JsonObject;
      /** Answers given to calls with a key, when the file is one that an engine wrote. */
      readonly keys?: readonly IdempotencyRecord[];
      /** What its steps have used, likewise. */
      readonly spending?: readonly SpendingRow[];
    })
  | (Base & {
      readonly kind:
        | 'workflow.waiting'
        /** Told of a parent; what it tells of came about with the branch's own creation. */
        | 'workflow.branched'
        | 'workflow.stopped'
        | 'workflow.retried';
    })
  /**
   * `budget`: takes the place of what the workflow's budget says of the same. `of`: a day has begun, and what the budget of
   * the one before had paused goes on, nothing else.
   */
  | (Base & { readonly kind: 'workflow.resumed'; readonly budget?: Budget; readonly of?: 'day' })
  /** `spending`: what its steps have used, which outlives it. */
  | (Base & { readonly kind: 'workflow.deleted'; readonly spending?: readonly SpendingRow[] })
  /** `unclean`: the engine had not been stopped in good order, so what was in flight may have killed it. */
  | (Base & { readonly kind: 'workflow.recovered'; readonly unclean?: true })
  | (Base & {
      readonly kind: 'step.started';
      readonly stepId: string;
      readonly attempt: number;
      /** Where the attempt calls a model. Whatever ends the attempt settles it. */
      readonly reserved?: Reservation;
      /** What it has waited for, besides a slot. */
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
      /** What lets it go on: a resume, or the next day as well. */
      readonly until: 'resume' | 'day';
    })
  /** An attempt that no longer counted has ended, and had used something, or held a reservation. */
  | (Base & {
      readonly kind: 'step.spent';
      readonly stepId: string;
      readonly attempt: number;
      readonly metrics: JsonObject | null;
      /** What it has used was lost with its thread or the engine: what it had reserved counts as used. */
      readonly lost?: true;
    })
  | (Base & {
      readonly kind: 'external_data.ingested';
      readonly stepId: string;
      /** Present when no declared step waited for the data and one is added for it. */
      readonly added?: { readonly name: string; readonly action: string };
      readonly outputs: OutputsRef;
      readonly metadata: JsonObject;
    });

/** Stands between an event's other fields and the JSON of its outputs, which comes last. */
const beforeOutputs = ',"outputs":{"json":';
const afterOutputs = '}}';

/** JSON text of an event; outputs that are JSON text already are put in as they are. */
export function toEventJson(event: JournalEvent): string {
  if ((event.kind === 'step.completed' || event.kind === 'external_data.ingested') && 'json' in event.outputs) {
    const { outputs, ...rest } = event;
    return `${JSON.stringify(rest).slice(0, -1)}${beforeOutputs}${(outputs as { json: string }).json}${afterOutputs}`;
  }
  return JSON.stringify(event);
}

/** Reads what `toEventJson` wrote; the journal's checksums have vouched for the text. */
export function readEventJson(json: string): JournalEvent {
  // Outputs are most of a journal: they are cut out as the text they are, not parsed and put together again.
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
 * null where the same characters stand deeper in the event, as in metadata: the text before them closes as a whole only
 * where they are fields of the event itself. Within a string they cannot stand, for quotes are escaped there.
 */
function parseWhole(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return null;
  }
}
