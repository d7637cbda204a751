/**
 * What calls of models may still use, of their workflow's budget and of the day's: asked before a call starts, told of every
 * start and of every event that settles one. See core/budget.ts for the rules of one budget.
 *
 * Rules, numbered for tests:
 *   BA1  what has been let go in one round of starts counts at once, before its events are recorded;
 *   BA2  the list of prices is loaded only where a budget in dollars asks for it; calls wait until it is there;
 *   BA3  days are those of UTC; what the day's budget has paused goes on with the next day, and with every start.
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
import type { StepState, WorkflowState } from '../../core/state.ts';
import { toDay } from '../../core/time.ts';
import type { Clock } from '../clock.ts';
import type { Workflows } from '../workflows.ts';

/** US dollars that a call may cost; null where its price is not known. */
export type CallPricer = (call: PlannedCall) => number | null;

export interface BudgetsOptions {
  daily: Budget | undefined;
  workflows: Workflows;
  clock: Clock;
  loadPricer(): Promise<CallPricer>;
  /** The prices are there. */
  onReady(): void;
  onFatal(error: unknown): void;
}

export interface Paused {
  readonly step: ReadyStep;
  readonly pause: NonNullable<StepState['pause']>;
}

const dayLookMs = 60_000;
const raiseAdvice = 'resume the workflow with a larger budget';
const dayAdvice = 'it goes on by itself on the next day (UTC), or after a start with a larger DAILY_BUDGET';

export class Budgets {
  readonly #options: BudgetsOptions;
  #pricer: CallPricer | null = null;
  #isLoading = false;
  /** BA1: let go, and not recorded yet. */
  readonly #begun = new Map<PlannedCall, { workflowId: string; reserved: Reservation }>();
  readonly #paused: Paused[] = [];
  /** Of all workflows together; null where it has to be added up afresh. */
  #today: { day: string; spent: Amounts; reserved: Amounts } | null = null;

  constructor(options: BudgetsOptions) {
    this.#options = options;
  }

  /** null: there is room. A step without any is among `takePauses` from here on. */
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

  begin({ workflowId }: ReadyStep, call: PlannedCall): void {
    this.#begun.set(call, { workflowId, reserved: this.#toReservation(call) });
  }

  /** What goes into the event that starts a step; from there on the event speaks for it. */
  takeReservation(call: PlannedCall | undefined): Reservation | null {
    const begun = call && this.#begun.get(call);
    if (!call || !begun) return null;
    this.#begun.delete(call);
    return begun.reserved;
  }

  /** Steps for which a budget has no room, since it was asked last. */
  takePauses(): Paused[] {
    return this.#paused.splice(0);
  }

  /** After an event: what the workflow had spent and reserved before it; null where it is new, or gone. */
  note(before: { spending: readonly SpendingRow[]; reserved: Amounts } | null, after: WorkflowState): void {
    const today = this.#today;
    if (today === null) return;
    if (before === null) {
      this.#today = null;
      return;
    }
    const { spending } = after.header;
    if (before.spending !== spending) {
      today.spent = addAmounts(today.spent, toSpentAmounts(before.spending, today.day), -1);
      today.spent = addAmounts(today.spent, toSpentAmounts(spending, today.day));
    }
    if (before.reserved !== after.reserved) {
      today.reserved = addAmounts(addAmounts(today.reserved, before.reserved, -1), after.reserved);
    }
  }

  /** BA3: `onNewDay` is called soon after each midnight. Returns what ends that. Without a budget for days it never is. */
  watchDays(onNewDay: () => void): () => void {
    const { clock, daily } = this.#options;
    if (daily === undefined) return () => undefined;
    let day = this.#day();
    let cancel = (): void => undefined;
    // Looked after now and then: a timer stands still while its machine sleeps.
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
    const { workflows, daily } = this.#options;
    const live = workflows.live.get(workflowId);
    const accounts = [];
    const budget = live?.state.header.budget;
    if (live && budget) {
      const reserved = addAmounts(live.state.reserved, this.#begunOf(workflowId));
      const spent = toSpentAmounts(live.state.header.spending);
      const terms = { until: 'resume' as const, advice: raiseAdvice };
      accounts.push({ name: "the workflow's budget", budget, spent, reserved, ...terms });
    }
    if (daily) {
      const { day, spent, reserved } = this.#sumsOfToday();
      const terms = { until: 'day' as const, advice: dayAdvice };
      const all = addAmounts(reserved, this.#begunOf(null));
      accounts.push({ name: `the budget of ${day}`, budget: daily, spent, reserved: all, ...terms });
    }
    return accounts;
  }

  #begunOf(workflowId: string | null): Amounts {
    let sum = noAmounts;
    for (const begun of this.#begun.values()) {
      if (workflowId === null || begun.workflowId === workflowId) sum = addAmounts(sum, toAmounts(begun.reserved));
    }
    return sum;
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
