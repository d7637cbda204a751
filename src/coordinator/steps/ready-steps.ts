/**
 * Steps that are ready, from the event that makes them so until they are taken to start: those whose next attempt is to wait,
 * those that the cache is asked about, those whose call is still to be foreseen, and those in line for a slot.
 *
 * Rules, numbered for tests (X2 and X3 are those of flights.ts):
 *   X1  an attempt starts after its `step.started` is durable, and after the step's last attempt is known to have ended;
 *   X4  a step with `cache` is lined up once the cache has been asked; one with an answer goes out to nobody.
 */
import type { JsonObject } from '../../contract/json.ts';
import type { EngineSettings } from '../../contract/settings.ts';
import type { ActionCatalogue, Lane, PlannedCall } from '../../contract/task.ts';
import type { CachedResult } from '../../core/cached-result.ts';
import { type Durations, toRanks } from '../../core/critical-path.ts';
import type { AttemptResult } from '../../core/decide.ts';
import { type ReadyStep, Schedule } from '../../core/schedule.ts';
import { suspectDeaths } from '../../core/state.ts';
import type { Clock } from '../clock.ts';
import type { Live } from '../workflows.ts';
import type { Budgets } from './budgets.ts';
import { CallAdmission } from './call-admission.ts';
import { CallPlans } from './call-plans.ts';
import type { Question, StepCache } from './step-cache.ts';
import type { Blobs, StepOutputs } from './step-outputs.ts';

/** A step that has its slot and nothing else to wait for. */
export interface TakenStep extends ReadyStep {
  /** What the cache was asked for it. */
  readonly question: Question | undefined;
  /** Why outputs that it refers to could not be read, where that was tried. */
  readonly unreadable: Error | undefined;
  /** Lines for its log: what it has waited for. */
  readonly logs: string[];
}

export interface ReadyStepsOptions {
  settings: EngineSettings;
  clock: Clock;
  catalogue: ActionCatalogue;
  cpuAttemptsMax: number;
  durations: Durations;
  budgets: Budgets;
  cache: StepCache;
  outputs: StepOutputs;
  /** There may be something to start. */
  onReady(): void;
}

const suspectsAfterMs = 5_000;
/** Under no step's key: those hold a slash. */
const suspectsTimer = 'suspects';
const heldTimer = 'held';

export class ReadySteps {
  readonly schedule: Schedule;
  readonly #options: ReadyStepsOptions;
  readonly #admission: CallAdmission;
  readonly #plans: CallPlans;
  /** Steps that were taken, and whose attempt has not ended yet. */
  readonly #taken = new Set<string>();
  /** Ready steps whose last attempt has not ended yet (X1). */
  readonly #held = new Map<string, ReadyStep>();
  /** Steps that wait for their next attempt. */
  readonly #timers = new Map<string, () => void>();
  /** Of steps that are asked after in the cache, or were and have not started yet. */
  readonly #questions = new Map<string, Question>();
  /** Of steps whose place in line hangs on outputs that are being read. */
  readonly #readings = new Map<string, symbol>();
  /** Of steps in line whose outputs could not be read. */
  readonly #unreadable = new Map<string, Error>();
  readonly #ranks = new WeakMap<Live, number[]>();
  /** Set when nothing may start any more. */
  isPaused = false;

  constructor(options: ReadyStepsOptions) {
    this.#options = options;
    const { settings, catalogue, clock, budgets, cpuAttemptsMax } = options;
    this.#admission = new CallAdmission(settings.modelLimits ?? {}, budgets, clock);
    this.#plans = new CallPlans(settings, catalogue, clock);
    this.schedule = new Schedule(settings.maxParallelNodes, cpuAttemptsMax, this.#admission);
  }

  /** Puts a PENDING step in line, at once or when its wait is over. */
  add(live: Live, i: number): void {
    const step = live.state.steps[i]!;
    const key = toKey(live.state.header.id, step.id);
    const { clock } = this.#options;
    if (step.dueAt !== null) {
      // A wall clock that jumped must not lengthen the wait.
      const waitMs = Math.min(Math.max(step.dueAt - clock.now(), 0), step.delayMs);
      if (waitMs > 0) {
        this.#timers.get(key)?.();
        this.#timers.set(
          key,
          clock.timer(waitMs, () => {
            this.#timers.delete(key);
            this.#ask(live, i, key);
            this.#options.onReady();
          }),
        );
        return;
      }
    }
    this.#ask(live, i, key);
  }

  /** X4. */
  #ask(live: Live, i: number, key: string): void {
    const { id, action, cache } = live.state.steps[i]!;
    const info = this.#options.catalogue.get(action);
    // A dry run shows what each step would ask.
    if (!cache || !info || this.#options.settings.dryRun) {
      this.#lineUp(live, i, key);
      return;
    }
    const onKnown = (answer: CachedResult | null) => {
      this.#lineUp(live, i, key, answer !== null);
      this.#options.onReady();
    };
    this.#questions.set(
      key,
      this.#options.cache.ask(info, () => this.#bindToAsk(live, id), onKnown),
    );
  }

  async #bindToAsk(live: Live, stepId: string): Promise<JsonObject> {
    const { outputs } = this.#options;
    const step = live.state.step(stepId)!;
    return outputs.bind(live, step, await outputs.readBlobsFor(live, step));
  }

  /** One that has its answer computes nothing, and calls nobody; neither does one that may not. */
  #lineUp(live: Live, i: number, key: string, isAnswered = false, blobs?: Blobs): void {
    const step = live.state.steps[i]!;
    const isCalling = !isAnswered && !this.#options.settings.offline;
    const call = isCalling ? this.#plans.plan(live.state, step, blobs) : null;
    if (call === 'unread') {
      void this.#lineUpRead(live, i, key);
      return;
    }
    const ranks = this.#ranks.get(live) ?? toRanks(live.state, live.state.steps, this.#options.durations);
    this.#ranks.set(live, ranks);
    const ready: ReadyStep = {
      workflowId: live.state.header.id,
      stepId: step.id,
      lane: isAnswered ? 'io' : this.#laneOf(step.action),
      rankMs: ranks[i] ?? 0,
      readyAt: this.#options.clock.monotonic(),
      isSuspect: step.deaths >= suspectDeaths,
      ...(call ? this.#toGate(live, call) : {}),
    };
    if (ready.isSuspect) this.#armSuspects();
    if (this.#taken.has(key)) this.#held.set(key, ready);
    else this.schedule.add(ready);
  }

  /** For a step that can be foreseen only when outputs in blobs are read. */
  async #lineUpRead(live: Live, i: number, key: string): Promise<void> {
    const reading = Symbol(key);
    this.#readings.set(key, reading);
    let fault: Error | null = null;
    const blobs = await this.#options.outputs.readBlobsFor(live, live.state.steps[i]!).catch((error: Error): Blobs => {
      fault = error;
      return new Map();
    });
    // A stop may have come meanwhile.
    if (this.#readings.get(key) !== reading || this.isPaused) return;
    this.#readings.delete(key);
    // It starts, and fails for that: read once more it would go where nobody had foreseen.
    if (fault) this.#unreadable.set(key, fault);
    this.#lineUp(live, i, key, false, blobs);
    this.#options.onReady();
  }

  #laneOf(action: string): Exclude<Lane, 'none'> {
    return this.#options.catalogue.get(action)?.lane === 'cpu' ? 'cpu' : 'io';
  }

  #toGate(live: Live, call: PlannedCall): Pick<ReadyStep, 'call' | 'gate' | 'own'> {
    const { budget, id } = live.state.header;
    return { call, gate: this.#admission.enter(call, budget && live), own: budget === null ? undefined : id };
  }

  /** A suspect waits until the engine has been up for a while: what kills it at once is another thing. */
  #armSuspects(): void {
    if (this.#timers.has(suspectsTimer)) return;
    const cancel = this.#options.clock.timer(suspectsAfterMs, () => {
      this.schedule.letSuspectsRun();
      this.#options.onReady();
    });
    this.#timers.set(suspectsTimer, cancel);
  }

  /** A workflow that had no budget has got one: what is in line already waits for that apart from others. */
  setBudgeted({ state }: Live): void {
    const { id } = state.header;
    this.schedule.separate(id);
    for (const [key, ready] of this.#held) if (ready.workflowId === id) this.#held.set(key, { ...ready, own: id });
  }

  /** A PENDING step that is so no longer. */
  remove(workflowId: string, stepId: string): void {
    const key = toKey(workflowId, stepId);
    this.#timers.get(key)?.();
    this.#timers.delete(key);
    this.#held.delete(key);
    this.#readings.delete(key);
    this.#unreadable.delete(key);
    this.schedule.remove(workflowId, stepId);
    const question = this.#questions.get(key);
    this.#questions.delete(key);
    if (question) this.#options.cache.letGo(question);
  }

  /** The next steps to start; each has its slot until `end`. What holds others up is asked after in time. */
  take(most: number): TakenStep[] {
    const { clock, onReady } = this.#options;
    const taken = this.schedule.take(most).map((step) => this.#hand(step));
    const until = this.schedule.heldUntil;
    this.#timers.get(heldTimer)?.();
    this.#timers.delete(heldTimer);
    if (until !== null) this.#timers.set(heldTimer, clock.timer(Math.max(1, until - clock.monotonic()), onReady));
    return taken;
  }

  #hand(step: ReadyStep): TakenStep {
    const key = toKey(step.workflowId, step.stepId);
    const question = this.#questions.get(key);
    const unreadable = this.#unreadable.get(key);
    this.#questions.delete(key);
    this.#unreadable.delete(key);
    this.#taken.add(key);
    return { ...step, question, unreadable, logs: this.#admission.tellWait(step) };
  }

  /** The attempt of a step that was taken is over: frees its slot, and lets the step's next attempt in. */
  end({ workflowId, stepId, lane, call }: Omit<ReadyStep, 'rankMs' | 'readyAt'>, result: AttemptResult): void {
    const key = toKey(workflowId, stepId);
    this.#taken.delete(key);
    this.schedule.release(lane);
    if (call) this.#admission.end(call, result);
    const held = this.#held.get(key);
    if (!held) return;
    this.#held.delete(key);
    this.schedule.add(held);
  }

  stop(): void {
    this.isPaused = true;
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }
}

function toKey(workflowId: string, name: string): string {
  return `${workflowId}/${name}`;
}
