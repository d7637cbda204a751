/**
 * Records attempts in the journal: a start for each ready step that gets a slot, and the outcome of each attempt. A
 * step for which a budget has no room is paused instead. If it was the day's budget, the step is tried again on the
 * next day.
 */
import { broken } from '../contract/broken.ts';
import { limits } from '../contract/limits.ts';
import type { Durations } from '../core/critical-path.ts';
import { decideNewDay, decideOutcome, decidePause, decideSpent, decideStart } from '../core/decide.ts';
import type { ReadyStep } from '../core/schedule.ts';
import type { Chance, Clock } from './clock.ts';
import type { Log } from './log.ts';
import type { Recall } from './recall.ts';
import type { Recorder } from './recorder.ts';
import type { Budgets } from './steps/budgets.ts';
import type { EndedFlight, Flights } from './steps/flights.ts';
import type { ReadySteps } from './steps/ready-steps.ts';
import type { StepCache } from './steps/step-cache.ts';
import type { Batch, Turns } from './turns.ts';
import type { Live, Workflows } from './workflows.ts';

export interface AttemptsOptions {
  clock: Clock;
  chance: Chance;
  log: Log;
  workflows: Workflows;
  turns: Turns;
  cache: StepCache;
  budgets: Budgets;
  durations: Durations;
  readySteps: ReadySteps;
  flights: Flights;
  recorder: Recorder;
  recall: Pick<Recall, 'release'>;
}

export class Attempts {
  readonly #options: AttemptsOptions;
  readonly counts = { started: 0, completed: 0, failed: 0, retried: 0 };
  #isPoolReady = false;
  #onLastEnded: (() => void) | null = null;

  constructor(options: AttemptsOptions) {
    this.#options = options;
  }

  /** The pool's threads are running: steps may start from now on. */
  onPoolReady(): void {
    this.#isPoolReady = true;
    this.#options.turns.arm();
  }

  /** Adds the starts of ready steps to the batch. True when the batch is full and more steps could start. */
  start(batch: Batch): boolean {
    const { readySteps } = this.#options;
    const mayStart = this.#isPoolReady && !readySteps.isPaused;
    if (!mayStart) return false;
    // Once a step is paused, the next step of its line may start: look again.
    do this.#startNext(batch);
    while (this.#pauseUnfunded(batch));
    const { ready, running, slotsMax } = readySteps.schedule;
    return batch.payloads.length >= limits.batchRecordsMax && ready > 0 && running < slotsMax;
  }

  #startNext(batch: Batch): void {
    const { clock, budgets, readySteps, flights, recorder } = this.#options;
    const room = limits.batchRecordsMax - batch.payloads.length;
    for (const step of readySteps.take(Math.max(0, room))) {
      const live = this.#liveOf(step);
      const terms = { logs: step.logs, reserved: budgets.takeReservation(step.call) };
      const event = decideStart(live.state, step.stepId, clock.now(), terms);
      const flight = flights.open(step, event.attempt, live);
      live.pins += 1;
      recorder.record(batch, event);
      batch.effects.push({ kind: 'dispatch', flight });
      this.counts.started += 1;
    }
  }

  /** Pauses the steps for which a budget has no room. Returns whether there were any. */
  #pauseUnfunded(batch: Batch): boolean {
    const { clock, budgets, recorder } = this.#options;
    const paused = budgets.takePauses();
    for (const { step, pause } of paused)
      recorder.record(batch, decidePause(this.#liveOf(step).state, step.stepId, clock.now(), pause));
    return paused.length > 0;
  }

  /** The workflow of a ready step. It is always in memory. */
  #liveOf({ workflowId }: ReadyStep): Live {
    const live = this.#options.workflows.live.get(workflowId);
    return live ?? broken('K3', `a ready step of workflow ${workflowId}, which is not in memory`);
  }

  /** Resumes the steps that the day's budget has paused. */
  beginDay(): void {
    const { clock, workflows, turns, recorder } = this.#options;
    for (const live of workflows.live.values()) {
      if (live.state.paused === 0) continue;
      turns.push({
        run: (batch) => {
          const isLive = workflows.live.get(live.state.header.id) === live;
          const event = isLive ? decideNewDay(live.state, clock.now()) : null;
          if (event) recorder.record(batch, event);
        },
      });
    }
  }

  onEnded(ended: EndedFlight): void {
    this.#options.turns.push({ run: (batch) => this.#recordOutcome(batch, ended) });
  }

  #recordOutcome(batch: Batch, { flight, result, durationMs }: EndedFlight): void {
    const { clock, chance, workflows, cache, durations, flights, recorder, recall } = this.#options;
    flights.close(flight, result);
    const { live, stepId, attempt, question } = flight;
    batch.effects.push({ kind: 'recorded', flight });
    const isKnown = workflows.live.get(flight.workflowId) === live;
    const input = { now: clock.now(), durationMs, random: chance.random() };
    const event = isKnown ? decideOutcome(live.state, stepId, attempt, result, input) : null;
    if (question && event?.kind === 'step.completed')
      batch.effects.push({ kind: 'store-cached', question, completed: event });
    else if (question) cache.letGo(question);
    if (event) {
      recorder.record(batch, event);
      if (event.kind === 'step.completed') {
        this.counts.completed += 1;
        if (!question?.isAnswered) durations.record(live.state.step(stepId)!, durationMs);
      } else if (event.kind === 'step.failed') this.counts.failed += 1;
      else this.counts.retried += 1;
    } else {
      this.#drop(batch, { flight, result }, isKnown);
    }
    recall.release(live);
    if (flights.count === 0) this.#onLastEnded?.();
  }

  /**
   * The step was stopped, or its workflow deleted, while the attempt ran: its outcome changes no step (G4). What it
   * has used is entered into the workflow; the deletion of a workflow has entered what its running attempts had
   * reserved.
   */
  #drop(batch: Batch, { flight, result }: Omit<EndedFlight, 'durationMs'>, isKnown: boolean): void {
    const { clock, log, workflows, recorder } = this.#options;
    const { live, workflowId, stepId, attempt } = flight;
    log.info({ workflow: workflowId, step: stepId, attempt }, 'late outcome dropped');
    const spent = isKnown ? decideSpent(live.state, stepId, attempt, result, clock.now()) : null;
    if (spent) recorder.record(batch, spent);
    const isGone = !workflows.has(workflowId) && !workflows.setAside.has(workflowId);
    // Writing large outputs to a blob has created the directory of the deleted workflow again.
    if (isGone && result.kind === 'completed' && 'blob' in result.outputs)
      batch.effects.push({ kind: 'remove', workflowId });
  }

  /** Resolves when every attempt has ended and its outcome is in a batch, or after `mostMs` milliseconds. */
  ended(mostMs: number): Promise<void> {
    const { clock, flights } = this.#options;
    if (flights.count === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = clock.timer(mostMs, resolve);
      this.#onLastEnded = () => {
        cancel();
        resolve();
      };
    });
  }
}
