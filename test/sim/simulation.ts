/** Many seeds after one another, for tests and for the command line: what was counted, and what repeats a failure. */
import { type Simulation, simulate } from './simulate.ts';

const tailLines = 60;

export interface Totals {
  seeds: number;
  lives: number;
  deaths: number;
  calls: number;
  happenings: number;
}

export interface SeedFailure {
  seed: number;
  guarantee: string;
  report: string;
}

export interface SeedsResult {
  totals: Totals;
  failures: SeedFailure[];
}

/** Stops after `failuresMax` seeds that fail. */
export async function runSeeds(from: number, count: number, failuresMax = 1): Promise<SeedsResult> {
  const totals: Totals = { seeds: 0, lives: 0, deaths: 0, calls: 0, happenings: 0 };
  const failures: SeedFailure[] = [];
  for (let seed = from; seed < from + count && failures.length < failuresMax; seed += 1) {
    const simulation = await simulate({ seed });
    totals.seeds += 1;
    totals.lives += simulation.lives;
    totals.deaths += simulation.deaths;
    totals.calls += simulation.calls;
    totals.happenings += simulation.events;
    if (simulation.error) failures.push(await reportFailure(simulation));
  }
  return { totals, failures };
}

/** Runs the seed again, for its trace: it is the same history. */
async function reportFailure({ seed, error }: Simulation): Promise<SeedFailure> {
  const again = await simulate({ seed, isTraced: true });
  const isSame = again.error?.message === error?.message;
  const lines = [
    ...again.tail.slice(-tailLines).map((line) => line.slice(0, 400)),
    '',
    `seed ${seed}: ${error?.name === 'Violation' ? error.message : (error?.stack ?? '')}`,
    ...(isSame ? [] : [`a second run of the seed ended otherwise: ${again.error?.message ?? 'without a violation'}`]),
    `repeat it with: npm run sim -- --seed ${seed} --trace`,
  ];
  return { seed, guarantee: /^[^:]*/.exec(error?.message ?? '')?.[0] ?? '', report: lines.join('\n') };
}
