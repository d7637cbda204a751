/**
 * Goal: the suite of pools can fail. Method: the simulator's pool with one bug at a time, in front of it; the named check
 * must notice, and without a bug every check must pass.
 */
import { describe, expect, it } from 'vitest';
import type { Outcome, PoolPort } from '../../src/contract/job.ts';
import { closingChecksOf, poolChecksOf } from './pool.suite.ts';
import { simPool, startSimPool } from './pool-stands.ts';

interface Delivery {
  onOutcomes(outcomes: Outcome[]): void;
}

interface PlantedBug {
  readonly bug: string;
  /** The check that must fail. */
  readonly check: string;
  plant(pool: PoolPort, delivery: Delivery): PoolPort;
}

const bugs: PlantedBug[] = [
  {
    bug: 'an outcome is delivered twice',
    check: 'P1: each of ten times',
    plant: (pool, delivery) => {
      const { onOutcomes } = delivery;
      delivery.onOutcomes = (outcomes) => onOutcomes([...outcomes, ...outcomes]);
      return pool;
    },
  },
  {
    bug: 'an outcome is lost',
    check: 'P1: each of ten times',
    plant: (pool, delivery) => {
      const { onOutcomes } = delivery;
      let count = 0;
      delivery.onOutcomes = (outcomes) => {
        count += 1;
        if (count !== 5) onOutcomes(outcomes);
      };
      return pool;
    },
  },
  {
    bug: 'whatever is cancelled has an outcome for it, also what has ended',
    check: 'P1: cancelling a job',
    plant: (pool, delivery) => ({
      ...pool,
      cancel: (jobIds) => {
        pool.cancel(jobIds);
        delivery.onOutcomes(jobIds.map(toCancelled));
      },
    }),
  },
  {
    bug: 'an outcome comes while its slot is still taken',
    check: 'P2: when the outcome',
    plant: (pool) => ({ ...pool, stats: () => ({ threads: 0, running: pool.stats().running + 1 }) }),
  },
  {
    bug: 'what is dispatched from within an outcome is forgotten',
    check: 'P2: when the outcome',
    plant: (pool, delivery) => {
      const { onOutcomes } = delivery;
      let isDelivering = false;
      delivery.onOutcomes = (outcomes) => {
        isDelivering = true;
        onOutcomes(outcomes);
        isDelivering = false;
      };
      return { ...pool, dispatch: (jobs) => void (isDelivering || pool.dispatch(jobs)) };
    },
  },
  {
    bug: 'deadlines come two seconds late',
    check: 'ends at its deadline',
    plant: (pool) => ({
      ...pool,
      dispatch: (jobs) => pool.dispatch(jobs.map((job) => ({ ...job, timeoutMs: job.timeoutMs + 2_000 }))),
    }),
  },
  {
    bug: 'cancellations are ignored',
    check: 'ends when it is cancelled, once',
    plant: (pool) => ({ ...pool, cancel: () => undefined }),
  },
  {
    bug: 'a job that is cancelled at once is not known yet',
    check: 'when it is cancelled at once',
    plant: (pool) => {
      let last = 0;
      return {
        ...pool,
        dispatch: (jobs) => {
          last = jobs.at(-1)!.jobId;
          pool.dispatch(jobs);
        },
        cancel: (jobIds) => pool.cancel(jobIds.filter((jobId) => jobId !== last)),
      };
    },
  },
  {
    bug: 'a place that goes down takes the attempts of other places with it',
    check: 'is lost, once, no attempt elsewhere',
    plant: (pool, delivery) => {
      const { onOutcomes } = delivery;
      const running = new Set<number>();
      delivery.onOutcomes = (outcomes) => {
        for (const { jobId } of outcomes) running.delete(jobId);
        onOutcomes(outcomes);
        const isDeath = outcomes.some((outcome) => outcome.kind === 'failed' && outcome.code === 'WORKER_LOST');
        if (isDeath) pool.cancel([...running]);
      };
      return {
        ...pool,
        dispatch: (jobs) => {
          for (const { jobId } of jobs) running.add(jobId);
          pool.dispatch(jobs);
        },
      };
    },
  },
  {
    bug: 'attempts go on after the pool was closed',
    check: 'close()',
    plant: (pool) => ({ ...pool, close: async () => undefined }),
  },
];

function toCancelled(jobId: number): Outcome {
  const base = { jobId, logs: [], metadata: null, metrics: null };
  return { ...base, kind: 'failed', code: 'CANCELLED', message: 'it was cancelled', retryAfterMs: null };
}

const checks = [...poolChecksOf(simPool), ...closingChecksOf(simPool)];

describe('the suite of pools', () => {
  it.each(checks.map((check) => [check.name, check] as const))(
    'passes a pool without a bug: %s',
    async (_name, check) => {
      await check.run(await startSimPool());
    },
  );

  it.each(bugs.map((planted) => [planted.bug, planted] as const))('notices that %s', async (_bug, planted) => {
    const asked = checks.filter(({ name }) => name.includes(planted.check));
    expect(asked.length).toBeGreaterThan(0);
    for (const check of asked) {
      const stand = await startSimPool(planted.plant);
      await expect(check.run(stand), check.name).rejects.toThrow();
    }
  });
});
