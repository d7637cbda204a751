/** Goal: a bulk call reaches each workflow once, few at a time, under keys that fit. Method: a coordinator that counts. */
import { expect, test } from 'vitest';
import type { CoordinatorPort } from '../../src/contract/coordinator.ts';
import { Refusal, workflowNotFound } from '../../src/contract/failures.ts';
import { limits } from '../../src/contract/limits.ts';
import { runBulk } from '../../src/engine/bulk.ts';

const idOf = (i: number) => `0190a1b2-0000-7000-8000-${String(i).padStart(12, '0')}`;
const idsOf = (count: number) => Array.from({ length: count }, (_, i) => idOf(i));

interface Asked {
  name: string;
  args: { id?: string; claim?: { key: string }; prefix?: string; limit?: number; textMax?: number };
}

/** `matching`: what its list has; `owners`: who holds a key of the call. */
function coordinatorOf(given: { matching?: string[]; total?: number; owners?: string[]; fail?: string } = {}) {
  const { matching = [], total = matching.length, owners = [], fail } = given;
  const asked: Asked[] = [];
  let running = 0;
  let most = 0;
  const call = async (name: string, args: Asked['args']) => {
    asked.push({ name, args });
    if (name === 'list') return { total, items: matching.map((id) => ({ id })) };
    if (name === 'keyOwners') return { ids: owners };
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
    if (fail !== undefined && args.id === fail) throw workflowNotFound(fail);
    return { status: 'STOPPED' };
  };
  return { port: { call } as unknown as CoordinatorPort, asked, mostAtOnce: () => most };
}

test('sixteen are under way at once, each id once, in the order in which they were named', async () => {
  const { port, asked, mostAtOnce } = coordinatorOf();
  const ids = idsOf(40);
  const results = await runBulk(port, { action: 'stop', ids: [...ids, idOf(1).toUpperCase(), idOf(39)] }, {});
  expect(mostAtOnce()).toBe(16);
  expect(asked.map(({ args }) => args.id)).toEqual(ids);
  expect(asked.every(({ args }) => args.textMax === 0 && args.claim === undefined)).toBe(true);
  expect(results[3]).toEqual({ id: idOf(3), ok: true, status: 'STOPPED', code: null, detail: 'stopped' });
});

test('each gets the key with its id, which has to fit: 218 characters and no more', async () => {
  const { port, asked } = coordinatorOf();
  const longest = 'k'.repeat(218);
  await runBulk(port, { action: 'retry', ids: [idOf(1)] }, { idempotencyKey: longest });
  const { key } = asked[0]!.args.claim!;
  expect(key).toBe(`${longest}/${idOf(1)}`);
  expect(key).toHaveLength(limits.idempotencyKeyLengthMax);
  for (const idempotencyKey of ['', `${longest}k`]) {
    await expect(runBulk(port, { action: 'retry', ids: [idOf(1)] }, { idempotencyKey })).rejects.toMatchObject({
      code: 'INVALID',
      errors: [{ path: 'Idempotency-Key', message: expect.stringContaining('1 to 218 characters') }],
    });
  }
  expect(asked).toHaveLength(1);
});

test('by filter: those that match, and under a key those that it has reached before', async () => {
  const { port, asked } = coordinatorOf({ matching: idsOf(2), owners: [idOf(7), idOf(1)] });
  await runBulk(port, { action: 'stop', filter: { tag: ['t'] } }, {});
  expect(asked.map(({ name, args }) => args.id ?? name)).toEqual(['list', idOf(0), idOf(1)]);
  expect(asked[0]?.args).toEqual({ tag: ['t'], limit: limits.bulkMax });
  asked.length = 0;
  await runBulk(port, { action: 'stop', filter: { tag: ['t'] } }, { idempotencyKey: 'night' });
  expect(asked[1]?.args).toEqual({ prefix: 'night/' });
  expect(asked.slice(2).map(({ args }) => args.id)).toEqual([idOf(7), idOf(1), idOf(0)]);
});

test('a thousand are changed, and one more is refused before any is', async () => {
  const { length } = await runBulk(
    coordinatorOf({ matching: idsOf(limits.bulkMax) }).port,
    { action: 'stop', filter: { tag: ['t'] } },
    {},
  );
  expect(length).toBe(limits.bulkMax);
  for (const full of [
    coordinatorOf({ matching: idsOf(3), total: limits.bulkMax + 1 }),
    coordinatorOf({ matching: idsOf(limits.bulkMax), owners: [idOf(limits.bulkMax)] }),
  ]) {
    const call = runBulk(full.port, { action: 'stop', filter: { tag: ['t'] } }, { idempotencyKey: 'night' });
    await expect(call).rejects.toMatchObject({
      code: 'INVALID',
      errors: [{ path: 'filter', message: expect.stringContaining(`${limits.bulkMax + 1} workflows match`) }],
    });
    expect(full.asked.map(({ name }) => name)).toEqual(['list', 'keyOwners']);
  }
});

test('a workflow that is not there is as good as deleted, and no success of any other call', async () => {
  const { port } = coordinatorOf({ fail: idOf(1) });
  const gone = { id: idOf(1), status: null, code: 'NOT_FOUND' };
  expect(await runBulk(port, { action: 'delete', ids: [idOf(0), idOf(1)] }, {})).toEqual([
    { id: idOf(0), ok: true, status: null, code: null, detail: 'deleted' },
    { ...gone, ok: true, detail: 'it is not there' },
  ]);
  expect(await runBulk(port, { action: 'stop', ids: [idOf(1)] }, {})).toEqual([
    { ...gone, ok: false, detail: `Workflow with ID ${idOf(1)} not found` },
  ]);
  const broken = { call: () => Promise.reject(new TypeError('x')) } as unknown as CoordinatorPort;
  await expect(runBulk(broken, { action: 'stop', ids: [idOf(1)] }, {})).rejects.not.toBeInstanceOf(Refusal);
});
