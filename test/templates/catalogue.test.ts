/**
 * Goal: the catalogue shows the directory as it is, and says what is wrong where (TC1 to TC4).
 * Method: real files in a fresh directory.
 */
import { mkdir, mkdtemp, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTemplateCatalogue, type TemplateCatalogue } from '../../src/templates/catalogue.ts';

let dir: string;
let catalogue: TemplateCatalogue;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'hybrid-templates-'));
  catalogue = createTemplateCatalogue(dir);
});
afterEach(() => rm(dir, { recursive: true, force: true }));

const yaml = (id: string, name = id) => `id: ${id}\nname: ${name}\nsteps:\n  - id: a\n    action: noop\n`;
const write = (file: string, text: string) => writeFile(join(dir, file), text);
const ids = async () => (await catalogue.list()).map((template) => template.id);

test('YAML and JSON files are listed by id, others are left alone', async () => {
  await write('z.yaml', yaml('beta'));
  await write('y.YML', yaml('alpha'));
  await write('x.json', JSON.stringify({ id: 'gamma', name: 'Gamma', steps: [{ id: 'a', action: 'noop' }] }));
  await write('README.md', 'not a template');
  await write('.hidden.yaml', 'neither: is this');
  expect(await ids()).toEqual(['alpha', 'beta', 'gamma']);
  expect(await catalogue.problems()).toEqual([]);
  expect(await catalogue.get('gamma')).toEqual({
    id: 'gamma',
    name: 'Gamma',
    steps: [{ id: 'a', action: 'noop' }],
  });
  expect(await catalogue.get('delta')).toBeUndefined();
});

describe('TC1: what changes on disk is seen by the next call', () => {
  test('a file that is added, edited, replaced and removed', async () => {
    expect(await ids()).toEqual([]);
    await write('a.yaml', yaml('a', 'First'));
    expect((await catalogue.get('a'))?.name).toBe('First');
    await write('a.yaml', yaml('a', 'Other'));
    expect((await catalogue.get('a'))?.name).toBe('Other');
    await write('next.tmp', yaml('a', 'Third'));
    await rename(join(dir, 'next.tmp'), join(dir, 'a.yaml'));
    expect((await catalogue.get('a'))?.name).toBe('Third');
    await rm(join(dir, 'a.yaml'));
    expect(await catalogue.get('a')).toBeUndefined();
  });

  test('a faulty file that is mended', async () => {
    await write('a.yaml', 'id: [');
    expect(await ids()).toEqual([]);
    await write('a.yaml', yaml('a'));
    expect(await ids()).toEqual(['a']);
    expect(await catalogue.problems()).toEqual([]);
  });

  test('a directory that appears later', async () => {
    const later = createTemplateCatalogue(join(dir, 'later'));
    expect(await later.list()).toEqual([]);
    expect((await later.problems())[0]).toMatchObject({ file: '', message: expect.stringMatching(/ENOENT/) });
    await mkdir(join(dir, 'later'));
    await writeFile(join(dir, 'later/a.yaml'), yaml('a'));
    expect(await later.list()).toHaveLength(1);
    expect(await later.problems()).toEqual([]);
  });
});

describe('TC2: a faulty file is reported with the place and hides no other', () => {
  const cases: [string, string, string, { line: number; column: number } | undefined, RegExp][] = [
    ['broken YAML', 'id: a\nname: "open\n', '', { line: 3, column: 1 }, /closing/],
    ['a duplicate key', 'id: a\nid: b\nname: x\n', '', { line: 2, column: 1 }, /unique/],
    ['an alias bomb', bomb(), '', undefined, /alias/],
    ['deep nesting', `id: ${'['.repeat(70)}${']'.repeat(70)}\n`, '', undefined, /deeper than 64/],
    ['nesting beyond the stack', '['.repeat(200_000), '', undefined, /deeper than 64/],
    ['broken JSON', '{"id": "a",\n "name" "x"}', '', { line: 2, column: 9 }, /./],
    ['an empty file', '', '', undefined, /is empty: a workflow has at least a name and steps/],
    ['no steps', 'id: a\nname: x\nsteps: []\n', 'steps', { line: 3, column: 8 }, /at least one step/],
    ['a bad id', 'id: "../a"\nname: x\nsteps: [{id: s, action: noop}]\n', 'id', { line: 1, column: 5 }, /template id/],
    [
      'an unknown field of a step',
      `${yaml('a')}    depends_on: []\n`,
      'steps[0].depends_on',
      { line: 6, column: 17 },
      /unknown field "depends_on"; did you mean "dependencies"\?/,
    ],
    [
      'a wrong type deep inside',
      'id: a\nname: x\nsteps:\n  - id: a\n    action: noop\n  - id: b\n    action: noop\n    dependencies:\n      - a\n      - 7\n',
      'steps[1].dependencies[1]',
      { line: 10, column: 9 },
      /string/,
    ],
    [
      'a params schema with a wrong type name',
      `${yaml('a')}params:\n  type: object\n  properties:\n    url:\n      type: text\n`,
      'params.properties.url.type',
      { line: 10, column: 13 },
      /"text" is no type .* did you mean "string"/,
    ],
    [
      'a params schema whose $ref leads nowhere',
      `${yaml('a')}params:\n  properties:\n    url: {$ref: "#/$defs/no"}\n`,
      'params.properties.url.$ref',
      { line: 8, column: 17 },
      /leads nowhere/,
    ],
    [
      'a params schema that would need the network',
      `${yaml('a')}params:\n  $ref: http://example.org/schema.json\n`,
      'params.$ref',
      { line: 7, column: 9 },
      /leads nowhere/,
    ],
    [
      'a params schema with a pattern that does not compile',
      `${yaml('a')}params:\n  properties:\n    "a/b~c%": {pattern: "("}\n`,
      'params.properties.a/b~c%.pattern',
      { line: 8, column: 25 },
      /regular expression/i,
    ],
    [
      'a params schema with a pattern that can run for ever',
      `${yaml('a')}params:\n  patternProperties:\n    "^(a+)+$": {}\n`,
      'params.patternProperties.^(a+)+$',
      { line: 8, column: 16 },
      /for ever/,
    ],
    [
      'params that are not an object',
      `${yaml('a')}params: {type: array}\n`,
      'params.type',
      undefined,
      /must be object/,
    ],
  ];
  test.each(cases)('%s', async (_, text, path, position, message) => {
    await write('bad.yaml', text);
    await write('good.yaml', yaml('good'));
    expect(await ids()).toEqual(['good']);
    const problems = await catalogue.problems();
    expect(problems.length).toBeGreaterThan(0);
    expect(new Set(problems.map((problem) => problem.file))).toEqual(new Set(['bad.yaml']));
    expect(problems[0]?.path).toBe(path);
    expect(problems[0]?.message).toMatch(message);
    if (position) expect(problems[0]?.position).toEqual(position);
  });

  test('bytes that are not UTF-8, a file too large to read, a directory and a link to nothing', async () => {
    await writeFile(join(dir, 'latin.yaml'), Buffer.from('id: a\nname: caf\xe9\n', 'latin1'));
    await write('large.yaml', yaml('large'));
    await truncate(join(dir, 'large.yaml'), 9 * 1024 * 1024);
    await mkdir(join(dir, 'folder.yaml'));
    await symlink(join(dir, 'nothing'), join(dir, 'link.yaml'));
    await write('good.yaml', yaml('good'));
    expect(await ids()).toEqual(['good']);
    expect((await catalogue.problems()).map(({ file, message }) => `${file}: ${message}`)).toEqual([
      'folder.yaml: is not a file',
      'large.yaml: has 9437184 bytes; at most 8388608 are allowed',
      'latin.yaml: is not UTF-8 text',
    ]);
  });
});

test('TC3: of two files with one id the first by name counts and the other is reported', async () => {
  await write('2.yaml', yaml('same', 'Second'));
  await write('1.json', JSON.stringify({ id: 'same', name: 'First', steps: [{ id: 'a', action: 'noop' }] }));
  expect((await catalogue.list()).map((template) => template.name)).toEqual(['First']);
  expect(await catalogue.problems()).toEqual([
    {
      file: '2.yaml',
      ids: ['2'],
      path: 'id',
      message: 'same is taken by 1.json; give one another id',
      position: undefined,
    },
  ]);
  await rm(join(dir, '1.json'));
  expect((await catalogue.get('same'))?.name).toBe('Second');
});

test('TC4: an unchanged file is not read again', async () => {
  await write('a.yaml', yaml('a'));
  const first = await catalogue.get('a');
  await write('b.yaml', yaml('b'));
  expect(await catalogue.get('a')).toBe(first);
  await utimes(join(dir, 'a.yaml'), 1, 1);
  const again = await catalogue.get('a');
  expect(again).toEqual(first);
  expect(again).not.toBe(first);
});

test('TC1: a call that comes while the directory is read gets what the next reading finds, again and again', async () => {
  await write('a.yaml', yaml('a'));
  for (const name of ['b', 'c', 'd']) {
    await write(`${name}.yaml`, yaml(name));
    const [, second, third] = await Promise.all([catalogue.list(), catalogue.list(), catalogue.list()]);
    for (const found of [second, third]) expect(found.at(-1)?.id).toBe(name);
  }
});

test('TC4: no more than a thousand files are read', async () => {
  await Promise.all(Array.from({ length: 1002 }, (_, i) => write(`${String(i).padStart(4, '0')}.yaml`, yaml(`t${i}`))));
  expect(await catalogue.list()).toHaveLength(1000);
  expect(await catalogue.problems()).toEqual([
    {
      file: '',
      ids: [],
      path: '',
      message: 'holds 1002 files; only the first 1000 by name are read',
      position: undefined,
    },
  ]);
});

test('TC4: a thousand files are all of them, and nothing is wrong', async () => {
  await Promise.all(Array.from({ length: 1000 }, (_, i) => write(`${String(i).padStart(4, '0')}.yaml`, yaml(`t${i}`))));
  expect(await catalogue.list()).toHaveLength(1000);
  expect(await catalogue.problems()).toEqual([]);
});

test('problems are told when they change, and when the last one has gone: not before, and not again', async () => {
  const told: string[][] = [];
  catalogue.onProblems((problems) => told.push(problems.map(({ file }) => file)));
  await write('a.yaml', yaml('a'));
  await catalogue.list();
  await catalogue.list();
  expect(told).toEqual([]);
  await write('bad.yaml', 'id: [');
  await catalogue.list();
  await catalogue.list();
  expect(told).toEqual([['bad.yaml']]);
  await rm(join(dir, 'bad.yaml'));
  await catalogue.list();
  await catalogue.list();
  expect(told).toEqual([['bad.yaml'], []]);
});

function bomb(): string {
  const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x, x]'];
  for (let i = 1; i < 9; i += 1)
    lines.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(', ')}]`,
    );
  return `${lines.join('\n')}\n`;
}
