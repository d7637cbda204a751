/**
 * What crosses between the coordinator and the pool's threads, and the port in between.
 *
 * Rules, numbered for tests:
 *   P1  every dispatched job yields exactly one outcome, whatever its thread does;
 *   P2  when the outcome arrives, nothing of that attempt runs any more: its slot is free and the next attempt may start;
 *   P3  an attempt ends within a second after its deadline or its cancellation. Its time counts from its beginning; one that
 *       waits for its turn in a busy thread for longer than that ends without one;
 *   P4  a thread or a child process that dies costs the attempts that were on it, and no other.
 * Nothing here says that a thread of this process does the work.
 */
import { z } from 'zod';
import { failureCodes } from './failures.ts';
import type { Prices } from './prices.ts';
import type { Lane, NetworkRules } from './task.ts';

export const jobSchema = z.object({
  /** Unique while the engine lives; names the attempt in cancellations and outcomes. */
  jobId: z.int(),
  workflowId: z.string(),
  stepId: z.string(),
  attempt: z.int(),
  action: z.string(),
  lane: z.enum(['io', 'cpu']) satisfies z.ZodType<Exclude<Lane, 'none'>>,
  /** It runs in a process of its own, see `Task.isolated`. Only jobs of the CPU lane are. */
  isolated: z.boolean(),
  /** Bound params as JSON text. */
  paramsJson: z.string(),
  timeoutMs: z.number(),
  secrets: z.record(z.string(), z.string()),
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
    /** The outputs object as compact JSON text, made in the thread. */
    outputsJson: z.string(),
  }),
  z.object({
    ...outcomeBase,
    kind: z.literal('failed'),
    code: z.enum(failureCodes),
    message: z.string(),
    retryAfterMs: z.number().nullable(),
    /** Its place went down with it: what it has used is not known. */
    isLost: z.literal(true).optional(),
  }),
]);
export type Outcome = z.infer<typeof outcomeSchema>;

/**
 * A piece of the text that an attempt of the I/O lane makes, while it makes it. The pieces of an attempt come in order and
 * before its outcome; nothing is lost with those that never come.
 */
export const saidSchema = z.object({
  jobId: z.int(),
  text: z.string(),
  /** The attempt says no more, though its text goes on. */
  isCut: z.boolean(),
});
export type Said = z.infer<typeof saidSchema>;

export interface PoolStats {
  threads: number;
  running: number;
}

export interface PoolPort {
  /** How many attempts of the CPU lane may run at once. */
  readonly cpuAttemptsMax: number;
  /** Jobs that have a free slot; the pool starts all of them, it keeps no backlog. */
  dispatch(jobs: readonly Job[]): void;
  /** Ends attempts: their outcome is `failed` with code CANCELLED, unless they had ended before. */
  cancel(jobIds: readonly number[]): void;
  stats(): PoolStats;
  /** Ends every thread. Outcomes of attempts still running are not delivered. */
  close(): Promise<void>;
}

export interface PoolOptions {
  cpuThreads: number;
  ioThreads: number;
  network: NetworkRules;
  prices?: Prices | undefined;
  onOutcomes(outcomes: Outcome[]): void;
  onSaid?(said: Said[]): void;
  /** A fault of the pool itself, worth a line in the log. */
  onFault(message: string): void;
}
