/**
 * Goal: no job that leaves the coordinator holds a key; the place of the attempt asks for those that the action declares.
 * Method: a pool that keeps what it is given.
 */
import { expect, test } from 'vitest';
import type { Job, PoolOptions } from '../../../src/contract/job.ts';
import { live } from '../restarts.ts';

const canary = 'sk-canary-0123456789';

test('a job names its action and holds no key, and only a place that asks for that action gets it', async () => {
  const jobs: Job[] = [];
  let told: PoolOptions | undefined;
  const { engine } = await live(undefined, {
    settings: { secrets: { OPENAI_API_KEY: canary } },
    wrapPool: (options, pool) => {
      told = options;
      return {
        ...pool,
        dispatch(given) {
          jobs.push(...given);
          const none = { metadata: null, metrics: null, logs: [] };
          options.onOutcomes(given.map(({ jobId }) => ({ kind: 'completed', jobId, outputsJson: '{}', ...none })));
        },
      };
    },
  });
  const step = { id: 'a', action: 'openai_chat', params: { prompt: 'Why?', model: 'gpt-4o' } };
  const { id } = await engine.submit({ name: 'w', steps: [step] });
  await engine.finished(id);
  expect(jobs).toHaveLength(1);
  expect(JSON.stringify(jobs)).not.toContain('canary');
  expect(told?.secretsOf?.(jobs[0]!)).toEqual({ OPENAI_API_KEY: canary });
  expect(told?.secretsOf?.({ action: 'noop' })).toEqual({});
  expect(told?.secretsOf?.({ action: '$simulate' })).toEqual({});
});
