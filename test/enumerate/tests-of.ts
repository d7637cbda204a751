/** The tests of some of the scenarios: they are spread over files, so that two cores can work at them. */
import { afterAll, expect, test } from 'vitest';
import { emittedUrl } from '../fixtures/emitted.ts';
import { reportFigures } from '../fixtures/figures.ts';
import { readScale } from './enumerate.ts';
import { partOf, type ScenarioPart, scenarios } from './scenarios.ts';

/** `names` stand in the test file too, where who looks for one finds it. `outcomes`: unless the environment says how many. */
export function testScenarios(part: ScenarioPart, names: readonly string[], outcomes?: number): void {
  const scale = readScale(process.env, outcomes);
  const msPerScenario = 300_000 * Math.max(1, scale.outcomes / 10) * (scale.second === 'all' ? 20 : 1);
  const startedAt = performance.now();
  const total = { scenarios: 0, points: 0, runs: 0, secondRuns: 0 };
  afterAll(() => {
    const nothing = { lostAcknowledged: 0, changedResults: 0, repeatedSteps: 0, unreadableFiles: 0 };
    const cases = total.runs + total.secondRuns;
    if (cases > 0)
      reportFigures(`crash points of ${part}`, startedAt, { cases, ...total, outcomes: scale.outcomes, ...nothing });
  });

  test(`no scenario of ${part} is left out`, () => {
    const all = Object.keys(scenarios).filter((name) => partOf(name) === part);
    expect(names).toEqual(all);
  });

  test.each(names)(
    'a death at any operation of %s',
    async (name) => {
      // As JavaScript that Node itself has loaded, as the simulation does it.
      const { enumerate }: typeof import('./enumerate.ts') = await import(
        emittedUrl('test/enumerate/enumerate.ts').href
      );
      const { points, runs, secondRuns } = await enumerate(name, scale);
      expect(runs).toBeGreaterThanOrEqual(points);
      total.scenarios += 1;
      total.points += points;
      total.runs += runs;
      total.secondRuns += secondRuns;
    },
    msPerScenario,
  );
}
