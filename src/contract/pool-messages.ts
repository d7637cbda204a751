/**
 * The messages between the pool and its threads. A bundle is a handful of jobs that travel in one message; its port
 * carries outcomes back as soon as they are there (arrays of `Outcome`), what attempts say until then, and cancellations
 * the other way.
 */
import type { MessagePort } from 'node:worker_threads';
import { z } from 'zod';
import { type Job, outcomeSchema, type Said, saidSchema } from './job.ts';
import type { Prices } from './prices.ts';
import type { NetworkRules } from './task.ts';

/** Enough to make the message's own cost small (measured: 32 jobs carry twice the rate of 1), few enough to spread. */
export const bundleJobsMax = 32;

/** No jobs: the thread only shows that it is up. */
export interface BundleMessage {
  readonly jobs: readonly Job[];
  readonly port: MessagePort;
}

export interface CancelMessage {
  readonly cancelledJobIds: readonly number[];
}

/** What every thread of the pool gets at its start. */
export interface ThreadData {
  readonly network: NetworkRules;
  readonly prices: Prices | undefined;
  /** `shared`: many attempts at once, of the I/O lane. `exclusive`: one at a time. */
  readonly sharing: 'shared' | 'exclusive';
}

/** Jobs that have begun after a wait for their turn: their time counts from here. */
export interface BegunMessage {
  readonly begunJobIds: readonly number[];
}

export interface SaidMessage {
  readonly said: readonly Said[];
}

export const outcomesMessageSchema = z.array(outcomeSchema);
export const begunMessageSchema = z.object({ begunJobIds: z.array(z.number()) });
export const saidMessageSchema = z.object({ said: z.array(saidSchema) });

/** Why an attempt's signal was aborted; decides the outcome's code, whatever the task makes of the abort. */
export type AbortReason = 'TIMEOUT' | 'CANCELLED';

export function describeAbort(reason: AbortReason, job: Job): string {
  return reason === 'CANCELLED'
    ? 'the attempt was cancelled'
    : `the attempt took longer than its ${job.timeoutMs} ms; raise the step's timeoutMs if it needs more`;
}

/** To the process. */
export interface IsolatedJobMessage {
  readonly job: Job;
}

/** From the process, once, before it takes work. After it come answers. */
export const upMessage = 'up';

export const answerMessageSchema = z.object({
  outcome: outcomeSchema,
  /** Its heap is so full that it is not to be used again: whatever comes next could be what ends it. */
  isSpent: z.boolean(),
});
export type AnswerMessage = z.infer<typeof answerMessageSchema>;
