// Goal: one seed is one history, so that a failing seed can be looked at. Method: the trace of everything that happens,
// disk operations and log lines included, hashed over two runs. And: faults that only a seed in many has, always on.
import { expect, test } from 'vitest';
import { simulate } from './simulate.ts';
import type { Swarm } from './swarm.ts';

/** A loaded machine takes its time; how much is not what is tested. */
const timeoutMs = 300_000;

test(
  'a seed gives the same history every time',
  async () => {
    const digests = new Set<string>();
    for (let seed = 1; seed <= 20; seed += 1) {
      const first = await simulate({ seed, isTraced: true });
      const second = await simulate({ seed, isTraced: true });
      expect(second.digest).toBe(first.digest);
      digests.add(first.digest);
    }
    expect(digests.size).toBe(20);
  },
  timeoutMs,
);

async function expectWhole(seeds: number, swarm: Partial<Swarm>): Promise<void> {
  for (let seed = 1; seed <= seeds; seed += 1) {
    const { error } = await simulate({ seed, swarm });
    expect(error, `seed ${seed} with ${JSON.stringify(swarm)}`).toBeNull();
  }
}

test(
  'an outcome that comes twice gives its slot back once',
  () => expectWhole(15, { doubleOutcomeShare: 1, deaths: 0, stepsMax: 6 }),
  timeoutMs,
);

test(
  'a death right after a checkpoint counts against the steps that were running',
  () => expectWhole(15, { killerShare: 1, checkpointBytes: 1, deaths: 5, deathWithinOperations: null, closeShare: 0 }),
  timeoutMs,
);
