/**
 * Checks model calls against the budget of their workflow and the budget of the day. The schedule asks before a call
 * starts (`hold`), and reports each call that starts (`begin`). The recorder reports each event (`note`). The rules of
 * one budget are in core/budget.ts.
 *
 * Rules, numbered for tests:
 *   BA1  a call counts as soon as its step has a slot, before the event of its start is recorded;
 *   BA2  the list of prices is loaded only when a budget in dollars needs it; calls with such a budget wait until it
 *        is loaded;
 *   BA4  what the workflows use that steps have started counts against the budget of the workflow of those steps, too,
 *        and so on upwards;
 *   BA3  a day is a UTC day; steps that the day's budget has paused go on at the next day, and at every start of the
 *        engine.
 */
import type { Budget } from '../../contract/budget.ts';
import type { Reservation, SpendingRow } from '../../contract/ledger.ts';
import type { PlannedCall } from '../../contract/task.ts';
import {
  type Account,
  type Amounts,
  addAmounts,
  judgeCall,
  noAmounts,
  toAmounts,
  toSpentAmounts,
} from '../../core/budget.ts';
import { toPico } from '../../core/metrics.ts';
import type { Hold, ReadyStep } from '../../core/schedule.ts';
import type { WorkflowState } from '../../core/state.ts';
import type { StepState } from '../../core/step-state.ts';
import { toDay } from '../../core/time.ts';
import type { Clock } from '../clock.ts';
import type { Live, Workflows } from '../workflows.ts';

/** The most that a call may cost, in US dollars; null when its price is not known. */
export type CallPricer = (call: PlannedCall) => number | null;

export interface BudgetsOptions {
  daily: Budget | undefined;
  workflows: Workflows;
  clock: Clock;
  loadPricer(): Promise<CallPricer>;
  /** Called when the prices are loaded. */
  onReady(): void;
  onFatal(error: unknown): void;
}

export interface Paused {
  readonly step: ReadyStep;
  readonly pause: NonNullable<StepState['pause']>;
}

const dayLookMs = 60_000;
/** Sums of so many families are kept. */
const familiesMax = 1_000;
const raiseAdvice = 'resume the workflow with a larger budget';
const dayAdvice = 'it goes on by itself on the next day (UTC), or after a start with a larger DAILY_BUDGET';

export class Budgets {
  readonly #options: BudgetsOptions;
  #pricer: CallPricer | null = null;
  #isLoading = false;
  /** BA1: calls whose steps have a slot, and whose starts are not recorded yet. */
  readonly #newReservations = new Map<PlannedCall, { workflowId: string; reserved: Reservation }>();
  readonly #paused: Paused[] = [];
  /** Sums over all workflows; null when they must be added up again. */
  #today: { day: string; spent: Amounts; reserved: Amounts } | null = null;
  /** BA4: sums over a workflow and all below it, by the workflow; those that were asked for. */
  readonly #families = new Map<string, { spent: Amounts; reserved: Amounts }>();

  constructor(options: BudgetsOptions) {
    this.#options = options;
  }

  /**
   * null: every budget has room. When a budget would have no room even without the calls in flight, the step must be
   * paused: the next `takePauses` returns it.
   */
  hold(step: ReadyStep, call: PlannedCall): Hold | null {
    const accounts = this.#accountsOf(step.workflowId);
    if (accounts.length === 0) return null;
    const needsPrice = accounts.some(({ budget }) => budget.usd !== undefined);
    if (needsPrice && !this.#hasPrices()) return { waitsFor: 'the prices of models', until: null, isOwn: true };
    const needed = this.#toReservation(call);
    let hold: Hold | null = null;
    for (const { until, advice, ...account } of accounts) {
      const isOwn = until === 'resume' ? (true as const) : undefined;
      const verdict = judgeCall(account, needed, advice);
      if (verdict.kind === 'pause') {
        this.#paused.push({ step, pause: { reason: verdict.reason, until } });
        return { waitsFor: `room in ${account.name}`, until: null, isOwn };
      }
      if (verdict.kind === 'wait') hold = { waitsFor: verdict.waitsFor, until: null, isOwn };
    }
    return hold;
  }

  /** The step of this call has got its slot: counts the call (BA1). */
  begin({ workflowId }: ReadyStep, call: PlannedCall): void {
    this.#newReservations.set(call, { workflowId, reserved: this.#toReservation(call) });
  }

  /** The reservation for the event that starts the step; once the event is recorded, its workflow counts it. */
  takeReservation(call: PlannedCall | undefined): Reservation | null {
    const entry = call && this.#newReservations.get(call);
    if (!call || !entry) return null;
    this.#newReservations.delete(call);
    return entry.reserved;
  }

  /** The steps for which `hold` has found no room since the last call. */
  takePauses(): Paused[] {
    return this.#paused.splice(0);
  }

  /**
   * Updates the day's sums after an event. `before`: what the workflow had spent and reserved before it; null for a
   * workflow that was deleted or read from a file: the sums are then added up again.
   */
  note(before: { spending: readonly SpendingRow[]; reserved: Amounts } | null, after: WorkflowState): void {
    if (before === null) {
      this.forget();
      return;
    }
    this.#noteFamilies(before, after);
    const today = this.#today;
    if (today === null) return;
    const { spending } = after.header;
    if (before.spending !== spending) {
      today.spent = addAmounts(today.spent, toSpentAmounts(before.spending, today.day), -1);
      today.spent = addAmounts(today.spent, toSpentAmounts(spending, today.day));
    }
    if (before.reserved !== after.reserved) {
      today.reserved = addAmounts(addAmounts(today.reserved, before.reserved, -1), after.reserved);
    }
  }

  /** All sums are added up again when they are asked for. */
  forget(): void {
    this.#today = null;
    this.#families.clear();
  }

  #noteFamilies(before: { spending: readonly SpendingRow[]; reserved: Amounts }, after: WorkflowState): void {
    const { id, spending } = after.header;
    if (this.#families.size === 0) return;
    if (before.spending === spending && before.reserved === after.reserved) return;
    for (let at: string | null = id; at !== null; at = this.#options.workflows.parentOf(at)) {
      const family = this.#families.get(at);
      if (family === undefined) continue;
      family.spent = addAmounts(family.spent, toSpentAmounts(before.spending), -1);
      family.spent = addAmounts(family.spent, toSpentAmounts(spending));
      family.reserved = addAmounts(addAmounts(family.reserved, before.reserved, -1), after.reserved);
    }
  }

  /** The nearest workflow with a budget that calls of this one count against: itself, or one above it. */
  holderOf(live: Live): Live | null {
    for (const at of this.#upwards(live.state.header.id)) if (at.state.header.budget !== null) return at;
    return null;
  }

  /** The workflow, its parent, and so on. */
  *#upwards(id: string): Generator<Live> {
    const { workflows } = this.#options;
    for (let at: string | null = id; at !== null; at = workflows.parentOf(at)) {
      const live = workflows.live.get(at);
      if (live !== undefined) yield live;
    }
  }

  /** BA4. */
  #sumsOfFamily(id: string): { spent: Amounts; reserved: Amounts } {
    const known = this.#families.get(id);
    if (known !== undefined) return known;
    const { workflows } = this.#options;
    const sums = { spent: noAmounts, reserved: noAmounts };
    for (const each of [id, ...workflows.descendants(id)]) {
      sums.spent = addAmounts(sums.spent, toSpentAmounts(workflows.spendingOf(each)));
      sums.reserved = addAmounts(sums.reserved, workflows.live.get(each)?.state.reserved ?? noAmounts);
    }
    if (this.#families.size >= familiesMax) this.#families.clear();
    this.#families.set(id, sums);
    return sums;
  }

  /**
   * BA3: calls `onNewDay` soon after each midnight UTC; without a daily budget it never does. Returns a function that
   * ends the watch.
   */
  watchDays(onNewDay: () => void): () => void {
    const { clock, daily } = this.#options;
    if (daily === undefined) return () => undefined;
    let day = this.#day();
    let cancel = (): void => undefined;
    // Compares the day every minute: a timer until midnight would be late, since timers stop while the machine sleeps.
    const look = () => {
      cancel = clock.timer(dayLookMs, look);
      if (day === this.#day()) return;
      day = this.#day();
      onNewDay();
    };
    cancel = clock.timer(dayLookMs, look);
    return () => cancel();
  }

  #day(): string {
    return toDay(this.#options.clock.now());
  }

  #accountsOf(workflowId: string): (Account & Pick<Paused['pause'], 'until'> & { advice: string })[] {
    const { daily } = this.#options;
    const accounts = [];
    for (const { state } of this.#upwards(workflowId)) {
      const { id, budget } = state.header;
      if (budget === null) continue;
      const { spent, reserved: begun } = this.#sumsOfFamily(id);
      const reserved = addAmounts(begun, this.#sumNewReservations(id));
      const isOwn = id === workflowId;
      const name = isOwn ? "the workflow's budget" : `the budget of workflow ${id}`;
      const advice = isOwn ? raiseAdvice : 'resume that workflow with a larger budget';
      accounts.push({ name, budget, spent, reserved, until: 'resume' as const, advice });
    }
    if (daily) {
      const { day, spent, reserved } = this.#sumsOfToday();
      const terms = { until: 'day' as const, advice: dayAdvice };
      const all = addAmounts(reserved, this.#sumNewReservations(null));
      accounts.push({ name: `the budget of ${day}`, budget: daily, spent, reserved: all, ...terms });
    }
    return accounts;
  }

  #sumNewReservations(workflowId: string | null): Amounts {
    let sum = noAmounts;
    for (const entry of this.#newReservations.values()) {
      if (workflowId === null || this.#isOf(entry.workflowId, workflowId)) {
        sum = addAmounts(sum, toAmounts(entry.reserved));
      }
    }
    return sum;
  }

  /** Whether a workflow is the other one, or below it. */
  #isOf(id: string, family: string): boolean {
    for (let at: string | null = id; at !== null; at = this.#options.workflows.parentOf(at))
      if (at === family) return true;
    return false;
  }

  #sumsOfToday() {
    const { workflows } = this.#options;
    const day = this.#day();
    if (this.#today?.day === day) return this.#today;
    let spent = noAmounts;
    for (const [, rows] of workflows.spending()) spent = addAmounts(spent, toSpentAmounts(rows, day));
    let reserved = noAmounts;
    for (const { state } of workflows.live.values()) reserved = addAmounts(reserved, state.reserved);
    this.#today = { day, spent, reserved };
    return this.#today;
  }

  #hasPrices(): boolean {
    if (this.#pricer === null && !this.#isLoading) {
      this.#isLoading = true;
      const { loadPricer, onReady, onFatal } = this.#options;
      loadPricer().then((pricer) => {
        this.#pricer = pricer;
        onReady();
      }, onFatal);
    }
    return this.#pricer !== null;
  }

  #toReservation(call: PlannedCall): Reservation {
    const pico = toPico(this.#pricer?.(call));
    const { model, inputTokens, outputTokens } = call;
    return { model, calls: 1, tokens: inputTokens + outputTokens, cost_pico: pico === null ? null : String(pico) };
  }
}
