/** Goal: equal values have equal texts, others have others. Method: random values whose fields are put in another order. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toCanonicalJson } from '../../src/core/canonical-json.ts';

test('fields stand in order, at every depth, and lists as they are', () => {
  const value = { b: [{ z: 1, a: null }, 'ü"\n', true], a: {}, 'a b': [], 10: 1.5, 9: -0 };
  expect(toCanonicalJson(value)).toBe('{"10":1.5,"9":0,"a":{},"a b":[],"b":[{"a":null,"z":1},"ü\\"\\n",true]}');
});

function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, field]) => [name, reversed(field)]),
  );
}

test('the text is the value, whatever order its fields were written in', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = toCanonicalJson(value);
      expect(JSON.stringify(JSON.parse(text))).toBe(JSON.stringify(JSON.parse(toCanonicalJson(reversed(value)))));
      expect(toCanonicalJson(reversed(value))).toBe(text);
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
    { numRuns: 300 },
  );
});
