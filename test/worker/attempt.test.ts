/**
 * Goal: whatever a task returns, throws or logs becomes an outcome of plain data, bounded and free of secrets (A1–A3,
 * O1–O3, W6). Method: tasks of faulty-thread.ts on a real pool, in one thread.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { limits } from '../../src/contract/limits.ts';
import { createJob, createTestPool, type TestPool } from '../pool/harness.ts';

let threads: TestPool;
beforeAll(async () => {
  threads = await createTestPool({ cpuThreads: 1, ioThreads: 1, network: { allowHosts: ['box:1'], ownPort: 8000 } });
});
afterAll(() => threads.pool.close());

const run = async (...job: Parameters<typeof createJob>) => {
  const [outcome] = await threads.run(createJob(...job));
  return outcome;
};

describe('what a task throws', () => {
  it('counts as TASK_ERROR with its message, unless it is a TaskFailure', async () => {
    expect(await run('throws')).toMatchObject({
      kind: 'failed',
      code: 'TASK_ERROR',
      message: 'no such row',
      retryAfterMs: null,
    });
    expect(await run('throws_null')).toMatchObject({ code: 'TASK_ERROR', message: 'the task threw null' });
    expect(await run('throws_failure')).toMatchObject({
      code: 'HTTP_RETRYABLE',
      message: 'come back later',
      retryAfterMs: 1_234,
    });
  });

  it('leaves what the attempt had used by then', async () => {
    const outcome = await run('fails_after_use', { secrets: { OPENAI_API_KEY: 'sk-canary-0123456789' } });
    expect(outcome).toMatchObject({ kind: 'failed', code: 'TASK_ERROR', metrics: { tokens: 7 } });
    expect(JSON.stringify(outcome)).not.toContain('canary');
  });

  it.each([
    ['accounts_too_much', 'OUTPUT_TOO_LARGE'],
    ['accounts_a_bigint', 'OUTPUT_INVALID'],
  ])(
    'is also what %s has used where no outcome can hold it, and costs its neighbours nothing',
    async (action, code) => {
      const outcomes = await threads.run(createJob(action), createJob('delay', { params: { ms: 20 } }));
      expect(outcomes).toMatchObject([
        { kind: 'failed', code, message: expect.stringContaining('metrics'), metrics: { tokens: 5 } },
        { kind: 'completed' },
      ]);
    },
  );

  it('is cut to the published length', async () => {
    const outcome = await run('throws_long');
    expect(outcome?.kind === 'failed' && outcome.message.length).toBe(limits.errorLengthMax);
  });
});

describe('what a task is given', () => {
  it('names every bad field of its params', async () => {
    expect(await run('delay', { params: { ms: -1, seconds: 1 } })).toMatchObject({
      code: 'BAD_PARAMS',
      message: expect.stringMatching(/^params do not fit the action "delay": ms: .*; seconds: unknown field "seconds"/),
    });
  });

  it('fails an action that no task implements', async () => {
    expect(await run('teleport')).toMatchObject({
      code: 'UNKNOWN_ACTION',
      message: expect.stringContaining('"teleport"'),
    });
  });

  it('holds the context and nothing of the environment', async () => {
    const job = createJob('tells_context', {
      attempt: 2,
      stepId: 'a',
      secrets: { OPENAI_API_KEY: 'sk-123456', OTHER_KEY: 'ok-123456' },
    });
    const [outcome] = await threads.run(job);
    expect(outcome?.kind === 'completed' && JSON.parse(outcome.outputsJson)).toEqual({
      aborted: false,
      environment: {},
      context: {
        timeoutMs: 30_000,
        idempotencyKey: `${job.workflowId}/a`,
        workflowId: job.workflowId,
        stepId: 'a',
        attempt: 2,
        secrets: { OPENAI_API_KEY: '[secret OPENAI_API_KEY]' },
        network: { allowHosts: ['box:1'], ownPort: 8000 },
      },
    });
  });
});

describe('what a task returns (W6)', () => {
  it.each([
    ['returns_function', 'OUTPUT_INVALID', 'outputs.deep[0].call is a function, which JSON cannot hold'],
    ['returns_bigint', 'OUTPUT_INVALID', 'outputs.big is a bigint, which JSON cannot hold'],
    ['returns_map', 'OUTPUT_INVALID', 'outputs.map is an object of class Map, which JSON cannot hold'],
    ['returns_nan', 'OUTPUT_INVALID', 'outputs.value is NaN, which JSON cannot hold'],
    ['returns_list', 'OUTPUT_INVALID', 'outputs must be a plain object, not an array'],
    ['returns_nothing', 'OUTPUT_INVALID', 'outputs must be a plain object, not undefined'],
    ['returns_no_result', 'OUTPUT_INVALID', 'outputs must be a plain object, not undefined'],
    ['returns_cycle', 'OUTPUT_INVALID', 'nested deeper than 64, or refers to itself'],
    ['returns_depth_5000', 'OUTPUT_INVALID', 'nested deeper than 64'],
    ['returns_proto_key', 'OUTPUT_INVALID', 'outputs.a has a property named __proto__'],
    ['returns_shared_branches', 'OUTPUT_TOO_LARGE', String(limits.outputsBytesMax)],
    ['returns_65_mib', 'OUTPUT_TOO_LARGE', String(limits.outputsBytesMax)],
  ])('%s fails with %s', async (action, code, message) => {
    expect(await run(action)).toMatchObject({ kind: 'failed', code, message: expect.stringContaining(message) });
  });

  it('becomes text that is well formed and holds no undefined property', async () => {
    const outcome = await run('returns_lone_surrogate');
    expect(outcome).toMatchObject({ kind: 'completed', outputsJson: '{"content":"half \\ud83d"}' });
    expect(await run('returns_undefined_property')).toMatchObject({ outputsJson: '{"kept":1}' });
  });
});

describe('what a task logs', () => {
  it('is bounded in lines and in the length of a line', async () => {
    const outcome = await run('logs_too_much');
    expect(outcome?.logs).toHaveLength(limits.logLinesMax);
    expect(outcome?.logs[0]).toHaveLength(limits.logLineLengthMax);
    expect(outcome?.logs.at(-1)).toBe('4001 more lines were dropped');
  });
});

describe('secrets of a job', () => {
  const secrets = {
    OPENAI_API_KEY: 'sk-canary-123456',
    QUOTED_KEY: 'a"b\\c d and more',
    NUMBER_KEY: '3141',
    SHORT: 'ab',
  };

  it('never leave its thread, in whatever form a task repeats them', async () => {
    const outcome = await run('echoes_secrets', { secrets });
    expect(JSON.stringify(outcome)).not.toMatch(/sk-canary/);
    expect(outcome).toMatchObject({
      kind: 'completed',
      logs: ['used [secret OPENAI_API_KEY]'],
      metadata: { authorization: 'Bearer [secret OPENAI_API_KEY]' },
      metrics: { tokens: 3 },
    });
    expect(outcome?.kind === 'completed' && JSON.parse(outcome.outputsJson)).toEqual({
      echo: { OPENAI_API_KEY: '[secret OPENAI_API_KEY]', QUOTED_KEY: '[secret QUOTED_KEY]' },
      content: '{"echoed":{"OPENAI_API_KEY":"[secret OPENAI_API_KEY]","QUOTED_KEY":"[secret QUOTED_KEY]"}}',
      'key [secret OPENAI_API_KEY]': 1,
    });
  });

  it('are taken out of errors', async () => {
    expect(await run('throws_secret', { secrets })).toMatchObject({
      code: 'TASK_ERROR',
      message: '401: wrong key [secret OPENAI_API_KEY]',
    });
  });
});
