/**
 * Every point of scenarios, with every outcome; and a second death inside the recoveries: by default as many pairs as it
 * takes to come by every point and by every operation of a recovery, `all` of them where asked for.
 */
import { type Crash, commandOf, findPoints, runCrash } from './crash-run.ts';

export interface Scale {
  readonly outcomes: number;
  readonly second: 'spread' | 'all';
}

export interface Enumerated {
  /** Of the history under one outcome; the others have about as many. */
  points: number;
  /** Deaths at a point with an outcome. */
  runs: number;
  /** Deaths inside the recovery after one. */
  secondRuns: number;
}

export function readScale(environment: NodeJS.ProcessEnv, outcomes = 10): Scale {
  return {
    outcomes: Number(environment.ENUMERATE_OUTCOMES ?? outcomes),
    second: environment.ENUMERATE_SECOND === 'all' ? 'all' : 'spread',
  };
}

export async function enumerate(scenario: string, scale: Scale): Promise<Enumerated> {
  const counts: Enumerated = { points: 0, runs: 0, secondRuns: 0 };
  for (let outcome = 0; outcome < scale.outcomes; outcome += 1) {
    const operations = await findPoints(scenario, outcome);
    const recoveries: (readonly number[])[] = [];
    for (const [point, operation] of operations.entries()) {
      const crash: Crash = { scenario, point, outcome, second: null };
      recoveries.push(throwing(crash, await runCrash(crash, operation)));
      counts.runs += 1;
    }
    if (outcome === 0) counts.points = operations.length;
    // Of a power cut's recovery, which has more to put right than a kill's.
    if (outcome !== 1) continue;
    for (const [point, second] of pairsOf(recoveries, scale.second)) {
      const crash: Crash = { scenario, point, outcome, second };
      throwing(crash, await runCrash(crash, operations[point] as number, recoveries[point]?.[second] as number));
      counts.secondRuns += 1;
    }
  }
  return counts;
}

function pairsOf(recoveries: readonly (readonly number[])[], second: Scale['second']): [number, number][] {
  if (second === 'all')
    return recoveries.flatMap((points, point) => points.map((_, n): [number, number] => [point, n]));
  const longest = Math.max(...recoveries.map((points) => points.length));
  return Array.from({ length: Math.max(recoveries.length, longest) }, (_, n): [number, number] => {
    const point = n % recoveries.length;
    return [point, n % (recoveries[point]?.length ?? 1)];
  });
}

function throwing(crash: Crash, { error, recoveryPoints }: Awaited<ReturnType<typeof runCrash>>): readonly number[] {
  if (error !== null) throw new Error(`${error.message}\nagain: ${commandOf(crash)}`, { cause: error });
  return recoveryPoints;
}
