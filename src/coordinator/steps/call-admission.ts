/**
 * Decides when a step that calls a model may start: its model's rate limits and its budgets must allow it. Measures
 * how long the step has waited for that. A gate is the set of steps that call one model; a step whose workflow has a
 * budget also belongs to a gate of its own workflow and model.
 *
 * A step that may not start stays in its line in `core/schedule.ts`. Nobody wakes it: every turn asks again, each outcome
 * of an attempt causes a turn, and a timer causes one where the time is known. If a budget has no room even without the
 * calls in flight, `attempts.ts` pauses the step until a resume or the next day.
 *
 * Rules, numbered for tests:
 *   CA1  the governor counts a call from the start of its step until the attempt has ended, however it ends;
 *   CA2  when a provider refuses a call because of too many calls, or says when to try again, its model pauses for all
 *        workflows: for as long as the provider says, else for a short time;
 *   CA3  a step's log says what the step has waited for, if it has waited a tenth of a second or more.
 */
import type { LimitsByModel } from '../../contract/model-limits.ts';
import type { PlannedCall } from '../../contract/task.ts';
import type { AttemptResult } from '../../core/decide.ts';
import { type GovernedCall, Governor } from '../../core/governor.ts';
import type { Admission, Hold, ReadyStep } from '../../core/schedule.ts';
import type { Clock } from '../clock.ts';
import type { Budgets } from './budgets.ts';

/** For a provider that does not say how long: enough for a limit per second, and short against a limit per minute. */
const pauseMsDefault = 2_000;
const waitedMsMin = 100;
/** Names of models come from the params of steps, so their number has no bound. */
const gatesMax = 1_000;

/** For how long a gate has been held so far, and by what. */
interface Gate {
  heldMs: number;
  waitsFor: string;
  /** Since when the latest hold lasts, and until when (null: not known); null while the gate is open. */
  held: { readonly from: number; readonly until: number | null } | null;
}

/** A gate that a call must pass, and for how long the gate had been held when the call came. */
interface Passage {
  readonly gate: Gate;
  readonly heldBefore: number;
}

/** An object that has a budget (a workflow in memory). Its own gates are collected as garbage with it. */
export type BudgetHolder = object;

export class CallAdmission implements Admission {
  readonly #governor: Governor;
  readonly #budgets: Pick<Budgets, 'hold' | 'begin'>;
  readonly #clock: Clock;
  /** By model. */
  readonly #gates = new Map<string, Gate>();
  readonly #ownGates = new WeakMap<BudgetHolder, Map<string, Gate>>();
  readonly #passages = new WeakMap<PlannedCall, { model: Passage; own: Passage | null }>();
  readonly #waits = new WeakMap<PlannedCall, string>();
  readonly #governed = new WeakMap<PlannedCall, GovernedCall>();

  constructor(modelLimits: LimitsByModel, budgets: Pick<Budgets, 'hold' | 'begin'>, clock: Clock) {
    this.#governor = new Governor(modelLimits);
    this.#budgets = budgets;
    this.#clock = clock;
  }

  /**
   * A step with this call joins the line. Returns the name of its gate. `holder`: its workflow, when that has a
   * budget, which may hold the workflow's own calls while others of the gate start.
   */
  enter(call: PlannedCall, holder: BudgetHolder | null = null): string {
    const model = toModelKey(call);
    const now = this.#clock.monotonic();
    const pass = (gate: Gate): Passage => ({ gate, heldBefore: heldMsAt(gate, now) });
    const own = holder && pass(gateIn(this.#gatesOf(holder), model));
    this.#passages.set(call, { model: pass(gateIn(this.#gates, model)), own });
    return model;
  }

  hold(step: ReadyStep): Hold | null {
    const { call, gate } = step;
    const passages = call && this.#passages.get(call);
    if (call === undefined || gate === undefined || passages === undefined) return null;
    const now = this.#clock.monotonic();
    const held = this.#governor.check(gate, toTokens(call), now);
    const hold = held ? { waitsFor: `${held.reason} of ${gate}`, until: held.until } : this.#budgets.hold(step, call);
    const isOwn = hold?.isOwn === true;
    note(passages.model.gate, isOwn ? null : hold, now);
    if (passages.own) note(passages.own.gate, isOwn ? hold : null, now);
    return hold;
  }

  begin(step: ReadyStep): void {
    const { call, gate } = step;
    const passages = call && this.#passages.get(call);
    if (call === undefined || gate === undefined || passages === undefined) return;
    this.#budgets.begin(step, call);
    const now = this.#clock.monotonic();
    this.#governed.set(call, this.#governor.begin(gate, toTokens(call), now));
    const waits = [passages.own, passages.model].flatMap((passage) => {
      if (passage === null) return [];
      const waitedMs = passage.gate.heldMs - passage.heldBefore;
      return waitedMs >= waitedMsMin ? [`${(waitedMs / 1_000).toFixed(1)} s for ${passage.gate.waitsFor}`] : [];
    });
    if (waits.length > 0) this.#waits.set(call, `Waited ${waits.join(', ')}`);
  }

  /** CA3: the lines for the log of a step that starts. */
  toWaitLines({ call }: ReadyStep): string[] {
    const line = call && this.#waits.get(call);
    return line === undefined ? [] : [line];
  }

  /** CA1, CA2. */
  end(call: PlannedCall, result: AttemptResult): void {
    const governed = this.#governed.get(call);
    if (governed === undefined) return;
    this.#governed.delete(call);
    this.#governor.end(governed, toTokensUsed(result), toPauseMs(result), this.#clock.monotonic());
  }

  #gatesOf(holder: BudgetHolder): Map<string, Gate> {
    const gates = this.#ownGates.get(holder) ?? new Map<string, Gate>();
    this.#ownGates.set(holder, gates);
    return gates;
  }
}

function gateIn(gates: Map<string, Gate>, model: string): Gate {
  let gate = gates.get(model);
  if (!gate) {
    // Calls that have entered keep a reference to their gate, so an open gate can be dropped here and created again.
    if (gates.size >= gatesMax) for (const [name, { held }] of gates) if (held === null) gates.delete(name);
    gate = { heldMs: 0, waitsFor: '', held: null };
    gates.set(model, gate);
  }
  return gate;
}

/** Adds the time of the hold so far to the gate, and replaces the hold. */
function note(gate: Gate, hold: Hold | null, now: number): void {
  gate.heldMs = heldMsAt(gate, now);
  gate.held = hold && { from: now, until: hold.until };
  if (hold) gate.waitsFor = hold.waitsFor;
}

/** Time after `until` does not count: from then on the step waited for a slot. */
function heldMsAt({ heldMs, held }: Gate, now: number): number {
  return held === null ? heldMs : heldMs + Math.min(now, held.until ?? now) - held.from;
}

function toModelKey({ provider, model }: PlannedCall): string {
  return `${provider}/${model}`;
}

function toTokens({ inputTokens, outputTokens }: PlannedCall): number {
  return inputTokens + outputTokens;
}

/** null when the number is not known: the provider may have answered the call. */
function toTokensUsed(result: AttemptResult): number | null {
  if (typeof result.metrics?.tokens === 'number') return result.metrics.tokens;
  // Without metrics an attempt made no call, unless it was lost with its thread: then its metrics were lost as well.
  const neverLeft = result.metrics === null && result.kind === 'failed' && result.code !== 'WORKER_LOST';
  return neverLeft ? 0 : null;
}

function toPauseMs(result: AttemptResult): number | null {
  if (result.kind === 'completed') return null;
  return result.retryAfterMs ?? (result.code === 'RATE_LIMITED' ? pauseMsDefault : null);
}
