/** Goal: few searches are under way, and room comes back however one ends (RQ1). Method: readings that the test ends. */
import { expect, test } from 'vitest';
import type { CoordinatorPort } from '../../src/contract/coordinator.ts';
import { Refusal } from '../../src/contract/failures.ts';
import { RunSearches } from '../../src/engine/run-searches.ts';

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
