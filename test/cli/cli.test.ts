/**
 * Goal: each command does what its help says, keeps the result and the talk apart, and ends with the status that tells
 * how it went. Method: the real command as a process, from source, each in a directory of its own.
 */

import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runCli } from './cli-process.ts';

// Each run starts processes and threads from source, which a busy machine makes slow.
vi.setConfig({ testTimeout: 240_000 });

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'hybrid-cli-'));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

const cli = (args: string[], env: Record<string, string> = {}) => runCli(args, { cwd, env });
const write = (file: string, content: unknown) =>
  writeFile(join(cwd, file), typeof content === 'string' ? content : JSON.stringify(content));

describe('called wrongly', () => {
  const cases: [string[], RegExp][] = [
    [['frobnicate'], /unknown command 'frobnicate'/],
    [['run', 'x', '--timeout', 'soon'], /must be a number of seconds/],
    [['run', 'absent.yaml'], /^absent\.yaml cannot be read \(ENOENT\)\n$/],
    [['run', 'x', '--server', 'http://127.0.0.1:1', '--data', '.'], /^--server and --data exclude each other/],
    [['run', 'x', '--server', 'http://127.0.0.1:1', '--offline'], /^--server and --offline exclude each other/],
    [['list', '--status', 'LOST'], /Allowed choices are PENDING/],
  ];
  test.each(cases)('%j ends with 2 and one clear message', async (args, message) => {
    const { status, stdout, stderr } = await cli(args);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/\n {4}at /);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });

  test('a bad setting ends with 1 and its one line', async () => {
    const { status, stderr } = await cli(['list'], { PORT: 'x' });
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: 'PORT="x" is not allowed; allowed: a whole number from 0 to 65535\n',
    });
  });
});

test('--version and --help answer on stdout with 0', async () => {
  const { version } = JSON.parse(await readFile(resolve(import.meta.dirname, '../../package.json'), 'utf8')) as {
    version: string;
  };
  expect(await cli(['--version'])).toEqual({ status: 0, stdout: `${version}\n`, stderr: '' });
  const help = await cli(['run', '--help']);
  expect(help).toMatchObject({ status: 0, stderr: '' });
  expect(help.stdout).toMatch(/Usage: hybrid-engine run .*Examples:/s);
});

describe('validate', () => {
  test('names every fault of every file with its place, and ends with 1', async () => {
    await write(
      'bad.yaml',
      `id: bad
name: Bad
params:
  properties: { given: {} }
steps:
  - id: a
    action: html_extract
    dependencies: [z]
    params: { html: '{{params.given}}', format: pdf }
  - id: b
    action: htp_request
    depends: [a]
`,
    );
    await write('good.json', {
      name: 'Good',
      steps: [
        { id: 'a', action: 'noop' },
        { id: 'b', action: 'my_action' },
      ],
    });
    await write('broken.yaml', 'name: "x\n');
    const { status, stdout, stderr } = await cli(['validate', 'bad.yaml', 'absent.yaml', 'good.json', 'broken.yaml']);
    expect(stdout.split('\n')).toEqual([
      'bad.yaml:12:14: steps[1].depends: unknown field "depends"; did you mean "dependencies"?',
      'bad.yaml:8:20: steps[0].dependencies[0]: step "a" depends on "z", which is not a step of this workflow',
      'bad.yaml:9:21: steps[0].params.html: {{params.given}}: a run may leave the param "given" out; say what stands in for it, as in {{params.given ?? null}}, make it required, or give it a default',
      'bad.yaml:9:49: steps[0].params.format: expected one of "markdown"|"text"',
      'bad.yaml:11:13: steps[1].action: unknown action "htp_request"; a run would simulate it, and --allow-unknown lets that pass; did you mean "http_request"?',
      'absent.yaml cannot be read (ENOENT)',
      expect.stringMatching(
        /^good\.json:\d+:\d+: steps\[1\]\.action: unknown action "my_action"; a run would simulate it/,
      ),
      'broken.yaml:2:1: a quote or a bracket is not closed, or a comma or ": " is missing (Missing closing "quote)',
      '',
    ]);
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
    expect(await cli(['validate', '--allow-unknown', 'good.json'])).toMatchObject({
      status: 0,
      stdout:
        'good.json: note: action my_action is not known here and would be simulated\ngood.json: ok (definition, 2 steps)\n',
    });
    expect(await cli(['validate', '--allow-unknown', 'good.json'], { UNKNOWN_ACTIONS: 'reject' })).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^--allow-unknown and UNKNOWN_ACTIONS=reject exclude each other/),
    });
  });

  test('names secrets that are not there or stand where none may, and shows no value', async () => {
    await write(
      'secret.yaml',
      `name: Secret
steps:
  - id: a
    action: http_request
    params: { url: 'https://api.example.com/', auth: TOKEN, headers: { x-key: '{{secrets.TOKNE}}' } }
  - id: b
    action: noop
    params: { text: '{{secrets.TOKEN}}' }
`,
    );
    const env = { SECRET_TOKEN: 'sk-canary-0123' };
    const { status, stdout } = await cli(['validate', 'secret.yaml'], env);
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(
        /^secret\.yaml:5:79: steps\[0\]\.params\.headers\.x-key: there is no secret "TOKNE"; .*; did you mean "TOKEN"\?$/,
      ),
      expect.stringMatching(
        /^secret\.yaml:8:21: steps\[1\]\.params\.text: \{\{secrets\.TOKEN\}\}: "noop" takes no secrets/,
      ),
      '',
    ]);
    expect(status).toBe(1);
    await write('known.yaml', {
      name: 'x',
      steps: [{ id: 'a', action: 'http_request', params: { url: 'https://a.example', auth: 'GONE' } }],
    });
    expect(await cli(['validate', 'known.yaml'])).toMatchObject({ status: 1 });
    expect(await cli(['validate', '--allow-unknown', 'known.yaml'])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(
        /^known\.yaml: note: steps\[0\]\.params\.auth: there is no secret "GONE"; .*\nknown\.yaml: ok/,
      ),
    });
    expect(await cli(['validate', 'known.yaml'], { SECRET_gone: 'sk-canary-0123' })).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^SECRET_gone: the name of a secret is/),
    });
  });

  test('reads expressions and templates, also where references stand in them', async () => {
    const steps = [
      { id: 'a', action: 'transform', params: { input: 1, expression: '$sum((1, 2' } },
      { id: 'b', action: 'render', dependencies: ['a'], params: { template: '{% if a %}{{ a }', data: {} } },
      { id: 'c', action: 'render', dependencies: ['a'], params: { template: '{% if a {{steps.a.outputs.value}}' } },
      { id: 'd', action: 'transform', params: { input: 1, expression: '$ + 1' } },
      { id: 'e', action: 'render', params: { template: '{{ title | upcase }}', data: { title: 'x' } } },
      { id: 'f', action: 'transform', params: { input: 1, expression: 5 } },
    ];
    await write('odd.json', { name: 'Odd', steps });
    const { status, stdout } = await cli(['validate', 'odd.json']);
    const faults = stdout.split('\n').map((line) => line.replace(/^odd\.json:\d+:\d+: /, ''));
    expect(faults).toEqual([
      'steps[5].params.expression: expected string, received number',
      'steps[0].params.expression: Expected ")", got "," (at character 8)',
      expect.stringMatching(/^steps\[1\]\.params\.template: .*not closed/),
      expect.stringMatching(
        /^steps\[2\]\.params\.template: tag "\{% if a \{\{steps\.a\.outputs\.value\}\}.*not closed/,
      ),
      '',
    ]);
    expect(status).toBe(1);
  });

  test('notes double braces that are no reference', async () => {
    const params = {
      text: '{{ topic }}',
      other: ['{{params.topic}} {{steps.a}}', { deep: '{{ params.topic | upcase }}' }],
    };
    const steps = [
      { id: 'a', action: 'noop', params: { ...params, cut: 'of {{params.topic' } },
      { id: 'b', action: 'render', params: { template: '{{ topic }}', data: { topic: '{{topic}}' } } },
    ];
    await write('braces.json', { name: 'Braces', params: { topic: 'tea' }, steps });
    const { status, stdout } = await cli(['validate', 'braces.json']);
    const notes = [...stdout.matchAll(/note: (.*): (\{\{.*) is no reference and stays as it is/g)].map((match) =>
      match.slice(1, 3),
    );
    expect(notes).toEqual([
      ['steps[0].params.text', '{{ topic }}'],
      ['steps[0].params.other[1].deep', '{{ params.topic | upcase }}'],
      ['steps[0].params.cut', '{{params.topic'],
      ['steps[1].params.data.topic', '{{topic}}'],
    ]);
    expect(stdout).toContain('steps[0].params.other[0]: {{steps.a}} is not a reference');
    expect(status).toBe(1);
  });

  test('so does run, before anything is paid for', async () => {
    const steps = [
      { id: 'ask', action: 'openai_chat', params: { prompt: 'Why?' } },
      { id: 'tell', action: 'render', dependencies: ['ask'], params: { template: '{% if a %}' } },
    ];
    await write('late.json', { name: 'Late', steps });
    const { status, stderr } = await cli(['run', 'late.json']);
    expect(stderr).toMatch(/^The workflow definition is not valid: steps\[1\]\.params\.template: .*not closed/);
    expect(status).toBe(2);
  });

  test('sees the steps within groups and of finally, each with its line', async () => {
    await write(
      'nested.yaml',
      `id: nested
name: Nested
params:
  properties: { day: { type: string }, urls: { type: array } }
  required: [urls]
steps:
  - id: pages
    forEach: { url: '{{params.urls}}' }
    label: '{{ url | upcase }}'
    steps:
      - id: fetch
        action: htp_request
        params: { url: '{{url}}', stray: '{{urls}}' }
      - id: text
        action: render
        dependencies: [fetch]
        params: { template: '{% if %}', data: { day: "{{params.day ?? 'today'}}", page: '{{item}}' } }
finally:
  - id: ask
    action: approval
    params: { message: 'Well?', data: { type: objekt } }
  - id: last
    action: transform
    params: { input: {}, expression: '(' }
`,
    );
    const { status, stdout } = await cli(['validate', 'nested.yaml']);
    const lines = stdout.split('\n');
    expect(lines.map((line) => line.replace(/: [^:]*$/, ''))).toEqual(
      expect.arrayContaining([expect.stringMatching(/^nested\.yaml:12:17: steps\[0\]\.steps\[0\]\.action/)]),
    );
    expect(stdout).toMatch(/nested\.yaml:17:\d+: steps\[0\]\.steps\[1\]\.params\.template: /);
    expect(stdout).toMatch(/nested\.yaml:21:\d+: finally\[0\]\.params\.data\.type: /);
    expect(stdout).toMatch(/nested\.yaml:24:\d+: finally\[1\]\.params\.expression: /);
    expect(stdout).toMatch(/note: steps\[0\]\.label: \{\{ url \| upcase \}\} is no reference/);
    expect(stdout).toMatch(/note: steps\[0\]\.steps\[0\]\.params\.stray: \{\{urls\}\} is no reference/);
    expect(stdout).toMatch(/note: steps\[0\]\.steps\[1\]\.params\.data\.page: \{\{item\}\} is no reference/);
    expect(stdout).not.toMatch(/params\.url: |params\.day/);
    expect(status).toBe(1);
  });

  test('sees what a run of a template would meet', async () => {
    const template = (params: unknown, text: string) => ({
      id: 't',
      name: 'T',
      params,
      steps: [{ id: 'a', action: 'text_keywords', params: { text, count: 0 } }],
    });
    await write('optional.json', template({ properties: { text: {} } }, '{{params.text}}'));
    await write('free.json', template(undefined, '{{params.text}}'));
    const { status, stdout } = await cli(['validate', 'optional.json', 'free.json']);
    expect(stdout).toMatch(/optional\.json:1:\d+: steps\[0\]\.params\.text: .*a run may leave the param "text" out/);
    expect(stdout.match(/steps\[0\]\.params\.count: /g)).toHaveLength(2);
    expect(stdout).not.toMatch(/free\.json.*no param/);
    expect(status).toBe(1);
  });

  test('ends with 0 on the templates of the package', async () => {
    const dir = resolve(import.meta.dirname, '../../workflows/templates');
    const files = (await readdir(dir)).map((file) => join(dir, file));
    const { status, stdout } = await cli(['validate', ...files], { UNKNOWN_ACTIONS: 'reject' });
    expect(stdout.trimEnd().split('\n')).toHaveLength(files.length);
    expect(stdout).toMatch(/^(.*: ok \(template .*\)\n)+$/);
    expect(status).toBe(0);
  });
});

describe('run', () => {
  test('gives the result on stdout and the steps on stderr, and leaves nothing behind', async () => {
    const temp = join(cwd, 'temp');
    await mkdir(temp);
    await write('greet.yaml', {
      id: 'greet',
      name: 'Greet',
      params: { properties: { who: { type: 'string' }, times: { type: 'integer', default: 1 } }, required: ['who'] },
      steps: [
        { id: 'wait', action: 'delay', params: { ms: 1 } },
        {
          id: 'greet',
          action: 'render',
          dependencies: ['wait'],
          params: {
            template: '{% for i in (1..times) %}Hello {{ who }}! {% endfor %}',
            data: { who: '{{params.who}}', times: '{{params.times}}' },
          },
        },
      ],
    });
    const { status, stdout, stderr } = await cli(['run', 'greet.yaml', '--param', 'who=5', '--param', 'times=2'], {
      TMPDIR: temp,
    });
    expect(stdout).toBe('Hello 5! Hello 5! \n');
    expect(stderr).toMatch(
      /^workflow \S+ Greet \(2 steps\)\n\[0\/2\] wait \(delay\) RUNNING\n\[1\/2\] wait \(delay\) COMPLETED \d+ ms\n\[1\/2\] greet \(render\) RUNNING\n\[2\/2\] greet \(render\) COMPLETED .*\nworkflow \S+ COMPLETED: 2 of 2 steps in .*\n$/,
    );
    expect(status).toBe(0);
    expect((await readdir(temp)).filter((name) => name.startsWith('hybrid-engine-'))).toEqual([]);
    expect(await readdir(cwd)).toEqual(['greet.yaml', 'temp']);
  });

  test('of a failing definition ends with 1 and tells the error; --json gives the whole workflow', async () => {
    await write('fail.json', {
      name: 'Fail',
      params: { n: 1 },
      steps: [{ id: 'a', action: 'transform', params: { input: '{{params.n}}', expression: '$error("went wrong")' } }],
    });
    const { status, stdout, stderr } = await cli(['run', 'fail.json', '--json', '--param', 'n=7']);
    expect(JSON.parse(stdout)).toMatchObject({ status: 'FAILED', params: { n: 7 }, steps: [{ id: 'a' }] });
    expect(stderr).toMatch(/a \(transform\) FAILED .*\na: .*went wrong/);
    expect(status).toBe(1);
  });

  test('stops what takes longer than --timeout and ends with 1; an action runs like a template', async () => {
    const { status, stdout, stderr } = await cli(['run', 'delay', '--param', 'ms=600000', '--timeout', '0.2']);
    expect(stderr).toMatch(/STOPPED.*\nstopped: it had not ended within the --timeout\n$/s);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  });

  test('with params that do not fit ends with 2 and names each', async () => {
    const { status, stderr } = await cli(['run', 'page-digest', '--param', 'keywords=0', '--param', 'htlm=x']);
    expect(stderr).toMatch(/^The params do not fit template page-digest: /);
    expect(stderr).toMatch(
      /\n {2}params\.html: is required\n {2}params\.keywords: .*\n {2}params\.htlm: is not a param/,
    );
    expect(status).toBe(2);
  });

  test('of what is nothing at all ends with 2 and lists the templates', async () => {
    const { status, stderr } = await cli(['run', 'page-digset']);
    expect(stderr).toBe(
      'page-digset is no file, no template and no action; templates: fan-out-report, page-digest, page-summary, page-watch, research-brief; did you mean "page-digest"?\n',
    );
    expect(status).toBe(2);
  });

  test('prints the contents of items, and nothing of finally', async () => {
    const render = (id: string, template: string, more: object = {}) => ({
      id,
      action: 'render',
      params: { template: '{{ t }}', data: { t: template } },
      ...more,
    });
    await write('items.json', {
      name: 'Items',
      steps: [
        {
          id: 'm',
          forEach: ['a', 'b', 'c'],
          steps: [render('x', 'no'), render('y', 'item {{item}}', { when: 'index != 1' })],
        },
      ],
      finally: [render('end', 'not me')],
    });
    const { status, stdout } = await cli(['run', 'items.json']);
    expect([status, stdout]).toEqual([0, 'item a\n\nitem c\n']);
  });

  test('of what waits for the outside ends with 3; with --data it is kept, and doctor finds it sound', async () => {
    const { status, stdout, stderr } = await cli(['run', 'page-watch', '--data', 'kept']);
    expect(stderr).toMatch(
      /\nwaits for capture: serve this data directory and send it with POST \/api\/workflows\/\S+\n$/,
    );
    expect({ status, stdout }).toEqual({ status: 3, stdout: '' });

    const [workflow] = (await readdir(join(cwd, 'kept/workflows'))).filter((name) => /^[0-9a-f]{8}-/.test(name));
    const sound = await cli(['doctor', '--data', 'kept', '--json']);
    expect(JSON.parse(sound.stdout)).toMatchObject({
      workflows: 1,
      statuses: { WAITING_FOR_DEPENDENCY: 1 },
      problems: [],
    });
    expect(sound.status).toBe(0);

    const state = join(cwd, 'kept/workflows', String(workflow), 'state.json');
    const before = await readFile(state, 'utf8');
    const edited = before.replace('"Watch for a page"', '"Edited"');
    await writeFile(state, edited);
    const edit = await cli(['doctor', '--data', 'kept']);
    expect(edit.stdout).toMatch(/problem: workflow \S+: state\.json was not written by the engine.*\n1 problem\n$/s);
    expect(edit.status).toBe(1);
    expect(await readFile(state, 'utf8')).toBe(edited);

    const repaired = await cli(['doctor', '--data', 'kept', '--repair']);
    expect(repaired.stdout).toMatch(/\nsound\n$/);
    expect(repaired.status).toBe(0);
  });
});

test('run says what a budget has paused, and what was simulated', async () => {
  const params = { prompt: 'Why?', model: 'gpt-4' };
  const ask = { id: 'ask', action: 'openai_chat', params };
  await write('poor.json', { name: 'Poor', budget: { usd: 0.0001 }, steps: [ask] });
  const alone = await cli(['run', 'poor.json']);
  expect(alone.stderr).toMatch(/\npaused: ask: the workflow's budget of \$0\.0001 is used up: \$0\.00 spent/);
  expect(alone.stderr).toContain('\nwhat is done is gone with this run: run it with a larger budget');
  expect(alone.status).toBe(3);
  const kept = await cli(['run', 'poor.json', '--data', 'kept']);
  expect(kept.stderr).toMatch(
    /\nwhat is done is kept: serve this data directory, and to resume it POST \/api\/workflows\/\S+\/resume/,
  );

  await write('free.json', { name: 'Free', steps: [ask] });
  const daily = await cli(['run', 'free.json'], { DAILY_BUDGET: '{calls: 0}' });
  expect(daily.stderr).toMatch(/\npaused: ask: the budget of .*; it goes on by itself on the next day/);
  expect(daily.stderr).toContain('\nwhat is done is gone with this run: run it with --data or --server');

  await write('typo.json', { name: 'Typo', steps: [{ id: 'boil', action: 'dellay' }] });
  const typo = await cli(['run', 'typo.json'], { SIMULATION_MS: '0' });
  expect(typo.stderr).toContain(
    '\nnote: nobody knows the action of boil (dellay, did you mean "delay"?): it was simulated; UNKNOWN_ACTIONS=reject refuses that\n',
  );
  expect(typo.status).toBe(4);

  await write('inline.json', {
    name: 'I',
    params: { topic: 'tea' },
    steps: [{ id: 'a', action: 'noop', params: { n: '{{params.count}}' } }],
  });
  const stray = await cli(['run', 'inline.json', '--param', 'tpoic=x', '--param', 'count=2']);
  expect([stray.status, stray.stderr]).toEqual([
    2,
    '--param tpoic: the workflow has no such param; it takes topic, count; did you mean "topic"?\n',
  ]);
  expect((await cli(['run', 'inline.json', '--param', 'topic=x', '--param', 'count=2'])).status).toBe(0);
});

test('run --offline calls nobody; what an earlier run has kept is given again, and doctor counts it', async () => {
  let requests = 0;
  const server = createServer((_, response) => {
    requests += 1;
    response.end('the page');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const step = { id: 'page', action: 'http_request', params: { url: `http://${host}/` } };
    await write('page.json', { name: 'Page', cache: true, steps: [step] });
    const run = (...more: string[]) => cli(['run', 'page.json', ...more], { HTTP_ALLOW_HOSTS: host });
    const first = await run('--offline');
    expect(first).toMatchObject({ status: 1, stdout: '' });
    expect(first.stderr).toContain('OFFLINE: "http_request" goes out to another machine');
    expect(requests).toBe(0);
    expect(await run('--data', 'kept')).toMatchObject({ status: 0, stdout: 'the page\n' });
    expect(await run('--data', 'kept', '--offline')).toMatchObject({ status: 0, stdout: 'the page\n' });
    expect(requests).toBe(1);
    expect((await cli(['doctor', '--data', 'kept'])).stdout).toMatch(/^cache {6}1 answer$/m);
  } finally {
    server.close();
  }
});

test('doctor of a directory that is not there ends with 1, and creates nothing', async () => {
  for (const options of [[], ['--repair']]) {
    const { status, stdout, stderr } = await cli(['doctor', '--data', 'absent', ...options]);
    expect(stderr).toMatch(/absent.*does not exist\n$/);
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  }
  expect(await readdir(cwd)).toEqual([]);
});

describe('prices', () => {
  test('shows a model’s rates with list, date, age and source, settings included', async () => {
    await write('mine.yaml', 'openai/gpt-4o: {input_per_million: 7, output_per_million: 9}');
    const { status, stdout, stderr } = await cli(['prices', 'gpt-4o'], { PRICES_FILE: 'mine.yaml' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['US dollars for a million tokens, now'],
      ['MODEL', 'INPUT', 'CACHED', 'OUTPUT', 'LIST', 'DATE', 'AGE', 'SOURCE'],
      ['openai/gpt-4o', '7', '7', '9', 'PRICES_FILE', '-', '-', 'PRICES_FILE'],
      [''],
    ]);
    const json = await cli(['prices', 'deepseek/deepseek-chat', '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject([{ input_per_million: 0.28, date: '2025-12-09' }]);
  });

  test('a model without a price ends with 1 and the way out', async () => {
    expect(await cli(['prices', 'gpt-of-tomorrow'])).toEqual({
      status: 1,
      stdout: '',
      stderr:
        'no price is known for the model "gpt-of-tomorrow"; without a model, prices lists those that are; PRICES_FILE adds one\n',
    });
  });
});
