// Goal: depth, tokens and keys are judged by bytes alone, in step with what the parser would build.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { scanJson } from '../../src/server/json-scan.ts';

const scan = (text: string, tokensMax = 1_000_000) => scanJson(Buffer.from(text), tokensMax);

describe('scanJson', () => {
  it.each([63, 64])('lets %i levels pass', (depth) => {
    expect(scan('['.repeat(depth) + ']'.repeat(depth))).toBeNull();
    expect(scan(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`)).toBeNull();
  });

  it.each([65, 5_000])('stops at %i levels', (depth) => {
    expect(scan('['.repeat(depth) + ']'.repeat(depth))).toEqual({ kind: 'too_deep' });
    expect(scan(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`)).toEqual({ kind: 'too_deep' });
  });

  it('does not count what stands in strings', () => {
    expect(scan(`["${'['.repeat(100)}", "\\"${'['.repeat(100)}", "\\\\"]`)).toBeNull();
  });

  it('counts tokens: strings, scalars and punctuation', () => {
    const text = ' { "a" : [ 1 , true , null , -1.5e3 ] } ';
    expect(scan(text, 13)).toBeNull();
    expect(scan(text, 12)).toEqual({ kind: 'too_many_tokens' });
  });

  it.each([
    ['{"__proto__":1}', '__proto__'],
    ['{"a":[{"constructor" \n\t:{}}]}', 'constructor'],
    ['{"prototype":1}', 'prototype'],
    ['{"\\u005f_proto\\u005F\\u005f":1}', '__proto__'],
    ['{"\\u0063\\u006f\\u006e\\u0073\\u0074\\u0072\\u0075\\u0063\\u0074\\u006f\\u0072":1}', 'constructor'],
  ])('finds the key in %s', (text, key) => {
    expect(scan(text)).toEqual({ kind: 'refused_key', key });
  });

  it.each(['["__proto__"]', '{"a":"constructor"}', '{"_proto__":1}', '{"constructors":1}', '{"x__proto__":1}'])(
    'lets %s pass',
    (text) => {
      expect(scan(text)).toBeNull();
    },
  );

  it.each(['', '"', '"\\', '[1', '{"a"', '{"__proto__"', '\\', '"\\u00', '{"\\u00zz_proto":1}'])(
    'ends on the broken text %j',
    (text) => {
      expect(scan(text)).toBeNull();
    },
  );

  it('agrees with the parser on any JSON', () => {
    const depthOf = (value: unknown): number =>
      typeof value === 'object' && value !== null ? 1 + Math.max(0, ...Object.values(value).map(depthOf)) : 0;
    const keysOf = (value: unknown): string[] =>
      typeof value === 'object' && value !== null
        ? [...(Array.isArray(value) ? [] : Object.keys(value)), ...Object.values(value).flatMap(keysOf)]
        : [];
    const keyArbitrary = fc.oneof(
      fc.string({ maxLength: 12 }),
      fc.constantFrom('__proto__', 'constructor', 'prototype'),
    );
    const wrapArbitrary = fc.array(fc.option(keyArbitrary, { freq: 30 }), { maxLength: 68 });
    const wrap = (inner: string, keys: (string | null)[]) =>
      keys.reduce<string>((text, key) => (key === null ? `[${text}]` : `{${JSON.stringify(key)}:${text}}`), inner);
    fc.assert(
      fc.property(fc.json({ maxDepth: 2 }), wrapArbitrary, fc.boolean(), (inner, keys, isIndented) => {
        const json = wrap(inner, keys);
        const value: unknown = JSON.parse(json);
        const text = isIndented ? JSON.stringify(value, null, 2) : json;
        const hasRefused = keysOf(value).some((key) => ['__proto__', 'constructor', 'prototype'].includes(key));
        const finding = scan(text);
        if (depthOf(value) <= 64 && !hasRefused) expect(finding).toBeNull();
        else expect(finding).not.toBeNull();
      }),
      { numRuns: 500 },
    );
  });
});
