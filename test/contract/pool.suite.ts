/**
 * What every pool owes its coordinator, P1 to P4 of `src/contract/job.ts` and the words of `PoolPort`, as checks that know
 * nothing of threads. `pool.test.ts` runs them against each pool there is; `pool-suite.test.ts` shows that they fail where
 * a pool breaks the rule.
 *
 * A new pool is described by the places where its attempts run, and by what a job can do there.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job, Outcome, PoolPort } from '../../src/contract/job.ts';

/** Where attempts run, and which actions the pool under test knows there. */
export interface PoolPlace {
  readonly name: string;
  readonly lane: Job['lane'];
  readonly isolated?: true;
  /** Completes soon. */
  readonly ending: string;
  /** Never end by themselves. With a deadline they time out. */
  readonly endless: readonly string[];
  /** Take their thread or process down. */
  readonly deadly: readonly string[];
}

export interface PoolStand {
  readonly pool: PoolPort;
  /** Each delivered outcome in the order of arrival, repeated ones too. */
  readonly outcomes: readonly Outcome[];
  /** Called with each delivery, inside it. */
  onDelivery: ((outcomes: readonly Outcome[]) => void) | null;
  /** Lets time pass until the condition holds; rejects when it never will. */
  until(condition: () => boolean): Promise<void>;
  /** Lets time pass in which late signs of an attempt would show. */
  pause(): Promise<void>;
  createJob(action: string, place: PoolPlace, timeoutMs?: number): Job;
  /** How often the attempt has shown so far that it runs; undefined where it shows nothing. */
  signs(job: Job): number | undefined;
  /** Milliseconds, where time is the test's own: then an outcome's time can be checked. */
  now?(): number;
}

export interface PoolSubject {
  readonly places: readonly PoolPlace[];
  /** False where time stands still, so that no deadline ever comes. */
  readonly hasDeadlines?: boolean;
  start(): Promise<PoolStand>;
}

export interface PoolCheck {
  readonly name: string;
  run(stand: PoolStand): Promise<void>;
}

/** P3 gives an attempt this long after its deadline or its cancellation. */
const endMsMax = 1_000;
const deadlineMs = 300;

const codeOf = (outcome: Outcome | undefined) => (outcome?.kind === 'failed' ? outcome.code : outcome?.kind);
const of = (stand: PoolStand, job: Job) => stand.outcomes.filter(({ jobId }) => jobId === job.jobId);
const codesOf = (stand: PoolStand, job: Job) => of(stand, job).map(codeOf);
const ended = (stand: PoolStand, jobs: readonly Job[]) => () => jobs.every((job) => of(stand, job).length > 0);

/** After it, whatever was wrongly sent a second time has arrived as well. */
async function runToEnd(stand: PoolStand, jobs: readonly Job[]): Promise<void> {
  stand.pool.dispatch(jobs);
  await stand.until(ended(stand, jobs));
  await stand.pause();
}

/** The checks that need nothing but a place and a job that completes there. */
function checksOf(place: PoolPlace): PoolCheck[] {
  const { name, ending } = place;
  return [
    {
      name: `P1: each of ten times as many jobs as there are slots in ${name} has one outcome`,
      async run(stand) {
        const slots = place.lane === 'cpu' ? stand.pool.capacity().cpuAttemptsMax : 50;
        const jobs = Array.from({ length: 10 * slots }, () => stand.createJob(ending, place));
        for (let i = 0; i < jobs.length; i += slots) {
          stand.pool.dispatch(jobs.slice(i, i + slots));
          await stand.until(ended(stand, jobs.slice(i, i + slots)));
        }
        await stand.pause();
        for (const job of jobs) expect(codesOf(stand, job)).toEqual(['completed']);
      },
    },
    {
      name: `P1: cancelling a job in ${name} that has ended, or that nobody sent, changes nothing`,
      async run(stand) {
        const job = stand.createJob(ending, place);
        await runToEnd(stand, [job]);
        stand.pool.cancel([job.jobId, 999_999_999]);
        await stand.pause();
        expect(codesOf(stand, job)).toEqual(['completed']);
        expect(stand.outcomes.filter(({ jobId }) => jobId === 999_999_999)).toEqual([]);
      },
    },
    {
      name: `P2: when the outcome of a job in ${name} arrives, its slot is free and the next attempt starts`,
      async run(stand) {
        const chainLength = 20;
        const jobs: Job[] = [];
        const running: number[] = [];
        const next = (): void => {
          const job = stand.createJob(ending, place);
          jobs.push(job);
          stand.pool.dispatch([job]);
        };
        stand.onDelivery = () => {
          running.push(stand.pool.stats().running);
          if (jobs.length < chainLength) next();
        };
        next();
        await stand.until(() => jobs.length === chainLength && ended(stand, jobs)());
        stand.onDelivery = null;
        expect(new Set(running)).toEqual(new Set([0]));
        for (const job of jobs) expect(codesOf(stand, job)).toEqual(['completed']);
      },
    },
  ];
}

async function expectEnd(stand: PoolStand, job: Job, code: string, cause: () => void): Promise<void> {
  let endedAt = 0;
  stand.onDelivery = () => {
    endedAt = stand.now?.() ?? 0;
  };
  const startedAt = stand.now?.() ?? 0;
  cause();
  await stand.until(ended(stand, [job]));
  stand.onDelivery = null;
  const signs = stand.signs(job);
  await stand.pause();
  expect(codesOf(stand, job)).toEqual([code]);
  expect(stand.signs(job)).toBe(signs);
  expect(endedAt - startedAt).toBeLessThanOrEqual(endMsMax + (code === 'TIMEOUT' ? job.timeoutMs : 0));
}

function endlessChecksOf(place: PoolPlace, action: string, { places, hasDeadlines = true }: PoolSubject): PoolCheck[] {
  const deadline: PoolCheck = {
    name: `P2, P3: ${action} in ${place.name} ends at its deadline, alone, and nothing of it runs any more`,
    run(stand) {
      const job = stand.createJob(action, place, deadlineMs);
      return besideNeighbours(stand, place, places, () =>
        expectEnd(stand, job, 'TIMEOUT', () => stand.pool.dispatch([job])),
      );
    },
  };
  const atOnce: PoolCheck = {
    name: `P3: ${action} in ${place.name} ends when it is cancelled at once`,
    async run(stand) {
      const job = stand.createJob(action, place);
      stand.pool.dispatch([job]);
      await expectEnd(stand, job, 'CANCELLED', () => stand.pool.cancel([job.jobId]));
    },
  };
  return [
    ...(hasDeadlines ? [deadline] : []),
    ...(action === place.endless[0] ? [atOnce] : []),
    {
      name: `P2, P3: ${action} in ${place.name} ends when it is cancelled, once, and nothing of it runs any more`,
      async run(stand) {
        const job = stand.createJob(action, place);
        const signs = stand.signs(job);
        stand.pool.dispatch([job]);
        if (signs === undefined) await stand.pause();
        else await stand.until(() => stand.signs(job) !== signs);
        await expectEnd(stand, job, 'CANCELLED', () => {
          stand.pool.cancel([job.jobId]);
          stand.pool.cancel([job.jobId]);
        });
      },
    },
  ];
}

/** One job for each place that knows one without an end. */
function createEndless(stand: PoolStand, places: readonly PoolPlace[]): Job[] {
  return places.flatMap((place) => place.endless.slice(0, 1).map((action) => stand.createJob(action, place)));
}

/** Shows that attempts elsewhere, and in the CPU lane one at the same place, still run after `whatHappens`. */
async function besideNeighbours(
  stand: PoolStand,
  place: PoolPlace,
  places: readonly PoolPlace[],
  whatHappens: () => Promise<void>,
): Promise<void> {
  // Of a lane that puts many attempts on one thread, a neighbour may be on the one that ends.
  const elsewhere = places.filter((other) => other.lane === 'cpu' || other !== place);
  const neighbours = createEndless(stand, elsewhere);
  stand.pool.dispatch(neighbours);
  await whatHappens();
  for (const neighbour of neighbours) expect(codesOf(stand, neighbour)).toEqual([]);
  stand.pool.cancel(neighbours.map(({ jobId }) => jobId));
  await stand.until(ended(stand, neighbours));
  for (const neighbour of neighbours) expect(codesOf(stand, neighbour)).toEqual(['CANCELLED']);
}

function deadlyCheckOf(place: PoolPlace, action: string, places: readonly PoolPlace[]): PoolCheck {
  return {
    name: `P1, P4: ${action} in ${place.name} is lost, once, no attempt elsewhere with it, and the next one runs`,
    run(stand) {
      const job = stand.createJob(action, place);
      const next = stand.createJob(place.ending, place);
      return besideNeighbours(stand, place, places, async () => {
        await runToEnd(stand, [job]);
        await runToEnd(stand, [next]);
        expect(codesOf(stand, job)).toEqual(['WORKER_LOST']);
        expect(codesOf(stand, next)).toEqual(['completed']);
      });
    },
  };
}

/** Checks that share a pool: each leaves it as it was. */
export function poolChecksOf(subject: PoolSubject): PoolCheck[] {
  const { places } = subject;
  return places.flatMap((place) => [
    ...checksOf(place),
    ...place.endless.flatMap((action) => endlessChecksOf(place, action, subject)),
    ...place.deadly.map((action) => deadlyCheckOf(place, action, places)),
  ]);
}

/** Checks that end their pool. */
export function closingChecksOf({ places }: PoolSubject): PoolCheck[] {
  return [
    {
      name: 'close(): attempts that run have no outcome, and what is dispatched or cancelled later does nothing',
      async run(stand) {
        const running = createEndless(stand, places);
        stand.pool.dispatch(running);
        await stand.pool.close();
        stand.pool.dispatch(places.map((place) => stand.createJob(place.ending, place)));
        stand.pool.cancel(running.map(({ jobId }) => jobId));
        await stand.pause();
        expect(stand.outcomes).toEqual([]);
      },
    },
  ];
}

export function describePool(name: string, subject: PoolSubject): void {
  describe(name, () => {
    let stand: PoolStand;
    beforeAll(async () => {
      stand = await subject.start();
    });
    afterAll(() => stand.pool.close());

    for (const check of poolChecksOf(subject)) it(check.name, () => check.run(stand));

    for (const check of closingChecksOf(subject)) {
      it(check.name, async () => {
        const closing = await subject.start();
        await check.run(closing);
        await closing.pool.close();
      });
    }
  });
}
