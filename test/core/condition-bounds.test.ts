// Goal: no condition over any data takes long (CD2), throws, or comes out otherwise than CEL says (CD3). Method: the
// worst that is known for each operation, by the units it is counted with; random conditions over random data, whose
// reads are counted a second time by proxies; the library's own evaluation beside ours. CONDITION_RUNS: how many random
// conditions; with 10,000 or more the processor's time is measured as well.
import { Environment } from '@marcbachmann/cel-js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type ConditionScope, conditionBounds, evaluateCondition, Work } from '../../src/core/condition.ts';
import { condition } from './random-conditions.ts';

const runs = Number(process.env.CONDITION_RUNS ?? 1_000);
const { unitsMax, textMax, listMax, levelsMax } = conditionBounds;

const longText = 'a'.repeat(textMax);
const elements = Array.from({ length: listMax }, (_, i) => ({ k: i, s: `${'x'.repeat(40)}${i}`, deep: [1, [i]] }));
const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
const scope: ConditionScope = {
  params: {
    text: longText,
    tooLong: `${longText}a`,
    half: 'a'.repeat(textMax / 2),
    hole: `${'a'.repeat(500)}b${'a'.repeat(500)}`,
    wide: 'é😀'.repeat(20_000),
    list: elements,
    same: structuredClone(elements),
    numbers: elements.map(({ k }) => k),
    long: Array.from({ length: listMax + 1 }, () => 1),
    longer: Array.from({ length: 1_000_000 }, () => 1),
    object: Object.fromEntries(elements.map(({ k }) => [`k${k}`, k])),
    wideObject: Object.fromEntries(Array.from({ length: listMax + 1 }, (_, i) => [`k${i}`, i])),
    wideToo: Object.fromEntries(Array.from({ length: listMax + 1 }, (_, i) => [`k${i}`, i])),
    otherKeys: { a: 1, b: 2 },
    otherKeysToo: { a: 1, c: 2 },
    nested: nested(levelsMax),
    nestedToo: nested(levelsMax),
    nestedMore: nested(levelsMax + 1),
    nestedMoreToo: nested(levelsMax + 1),
    deepest: nested(5_000),
    deepestToo: nested(5_000),
  },
  steps: {},
  items: {},
};

function ask(text: string) {
  const work = new Work();
  return { verdict: evaluateCondition(text, scope, work), units: work.units };
}
const many = (part: string, times: number, joined: string) => Array.from({ length: times }, () => part).join(joined);

/** The worst that is known, one operation each: without its bound each takes many times a millisecond. */
const worst = [
  `params.list.all(x, ${many('x.k >= 0', 30, ' && ')})`,
  `params.list.exists(x, ${many('x.no == 1', 12, ' || ')})`,
  many('params.list == params.same', 20, ' && '),
  'params.numbers.all(x, x in params.numbers)',
  many('[1] in params.list', 20, ' || '),
  many('params.text.contains(params.hole)', 12, ' || '),
  many('params.text.contains("aaaab")', 20, ' || '),
  many('size(params.wide) == 1', 20, ' || '),
  many('size(params.object) == 1', 20, ' || '),
  `params.list.all(x, ${many('x.s < x.s + "a"', 12, ' && ')})`,
  `params.numbers.all(x, ${many('9223372036854775807 - int(x) > -1', 12, ' && ')})`,
  `params.list.all(x, ${many('int("123") > 1', 12, ' && ')})`,
  `params.numbers.all(x, ${many('double("1.23456789e101") > 1.0', 10, ' && ')})`,
  `params.numbers.all(x, ${many('string(x / 7.0) != "a"', 10, ' && ')})`,
  `params.numbers.all(x, ${many('[x, [x], x] == [x, [x], x]', 6, ' && ')})`,
  `params.list.all(x, ${'!'.repeat(100)}has(x.s))`,
  `params.numbers.all(x, params.numbers + [] == params.numbers)`,
];

describe('the bounds', () => {
  it.each(worst)('%s ends at the work that a condition may do', (text) => {
    const { verdict, units } = ask(text);
    expect(verdict).toEqual({
      fault: `it takes more than ${unitsMax} units of work; use a transform step`,
      bound: 'unitsMax',
    });
    // The last operation is counted whole before it is refused.
    expect(units).toBeLessThan(unitsMax + textMax / 4);
  });

  it.each([
    'params.tooLong.contains("b")',
    'size(params.tooLong) == 1',
    'params.tooLong == params.half + params.half + "a"',
    'params.half + params.half + "a" == "b"',
    `${many('params.half', 30, ' + ')} == "x"`,
  ])('%s reads too long a text', (text) => {
    const { verdict } = ask(text);
    expect(verdict).toHaveProperty('bound', 'textMax');
    expect(verdict).toHaveProperty(
      'fault',
      expect.stringMatching(/^it reads a text of \d+ characters, at most 65536 are allowed; use a transform step$/),
    );
  });

  it.each([
    'params.long.exists(x, x == 2.0)',
    '2 in params.long',
    'params.long == params.numbers + [1]',
    'params.long == params.long + []',
    'params.wideObject.exists(k, k == "a")',
    'params.wideObject == params.wideToo',
    `${many('params.numbers', 20, ' + ')} == [1]`,
    'params.longer.all(x, true) || true',
    'params.longer == params.longer',
    '[1].exists(x, 2 in params.long || true)',
  ])('%s looks through too long a list', (text) => {
    const { verdict } = ask(text);
    expect(verdict).toHaveProperty('bound', 'listMax');
    expect(verdict).toHaveProperty(
      'fault',
      expect.stringMatching(/^it looks through a list of \d+, at most 1000 are allowed; use a transform step$/),
    );
  });

  it('stops at the levels of what is compared', () => {
    expect(ask('params.nested == params.nestedToo').verdict).toEqual({ value: true });
    const fault = {
      fault: `it compares values of more than ${levelsMax} levels; use a transform step`,
      bound: 'levelsMax',
    };
    for (const name of ['nestedMore', 'deepest'])
      expect(ask(`params.${name} == params.${name}Too`).verdict).toEqual(fault);
  });

  it('let what is inside them through', () => {
    for (const text of [
      'params.text.contains("a") && !params.text.contains("b") && params.text.startsWith(params.half)',
      'params.tooLong.startsWith("a") && params.tooLong.endsWith("a") && params.tooLong != "a"',
      'size(params.long) == 1001 && size(params.longer) == 1000000 && has(params.longer) && params.longer[999999] == 1',
      'params.list.all(x, x.k >= 0 && x.s.startsWith("x") && x.s != "y")',
      '999 in params.numbers && params.numbers == params.numbers + []',
      'params.otherKeys != params.otherKeysToo && params.otherKeys != params.object && params.otherKeys["a"] == 1',
      'params.text == params.half + params.half',
      'size(params.text) == 65536 && size(params.wide) == 40000',
    ]) {
      expect(ask(text).verdict).toEqual({ value: true });
    }
  });

  it('count what each operation takes time for', () => {
    const least: readonly (readonly [string, number])[] = [
      ['params.text.contains("aaaab")', (5 * textMax) / 40],
      ['params.text.contains(params.hole)', textMax / 6],
      ['params.numbers == params.numbers', listMax],
      ['-1 in params.numbers', listMax],
      ['params.numbers + [] == []', listMax],
      ['params.object == params.object', 5 * listMax],
      ['size(params.object) == 0', 2 * listMax],
      ['size(params.text) == 0', textMax / 16],
      ['params.half + "a" == "b"', textMax / 2 / 64 + 3],
      ['params.text == params.half + params.half', textMax / 256],
      ['params.list.all(x, x.k >= 0)', 2 * listMax],
    ];
    for (const [text, units] of least) expect(ask(text).units, text).toBeGreaterThanOrEqual(units);
  });

  it('may be given, and then count', () => {
    const tight = new Work({ ...conditionBounds, unitsMax: 3 });
    expect(evaluateCondition('1 == 1', scope, tight)).toEqual({ value: true });
    expect(tight.units).toBe(2);
    expect(evaluateCondition('1 == 1', scope, tight)).toHaveProperty('bound', 'unitsMax');
    const wide = new Work({ textMax: 1e9, listMax: 1e9, levelsMax: 1e3, unitsMax: 1e9 });
    expect(
      evaluateCondition('params.longer.all(x, x == 1.0) && params.tooLong.contains(params.half)', scope, wide),
    ).toEqual({ value: true });
  });

  it.runIf(runs >= 10_000)('are less than a millisecond of processor time', () => {
    const cpu = () => {
      const { user, system } = process.cpuUsage();
      return user + system;
    };
    for (const text of worst) {
      const times = Array.from({ length: 200 }, () => {
        const before = cpu();
        ask(text);
        return cpu() - before;
      });
      const median = times.sort((a, b) => a - b)[100] ?? 0;
      console.log(`${median} µs  ${text.slice(0, 80)}`);
      expect(median).toBeLessThan(1_000);
    }
  });
});

describe('the search', () => {
  it.each([
    ['aaaaaaaaaaaab', 'aaaaaaaaaab', true],
    ['aabaabaabaabaabaaab', 'aabaabaabaaab', true],
    ['abababababababac', 'ababababac', true],
    ['abababababababab', 'ababababac', false],
    ['abababababa', 'ababababab', true],
    ['ababababab', 'abababababa', false],
    ['ab', 'abc', false],
  ])('goes back in the part and not in the text: %s, %s', (items, part, value) => {
    const data = { params: {}, steps: {}, items: { items, part } };
    expect(evaluateCondition('items.contains(part)', data)).toEqual({ value });
  });

  it('finds what includes finds, however long the part', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b'), minLength: 20, maxLength: 60 });
    fc.assert(
      fc.property(text, fc.nat(40), fc.nat(20), fc.boolean(), (hay, from, length, isPart) => {
        const part = isPart ? hay.slice(from, from + length) : `${hay.slice(from, from + length)}ab`;
        const verdict = evaluateCondition('items.contains(part)', {
          params: {},
          steps: {},
          items: { items: hay, part },
        });
        expect(verdict).toEqual({ value: hay.includes(part) });
      }),
      { numRuns: Math.min(runs, 2_000) },
    );
  });
});

const json = fc.oneof(
  fc.constantFrom<unknown>(
    0,
    1,
    2.5,
    -1,
    'a',
    '',
    'ab',
    true,
    false,
    null,
    [],
    {},
    [1, 2],
    ['a', 'b'],
    { a: 1 },
    { k: [1] },
  ),
  fc.jsonValue({ maxDepth: 3 }),
);
const data = fc
  .record({ n: json, text: json, list: json, map: json, flag: json })
  .chain((params) => fc.tuple(fc.constant(params), json, json, json))
  .map(([params, x, list, item]): ConditionScope => {
    const step = { status: 'COMPLETED', outcome: 'ran', error: null };
    const a = { ...step, outputs: { x, list } };
    const g = { ...step, outputs: { count: 3 }, kind: 'group' as const };
    return {
      params,
      steps: { a, g },
      items: { item },
      index: 1,
      round: 0,
      previous: { a },
      workflow: { id: 'w', outcome: 'failed', failed: ['a'] },
    };
  });

/** The scope, with each read of an element or field counted. */
function countReads(value: ConditionScope): { scope: ConditionScope; reads: () => number } {
  let reads = 0;
  const watch = (target: object): object =>
    new Proxy(target, {
      get(of, key) {
        const inner: unknown = Reflect.get(of, key);
        if (typeof key === 'symbol' || typeof inner === 'function' || key === 'length') return inner;
        reads += 1;
        return typeof inner === 'object' && inner !== null ? watch(inner) : inner;
      },
    });
  return { scope: watch(value) as ConditionScope, reads: () => reads };
}

describe('random conditions over random data', () => {
  it('come out as true, false or a fault, within their bounds, and count what they read', () => {
    const seen = { value: 0, fault: 0 };
    fc.assert(
      fc.property(condition, data, (text, over) => {
        const watched = countReads(over);
        const work = new Work();
        const verdict = evaluateCondition(text, watched.scope, work);
        expect(work.units).toBeLessThanOrEqual(unitsMax + textMax);
        // A step reads its scope, its fields and the value: no more than four for each unit that is counted.
        expect(watched.reads()).toBeLessThanOrEqual(4 * work.units + 4);
        if ('value' in verdict) expect(verdict.value).toBeTypeOf('boolean');
        else expect(verdict.fault).toMatch(/\S/);
        expect(evaluateCondition(text, over)).toEqual(verdict);
        seen['value' in verdict ? 'value' : 'fault'] += 1;
      }),
      { numRuns: runs },
    );
    expect(seen.value).toBeGreaterThan(runs / 20);
    expect(seen.fault).toBeGreaterThan(runs / 20);
  });

  it('come out as the library says, where both have an answer', () => {
    const library = new Environment({ unlistedVariablesAreDyn: true });
    let both = 0;
    fc.assert(
      fc.property(condition, data, (text, over) => {
        const ours = evaluateCondition(text, over);
        const theirs = evaluateByLibrary(library, text, over);
        if (!('value' in ours) || typeof theirs !== 'boolean') return;
        both += 1;
        expect(ours.value).toBe(theirs);
      }),
      { numRuns: runs },
    );
    expect(both).toBeGreaterThan(runs / 20);
  });
});

function evaluateByLibrary(
  library: Environment,
  text: string,
  { items, steps, index, round, ...rest }: ConditionScope,
): unknown {
  const counted = { ...steps.g, outputs: { count: 3n } };
  try {
    return library.evaluate(text, {
      ...rest,
      ...items,
      steps: { ...steps, g: counted },
      index: BigInt(index ?? 0),
      round: BigInt(round ?? 0),
    });
  } catch {
    return undefined;
  }
}
