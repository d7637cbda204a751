/** Goal: equal values have equal texts, others have others. Method: random values whose fields are put in another order. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toCanonicalJson } from '../../src/core/canonical-json.ts';

test('fields stand in order, at every depth, and lists as they are', () => {
  const value = { b: [{ z: 1, a: null }, 'ü"\n', true], a: {}, 'a b': [], 10: 1.5, 9: -0 };
  expect(toCanonicalJson(value)).toBe('{"10":1.5,"9":0,"a":{},"a b":[],"b":[{"a":null,"z":1},"ü\\"\\n",true]}');
});

test('names that objects would move or lose keep their place: numbers, and __proto__', () => {
  const value = JSON.parse('{"b":{"__proto__":{"y":1,"x":[{"10":1,"9":2}]}},"a":0,"2x":1,"-1":2,"":3}');
  const text = '{"":3,"-1":2,"2x":1,"a":0,"b":{"__proto__":{"x":[{"10":1,"9":2}],"y":1}}}';
  expect(toCanonicalJson(value)).toBe(text);
  expect(toCanonicalJson({ b: [{ d: 1, c: { f: '\ud800', e: 'ü' } }], a: null })).toBe(
    '{"a":null,"b":[{"c":{"e":"ü","f":"\\ud800"},"d":1}]}',
  );
});

test('lists keep their order whichever way the text is made', () => {
  expect(toCanonicalJson({ b: [2, 1, [4, 3]], a: ['y', 'x'] })).toBe('{"a":["y","x"],"b":[2,1,[4,3]]}');
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

test('a value gets the same text whether its names keep their place by themselves or not', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(toCanonicalJson({ 0: 0, value })).toBe(`{"0":0,"value":${toCanonicalJson(value)}}`);
    }),
    { numRuns: 300 },
  );
});

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

test.each([
  ['{"9":2,"10":1}', '{"10":1,"9":2}'],
  ['{"b":2,"9":1,"10":0}', '{"10":0,"9":1,"b":2}'],
  ['{"__proto__":{"b":1,"a":2}}', '{"__proto__":{"a":2,"b":1}}'],
  ['{"b":1,"__proto__":2}', '{"__proto__":2,"b":1}'],
])('one such name is enough: %s', (json, text) => {
  expect(toCanonicalJson(JSON.parse(json))).toBe(text);
});
