/**
 * A pool without threads. It keeps P1 to P4 of `src/contract/job.ts` where swarm does not say otherwise (outcomes that come
 * twice), and uses every freedom they leave: attempts that end after their cancellation as if nothing had been, that
 * end at their deadline and a second after it, that lose their thread, that take the engine down.
 */
import type { Capacity, Job, Outcome, PoolOptions, PoolPort } from '../../src/contract/job.ts';
import type { Agenda, Owner } from './agenda.ts';
import type { Execution } from './check.ts';
import { Dice, hashText } from './dice.ts';
import type { History } from './history.ts';
import { sendSecret } from './secrets.ts';
import type { Swarm } from './swarm.ts';

/** How long after deadline or cancellation an attempt may live on (P3). */
const graceMs = 1_000;
/** Larger than what stands in the journal. */
const bigBytes = 66 * 1024;
const blobLikeMark = 'blob';

export interface SimPoolParts {
  readonly options: PoolOptions;
  readonly agenda: Agenda;
  readonly owner: Owner;
  readonly history: History;
  readonly swarm: Swarm;
  readonly dice: Dice;
  readonly seed: number;
  /** Set while the world wants everything to end well. */
  readonly isCalm: () => boolean;
  /** A killer step runs. */
  readonly onKiller: () => void;
}

interface Running {
  readonly execution: Execution;
  finish: () => void;
}

let executions = 0;

/** Names of executions begin anew with each seed. */
export function resetExecutions(): void {
  executions = 0;
}

export class SimPool implements PoolPort {
  readonly #parts: SimPoolParts;
  readonly #running = new Map<number, Running>();
  #isClosed = false;

  constructor(parts: SimPoolParts) {
    this.#parts = parts;
  }

  capacity(): Capacity {
    return { attemptsMax: Number.POSITIVE_INFINITY, cpuAttemptsMax: this.#parts.options.cpuThreads };
  }

  dispatch(jobs: readonly Job[]): void {
    for (const job of jobs) this.#start(job);
  }

  #start(job: Job): void {
    const { history, agenda, owner, dice, swarm, seed } = this.#parts;
    executions += 1;
    const execution: Execution = {
      job,
      content: `${job.workflowId.slice(0, 8)}/${job.stepId}#${job.attempt}!${executions}`,
    };
    history.note(() => `dispatch ${execution.content} job ${job.jobId} ${job.paramsJson.slice(0, 300)}`);
    history.tell((check) => check.dispatched?.(execution));
    // What a step makes of itself depends on what it is, not on when it runs.
    const nature = new Dice(seed ^ hashText(`${job.workflowId}/${job.stepId}/${job.attempt}`));
    const outcome = this.#drawOutcome(execution, nature);
    const took = outcome === null ? Number.POSITIVE_INFINITY : dice.random() * swarm.attemptMs;
    const running: Running = { execution, finish: () => undefined };
    this.#running.set(job.jobId, running);
    const lateMs = job.timeoutMs + dice.random() * graceMs;
    const isInTime = outcome !== null && took <= lateMs;
    const ends = isInTime ? outcome : fail(job.jobId, 'TIMEOUT', 'the deadline has passed');
    running.finish = agenda.add(isInTime ? took : lateMs, owner, () => this.#end(execution, ends));
    if (isKiller(job) && !this.#parts.isCalm())
      agenda.add(dice.random() * Math.min(lateMs, 50), owner, () => {
        if (this.#running.has(job.jobId)) this.#parts.onKiller();
      });
  }

  /** null: it hangs. */
  #drawOutcome(execution: Execution, nature: Dice): Outcome | null {
    const { swarm, isCalm } = this.#parts;
    const { jobId } = execution.job;
    const fate = isCalm() ? 'complete' : isKiller(execution.job) ? 'hang' : nature.weighted(swarm.fates);
    switch (fate) {
      case 'complete':
        return complete(execution, nature, swarm);
      case 'retryable':
        return { ...fail(jobId, 'NETWORK', 'not now'), retryAfterMs: nature.chance(0.3) ? 2_000 : null };
      case 'permanent':
        return fail(jobId, 'TASK_ERROR', 'it cannot be done');
      case 'final':
        return fail(jobId, 'BAD_PARAMS', 'not with these');
      case 'lost':
        return fail(jobId, 'WORKER_LOST', 'the thread is gone');
      case 'hang':
        return null;
      default: {
        const never: never = fate;
        throw new Error(String(never));
      }
    }
  }

  #end(execution: Execution, drawn: Outcome): void {
    if (execution.job.secretUse === undefined) this.#conclude(execution, drawn);
    else void sendSecret(execution.job, drawn).then((outcome) => this.#conclude(execution, outcome));
  }

  #conclude(execution: Execution, outcome: Outcome): void {
    const { history, options, dice, swarm, agenda, owner } = this.#parts;
    if (this.#isClosed || !this.#running.delete(outcome.jobId)) return;
    history.note(() => `outcome ${execution.content} ${outcome.kind}`);
    history.tell((check) => check.ended?.(execution, outcome, true));
    const isDouble = dice.chance(swarm.doubleOutcomeShare);
    options.onOutcomes(isDouble && dice.chance(0.3) ? [outcome, outcome] : [outcome]);
    if (!isDouble) return;
    agenda.add(dice.random() * dice.pick([0, 1, 1_000]), owner, () => {
      if (this.#isClosed) return;
      history.note(() => `outcome again ${execution.content} ${outcome.kind}`);
      history.tell((check) => check.ended?.(execution, outcome, false));
      options.onOutcomes([outcome]);
    });
  }

  cancel(jobIds: readonly number[]): void {
    const { agenda, owner, dice, swarm, history } = this.#parts;
    for (const jobId of jobIds) {
      const running = this.#running.get(jobId);
      if (!running) continue;
      const { execution } = running;
      history.note(() => `cancel ${execution.content}`);
      running.finish();
      const isLate = dice.chance(swarm.lateCompleteShare);
      const outcome = isLate ? complete(execution, dice, swarm) : fail(jobId, 'CANCELLED', 'it was cancelled');
      running.finish = agenda.add(dice.random() * graceMs, owner, () => this.#end(execution, outcome));
    }
  }

  stats(): { threads: number; running: number } {
    return { threads: 0, running: this.#running.size };
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return Promise.resolve();
  }
}

function isKiller(job: Job): boolean {
  return job.paramsJson.includes('"killer":true');
}

function complete({ job, content }: Execution, dice: Dice, swarm: Swarm): Outcome {
  const outputs: Record<string, unknown> =
    job.action === '$simulate' ? { simulated: true, of: content } : { content, of: content };
  if (dice.chance(swarm.bigOutputShare)) outputs.padding = 'x'.repeat(bigBytes);
  // Outputs of the form that stands for a blob must be kept as what they are.
  else if (dice.chance(swarm.blobLikeShare)) Object.assign(outputs, { [blobLikeMark]: 'f'.repeat(8), bytes: 1 });
  return {
    kind: 'completed',
    jobId: job.jobId,
    outputsJson: JSON.stringify(outputs),
    logs: [`ran as ${content}`],
    metadata: null,
    metrics: dice.chance(0.3) ? { tokens: 7, cost: 0.25, model: 'sim' } : null,
  };
}

function fail(jobId: number, code: Extract<Outcome, { kind: 'failed' }>['code'], message: string) {
  const outcome = { kind: 'failed' as const, jobId, code, message, retryAfterMs: null as number | null };
  return { ...outcome, logs: [], metadata: null, metrics: null };
}
