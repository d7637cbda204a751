/** Goal: what callers hand over is bounded, and a request has two hashes: as it was sent, and with its fields in order. */
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { Refusal } from '../../src/contract/failures.ts';
import { checkId, toClaim } from '../../src/engine/arguments.ts';

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');
const refusalOf = (act: () => unknown): Refusal => {
  try {
    act();
  } catch (error) {
    if (error instanceof Refusal) return error;
    throw error;
  }
  throw new Error('it was not refused');
};

test('a key has 1 to 255 characters', () => {
  expect(toClaim('stop', 'w', {})).toEqual({});
  for (const idempotencyKey of ['k', 'k'.repeat(255)]) {
    expect(toClaim('stop', 'w', { idempotencyKey }).claim?.key).toBe(idempotencyKey);
  }
  for (const idempotencyKey of ['', 'k'.repeat(256)]) {
    expect(refusalOf(() => toClaim('stop', 'w', { idempotencyKey })).toData()).toMatchObject({
      code: 'INVALID',
      errors: [{ path: 'Idempotency-Key', message: 'an idempotency key has 1 to 255 characters' }],
    });
  }
});

test('the claim holds the hash of what was sent, and that of the same with its fields in order', () => {
  const { claim } = toClaim('submit', { b: 1, a: [2, { d: 3, c: 4 }] }, { idempotencyKey: 'k' });
  expect(claim).toEqual({
    key: 'k',
    requestAsSent: sha256('["submit",{"b":1,"a":[2,{"d":3,"c":4}]}]'),
    request: sha256('["submit",{"a":[2,{"c":4,"d":3}],"b":1}]'),
  });
  const ordered = toClaim('submit', { a: 1 }, { idempotencyKey: 'k' }).claim;
  expect(ordered?.request).toBe(ordered?.requestAsSent);
  expect(toClaim('stop', 'w', { idempotencyKey: 'k' }).claim?.request).not.toBe(
    toClaim('retry', 'w', { idempotencyKey: 'k' }).claim?.request,
  );
});

test('an id that can be none is not found, and no more of it than 64 characters comes back', () => {
  expect(() => checkId('0190a1b2-0000-7000-8000-000000000001')).not.toThrow();
  const refusal = refusalOf(() => checkId('x'.repeat(10_000)));
  expect(refusal.code).toBe('NOT_FOUND');
  expect(refusal.detail).toBe(`Workflow with ID ${'x'.repeat(64)} not found`);
});
