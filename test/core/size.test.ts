/** Goal: what the bound on a workflow's results counts is what stands in its file. Method: JSON.stringify is the oracle. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { indentedLength, sizeOfResults } from '../../src/core/size.ts';

test('the length is that of the indented text, whatever the value', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      expect(indentedLength(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2).length);
    }),
    { numRuns: 2_000 },
  );
});

test('lines that stand deeper are longer', () => {
  const value = { a: [1, { b: 'x"\\' }], c: {}, d: [] };
  const indented = JSON.stringify(value, null, 2).replaceAll('\n', '\n      ');
  expect(indentedLength(JSON.stringify(value), 3)).toBe(indented.length);
});

test('strings end where JSON says, whatever is escaped in them', () => {
  const value = { '"': '\\', '\\"': '\\\\', quotes: '""""', end: '\\' };
  expect(indentedLength(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2).length);
});

test('text that breaks off ends the count', () => {
  expect(indentedLength('{"a')).toBeGreaterThan(0);
});

test('all that attempts leave counts, and what lies in a blob does not', () => {
  const nothing = { outputs: null, error: null, logs: [], metadata: null, metrics: null };
  expect(sizeOfResults(nothing)).toBe(0);
  expect(sizeOfResults({ ...nothing, outputs: { blob: 'a'.repeat(64), bytes: 1_000_000 } })).toBe(0);
  expect(sizeOfResults({ ...nothing, error: 'four', logs: ['one', 'two'] })).toBe(4 + 2 * (3 + 12));
  const value = { a: 1 };
  const length = JSON.stringify(value, null, 2).length + 6 * 2;
  expect(sizeOfResults({ ...nothing, outputs: { json: JSON.stringify(value) } })).toBe(length);
  expect(sizeOfResults({ ...nothing, metadata: value, metrics: value })).toBe(2 * length);
});
