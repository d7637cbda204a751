/**
 * The pool's port: jobs go in, outcomes come out. A job is one attempt of a step. It runs at a place, which is a
 * thread or a child process today; nothing in this file says that the place belongs to this process.
 *
 * Rules, numbered for tests (`test/contract/pool.suite.ts` states them for every pool):
 *   P1  every dispatched job yields exactly one outcome, whatever happens to its place;
 *   P2  when the outcome arrives, nothing of that attempt runs any more: its slot is free and the next attempt may
 *       start;
 *   P3  an attempt ends within a second after its deadline or its cancellation, or, in a thread that it shares, as soon as
 *       that thread is done with what others do there. Its time counts from its beginning. A job that waits for its turn in a busy thread for longer than its whole time ends without having begun;
 *   P4  a place that dies costs the attempts that were on it, and no other.
 */
import { z } from 'zod';
import { failureCodes } from './failures.ts';
import { stepIdOf, workflowIdOf } from './ids.ts';
import type { Prices } from './prices.ts';
import { type SecretStore, secretUseSchema } from './secret-store.ts';
import type { Lane, NetworkRules } from './task.ts';

export const jobSchema = z.object({
  /** Unique while the engine lives; names the attempt in cancellations and outcomes. */
  jobId: z.int(),
  workflowId: workflowIdOf(z.string()),
  stepId: stepIdOf(z.string()),
  attempt: z.int(),
  action: z.string(),
  lane: z.enum(['io', 'cpu']) satisfies z.ZodType<Exclude<Lane, 'none'>>,
  /** True for a job of the CPU lane that needs a process of its own, see `Task.isolated`. */
  isolated: z.boolean(),
  /** Bound params as JSON text. */
  paramsJson: z.string(),
  timeoutMs: z.number(),
  /** Secrets of the store that the params name; their values are where the job runs. Absent: none. */
  secretUse: secretUseSchema.optional(),
});
export type Job = Readonly<z.infer<typeof jobSchema>>;

const outcomeBase = {
  jobId: z.int(),
  logs: z.array(z.string()),
  metadata: z.record(z.string(), z.unknown()).nullable(),
  metrics: z.record(z.string(), z.unknown()).nullable(),
};

export const outcomeSchema = z.discriminatedUnion('kind', [
  z.object({
    ...outcomeBase,
    kind: z.literal('completed'),
    /** The outputs object as compact JSON text, made where the task ran. */
    outputsJson: z.string(),
  }),
  z.object({
    ...outcomeBase,
    kind: z.literal('failed'),
    code: z.enum(failureCodes),
    message: z.string(),
    retryAfterMs: z.number().nullable(),
    /** The attempt ended with its place, so nobody knows what it has used. */
    isLost: z.literal(true).optional(),
    /** The attempt is repeated only where its step says `retry.attemptsMax`, see `TaskFailure`. */
    onlyIfAsked: z.literal(true).optional(),
  }),
]);
export type Outcome = z.infer<typeof outcomeSchema>;

/**
 * A piece of the text that an attempt of the I/O lane produces, sent while it produces it. The pieces of an attempt
 * come in order and before its outcome. A piece may be lost: the outputs hold the whole text.
 */
export const saidSchema = z.object({
  jobId: z.int(),
  /** How many characters of the attempt's text came before it. */
  at: z.int(),
  text: z.string(),
  /** True for the last piece of an attempt whose text is longer than followers are shown. */
  isCut: z.boolean(),
});
export type Said = z.infer<typeof saidSchema>;

export interface PoolStats {
  threads: number;
  running: number;
}

/** How many attempts may run at once. It may change while the engine runs, where places come and go. */
export interface Capacity {
  /** Of both lanes together; infinite where the pool sets no bound of its own. */
  readonly attemptsMax: number;
  /** Of the CPU lane. */
  readonly cpuAttemptsMax: number;
}

export interface PoolPort {
  /**
   * What there is room for now. Attempts that run when it becomes less run on; nothing starts until there is room
   * again.
   */
  capacity(): Capacity;
  /** Starts all of these jobs; each has a free slot. The pool keeps no backlog. */
  dispatch(jobs: readonly Job[]): void;
  /**
   * Ends attempts. Their outcome is `failed` with code CANCELLED, unless they had ended before. Unknown ids are
   * ignored.
   */
  cancel(jobIds: readonly number[]): void;
  /**
   * The outcomes of these jobs, or whatever else they ended with, are durable: the pool may forget them. Until then an
   * outcome that is kept outside this process has to stay there. Unknown ids are ignored.
   */
  recorded?(jobIds: readonly number[]): void;
  stats(): PoolStats;
  /** Ends every attempt and its place. No outcome is delivered any more. */
  close(): Promise<void>;
}

export interface PoolOptions {
  cpuThreads: number;
  ioThreads: number;
  network: NetworkRules;
  prices?: Prices | undefined;
  /** For attempts of the I/O lane alone. */
  secretStore?: SecretStore | undefined;
  /** The settings that a job's action takes as secrets, such as keys of models. A job holds none: its place fills them in. */
  secretsOf?(job: Pick<Job, 'action'>): Readonly<Record<string, string>>;
  onOutcomes(outcomes: Outcome[]): void;
  onSaid?(said: Said[]): void;
  /** Called after `capacity()` has changed. */
  onCapacity?(): void;
  /** Reports a fault of the pool itself, for the log. */
  onFault(message: string): void;
}
