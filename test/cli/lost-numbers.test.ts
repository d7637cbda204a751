/**
 * Goal: the command line names the numbers of files and of `--param` that no number can hold, before and at a run.
 * Method: the real command as a process, in a directory of its own; stdout holds the result alone.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { runCli } from './cli-process.ts';

vi.setConfig({ testTimeout: 240_000 });

const inFile = 'put it into quotes to keep it';
const given = 'send it as text to keep it';
const lost = (written: string, kept: string, advice: string) =>
  `${written} cannot be held as a number and became ${kept}; ${advice}`;

let cwd: string;
const cli = (...args: string[]) => runCli(args, { cwd });
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'hybrid-lost-'));
  const input = '[12345678901234567890, 1e400, "{{params.id}}"]';
  const schema = '{properties: {id: {type: integer}}, required: [id]}';
  const step = `{id: a, action: transform, params: {input: ${input}, expression: $}}`;
  await writeFile(join(cwd, 'template.yaml'), `id: big\nname: Big\nparams: ${schema}\nsteps:\n  - ${step}\n`);
  const jsonStep = `{"id": "a", "action": "transform", "params": {"input": ${input}, "expression": "$"}}`;
  const json = `{"name": "Big", "params": {"id": 9007199254740993}, "steps": [${jsonStep}]}`;
  await writeFile(join(cwd, 'definition.json'), json);
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

test('validate notes them with the place, and the file is in order', async () => {
  expect(await cli('validate', 'template.yaml', 'definition.json')).toEqual({
    status: 0,
    stdout: [
      `template.yaml: note: steps[0].params.input[0]: ${lost('12345678901234567890', '12345678901234567000', inFile)}`,
      `template.yaml: note: steps[0].params.input[1]: ${lost('1e400', 'null', inFile)}`,
      'template.yaml: ok (template big, 1 step)',
      `definition.json: note: params.id: ${lost('9007199254740993', '9007199254740992', inFile)}`,
      `definition.json: note: steps[0].params.input[0]: ${lost('12345678901234567890', '12345678901234567000', inFile)}`,
      `definition.json: note: steps[0].params.input[1]: ${lost('1e400', 'null', inFile)}`,
      'definition.json: ok (definition, 1 step)',
      '',
    ].join('\n'),
    stderr: '',
  });
});

test('validate says what was written where null is a fault', async () => {
  await writeFile(join(cwd, 'faulty.yaml'), 'name: F\nsteps:\n  - {id: a, action: delay, params: {ms: 1e400}}\n');
  const { status, stdout } = await cli('validate', 'faulty.yaml');
  expect(status).toBe(1);
  expect(stdout.split('\n')[0]).toBe(
    'faulty.yaml:3:41: steps[0].params.ms: expected number, received null (1e400 cannot be held as a number)',
  );
});

test.each([
  ['run', 'template.yaml'],
  ['run', 'definition.json'],
])('%s %s notes those of the file and of --param, and the workflow keeps the lines', async (_, file) => {
  const { status, stdout, stderr } = await cli('run', file, '--json', '--param', 'id=9007199254740995');
  expect(status).toBe(0);
  const lines = [
    `params.id: ${lost('9007199254740995', '9007199254740996', given)}`,
    ...(file === 'template.yaml' ? [] : [`params.id: ${lost('9007199254740993', '9007199254740992', inFile)}`]),
    `steps[0].params.input[0]: ${lost('12345678901234567890', '12345678901234567000', inFile)}`,
    `steps[0].params.input[1]: ${lost('1e400', 'null', inFile)}`,
  ];
  expect(stderr.split('\n').filter((line) => line.startsWith('note: '))).toEqual(lines.map((line) => `note: ${line}`));
  const workflow = JSON.parse(stdout) as { warnings: string[]; steps: { outputs: { value: unknown } }[] };
  expect(workflow.warnings).toEqual(lines);
  expect(workflow.steps[0]?.outputs.value).toEqual([12345678901234567000, null, 9007199254740996]);
});

test('a dry run notes them too', async () => {
  const { status, stderr } = await cli('run', 'template.yaml', '--dry-run', '--param', 'id=1');
  expect(status).toBe(0);
  expect(stderr).toBe(
    [
      `note: steps[0].params.input[0]: ${lost('12345678901234567890', '12345678901234567000', inFile)}`,
      `note: steps[0].params.input[1]: ${lost('1e400', 'null', inFile)}`,
      '',
    ].join('\n'),
  );
});
