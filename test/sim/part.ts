/** A part of the seeds that `npm test` runs; two parts, in two files, so that they share the machine's cores. */
import { expect, test } from 'vitest';
import { emittedUrl } from '../fixtures/emitted.ts';
import { reportFigures } from '../fixtures/figures.ts';

/** How many seeds each part takes when SIM_SEEDS does not say so. */
const seedsDefault = 2_500;

/** `part` counts from 0. SIM_FROM names the first seed of the first part. */
export function testPart(part: number): void {
  const count = Number(process.env.SIM_SEEDS ?? seedsDefault);
  const from = Number(process.env.SIM_FROM ?? 1) + part * count;
  test(
    `seeds ${from} to ${from + count - 1} break no guarantee`,
    async () => {
      const startedAt = performance.now();
      // As JavaScript that Node itself has loaded: a module of the test runner's own takes a fifth more for the same work.
      const { runSeeds }: typeof import('./simulation.ts') = await import(emittedUrl('test/sim/simulation.ts').href);
      const { totals, failures } = await runSeeds(from, count);
      for (const { report } of failures) expect.fail(report);
      expect(totals.seeds).toBe(count);
      reportFigures('simulation', startedAt, {
        cases: count,
        lostAcknowledged: 0,
        changedResults: 0,
        repeatedSteps: 0,
        unreadableFiles: 0,
        lives: totals.lives,
        deaths: totals.deaths,
        calls: totals.calls,
      });
    },
    30 * 60 * 1000,
  );
}
