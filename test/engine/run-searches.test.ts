/**
 * Goal: few searches are under way, one runs at a time, and room comes back however one ends (RQ1). Method: readings that the
 * test ends, and a pool that only counts.
 */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { CoordinatorPort } from '../../src/contract/coordinator.ts';
import { Refusal } from '../../src/contract/failures.ts';
import { limits } from '../../src/contract/limits.ts';
import { RunSearches } from '../../src/engine/run-searches.ts';

const pools: { maxThreads: number; jobs: { limit: number }[]; isDestroyed: boolean }[] = [];

beforeEach(() => {
  pools.length = 0;
  vi.doMock('piscina', () => ({
    Piscina: class {
      readonly #own: (typeof pools)[number];
      constructor({ maxThreads }: { maxThreads: number }) {
        this.#own = { maxThreads, jobs: [], isDestroyed: false };
        pools.push(this.#own);
      }
      async run(job: { limit: number }) {
        this.#own.jobs.push(job);
        return { hits: [], cut: false, unread: [] };
      }
      async destroy() {
        this.#own.isDestroyed = true;
      }
    },
  }));
});
afterEach(() => vi.doUnmock('piscina'));

const id = '0190a1b2-0000-7000-8000-00000000000a';

test('RQ1: four are under way, the fifth is refused, and there is room again when one has failed', async () => {
  const ends: ((error: Error) => void)[] = [];
  const coordinator = {} as CoordinatorPort;
  const searches = new RunSearches(coordinator, () => new Promise((_, reject) => ends.push(reject)), undefined);
  const search = () => searches.search(id, 'needle', {});
  const underWay = [search(), search(), search(), search()];
  const busy = { code: 'TOO_MANY', detail: expect.stringMatching(/^4 searches are under way already/) };
  await expect(search()).rejects.toMatchObject(busy);
  await expect(search()).rejects.toMatchObject(busy);
  const gone = new Refusal({ code: 'NOT_FOUND', detail: 'gone' });
  ends[0]?.(gone);
  await expect(underWay[0]).rejects.toBe(gone);
  const fifth = search();
  await expect(search()).rejects.toMatchObject(busy);
  for (const end of ends) end(gone);
  await Promise.allSettled([...underWay, fifth]);
  expect(ends.length).toBe(5);
  await searches.close();
});

test('RQ1: searches that come together share one thread, which ends with the engine', async () => {
  const text = { id, version: 1, status: 'COMPLETED' as const, json: '{"steps":[]}', hasBlobs: false, replayed: false };
  const searches = new RunSearches({} as CoordinatorPort, async () => text, undefined);
  await Promise.all([1, 2, 3, 4].map(() => searches.search(id, 'needle', {})));
  expect(pools).toMatchObject([{ maxThreads: 1, isDestroyed: false }]);
  expect(pools[0]?.jobs.length).toBe(4);
  await searches.close();
  expect(pools[0]?.isDestroyed).toBe(true);
});

test.each([
  [undefined, 100],
  [limits.searchHitsMax, limits.searchHitsMax],
  [limits.searchHitsMax + 1, limits.searchHitsMax],
])('of a limit of %s hits %d are looked for', async (limit, most) => {
  const text = { id, version: 1, status: 'COMPLETED' as const, json: '{"steps":[]}', hasBlobs: false, replayed: false };
  const searches = new RunSearches({} as CoordinatorPort, async () => text, undefined);
  await searches.search(id, 'needle', limit === undefined ? {} : { limit });
  expect(pools[0]?.jobs).toMatchObject([{ limit: most }]);
  await searches.close();
});
