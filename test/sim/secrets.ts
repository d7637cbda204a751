/**
 * Steps that send a secret: the value is put into their params by the product's own worker code, and the machine that they
 * call says it back in every form. What leaves the attempt is what that code lets out.
 */
import { z } from 'zod';
import type { Job, Outcome } from '../../src/contract/job.ts';
import type { JsonObject } from '../../src/contract/json.ts';
import { type Task, TaskFailure } from '../../src/contract/task.ts';
import { runAttempt } from '../../src/worker/attempt.ts';

export const callAction = 'call';
export const secretName = 'TOKEN';
/** Each encoding writes it in another way. */
export const secretValue = 'pä55/word+of=a&machine?';
export const callParams = {
  url: 'https://api.example/v1',
  headers: { authorization: `Bearer {{secrets.${secretName}}}` },
};

/** The value as other machines may write it. */
export const secretForms: readonly string[] = [
  secretValue,
  Buffer.from(secretValue).toString('base64'),
  encodeURIComponent(secretValue),
];

export const secretStore = { [secretName]: { value: secretValue } };
const takesSecrets = { address: 'url', named: () => [] };

export const callInfo = {
  action: callAction,
  lane: 'io' as const,
  description: callAction,
  params: z.looseObject({}),
  secrets: [],
  timeoutMs: 30_000,
  takesSecrets,
};

/** `drawn`: what would come of the attempt if it sent nothing. */
export async function sendSecret(job: Job, drawn: Outcome): Promise<Outcome> {
  const isFault = drawn.kind === 'failed' && drawn.code === 'TASK_ERROR';
  if (drawn.kind === 'failed' && !isFault) return drawn;
  const task: Task = {
    ...callInfo,
    run: async (params, { log }) => {
      const { authorization } = (params as { headers: { authorization: string } }).headers;
      if (authorization !== `Bearer ${secretValue}`) throw new Error('the secret is not where it belongs');
      const said = [authorization, ...secretForms].join(' ');
      log(`the other machine says ${said}`);
      if (drawn.kind === 'failed') throw new TaskFailure('TASK_ERROR', `HTTP 401: ${said}`, { metadata: { said } });
      const { metadata, metrics, outputsJson } = drawn;
      const outputs = { ...(JSON.parse(outputsJson) as JsonObject), said, [authorization]: { said } };
      return { outputs, metadata: { ...metadata, said }, ...(metrics === null ? {} : { metrics }) };
    },
  };
  const tasks = new Map([[callAction, task]]);
  const network = { allowHosts: [], ownPort: null };
  return runAttempt({ ...job, secrets: {} }, { tasks, network, secretStore, signal: new AbortController().signal });
}
