/** Every pool there is, as the suite of pools wants it: real ones, the simulator's, and those of the fixtures. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Job, Outcome, PoolOptions, PoolPort } from '../../src/contract/job.ts';
import { LatePool } from '../../src/coordinator/steps/late-pool.ts';
import { createDryPool } from '../../src/pool/dry-pool.ts';
import { createPool } from '../../src/pool/pool.ts';
import { tasks } from '../../src/tasks/registry.ts';
import { createMemoryPool, Runs } from '../damage/memory-engine.ts';
import { emittedUrl } from '../fixtures/emitted.ts';
import { createInlinePool, Holds } from '../fixtures/inline-engine.ts';
import { createJob } from '../pool/harness.ts';
import { Agenda } from '../sim/agenda.ts';
import { Dice } from '../sim/dice.ts';
import { History } from '../sim/history.ts';
import { SimPool } from '../sim/pool.ts';
import { drawSwarm, type Swarm } from '../sim/swarm.ts';
import type { PoolPlace, PoolStand, PoolSubject } from './pool.suite.ts';

type Create = (options: PoolOptions) => Promise<PoolPort>;

/** A stand in real time. `toJob` gives an action that only this stand knows its job; `jobs` of a beating one names its file. */
async function standOf(
  create: Create,
  toJob: (action: string) => Partial<Job> & { params?: unknown } = () => ({}),
): Promise<PoolStand> {
  const outcomes: Outcome[] = [];
  const files = new Map<number, string>();
  const wakes = new Set<() => void>();
  const dir = mkdtempSync(join(tmpdir(), 'pool-suite-'));
  const pool = await create({
    cpuThreads: 2,
    ioThreads: 2,
    network: { allowHosts: [], ownPort: null },
    onOutcomes(delivered) {
      outcomes.push(...delivered);
      stand.onDelivery?.(delivered);
      for (const wake of wakes) wake();
    },
    onFault: () => undefined,
  });
  const stand: PoolStand = {
    pool: {
      ...portOf(pool),
      async close() {
        await pool.close();
        rmSync(dir, { recursive: true, force: true });
      },
    },
    outcomes,
    onDelivery: null,
    until: (condition) =>
      new Promise((resolve) => {
        const look = (): void => {
          if (!condition()) return;
          wakes.delete(look);
          clearInterval(timer);
          resolve();
        };
        // Outcomes wake it; what an attempt writes into its file has to be looked for.
        const timer = setInterval(look, 10);
        wakes.add(look);
        look();
      }),
    // Nothing is waited for: what should not come has this long to come all the same.
    pause: () => new Promise((resolve) => setTimeout(resolve, 150)),
    createJob(action, { lane, isolated = false }, timeoutMs = 30_000) {
      const file = join(dir, `${files.size}`);
      const job = createJob(action, {
        lane,
        isolated,
        timeoutMs,
        ...(action.startsWith('beats') ? { params: { file } } : {}),
        ...toJob(action),
      });
      files.set(job.jobId, file);
      return job;
    },
    signs: (job) =>
      job.action.startsWith('beats')
        ? (statSync(files.get(job.jobId)!, { throwIfNoEntry: false })?.size ?? 0)
        : undefined,
  };
  return stand;
}

/** A pool that is an object of a class does not survive being spread. */
function portOf(pool: PoolPort): PoolPort {
  return {
    capacity: () => pool.capacity(),
    dispatch: (jobs) => pool.dispatch(jobs),
    cancel: (jobIds) => pool.cancel(jobIds),
    stats: () => pool.stats(),
    close: () => pool.close(),
  };
}

/** Threads and processes, with the tasks of test/pool/faulty-tasks.ts. */
export const realPool: PoolSubject = {
  places: [
    {
      name: 'the I/O lane',
      lane: 'io',
      ending: 'noop',
      endless: ['hears', 'beats', 'beats_in_a_loop'],
      deadly: ['exits_later'],
    },
    {
      name: 'the CPU lane',
      lane: 'cpu',
      ending: 'noop',
      endless: ['loops', 'backtracks', 'waits_on_memory', 'deaf', 'beats', 'beats_in_a_loop', 'beats_in_a_native_call'],
      deadly: ['exits', 'exits_with_3', 'rejects_unhandled', 'throws_uncaught', 'throws_uncaught_null'],
    },
    {
      name: 'a process',
      lane: 'cpu',
      isolated: true,
      ending: 'noop',
      endless: ['beats_in_a_loop', 'backtracks', 'waits_on_memory', 'derives_a_key', 'parses'],
      deadly: ['exits', 'exits_later', 'rejects_unhandled', 'throws_uncaught', 'says_rubbish', 'answers_for_another'],
    },
  ],
  start: () =>
    standOf((options) =>
      createPool(options, {
        // Half a minute otherwise: no job of the product keeps a thread of the I/O lane for so long.
        stuckMs: 750,
        threadUrl: emittedUrl('test/pool/faulty-thread.ts'),
        processUrl: emittedUrl('test/pool/faulty-process.ts'),
      }),
    ),
};

/** Its threads know rehearsals alone, so only a process of it can run a job without an end. */
export const dryPool: PoolSubject = {
  places: [
    { name: 'the I/O lane', lane: 'io', ending: 'noop', endless: [], deadly: [] },
    { name: 'the CPU lane', lane: 'cpu', ending: 'noop', endless: [], deadly: [] },
    { name: 'a process', lane: 'cpu', isolated: true, ending: 'sums', endless: ['matches'], deadly: [] },
  ],
  start: () => standOf((options) => createDryPool(options, { wanted: {} }), toTransform),
};

function toTransform(action: string): Partial<Job> & { params?: unknown } {
  const expression = { sums: '$sum($)', matches: `$match("${'a'.repeat(60)}!", /^(a+)+$/)` }[action];
  return expression === undefined ? {} : { action: 'transform', params: { input: [1], expression } };
}

const holds = new Holds();
const inlineTasks = new Map([...tasks, ['hold', holds.task]]) as typeof tasks;
const inlinePlaces: PoolPlace[] = [
  { name: 'the I/O lane', lane: 'io', ending: 'noop', endless: ['hold'], deadly: [] },
  { name: 'the CPU lane', lane: 'cpu', ending: 'noop', endless: ['hold'], deadly: [] },
];
const toHold = (action: string) => (action === 'hold' ? { params: { name: 'held' } } : {});

/** That of test/fixtures/inline-engine.ts. */
export const inlinePool: PoolSubject = {
  places: inlinePlaces,
  start: () => standOf(async (options) => createInlinePool(options, inlineTasks), toHold),
};

/** A pool whose threads are there by now, in front of another. */
export const latePool: PoolSubject = {
  places: inlinePlaces,
  start: () =>
    standOf(async (options) => {
      const late = new LatePool(
        { attemptsMax: Number.POSITIVE_INFINITY, cpuAttemptsMax: options.cpuThreads },
        async (hearer) => createInlinePool({ ...options, ...hearer }, inlineTasks),
      );
      await late.start({ onOutcomes: options.onOutcomes, onSaid: () => undefined, onCapacity: () => undefined });
      return late;
    }, toHold),
};

/** That of test/damage/memory-engine.ts. */
export const memoryPool: PoolSubject = {
  places: [{ name: 'the I/O lane', lane: 'io', ending: 'stamp', endless: ['hold'], deadly: [] }],
  hasDeadlines: false,
  start: () => standOf(async (options) => createMemoryPool(options, new Runs(), false)),
};

const seed = 7;
const noFates = { complete: 0, retryable: 0, permanent: 0, final: 0, hang: 0, lost: 0 };
const fateOf: Record<string, keyof Swarm['fates']> = { completes: 'complete', hangs: 'hang', is_lost: 'lost' };

/** The simulator's, in its own time, without the freedoms that its swarm takes beyond the contract. */
export async function startSimPool(wrap: (pool: PoolPort, options: PoolOptions) => PoolPort = (pool) => pool) {
  const agenda = new Agenda();
  const dice = new Dice(seed);
  const swarm: Swarm = { ...drawSwarm(dice.fork()), attemptMs: 50, doubleOutcomeShare: 0, lateCompleteShare: 0 };
  const outcomes: Outcome[] = [];
  const options: PoolOptions = {
    cpuThreads: 2,
    ioThreads: 2,
    network: { allowHosts: [], ownPort: null },
    onOutcomes(delivered) {
      outcomes.push(...delivered);
      stand.onDelivery?.(delivered);
    },
    onFault: () => undefined,
  };
  const owner = { isDead: false };
  const history = new History([], false);
  const parts = { agenda, owner, history, swarm, dice, seed, isCalm: () => false, onKiller: () => undefined };
  // The wrapper stands on both sides: what it does to outcomes, the pool beneath it does not know.
  const onOutcomes = (delivered: Outcome[]): void => wrapped.onOutcomes(delivered);
  const wrapped = { onOutcomes: options.onOutcomes };
  const sim = new SimPool({ ...parts, options: { ...options, onOutcomes } });
  const port: PoolPort = {
    ...portOf(sim),
    dispatch(jobs) {
      for (const job of jobs) {
        swarm.fates = { ...noFates, [fateOf[job.action]!]: 1 };
        sim.dispatch([job]);
      }
    },
  };
  const stand: PoolStand = {
    pool: wrap(port, wrapped as PoolOptions),
    outcomes,
    onDelivery: null,
    async until(condition) {
      await agenda.run(condition);
      if (!condition()) throw new Error('nothing is left to happen, and what was waited for has not come');
    },
    async pause() {
      let isOver = false;
      agenda.add(3_000, owner, () => {
        isOver = true;
      });
      await agenda.run(() => isOver);
    },
    createJob: (action, { lane, isolated = false }, timeoutMs = 30_000) =>
      createJob(action, { lane, isolated, timeoutMs }),
    signs: () => undefined,
    now: () => agenda.now,
  };
  return stand;
}

const simPlace = { ending: 'completes', endless: ['hangs'], deadly: ['is_lost'] };
export const simPool: PoolSubject = {
  places: [
    { name: 'the I/O lane', lane: 'io', ...simPlace },
    { name: 'the CPU lane', lane: 'cpu', ...simPlace },
  ],
  start: () => startSimPool(),
};
