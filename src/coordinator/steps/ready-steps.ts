/**
 * What ready steps wait for until they get a slot. `core/dependents.ts` decides that a step is ready. From then on a step
 *   waits for its retry time (`#timers`), if its last attempt failed,
 *   waits for the cache (`#questions`), if it says `cache: true`,
 *   waits for outputs from blobs (`#readings`), if its model call cannot be planned without them,
 *   waits for the end of its last attempt (`#held`), if that still runs,
 *   and then waits in line (`schedule`) for a slot and, if it calls a model, for limits and budgets (`call-admission.ts`).
 *
 * Rules, numbered for tests (X2 and X3 are in flights.ts):
 *   X1  an attempt starts after its `step.started` is durable, and after the step's last attempt is known to have
 *       ended;
 *   X4  a step with `cache` joins the line after the cache was asked; if the cache has the answer, the step makes no
 *       call.
 */
import type { StepId, WorkflowId } from '../../contract/ids.ts';
import type { Capacity } from '../../contract/job.ts';
import type { EngineSettings } from '../../contract/settings.ts';
import type { ActionCatalogue, ActionInfo, Lane, PlannedCall } from '../../contract/task.ts';
import type { CachedResult } from '../../core/cached-result.ts';
import { type Durations, toRanks } from '../../core/critical-path.ts';
import type { AttemptResult } from '../../core/decide.ts';
import { type ReadyStep, Schedule } from '../../core/schedule.ts';
import type { BoundParams } from '../../core/step-secrets.ts';
import { suspectDeaths } from '../../core/step-state.ts';
import type { Clock } from '../clock.ts';
import type { Live } from '../workflows.ts';
import type { Budgets } from './budgets.ts';
import { CallAdmission } from './call-admission.ts';
import { CallPlans } from './call-plans.ts';
import type { Question, StepCache } from './step-cache.ts';
import type { Blobs, StepOutputs } from './step-outputs.ts';

/** A step that has got its slot and starts now. */
export interface TakenStep extends ReadyStep {
  /** Its question to the cache; undefined for a step without `cache`. */
  readonly question: Question | undefined;
  /** Why outputs that it refers to could not be read while its model call was planned. */
  readonly unreadable: Error | undefined;
  /** Lines for its log that say what it has waited for. */
  readonly logs: string[];
}

export interface ReadyStepsOptions {
  settings: EngineSettings;
  clock: Clock;
  catalogue: ActionCatalogue;
  /** Of the pool, at the start. */
  capacity: Capacity;
  durations: Durations;
  budgets: Budgets;
  cache: StepCache;
  outputs: StepOutputs;
  /** Called when a step may be able to start. */
  onReady(): void;
}

const suspectsAfterMs = 5_000;
/** Keys of timers that belong to no step. The keys of steps contain a slash, so they differ from these. */
const suspectsTimer = 'suspects';
const heldTimer = 'held';

export class ReadySteps {
  readonly schedule: Schedule;
  readonly #options: ReadyStepsOptions;
  readonly #admission: CallAdmission;
  readonly #plans: CallPlans;
  /** Keys of steps that have a slot: their attempt has not ended yet. */
  readonly #taken = new Set<string>();
  /** Ready steps whose last attempt has not ended yet (X1). */
  readonly #held = new Map<string, ReadyStep>();
  /** Timers of steps that wait for their retry time, and the two timers above. Each value cancels its timer. */
  readonly #timers = new Map<string, () => void>();
  /** Questions of steps that the cache was asked about and that have not started yet. */
  readonly #questions = new Map<string, Question>();
  /** The current read of each step that waits for outputs from blobs. */
  readonly #readings = new Map<string, symbol>();
  /** Errors of steps in line that refer to outputs that could not be read. */
  readonly #unreadable = new Map<string, Error>();
  readonly #ranks = new WeakMap<Live, number[]>();
  /** True after `stop`: no step starts any more. */
  isPaused = false;

  constructor(options: ReadyStepsOptions) {
    this.#options = options;
    const { settings, catalogue, clock, budgets, capacity } = options;
    this.#admission = new CallAdmission(settings.modelLimits ?? {}, budgets, clock);
    this.#plans = new CallPlans(settings, catalogue, clock);
    const { attemptsMax, cpuAttemptsMax } = capacity;
    this.schedule = new Schedule(Math.min(settings.maxParallelNodes, attemptsMax), cpuAttemptsMax, this.#admission);
  }

  /** The pool has room for more attempts, or for fewer: D1 is about this many from now on. */
  resize({ attemptsMax, cpuAttemptsMax }: Capacity): void {
    if (this.schedule.resize(Math.min(this.#options.settings.maxParallelNodes, attemptsMax), cpuAttemptsMax))
      this.#options.onReady();
  }

  /** Adds a PENDING step, at once or when its retry time has come. */
  add(live: Live, i: number): void {
    const step = live.state.steps[i]!;
    const key = toKey(live.state.header.id, step.id);
    const { clock } = this.#options;
    if (step.dueAt !== null) {
      // At most `delayMs`: a jump of the wall clock must not lengthen the wait.
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

  /** X4: asks the cache about a step with `cache`; lines up any other step at once. */
  #ask(live: Live, i: number, key: string): void {
    const { id, action, cache } = live.state.steps[i]!;
    const info = this.#options.catalogue.get(action);
    // A dry run does not ask the cache: it shows the call of every step.
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
      this.#options.cache.ask(info, () => this.#bindToAsk(live, id, info), onKnown),
    );
  }

  async #bindToAsk(live: Live, stepId: string, info: ActionInfo): Promise<BoundParams> {
    const { outputs } = this.#options;
    const step = live.state.step(stepId)!;
    return outputs.bind(live, step, await outputs.readBlobsFor(live, step), info);
  }

  /**
   * A step with an answer from the cache makes no model call, and neither does any step when the engine is offline.
   */
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

  /** For a step whose model call can be planned only with outputs that are in blobs: reads them, then lines it up. */
  async #lineUpRead(live: Live, i: number, key: string): Promise<void> {
    const reading = Symbol(key);
    this.#readings.set(key, reading);
    let fault: Error | null = null;
    const blobs = await this.#options.outputs.readBlobsFor(live, live.state.steps[i]!).catch((error: Error): Blobs => {
      fault = error;
      return new Map();
    });
    // The step may have been stopped during the read.
    if (this.#readings.get(key) !== reading || this.isPaused) return;
    this.#readings.delete(key);
    // The step will start and fail with this error. A second read might succeed: then it would make a call that no
    // limit and no budget has counted.
    if (fault) this.#unreadable.set(key, fault);
    this.#lineUp(live, i, key, false, blobs);
    this.#options.onReady();
  }

  #laneOf(action: string): Exclude<Lane, 'none'> {
    return this.#options.catalogue.get(action)?.lane === 'cpu' ? 'cpu' : 'io';
  }

  #toGate(live: Live, call: PlannedCall): Pick<ReadyStep, 'call' | 'gate' | 'own'> {
    const holder = this.#options.budgets.holderOf(live);
    return { call, gate: this.#admission.enter(call, holder), own: holder?.state.header.id };
  }

  /**
   * Suspects wait until the engine has run for a while. If it dies before that, something else kills it, and no
   * suspect is charged with the death.
   */
  #armSuspects(): void {
    if (this.#timers.has(suspectsTimer)) return;
    const cancel = this.#options.clock.timer(suspectsAfterMs, () => {
      this.schedule.letSuspectsRun();
      this.#options.onReady();
    });
    this.#timers.set(suspectsTimer, cancel);
  }

  /**
   * The workflow has got a budget: its steps that are already in line wait for that budget in a line of their own, so
   * that they hold up no others.
   */
  setBudgeted({ state }: Live): void {
    const { id } = state.header;
    this.schedule.separate(id);
    for (const [key, ready] of this.#held) if (ready.workflowId === id) this.#held.set(key, { ...ready, own: id });
  }

  /** Forgets a step that is no longer PENDING. */
  remove(workflowId: WorkflowId, stepId: StepId): void {
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

  /**
   * Takes the next steps to start; each keeps its slot until `end`. Sets a timer for the time when a hold may be over.
   */
  take(most: number): TakenStep[] {
    const { clock, onReady } = this.#options;
    const taken = this.schedule.take(most).map((step) => this.#markTaken(step));
    const until = this.schedule.heldUntil;
    this.#timers.get(heldTimer)?.();
    this.#timers.delete(heldTimer);
    if (until !== null) this.#timers.set(heldTimer, clock.timer(Math.max(1, until - clock.monotonic()), onReady));
    return taken;
  }

  #markTaken(step: ReadyStep): TakenStep {
    const key = toKey(step.workflowId, step.stepId);
    const question = this.#questions.get(key);
    const unreadable = this.#unreadable.get(key);
    this.#questions.delete(key);
    this.#unreadable.delete(key);
    this.#taken.add(key);
    return { ...step, question, unreadable, logs: this.#admission.toWaitLines(step) };
  }

  /** The attempt of a step has ended: frees its slot, and adds the step's next attempt to the line. */
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
