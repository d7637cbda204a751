/** Goal: bounds of templates hold on both sides, a default of 0, false or '' is one, and each fault has its own place. */
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Template } from '../../src/contract/definition.ts';
import type { Refusal } from '../../src/contract/failures.ts';
import { limits } from '../../src/contract/limits.ts';
import { createTemplateCatalogue, type TemplateCatalogue } from '../../src/templates/catalogue.ts';
import { instantiate } from '../../src/templates/instantiate.ts';
import { findJsonComment } from '../../src/templates/json-comments.ts';
import { ParamsChecker } from '../../src/templates/params-checker.ts';
import { createParamsSchema } from '../../src/templates/params-schema.ts';
import { isQuick, isQuickOnceLoaded } from '../../src/templates/quick-check.ts';
import { findScheduleFaults } from '../../src/templates/schedule-faults.ts';

const checkOf = (properties: object, value: unknown, more: object = {}) => {
  const made = createParamsSchema({ type: 'object', properties, ...more });
  if (made.kind === 'faulty') throw new Error(JSON.stringify(made.faults));
  return made.schema.check(value);
};
const faultsOf = (schema: Record<string, unknown>) => {
  const made = createParamsSchema(schema);
  return made.kind === 'faulty' ? made.faults : [];
};

describe('a file', () => {
  let dir: string;
  let catalogue: TemplateCatalogue;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'hybrid-borders-'));
    catalogue = createTemplateCatalogue(dir);
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));
  const yaml = (id: string) => `id: ${id}\nname: N\nsteps:\n  - id: a\n    action: noop\n`;
  const write = (name: string, text: string) => writeFileSync(join(dir, name), text);

  test('may have as many bytes as a body that creates, and no more', async () => {
    const most = limits.creatingBodyBytesMax;
    const sized = (bytes: number) => `${yaml('a')}#`.padEnd(bytes - 1, 'x').concat('\n');
    write('a.yaml', sized(most));
    expect([await catalogue.problems(), (await catalogue.list()).length]).toEqual([[], 1]);
    write('a.yaml', sized(most + 1));
    expect((await catalogue.problems()).map(({ message }) => message)).toEqual([
      `has ${most + 1} bytes; at most ${most} are allowed`,
    ]);
  });

  test('is one by its extension in any case; hidden ones are none', async () => {
    for (const name of ['a.YAML', 'b.Yml', 'c.json5', '.d.yaml', 'e.yaml~'])
      write(name, yaml(name[0] === '.' ? 'd' : name[0]!));
    expect((await catalogue.list()).map(({ id }) => id)).toEqual(['a', 'b']);
  });

  test('that is changed to one of the same length is read again, also when its time is put back', async () => {
    write('a.yaml', yaml('one'));
    utimesSync(join(dir, 'a.yaml'), 1_000, 1_000);
    expect((await catalogue.list()).map(({ id }) => id)).toEqual(['one']);
    write('a.yaml', yaml('two'));
    utimesSync(join(dir, 'a.yaml'), 1_000, 1_000);
    expect((await catalogue.list()).map(({ id }) => id)).toEqual(['two']);
  });

  test('is closed when it has been read', async () => {
    const openHere = () => {
      const found = readdirSync('/proc/self/fd');
      return found.length;
    };
    for (let i = 0; i < 30; i += 1) write(`${i}.yaml`, i % 2 === 0 ? yaml(`t${i}`) : 'id: [');
    const before = openHere();
    await catalogue.list();
    expect(openHere() - before).toBeLessThan(10);
  });
});

describe('params', () => {
  test.each([0, false, '', null])('that are left out are the default %j', (value) => {
    expect(checkOf({ x: { default: value } }, {}).value).toEqual({ x: value });
    expect(checkOf({ x: { type: 'object', properties: { y: { default: value } } } }, { x: {} }).value).toEqual({
      x: { y: value },
    });
  });

  test('have up to a hundred faults told, and all but the first counted in words', () => {
    const missing = (count: number) => Array.from({ length: count }, (_, i) => `p${i}`);
    for (const [count, told] of [
      [99, 99],
      [100, 100],
      [101, 100],
    ] as const) {
      expect(checkOf({}, {}, { required: missing(count) }).errors).toHaveLength(told);
    }
    const template = (count: number): Template => ({
      ...{ id: 't', name: 'T', steps: [{ id: 'a', action: 'noop' }] },
      params: { type: 'object', required: missing(count) },
    });
    const detailOf = (count: number) => {
      try {
        instantiate(template(count), {});
      } catch (error) {
        return (error as Refusal).detail;
      }
      return '';
    };
    expect(detailOf(1)).toBe('The params do not fit template t: params.p0 is required');
    expect(detailOf(3)).toBe('The params do not fit template t: params.p0 is required (and 2 more)');
  });

  test('of a template leave out what is only the template’s', () => {
    const template = {
      ...{ id: 't', name: 'T', description: 'd', tags: ['x'], steps: [{ id: 'a', action: 'noop' }] },
      ...{ params: { type: 'object' }, accepts: { content_type: ['html'] }, webhook: {}, schedule: {} },
    } as unknown as Template;
    expect(instantiate(template, { n: 0 })).toEqual({
      ...{ name: 'T', description: 'd', tags: ['x'], steps: [{ id: 'a', action: 'noop' }], params: { n: 0 } },
    });
  });

  test('are at the path that they were written at, whatever signs it holds', () => {
    const odd = 'a/b~1c~0d';
    expect(checkOf({ [odd]: { type: 'string' } }, { [odd]: 1 }).errors).toEqual([
      { path: `params.${odd}`, message: 'must be string, not number' },
    ]);
  });

  test('with a pattern that can run for ever are a fault of the schema, at the pattern', () => {
    expect(faultsOf({ properties: { x: { pattern: '(a+)+$' } } })).toMatchObject([
      { path: ['properties', 'x', 'pattern'] },
    ]);
    expect(faultsOf({ properties: { x: { pattern: '(' } } })).toMatchObject([{ path: ['properties', 'x', 'pattern'] }]);
    expect(faultsOf({ properties: { x: { minContains: -1 } } })).toHaveLength(1);
    expect(faultsOf({ properties: { x: { minContains: 0, maxContains: 1, minItems: 0 } } })).toEqual([]);
  });

  test('are checked at once up to ten million characters of work, and never with what may be slow', () => {
    const schema = { title: 'x'.repeat(8) };
    const work = JSON.stringify(schema).length;
    const sized = (characters: number) => ({ x: 'y'.repeat(characters - '{"x":""}'.length) });
    const most = 10_000_000 / work;
    expect([isQuick(schema, sized(most)), isQuick(schema, sized(most + 1))]).toEqual([true, false]);
    for (const slow of [
      { pattern: 'a' },
      { patternProperties: {} },
      { format: 'email' },
      { uniqueItems: true },
      { $ref: '#' },
    ]) {
      expect([slow, isQuick({ properties: { x: slow } }, {})]).toEqual([slow, false]);
    }
    const timed = { properties: { x: { format: 'date' } } };
    expect([isQuick(timed, {}), isQuickOnceLoaded(timed, {})]).toEqual([false, true]);
    expect([isQuickOnceLoaded(timed, sized(1_000)), isQuickOnceLoaded(timed, sized(1_001))]).toEqual([true, false]);
  });

  test('are checked one after the other: as many as come, each place is given back', async () => {
    const checker = new ParamsChecker({ execArgv: undefined });
    const schema = { properties: { x: { pattern: '^a+$' } } };
    try {
      for (let round = 0; round < 3; round += 1) {
        const all = await Promise.all(Array.from({ length: 8 }, () => checker.checkData(schema, { x: 'aaa' })));
        expect(all.every(({ errors }) => errors.length === 0)).toBe(true);
      }
    } finally {
      await checker.close();
    }
  });
});

test('a schedule names each fault at its own field', () => {
  const template = (schedule: object) => ({ id: 't', name: 'T', steps: [], schedule }) as unknown as Template;
  const paths = (schedule: object) => findScheduleFaults(template(schedule), undefined).map(({ path }) => path);
  expect(paths({ cron: 'x', timezone: 'UTC' })).toEqual(['schedule.cron']);
  expect(paths({ cron: '0 7 * * *', timezone: 'Nowhere/Else' })).toEqual(['schedule.timezone']);
  expect(paths({ cron: 'x', timezone: 'Nowhere/Else' })).toEqual(['schedule.cron', 'schedule.timezone']);
  expect(findScheduleFaults({ id: 't', name: 'T', steps: [] } as unknown as Template, undefined)).toEqual([]);
});

test.each([
  ['{"a": 1} // the end', 9],
  ['{"a": 1} // line\n', 9],
  ['{"a": /* in */ 1}', 6],
  ['{"a": 1, /**/ "b": 2}', 9],
  ['// first\n[1, 2,]', 0],
  ['{"a": "// none"}', undefined],
  ['{"a": 1 /* open', undefined],
  ['{"a": 1 / 2}', undefined],
  ['{"a": "\\"//"} // b', 14],
])('a comment of %j is found where it begins', (text, at) => {
  expect(findJsonComment(text)).toBe(at);
});
