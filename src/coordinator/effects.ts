/**
 * Effects: the actions that the coordinator takes once a batch is durable. An effect is data. The batch collects its
 * effects while its events are decided, and one function performs them.
 *
 * Rules, numbered for tests:
 *   EF1  no effect is performed before the batch that holds it is durable;
 *   EF2  each effect is performed once, in the order of `perform` below, not in the order in which the batch collected
 *        them.
 */
import type { EngineEvent } from '../contract/event.ts';
import type { Refusal } from '../contract/failures.ts';
import type { JournalEvent } from '../contract/journal-event.ts';
import type { JobStatus } from '../contract/workflow.ts';
import type { Checkpoints } from './files/checkpointing.ts';
import type { Removals } from './files/removals.ts';
import type { EventWindow } from './followers/event-window.ts';
import type { Waits } from './followers/waits.ts';
import type { Log } from './log.ts';
import type { Flight, Flights } from './steps/flights.ts';
import type { Question, StepCache } from './steps/step-cache.ts';
import type { Workflows } from './workflows.ts';

/**
 * A call that waits for its batch: it is answered when the batch is durable, refused when the disk has no room for it.
 */
export interface Caller {
  answer(): void;
  refuse(refusal: Refusal): void;
}

export type Effect =
  /** Shows an event to followers and in the log. `statusBefore`: the status before it; null for a new workflow. */
  | { readonly kind: 'publish'; readonly event: EngineEvent; readonly statusBefore: JobStatus | null }
  /** Keeps the result of a step with `cache: true` for later steps that ask the same question. */
  | {
      readonly kind: 'store-cached';
      readonly question: Question;
      readonly completed: Extract<JournalEvent, { kind: 'step.completed' }>;
    }
  /** Ends an attempt whose step was stopped or deleted. */
  | { readonly kind: 'cancel'; readonly flight: Flight }
  /** Begins an attempt whose start is recorded. */
  | { readonly kind: 'dispatch'; readonly flight: Flight }
  /** The end of an attempt is recorded: no place needs to keep its outcome any more. */
  | { readonly kind: 'recorded'; readonly flight: Flight }
  /** Ends the waits that the workflow's new status satisfies. */
  | { readonly kind: 'wake'; readonly workflowId: string }
  | { readonly kind: 'answer'; readonly to: Caller }
  /** Removes the directory of a deleted workflow. */
  | { readonly kind: 'remove'; readonly workflowId: string };

export type EffectOf<Kind extends Effect['kind']> = Extract<Effect, { kind: Kind }>;

export interface EffectTargets {
  log: Log;
  window: EventWindow;
  cache: StepCache;
  flights: Flights;
  waits: Waits;
  workflows: Workflows;
  removals: Removals;
  checkpoints: Checkpoints;
  onFault(error: unknown): void;
}

export type Perform = (effects: readonly Effect[]) => void;

export function createPerform(targets: EffectTargets): Perform {
  const { log, window, cache, flights, waits, workflows, removals, checkpoints, onFault } = targets;
  return (effects) => {
    const of = byKind(effects);
    // Before the answers: when a call is answered, its event is already on the way to the followers.
    if (of.publish.length > 0) window.publish(of.publish.map(({ event }) => event));
    for (const { event, statusBefore } of of.publish) logEvent(log, event, statusBefore);
    for (const { question, completed } of of['store-cached']) cache.keep(question, completed);
    // Before dispatch: a thread that a cancelled attempt frees can take a new attempt.
    for (const { flight } of of.cancel) flights.cancel(flight);
    if (of.dispatch.length > 0) flights.launch(of.dispatch.map(({ flight }) => flight));
    if (of.recorded.length > 0) flights.recorded(of.recorded.map(({ flight }) => flight));
    for (const id of new Set(of.wake.map(({ workflowId }) => workflowId)))
      waits.settle(id, workflows.has(id) ? workflows.status(id) : null);
    for (const { to } of of.answer) to.answer();
    // If a directory cannot be removed now, the next checkpoint or the next start removes it.
    for (const { workflowId } of of.remove) removals.remove(workflowId).catch(onFault);
    // Last, so that a checkpoint knows the removals above.
    if (of.publish.length > 0) checkpoints.afterBatch();
  };
}

function byKind(effects: readonly Effect[]): { [Kind in Effect['kind']]: EffectOf<Kind>[] } {
  const of = {
    publish: [],
    'store-cached': [],
    cancel: [],
    dispatch: [],
    recorded: [],
    wake: [],
    answer: [],
    remove: [],
  };
  for (const effect of effects) (of[effect.kind] as Effect[]).push(effect);
  return of;
}

/** Logs one line for the event, and a second one when the event has changed the workflow's status. */
function logEvent(log: Log, event: EngineEvent, statusBefore: JobStatus | null): void {
  const { workflow_id: workflow, step_id: step, step_status, stopped_steps, completed_steps, status } = event;
  const what = step === undefined ? { status } : { step, status: step_status };
  const steps = {
    ...(stopped_steps ? { stopped: stopped_steps } : {}),
    ...(completed_steps ? { completed: completed_steps } : {}),
  };
  log.info({ workflow, ...what, ...steps }, event.kind);
  if (statusBefore !== null && statusBefore !== status)
    log.info({ workflow, status }, `workflow ${statusBefore} → ${status}`);
}
