/** A pool whose outcomes can be awaited by job, and jobs that say only what a test is about. */
import type { Job, Outcome, PoolOptions, PoolPort } from '../../src/contract/job.ts';
import type { PlacedJob } from '../../src/contract/pool-messages.ts';
import { createPool, type WorkerSetup } from '../../src/pool/pool.ts';

/** What runs in a pool's threads unless a test says otherwise. */
const faultyThread = new URL(`./faulty-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

export interface TestPool {
  readonly pool: PoolPort;
  /** Every outcome in the order of arrival, repeated ones too. */
  readonly outcomes: Outcome[];
  readonly faults: string[];
  outcomeOf(jobId: number): Promise<Outcome>;
  run(...jobs: Job[]): Promise<Outcome[]>;
  nextOutcomes(): Promise<Outcome[]>;
}

export async function createTestPool(options: Partial<PoolOptions> = {}, setup: WorkerSetup = {}): Promise<TestPool> {
  const outcomes: Outcome[] = [];
  const faults: string[] = [];
  const waiting = new Map<number, (outcome: Outcome) => void>();
  const next: ((arrived: Outcome[]) => void)[] = [];
  const pool = await createPool(
    {
      cpuThreads: 2,
      ioThreads: 2,
      network: { allowHosts: [], ownPort: null },
      // A test's jobs name their secrets themselves.
      secretsOf: (job) => (job as Partial<PlacedJob>).secrets ?? {},
      onOutcomes(arrived) {
        outcomes.push(...arrived);
        for (const outcome of arrived) waiting.get(outcome.jobId)?.(outcome);
        for (const resolve of next.splice(0)) resolve(arrived);
      },
      onFault: (message) => void faults.push(message),
      ...options,
    },
    { threadUrl: faultyThread, ...setup },
  );
  const outcomeOf = (jobId: number) =>
    new Promise<Outcome>((resolve) => {
      const arrived = outcomes.find((outcome) => outcome.jobId === jobId);
      if (arrived) resolve(arrived);
      else waiting.set(jobId, resolve);
    });
  return {
    pool,
    outcomes,
    faults,
    outcomeOf,
    run(...jobs) {
      pool.dispatch(jobs);
      return Promise.all(jobs.map(({ jobId }) => outcomeOf(jobId)));
    },
    nextOutcomes: () => new Promise((resolve) => void next.push(resolve)),
  };
}

let lastJobId = 0;

export function createJob(action: string, rest: Partial<PlacedJob> & { params?: unknown } = {}): PlacedJob {
  const { params = {}, ...job } = rest;
  lastJobId += 1;
  return {
    jobId: lastJobId,
    workflowId: '0198c0de-0000-7000-8000-000000000001',
    stepId: `step-${lastJobId}`,
    attempt: 1,
    action,
    lane: 'io',
    isolated: false,
    paramsJson: JSON.stringify(params),
    timeoutMs: 30_000,
    secrets: {},
    ...job,
  };
}
