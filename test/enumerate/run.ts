/**
 * Repeats one crash, or enumerates one scenario or all:
 *
 *   npx tsx test/enumerate/run.ts --scenario fan-out --point 17 --outcome 3 [--second 5]
 *   npx tsx test/enumerate/run.ts [--scenario fan-out] [--outcomes 200] [--second all]
 *
 * Ends with 1 when something was lost, changed or repeated.
 */
import { parseArgs } from 'node:util';
import { repeatCrash } from './crash-run.ts';
import { enumerate } from './enumerate.ts';
import { scenarios } from './scenarios.ts';

const { values } = parseArgs({
  options: {
    scenario: { type: 'string' },
    point: { type: 'string' },
    outcome: { type: 'string', default: '0' },
    outcomes: { type: 'string', default: '10' },
    second: { type: 'string' },
  },
});

async function run(): Promise<boolean> {
  const { scenario, point, outcome, outcomes, second } = values;
  if (scenario !== undefined && point !== undefined) {
    const crash = { scenario, point: Number(point), outcome: Number(outcome) };
    const { error } = await repeatCrash({ ...crash, second: second === undefined ? null : Number(second) });
    console.log(error === null ? 'Nothing is lost, changed or repeated.' : (error.stack ?? error.message));
    return error === null;
  }
  let isWell = true;
  for (const name of scenario === undefined ? Object.keys(scenarios) : [scenario]) {
    try {
      const scale = { outcomes: Number(outcomes), second: second === 'all' ? ('all' as const) : ('spread' as const) };
      const { points, runs, secondRuns } = await enumerate(name, scale);
      console.log(`${name}: ${points} points, ${runs} deaths, ${secondRuns} deaths in a recovery`);
    } catch (error) {
      isWell = false;
      console.log(`${name}: ${(error as Error).message}`);
    }
  }
  return isWell;
}

process.exitCode = (await run()) ? 0 : 1;
