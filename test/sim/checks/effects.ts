/**
 * EF1, EF2: effects come after their events are durable, each once; every recorded start is dispatched, every abort cancelled,
 * and no call is answered twice.
 */
import type { Caller, Effect } from '../../../src/coordinator/effects.ts';
import { type Check, Violation } from '../check.ts';

export class EffectsCheck implements Check {
  /** The last event that this life has published. */
  #published = 0;
  #isBegun = false;
  /** Dispatched in this life, by job. */
  #dispatched = new Set<number>();
  #cancelled = new Set<number>();
  #recorded = new Set<number>();
  #answered = new WeakSet<Caller>();
  /** What a batch lets out, counted over all lives: a check that never sees one checks nothing. */
  readonly counts = {
    publish: 0,
    'store-cached': 0,
    cancel: 0,
    dispatch: 0,
    recorded: 0,
    wake: 0,
    answer: 0,
    remove: 0,
  };

  lifeEnded(): void {
    this.#isBegun = false;
    this.#dispatched.clear();
    this.#cancelled.clear();
    this.#recorded.clear();
  }

  effects(effects: readonly Effect[], durableSeq: number): void {
    const started = new Set<string>();
    for (const effect of effects) {
      this.counts[effect.kind] += 1;
      if (effect.kind !== 'publish') continue;
      const { seq, kind, workflow_id: id, step_id: step } = effect.event;
      if (seq > durableSeq) throw new Violation('EF1', `event ${seq} is published while ${durableSeq} is durable`);
      if (this.#isBegun && seq !== this.#published + 1)
        throw new Violation('EF2', `event ${seq} is published after event ${this.#published}`);
      this.#published = seq;
      this.#isBegun = true;
      if (kind === 'step.started') started.add(`${id}/${step}`);
    }
    for (const effect of effects) this.#check(effect, started);
    if (started.size > 0)
      throw new Violation('EF2', `recorded as started and not dispatched: ${[...started].join(', ')}`);
  }

  #check(effect: Effect, started: Set<string>): void {
    if (effect.kind === 'dispatch') {
      const { jobId, workflowId, stepId } = effect.flight;
      if (!started.delete(`${workflowId}/${stepId}`))
        throw new Violation('EF1', `${workflowId}/${stepId} is dispatched without its start in the batch`);
      if (this.#dispatched.has(jobId)) throw new Violation('EF2', `job ${jobId} is dispatched twice`);
      this.#dispatched.add(jobId);
    } else if (effect.kind === 'cancel') {
      const { jobId } = effect.flight;
      if (!this.#dispatched.has(jobId))
        throw new Violation('EF2', `job ${jobId} is cancelled and was never dispatched`);
      if (this.#cancelled.has(jobId)) throw new Violation('EF2', `job ${jobId} is cancelled twice`);
      this.#cancelled.add(jobId);
    } else if (effect.kind === 'recorded') {
      const { jobId } = effect.flight;
      if (!this.#dispatched.has(jobId))
        throw new Violation('EF2', `job ${jobId} is called recorded and was never dispatched`);
      if (this.#recorded.has(jobId)) throw new Violation('EF2', `job ${jobId} is called recorded twice`);
      this.#recorded.add(jobId);
    } else if (effect.kind === 'answer') {
      if (this.#answered.has(effect.to)) throw new Violation('EF2', 'a call is answered twice');
      this.#answered.add(effect.to);
    }
  }
}
