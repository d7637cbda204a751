/**
 * What a step that calls a model has to pass besides a slot, and the account of how long it has waited for that.
 *
 * Rules, numbered for tests:
 *   CA1  a call is in the governor's books from the moment its step starts until its attempt has ended, however it ends;
 *   CA2  where a provider refuses a call for there being too many, or says when to come again, its model pauses for all
 *       workflows: for as long as it says, else for a short time;
 *   CA3  a step's log says what it has waited for, where that was a tenth of a second or more.
 */
import type { LimitsByModel } from '../../contract/model-limits.ts';
import type { PlannedCall } from '../../contract/task.ts';
import type { AttemptResult } from '../../core/decide.ts';
import { type GovernedCall, Governor } from '../../core/governor.ts';
import type { Admission, Hold, ReadyStep } from '../../core/schedule.ts';
import type { Clock } from '../clock.ts';
import type { Budgets } from './budgets.ts';

/** Where the provider does not say how long: enough for limits by the second, and short beside those by the minute. */
const pauseMsDefault = 2_000;
const waitedMsMin = 100;
/** Names of models come from params, so there is no end to them. */
const gatesMax = 1_000;

/** How long the steps of a gate, or of a line of it, have been held up. */
interface Gate {
  heldMs: number;
  waitsFor: string;
  /** Since when what it was told last holds, and until when; null while it is open. */
  held: { readonly from: number; readonly until: number | null } | null;
}

/** What a call has to pass, and for how long that had been held when it came. */
interface Passage {
  readonly gate: Gate;
  readonly heldBefore: number;
}

/** What shares a budget: its gates go with it. */
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

  /** A step with this call gets in line. Returns its gate; `holder` has a budget that may hold up its calls alone. */
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

  /** CA3: lines for the log of a step that has begun. */
  tellWait({ call }: ReadyStep): string[] {
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
    // Who came before has its gate at hand: an open one can be made anew.
    if (gates.size >= gatesMax) for (const [name, { held }] of gates) if (held === null) gates.delete(name);
    gate = { heldMs: 0, waitsFor: '', held: null };
    gates.set(model, gate);
  }
  return gate;
}

function note(gate: Gate, hold: Hold | null, now: number): void {
  gate.heldMs = heldMsAt(gate, now);
  gate.held = hold && { from: now, until: hold.until };
  if (hold) gate.waitsFor = hold.waitsFor;
}

/** Beyond `until` it was a slot that was waited for. */
function heldMsAt({ heldMs, held }: Gate, now: number): number {
  return held === null ? heldMs : heldMs + Math.min(now, held.until ?? now) - held.from;
}

function toModelKey({ provider, model }: PlannedCall): string {
  return `${provider}/${model}`;
}

function toTokens({ inputTokens, outputTokens }: PlannedCall): number {
  return inputTokens + outputTokens;
}

/** null where nobody can say: the call may have been answered. */
function toTokensUsed(result: AttemptResult): number | null {
  if (typeof result.metrics?.tokens === 'number') return result.metrics.tokens;
  // An attempt that ends with its thread takes what it knew along; any other has told of a call that may have left.
  const neverLeft = result.metrics === null && result.kind === 'failed' && result.code !== 'WORKER_LOST';
  return neverLeft ? 0 : null;
}

function toPauseMs(result: AttemptResult): number | null {
  if (result.kind === 'completed') return null;
  return result.retryAfterMs ?? (result.code === 'RATE_LIMITED' ? pauseMsDefault : null);
}
