/**
 * The messages between the pool and its workers: one union for each direction, told apart by `kind`. The receiver
 * parses what arrives with the schema of its direction. A message that fits no kind is a fault of the pool.
 *
 * A thread gets jobs in bundles. Piscina hands over the bundle; its port then carries begun attempts, pieces of text,
 * outcomes and attempts that will not end back to the pool, and cancellations to the thread.
 *
 * A process gets one job at a time over the channel of `fork`.
 */
import { MessagePort } from 'node:worker_threads';
import { z } from 'zod';
import { type Job, jobSchema, outcomeSchema, saidSchema } from './job.ts';
import type { Prices } from './prices.ts';
import type { SecretStore } from './secret-store.ts';
import type { NetworkRules } from './task.ts';

/**
 * Enough to make the message's own cost small (measured: 32 jobs carry twice the rate of 1), few enough to spread.
 */
export const bundleJobsMax = 32;

/** What every thread of the pool gets at its start, as Piscina's `workerData`. */
export interface ThreadData {
  readonly network: NetworkRules;
  readonly prices: Prices | undefined;
  /** `shared`: many attempts at once, of the I/O lane. `exclusive`: one at a time. */
  readonly sharing: 'shared' | 'exclusive';
  /** Only in shared threads: in the others foreign code may run. */
  readonly secretStore: SecretStore | undefined;
}

/**
 * How long an attempt of the I/O lane may outlive its deadline or cancellation. P3 allows a second; a quarter of it is left
 * for ending its thread.
 */
export const deafMsMax = 750;

/** A job with the values that its task takes from the settings of the place where it runs. */
export const placedJobSchema = jobSchema.extend({ secrets: z.record(z.string(), z.string()) });
export type PlacedJob = Readonly<z.infer<typeof placedJobSchema>>;

const jobIdsSchema = z.array(z.int()).readonly();

export const toThreadSchema = z.discriminatedUnion('kind', [
  /** Without jobs the thread only shows that it is up. */
  z.object({ kind: z.literal('bundle'), jobs: z.array(placedJobSchema).readonly(), port: z.instanceof(MessagePort) }),
  z.object({ kind: z.literal('cancel'), jobIds: jobIdsSchema }),
]);
export type ToThread = z.infer<typeof toThreadSchema>;

export const fromThreadSchema = z.discriminatedUnion('kind', [
  /** These jobs had to wait for their turn and have now begun: their time counts from here. */
  z.object({ kind: z.literal('begun'), jobIds: jobIdsSchema }),
  /** These jobs were aborted `deafMsMax` ago and go on, although the thread has had time for them. */
  z.object({ kind: z.literal('deaf'), jobIds: jobIdsSchema }),
  z.object({ kind: z.literal('said'), said: z.array(saidSchema) }),
  z.object({ kind: z.literal('outcomes'), outcomes: z.array(outcomeSchema) }),
]);
export type FromThread = z.infer<typeof fromThreadSchema>;

export const toProcessSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('job'), job: placedJobSchema }),
]);
export type ToProcess = z.infer<typeof toProcessSchema>;

export const fromProcessSchema = z.discriminatedUnion('kind', [
  /** Sent once, before the process takes work. */
  z.object({ kind: z.literal('up') }),
  z.object({
    kind: z.literal('outcome'),
    outcome: outcomeSchema,
    /** The heap is so full that the next job could end the process: the pool gives it none. */
    isSpent: z.boolean(),
  }),
]);
export type FromProcess = z.infer<typeof fromProcessSchema>;

/** Why the pool aborted an attempt. It decides the outcome's code, whatever the task does after the abort. */
export type AbortReason = 'TIMEOUT' | 'CANCELLED';

export function describeAbort(reason: AbortReason, job: Job): string {
  return reason === 'CANCELLED'
    ? 'the attempt was cancelled'
    : `the attempt took longer than its ${job.timeoutMs} ms; raise the step's timeoutMs if it needs more`;
}
