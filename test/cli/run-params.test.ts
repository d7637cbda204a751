/** Goal: `--param` gives each param the type its place wants, from text or a file. Method: tables and a temp file. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readRunParams, toParamTypes, toTypesOfValues } from '../../src/cli/run-params.ts';

const types = toParamTypes({
  properties: {
    text: { type: 'string' },
    count: { type: 'integer' },
    ratio: { type: 'number' },
    flag: { type: 'boolean' },
    list: { type: 'array' },
    options: { type: 'object' },
    maybe: { type: ['integer', 'null'] },
    either: { type: ['string', 'number'] },
    untyped: {},
  },
});
let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hybrid-params-'));
  await writeFile(join(dir, 'page.html'), '<p>a=b\n</p>');
  await writeFile(join(dir, 'list.json'), '[1, 2]');
  await writeFile(join(dir, 'latin'), Buffer.from([0xe9]));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const cases: [string, unknown][] = [
  ['text=5', '5'],
  ['text=', ''],
  ['text=a=b', 'a=b'],
  ['text=@page.html', '<p>a=b\n</p>'],
  ['text=@@home', '@home'],
  ['count=5', 5],
  ['ratio=0.5', 0.5],
  ['flag=true', true],
  ['list=["x"]', ['x']],
  ['list=@list.json', [1, 2]],
  ['options={"a":{}}', { a: {} }],
  ['maybe=null', null],
  ['either=5', '5'],
  ['untyped=5', '5'],
  ['unknown=[1]', '[1]'],
  ['__proto__=x', 'x'],
];
test.each(cases)('%s', async (written, value) => {
  const { params } = await readRunParams([written], types, dir);
  expect(Object.entries(params)).toEqual([[written.slice(0, written.indexOf('=')), value]]);
});

test.each([
  ['count', 'write it as key=value'],
  ['=5', 'write it as key=value'],
  ['count=five', '--param count: "five" is not JSON; the template wants integer'],
  ['maybe=', 'the template wants integer or null'],
  ['text=@absent', 'absent cannot be read (ENOENT)'],
  ['text=@latin', 'latin is not UTF-8 text'],
])('%s is refused as wrong usage', async (written, message) => {
  await expect(readRunParams([written], types, dir)).rejects.toMatchObject({
    exitStatus: 2,
    message: expect.stringContaining(message),
  });
});

test('a param given twice is refused', async () => {
  await expect(readRunParams(['a=1', 'a=2'], types, dir)).rejects.toThrow('--param a is given twice');
});

test('the params of an inline definition tell the types where there is no schema', async () => {
  const known = toTypesOfValues({ n: 1, s: 'x', l: [], o: {}, b: false });
  const { params } = await readRunParams(['n=2', 's=2', 'l=[2]', 'o={}', 'b=true'], known, dir);
  expect(params).toEqual({
    n: 2,
    s: '2',
    l: [2],
    o: {},
    b: true,
  });
});

test('numbers that cannot be held are named, and text is not', async () => {
  const written = ['count=9007199254740993', 'list=[1, 1e400]', 'text=9007199254740993', 'ratio=0.5'];
  expect(await readRunParams(written, types, dir)).toEqual({
    params: { count: 9007199254740992, list: [1, null], text: '9007199254740993', ratio: 0.5 },
    told: [
      'params.count: 9007199254740993 cannot be held as a number and became 9007199254740992; send it as text to keep it',
      'params.list[1]: 1e400 cannot be held as a number and became null; send it as text to keep it',
    ],
  });
});

test('what is no JSON is shown up to 60 characters', async () => {
  const shownOf = async (text: string) => {
    const error = (await readRunParams([`count=${text}`], types, dir).catch((caught: unknown) => caught)) as Error;
    return /: "(.*)" is not JSON/.exec(error.message)?.[1];
  };
  expect(await shownOf('x'.repeat(60))).toBe('x'.repeat(60));
  expect(await shownOf('x'.repeat(61))).toBe(`${'x'.repeat(60)}…`);
});

test('a param without a name, or without a value, is none; the name ends at the first sign', async () => {
  for (const written of ['=x', 'text', '']) {
    await expect(readRunParams([written], types, dir)).rejects.toMatchObject({ exitStatus: 2 });
  }
  expect((await readRunParams(['a==b', 'text=@@@x'], types, dir)).params).toEqual({ a: '=b', text: '@@x' });
});
