/**
 * What a step that calls a model has to pass besides a slot, and the account of how long it has waited for that.
 *
 * Rules, numbered for tests:
 *   CA1  a call is in the governor's books from the moment its step starts until its attempt has ended, however it ends;
 *   CA2  where a provider refuses a call for there being too many, or says when to come again, its model pauses for all
 *       workflows: for as long as it says, else for a short time;
 *   CA3  a step's log says what it has waited for, where that was a tenth of a second or more.
 */
import type { LimitsByModel } from '../contract/model-limits.ts';
import type { PlannedCall } from '../contract/task.ts';
import type { AttemptResult } from '../core/decide.ts';
import { type GovernedCall, Governor } from '../core/governor.ts';
import type { Admission, Hold, ReadyStep } from '../core/schedule.ts';
import type { Budgets } from './budgets.ts';
import type { Clock } from './clock.ts';

/** Where the provider does not say how long: enough for limits by the second, and short beside those by the minute. */
const pauseMsDefault = 2_000;
const waitedMsMin = 100;

/** How long the steps of a gate have been held up. */
interface Gate {
  heldMs: number;
  waitsFor: string;
  /** Since when what it was told last holds, and until when; null while it is open. */
  held: { readonly from: number; readonly until: number | null } | null;
}

export class CallAdmission implements Admission {
  readonly #governor: Governor;
  readonly #budgets: Pick<Budgets, 'hold' | 'begin'>;
  readonly #clock: Clock;
  readonly #gates = new Map<string, Gate>();
  /** For how long its gate had been held when it came. */
  readonly #heldBefore = new WeakMap<PlannedCall, number>();
  readonly #waits = new WeakMap<PlannedCall, string>();
  readonly #governed = new WeakMap<PlannedCall, GovernedCall>();

  constructor(modelLimits: LimitsByModel, budgets: Pick<Budgets, 'hold' | 'begin'>, clock: Clock) {
    this.#governor = new Governor(modelLimits);
    this.#budgets = budgets;
    this.#clock = clock;
  }

  /** A step with this call gets in line. Returns its gate; `budgeted` names a workflow that a budget may hold up alone. */
  enter(call: PlannedCall, budgeted: string | null = null): string {
    const model = toModelKey(call);
    const gate = budgeted === null ? model : `${model} ${budgeted}`;
    this.#heldBefore.set(call, heldMsAt(this.#gate(gate), this.#clock.monotonic()));
    return gate;
  }

  hold(step: ReadyStep): Hold | null {
    const { call, gate } = step;
    if (call === undefined || gate === undefined) return null;
    const now = this.#clock.monotonic();
    const model = toModelKey(call);
    const held = this.#governor.check(model, toTokens(call), now);
    const hold = held ? { waitsFor: `${held.reason} of ${model}`, until: held.until } : this.#budgets.hold(step, call);
    this.#note(this.#gate(gate), hold, now);
    return hold;
  }

  begin(step: ReadyStep): void {
    const { call, gate } = step;
    if (call === undefined || gate === undefined) return;
    this.#budgets.begin(step, call);
    const now = this.#clock.monotonic();
    this.#governed.set(call, this.#governor.begin(toModelKey(call), toTokens(call), now));
    const { heldMs, waitsFor } = this.#gate(gate);
    const waitedMs = heldMs - (this.#heldBefore.get(call) ?? heldMs);
    if (waitedMs >= waitedMsMin) this.#waits.set(call, `Waited ${(waitedMs / 1_000).toFixed(1)} s for ${waitsFor}`);
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

  #gate(key: string): Gate {
    const gate = this.#gates.get(key) ?? { heldMs: 0, waitsFor: '', held: null };
    this.#gates.set(key, gate);
    return gate;
  }

  #note(gate: Gate, hold: Hold | null, now: number): void {
    gate.heldMs = heldMsAt(gate, now);
    gate.held = hold && { from: now, until: hold.until };
    if (hold) gate.waitsFor = hold.waitsFor;
  }
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
