// Goal: depth, tokens and keys are judged by bytes alone, in step with what the parser would build.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonScan, scanJson } from '../../src/server/json-scan.ts';

const none = Number.POSITIVE_INFINITY;
const scan = (text: string, tokensMax = 1_000_000) =>
  scanJson(Buffer.from(text), { tokensMax, keysMax: none, keysOfOneMax: none });

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

  it('finds the same in pieces as in the whole', () => {
    const bounds = { tokensMax: 40, keysMax: 12, keysOfOneMax: 6, stepsMax: 3 };
    const words = [
      '{',
      '}',
      '[',
      ']',
      ',',
      ':',
      '1',
      'true',
      '"',
      '\\',
      ' ',
      '"a":',
      '"steps":[',
      '"__proto__"',
      '\\u0073',
    ];
    const texts = fc.array(fc.constantFrom(...words, '"constructor" :', '"\\u005f_proto__":', '"\\"', 'ü'), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(texts, fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 20 }), (parts, sizes) => {
        const bytes = Buffer.from(parts.join(''));
        const scan = new JsonScan(bounds);
        let found = null;
        for (let at = 0, piece = 0; at < bytes.length && found === null; piece += 1) {
          const size = sizes[piece % sizes.length] ?? 1;
          // A copy, so that nothing of an earlier piece can be read by chance.
          found = scan.write(Uint8Array.from(bytes.subarray(at, at + size)));
          at += size;
        }
        expect(found).toEqual(scanJson(bytes, bounds));
      }),
      { numRuns: 3_000 },
    );
  });

  it('keeps little of a string that comes in many pieces', () => {
    const scan = new JsonScan({ tokensMax: 10, keysMax: none, keysOfOneMax: none });
    for (const piece of ['{"', ...Array<string>(100).fill('__proto__'), '":1,"__pro']) {
      expect(scan.write(Buffer.from(piece))).toBeNull();
    }
    expect(scan.write(Buffer.from('to__"'))).toBeNull();
    expect(scan.write(Buffer.from(' :'))).toEqual({ kind: 'refused_key', key: '__proto__' });
  });

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

describe('keys (KC1, KC2)', () => {
  const bounds = { tokensMax: none, keysMax: 50, keysOfOneMax: 10, stepsMax: 20 };
  const count = (value: unknown, more = {}) => scanJson(Buffer.from(JSON.stringify(value)), { ...bounds, ...more });
  const keys = (length: number, value: unknown = 1) =>
    Object.fromEntries(Array.from({ length }, (_, n) => [`k${n}`, value]));
  const tooMany = { kind: 'too_many_keys' };
  const tooManyInOne = { kind: 'too_many_keys_in_one' };
  const tooManySteps = { kind: 'too_many_steps' };

  it.each([
    ['at the top', (inner: unknown) => inner],
    ['in a list', (inner: unknown) => ({ a: [1, { b: 2 }, inner] })],
    ['in a step', (inner: unknown) => ({ steps: [{}, inner] })],
    ['in params', (inner: unknown) => ({ steps: [{ params: { a: inner } }] })],
  ])('of one object %s are counted up to the bound', (_name, around) => {
    expect(count(around(keys(10)))).toBeNull();
    expect(count(around(keys(11)))).toEqual(tooManyInOne);
    expect(count(around(keys(11)), { keysOfOneMax: 11 })).toBeNull();
  });

  it('of all objects together are counted up to the bound', () => {
    // 4 of the outer object and 46 in the others.
    const inner = (last: number) => ({ a: keys(10), b: keys(10), c: [keys(10), keys(10)], d: keys(last) });
    expect(count(inner(6))).toBeNull();
    expect(count(inner(7))).toEqual(tooMany);
  });

  it('of steps do not count, up to 16 each, and each step brings room for four more', () => {
    const all = { keysOfOneMax: 100 };
    const step = (fields: number) => keys(fields, 'x');
    expect(count({ steps: Array(20).fill(step(16)) }, all)).toBeNull();
    // 1 for `steps` itself, and 49 and 12 by three steps.
    expect(count({ steps: [step(16), step(16), step(16 + 61)] }, all)).toBeNull();
    expect(count({ steps: [step(16), step(16), step(16 + 62)] }, all)).toEqual(tooMany);
    expect(count({ steps: [step(16 + 61), step(16), step(16)] }, all)).toEqual(tooMany);
  });

  it('of what only looks like steps count', () => {
    const list = Array(4).fill(keys(10));
    for (const value of [
      { step: list, a: keys(10) },
      { a: { steps: list }, b: keys(10) },
      { steps: { a: list }, b: keys(10) },
      { steps: { a: keys(10), b: keys(10), c: keys(10), d: keys(10) }, b: keys(10) },
    ]) {
      expect(count(value, { keysMax: 40 })).toEqual(tooMany);
    }
    expect(count({ steps: list, a: keys(10) }, { keysMax: 40 })).toBeNull();
    expect(count({ steps: list, a: keys(10) }, { keysMax: 40, stepsMax: undefined })).toEqual(tooMany);
    const escaped = JSON.stringify({ steps: list, a: keys(10) }).replace('steps', '\\u0073teps');
    expect(scanJson(Buffer.from(escaped), { ...bounds, keysMax: 40 })).toBeNull();
  });

  it.each([
    ['numbers', 1],
    ['objects', {}],
    ['lists', [1, 2, 3]],
    ['strings', 'a,b'],
  ])('steps are counted before they are built: %s', (_name, item) => {
    expect(count({ steps: Array(20).fill(item) })).toBeNull();
    expect(count({ steps: Array(21).fill(item) })).toEqual(tooManySteps);
    expect(count({ steps: [1], b: Array(21).fill(item), steps2: Array(21).fill(item) })).toBeNull();
    expect(count({ b: [{ steps: Array(21).fill(item) }] })).toBeNull();
    expect(count({ steps: Array(21).fill(item) }, { stepsMax: undefined })).toBeNull();
  });

  it('are counted in broken text without an end in disaster', () => {
    for (const text of [']]]]{"a":1', '}}:::', ',,,,', '{"steps":[,,,', ':'.repeat(100)]) {
      expect(['too_many_keys', 'too_many_keys_in_one', undefined]).toContain(scanJson(Buffer.from(text), bounds)?.kind);
    }
  });
});
