/**
 * `npm run sim -- --from 1 --count 200000 --jobs 2` runs many seeds; `npm run sim -- --seed 4711 --trace` repeats one.
 * Ends with status 1 when a seed has broken a guarantee.
 */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Figures, reportFigures } from '../fixtures/figures.ts';
import { simulate } from './simulate.ts';
import { runSeeds, type SeedFailure, type SeedsResult } from './simulation.ts';

const seedsAtOnce = 50;
const failuresShown = 10;
const progressMs = 10_000;

/** To a child: seeds to run. Back: what came of them. */
interface Order {
  from: number;
  count: number;
}

const startedAt = performance.now();

async function repeat(seed: number, isTraced: boolean): Promise<boolean> {
  const { error, tail, digest, ...counted } = await simulate({ seed, isTraced });
  if (isTraced) console.log(tail.join('\n'));
  console.log(JSON.stringify({ ...counted, ...(isTraced ? { digest } : {}) }));
  if (error) console.error(`\nseed ${seed}: ${error.name === 'Violation' ? error.message : error.stack}`);
  return error === null;
}

function serveOrders(): void {
  process.on('message', ({ from, count }: Order) => {
    void runSeeds(from, count, count).then((result) => process.send?.(result));
  });
}

async function runAll(from: number, count: number, jobs: number): Promise<boolean> {
  const totals = { seeds: 0, lives: 0, deaths: 0, calls: 0, happenings: 0 };
  const failures: SeedFailure[] = [];
  let next = from;
  const take = (): Order | null => {
    const left = Math.min(seedsAtOnce, from + count - next);
    if (left <= 0 || failures.length >= failuresShown) return null;
    next += left;
    return { from: next - left, count: left };
  };
  const add = (result: SeedsResult): void => {
    for (const key of Object.keys(totals) as (keyof typeof totals)[]) totals[key] += result.totals[key];
    for (const failure of result.failures) console.error(`\n${failure.report}`);
    failures.push(...result.failures);
  };
  const progress = setInterval(() => {
    const perSecond = totals.seeds / ((performance.now() - startedAt) / 1_000);
    console.log(`${totals.seeds} of ${count} seeds, ${perSecond.toFixed(0)} a second, ${failures.length} failed`);
  }, progressMs);
  await Promise.all(Array.from({ length: jobs }, () => runJob(take, add)));
  clearInterval(progress);
  reportFigures('simulation', startedAt, toFigures(totals, failures));
  return failures.length === 0;
}

/** One process that takes order after order. */
function runJob(take: () => Order | null, add: (result: SeedsResult) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = fork(fileURLToPath(import.meta.url), ['--child']);
    const give = (): void => {
      const order = take();
      if (order) child.send(order);
      else child.disconnect();
    };
    child.on('message', (result: SeedsResult) => {
      add(result);
      give();
    });
    child.on('error', reject);
    child.on('exit', (code) =>
      code === 0 ? resolve() : reject(new Error(`a process of the simulation ended: ${code}`)),
    );
    give();
  });
}

function toFigures(totals: SeedsResult['totals'], failures: readonly SeedFailure[]): Figures {
  const count = (...guarantees: string[]): number =>
    failures.filter((failure) => guarantees.includes(failure.guarantee)).length;
  const { seeds, ...more } = totals;
  return {
    cases: seeds,
    lostAcknowledged: count('G1', 'G3'),
    changedResults: count('G2', 'G6', 'G10'),
    repeatedSteps: count('G4', 'G5'),
    unreadableFiles: count('G8'),
    failed: failures.length,
    ...more,
  };
}

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: '1' },
    count: { type: 'string', default: '1000' },
    jobs: { type: 'string', default: '2' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    child: { type: 'boolean', default: false },
  },
});
if (values.child) {
  serveOrders();
} else {
  const isWhole =
    values.seed === undefined
      ? await runAll(Number(values.from), Number(values.count), Number(values.jobs))
      : await repeat(Number(values.seed), values.trace);
  process.exitCode = isWhole ? 0 : 1;
}
