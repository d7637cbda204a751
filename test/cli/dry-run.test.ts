/**
 * Goal: a dry run calls nobody, keeps nothing, and tells what would be called, what it would cost and what is wrong. Method:
 * the real command as a process whose threads note every connection and every name asked for; a partner run shows that
 * they would.
 */
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { createActionCatalogue } from '../../src/tasks/registry.ts';
import { emitted } from '../fixtures/emitted.ts';
import { StandIn } from '../stand-in/stand-in.ts';
import { runCli } from './cli-process.ts';

// Each run starts processes and threads, which a busy machine makes slow.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

let standIn: StandIn;
let home: string;
let noted: string;
let copy: string;
beforeAll(async () => {
  standIn = await StandIn.start();
  home = await mkdtemp(join(tmpdir(), 'hybrid-dry-'));
  noted = join(home, 'noted.txt');
  await watchConnections();
});
afterAll(async () => {
  await standIn.close();
  await rm(home, { recursive: true, force: true });
});

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(home, 'run-'));
  await writeFile(noted, '');
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

/** In a copy of the command, every module that a process or a thread begins with first patches what opens a connection. */
async function watchConnections(): Promise<void> {
  const watch = join(home, 'watch.mjs');
  await writeFile(
    watch,
    `import dgram from 'node:dgram';
     import dns from 'node:dns';
     import fs from 'node:fs';
     import module from 'node:module';
     import net from 'node:net';
     const note = (what) => fs.appendFileSync(${JSON.stringify(noted)}, what + '\\n');
     const patch = (owner, name, describe) => {
       const original = owner[name];
       owner[name] = function (...args) {
         const text = describe(...args);
         if (text !== null) note(name + ' ' + text);
         return original.apply(this, args);
       };
     };
     patch(net.Socket.prototype, 'connect', (first) => {
       const options = Array.isArray(first) ? first[0] : first;
       return options?.path ? null : String(options?.host) + ':' + String(options?.port);
     });
     patch(dgram.Socket.prototype, 'send', () => 'datagram');
     patch(dns, 'lookup', String);
     module.syncBuiltinESMExports();
    `,
  );
  copy = join(home, 'copy');
  await cp(dirname(dirname(emitted('src/main.ts'))), copy, { recursive: true, verbatimSymlinks: true });
  const starts = ['cli/cli', 'coordinator-main', 'worker/thread', 'worker/dry-thread', 'worker/process'];
  for (const name of starts) {
    const file = join(copy, `src/${name}.js`);
    const text = await readFile(file, 'utf8');
    const line = `import ${JSON.stringify(pathToFileURL(watch).href)};\n`;
    await writeFile(file, text.startsWith('#!') ? text.replace('\n', () => `\n${line}`) : line + text);
  }
}

const settings = () => ({
  OPENAI_BASE_URL: standIn.baseUrl,
  DEEPSEEK_BASE_URL: standIn.baseUrl,
  GEMINI_BASE_URL: standIn.baseUrl,
  HTTP_ALLOW_HOSTS: standIn.host,
});
const cli = (args: string[], env: Record<string, string> = {}) =>
  runCli(args, { cwd, env, command: join(copy, 'src/cli/cli.js') });
const write = (file: string, content: unknown) => writeFile(join(cwd, file), JSON.stringify(content));
const notes = async () => (await readFile(noted, 'utf8')).split('\n').filter((line) => line !== '');

/** One step for each action that goes out. */
const everyone = () => ({
  name: 'Everyone',
  steps: [
    ...['openai_chat', 'deepseek_chat', 'gemini_chat', 'any_chat'].map((action) => ({
      id: action,
      action,
      params: { prompt: 'Why?', model: 'gpt-4' },
    })),
    { id: 'chat', action: 'chat', params: { prompt: 'Why?', model: 'gpt-4', base_url: standIn.baseUrl } },
    {
      id: 'http_request',
      action: 'http_request',
      params: { url: `${standIn.baseUrl}/chat/completions`, method: 'POST', body: { model: 'gpt-4', messages: [] } },
    },
  ],
});

test('every action that goes out is among the steps of the next two tests', () => {
  const out = [...createActionCatalogue().values()].filter(({ goesOut }) => goesOut).map(({ action }) => action);
  const covered = everyone().steps.map(({ action }) => action);
  expect([...covered].sort()).toEqual([...out].sort());
});

test('a dry run opens no connection and asks for no name, and leaves nothing behind', async () => {
  const temp = join(cwd, 'temp');
  await mkdir(temp);
  await write('everyone.json', everyone());
  const before = standIn.calls.length;
  const { status, stdout, stderr } = await cli(['run', 'everyone.json', '--dry-run'], { ...settings(), TMPDIR: temp });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain('nobody was called');
  expect(await notes()).toEqual([]);
  expect(standIn.calls).toHaveLength(before);
  expect((await readdir(temp)).filter((name) => name.startsWith('hybrid-engine-'))).toEqual([]);
  expect(await readdir(cwd)).toEqual(['everyone.json', 'temp']);
});

test('the same workflow without --dry-run opens one for each step, and it is noted', async () => {
  await write('everyone.json', everyone());
  const before = standIn.calls.length;
  const { status } = await cli(['run', 'everyone.json'], settings());
  expect(status).toBe(0);
  expect(standIn.calls).toHaveLength(before + everyone().steps.length);
  expect((await notes()).some((line) => line.startsWith('connect 127.0.0.1:'))).toBe(true);
});

test('the summary has the waves, each call with model, tokens and price, and names a key that is not set', async () => {
  await write('plan.json', {
    name: 'Plan',
    steps: [
      { id: 'last', action: 'noop', dependencies: ['answer', 'wait'] },
      {
        id: 'answer',
        action: 'openai_chat',
        dependencies: ['facts'],
        params: { model: 'no-such-model', prompt: '{{steps.facts.outputs.content}}', max_tokens: 10 },
      },
      { id: 'facts', action: 'openai_chat', params: { model: 'gpt-4', prompt: 'x'.repeat(400), max_tokens: 200 } },
      { id: 'wait', action: 'delay', params: { ms: 86_400_000 } },
      { id: 'page', action: 'http_request', params: { url: 'https://example.org/a?key=sk-1234', expect: [204] } },
    ],
  });
  const { status, stdout } = await cli(['run', 'plan.json', '--dry-run', '--json'], { MAX_PARALLEL_NODES: '2' });
  const plan = JSON.parse(stdout);
  expect(plan).toMatchObject({
    name: 'Plan',
    status: 'COMPLETED',
    waves: [['facts', 'wait', 'page'], ['answer'], ['last']],
    max_parallel_nodes: 2,
    // 100 tokens at $30 and 200 at $60 a million; what the second would cost nobody knows.
    models: { calls: 2, output_tokens: 210, cost: 0.015, cost_is_floor: true },
    notes: [expect.stringMatching(/^OPENAI_API_KEY is not set/)],
  });
  const [facts, wait, page, answer, last] = plan.steps;
  expect(facts.would).toMatchObject({
    model: 'gpt-4',
    address: 'api.openai.com',
    input_tokens: 100,
    output_tokens: 200,
  });
  expect(wait.would).toMatchObject({ kind: 'wait', ms: 86_400_000 });
  expect(page.would).toMatchObject({ kind: 'request', method: 'GET', url: 'https://example.org/a?…' });
  // What the first would answer is as long as it may be, so that what the second would read is reckoned too.
  expect(answer.would).toMatchObject({
    model: 'no-such-model',
    cost: null,
    input_tokens: expect.toSatisfy((n) => n > 195),
  });
  expect(last.would).toBeNull();
  expect(stdout).not.toContain('sk-1234');
  expect(status).toBe(0);
});

test('the templates that ask a model are shown without a key', async () => {
  const brief = await cli(['run', 'research-brief', '--param', 'topic=Tea', '--dry-run', '--json']);
  const { waves, models, notes } = JSON.parse(brief.stdout);
  expect(waves).toEqual([['question-1', 'question-2', 'question-3', 'question-4'], ['synthesis'], ['report']]);
  expect(models).toMatchObject({
    calls: 5,
    output_tokens: 4 * 700 + 1_200,
    cost: expect.any(Number),
    cost_is_floor: false,
  });
  // What the last call reads is what the others may answer.
  expect(models.input_tokens).toBeGreaterThan(4 * 700);
  expect(notes).toEqual([expect.stringMatching(/^OPENAI_API_KEY is not set/)]);
  expect(brief.status).toBe(0);

  const summary = await cli(['run', 'page-summary', '--dry-run']);
  expect(summary.stdout).toContain('\nno model would be asked');
  expect(summary).toMatchObject({ status: 0, stderr: '' });
});

test('references into answers are found good or bad, and data from outside is made up', async () => {
  const schema = {
    type: 'object',
    properties: { title: { type: 'string' }, parts: { type: 'array', items: { type: 'integer' } } },
  };
  const render = (id: string, dependencies: string[], x: string) => ({
    id,
    action: 'render',
    dependencies,
    params: { template: '{{x}}', data: { x } },
  });
  await write('references.json', {
    name: 'References',
    steps: [
      { id: 'page', action: 'external_data' },
      {
        id: 'extract',
        action: 'html_extract',
        dependencies: ['page'],
        params: { html: '{{steps.page.outputs.content}}' },
      },
      { id: 'api', action: 'http_request', params: { url: 'https://example.org/' } },
      { id: 'typed', action: 'openai_chat', params: { prompt: 'x', response_format: { type: 'json_schema', schema } } },
      { id: 'free', action: 'openai_chat', params: { prompt: 'x', response_format: 'json_object' } },
      render('good-page', ['extract'], '{{steps.extract.outputs.title}}'),
      render('good-api', ['api'], '{{steps.api.outputs.json.items[1].name}}'),
      render('good-typed', ['typed'], '{{steps.typed.outputs.json.parts[0]}}'),
      render('good-free', ['free'], '{{steps.free.outputs.json.any.thing}}'),
      render('bad-api', ['api'], '{{steps.api.outputs.contnet}}'),
      render('bad-typed', ['typed'], '{{steps.typed.outputs.json.titel}}'),
    ],
  });
  const { status, stdout } = await cli(['run', 'references.json', '--dry-run', '--json'], {
    OPENAI_API_KEY: 'sk-canary',
  });
  const { steps, notes } = JSON.parse(stdout) as { steps: { id: string; status: string }[]; notes: string[] };
  expect(steps.filter((step) => step.status !== 'COMPLETED').map(({ id }) => id)).toEqual(['bad-api', 'bad-typed']);
  expect(notes).toEqual([
    expect.stringMatching(/^step bad-api would fail: .*there is no "contnet"/),
    expect.stringMatching(/^step bad-typed would fail: .*there is no "titel"/),
  ]);
  expect(status).toBe(1);
});

test('bad params, refused addresses and unknown actions are found', async () => {
  await write('bad.json', { name: 'Bad', steps: [{ id: 'a', action: 'text_split', params: { text: 1 } }] });
  const bad = await cli(['run', 'bad.json', '--dry-run']);
  expect(bad).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('steps[0].params.text') });

  await write('more.json', {
    name: 'More',
    params: { count: 0 },
    steps: [
      { id: 'bound', action: 'text_keywords', params: { text: 'tea', count: '{{params.count}}' } },
      { id: 'here', action: 'chat', params: { base_url: 'http://localhost:11434/v1', model: 'm', prompt: 'x' } },
      { id: 'what', action: 'no_such_action' },
    ],
  });
  const { status, stdout } = await cli(['run', 'more.json', '--dry-run']);
  expect(stdout).toMatch(/note: step bound would fail: .*count/);
  expect(stdout).toMatch(/note: step here would fail: .*add localhost:11434 to HTTP_ALLOW_HOSTS/);
  expect(stdout).toContain('note: action no_such_action is not known here and would be simulated');
  expect(stdout).toContain('\nno model would be asked\n');
  expect(status).toBe(1);
});

test('what no made-up answer fits is told, and so is what bounds several answers', async () => {
  const schema = { type: 'object', required: ['id'], properties: { id: { type: 'string', pattern: '^X[0-9]{4}$' } } };
  const params = { prompt: 'x', model: 'gpt-4', response_format: { type: 'json_schema', schema } };
  const many = { prompt: 'x', model: 'gpt-4', extra: { max_completion_tokens: 50, n: 3 } };
  await write('odd.json', {
    name: 'Odd',
    steps: [
      { id: 'odd', action: 'openai_chat', params },
      { id: 'many', action: 'openai_chat', params: many },
    ],
  });
  const { stdout } = await cli(['run', 'odd.json', '--dry-run', '--json'], { OPENAI_API_KEY: 'sk-canary' });
  const { notes, steps } = JSON.parse(stdout);
  expect(notes).toEqual([expect.stringMatching(/^step odd: no fitting answer could be made up: /)]);
  expect(steps[1].would).toMatchObject({ output_tokens: 150 });
});

test('the examples of docs/workflows.md are sound', async () => {
  const page = await readFile(join(import.meta.dirname, '../../docs/workflows.md'), 'utf8');
  const examples = [...page.matchAll(/<!-- file: (\S+) -->\n```yaml\n([\s\S]*?)```/g)];
  for (const [, file = '', text = ''] of examples) await writeFile(join(cwd, file), text);
  const files = examples.map(([, file = '']) => file);
  expect(files).toEqual(expect.arrayContaining(['tea.yaml', 'book.yaml', 'greeting.yaml']));
  const shipped = join(import.meta.dirname, '../../workflows/examples');
  const valid = await cli(['validate', ...files, ...(await readdir(shipped)).map((file) => join(shipped, file))], {
    SECRET_DISCORD_WEBHOOK: '1/x',
    SECRET_GITHUB_WEBHOOK_SECRET: 'x',
    SECRET_GITHUB_TOKEN: 'x',
    SECRET_PAGERDUTY_KEY: 'x',
  });
  expect(valid).toMatchObject({ status: 0, stdout: expect.not.stringContaining('note') });
  expect((await cli(['run', 'tea.yaml', '--dry-run'])).status).toBe(0);
  const greeting = await cli(['run', 'greeting.yaml', '--param', 'name=Ada']);
  expect(greeting).toMatchObject({ status: 0, stdout: 'Hello Ada!\n' });
});

test('what a budget has no room for is told', async () => {
  const ask = (id: string, model: string) => ({
    id,
    action: 'openai_chat',
    params: { model, prompt: 'x'.repeat(400), max_tokens: 200 },
  });
  const steps = [ask('known', 'gpt-4'), ask('unknown', 'no-such-model'), { id: 'what', action: 'no_such_action' }];
  await write('poor.json', { name: 'Poor', budget: { usd: 0.01, tokens: 500, calls: 1 }, steps });
  const { stdout, status } = await cli(['run', 'poor.json', '--dry-run'], { OPENAI_API_KEY: 'sk-canary' });
  const used = "and the workflow's budget is";
  const end = 'when it is used up, steps are paused';
  expect(stdout.split('\n').filter((line) => line.startsWith('note: '))).toEqual([
    'note: action no_such_action is not known here and would be simulated',
    'note: a budget in dollars would pause unknown, whose price is not known: name the model in PRICES_FILE, or set a budget in tokens or calls',
    `note: the calls may take $0.015, ${used} $0.01: ${end}`,
    `note: the calls may take 600 tokens, ${used} 500 tokens: ${end}`,
    `note: the calls may take 2 calls, ${used} 1 call: ${end}`,
  ]);
  expect(stdout).toContain('be simulated: nobody knows this action');
  expect(status).toBe(4);
});

test('--server, --data and --offline make no sense with it', async () => {
  for (const option of [
    ['--server', 'http://127.0.0.1:1'],
    ['--data', '.'],
  ]) {
    const { status, stderr } = await cli(['run', 'page-digest', '--dry-run', ...option]);
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: '--dry-run keeps nothing and asks no server: leave out --server and --data\n',
    });
  }
  const { status, stderr } = await cli(['run', 'page-digest', '--dry-run', '--offline']);
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr: '--dry-run calls nobody in any case: leave out --offline\n',
  });
});

const flow = () => ({
  id: 'flow',
  name: 'Flow',
  params: { type: 'object', properties: { day: { type: 'string' } } },
  steps: [
    { id: 'find', action: 'http_request', params: { url: `${standIn.baseUrl}/links` } },
    {
      id: 'pages',
      dependencies: ['find'],
      forEach: { page: '{{steps.find.outputs.json.links}}' },
      steps: [
        { id: 'fetch', action: 'http_request', params: { url: '{{page.url}}' } },
        {
          id: 'sum',
          action: 'openai_chat',
          when: 'size(steps.fetch.outputs.content) > 1000000',
          dependencies: ['fetch'],
          params: { model: 'gpt-4', prompt: '{{page.title}}', max_tokens: 100 },
        },
      ],
    },
    {
      id: 'refine',
      dependencies: ['pages'],
      repeat: { until: 'false', max: 5, every: '3d' },
      steps: [
        { id: 'judge', action: 'openai_chat', params: { model: 'gpt-4', prompt: 'Why?', max_tokens: 10 } },
        {
          id: 'twice',
          forEach: [1, 2],
          action: 'openai_chat',
          params: { model: 'gpt-4', prompt: '{{item}}?', max_tokens: 1 },
        },
      ],
    },
    { id: 'ask', action: 'approval', dependencies: ['refine'], params: { message: 'Go?', data: { type: 'object' } } },
    { id: 'data', action: 'external_data', params: { within: '1h', otherwise: 'fail' } },
    { id: 'tone', action: 'render', dependencies: ['ask'], params: { template: '{{steps.ask.outputs.data.tone}}' } },
    { id: 'rest', action: 'delay', params: { for: '2h' } },
    { id: 'alarm', action: 'noop', join: 'failed', dependencies: ['pages'] },
  ],
  finally: [
    {
      id: 'end',
      action: 'render',
      params: { template: '{{ o }}', data: { o: "{{workflow.outcome}} {{params.day ?? 'today'}}" } },
    },
  ],
});

test('conditions count as true, loops run once and count to their most, and what comes after a failure stands apart', async () => {
  await write('flow.json', flow());
  const { status, stdout } = await cli(['run', 'flow.json', '--dry-run', '--json'], settings());
  const summary = JSON.parse(stdout);
  expect(summary.steps.filter((step: { status: string }) => step.status !== 'COMPLETED')).toEqual([]);
  expect(status).toBe(0);
  const steps = new Map(summary.steps.map((step: { id: string }) => [step.id, step]));
  expect(steps.get('pages.0.fetch')).toMatchObject({ would: { url: 'https://made-up.invalid/' }, times: 1 });
  expect(steps.get('pages.0.sum')).toMatchObject({ when: 'size(steps.fetch.outputs.content) > 1000000' });
  expect(steps.get('refine.0.twice.1')).toMatchObject({ times: 5 });
  expect(steps.get('rest')).toMatchObject({ would: { kind: 'wait', ms: 7_200_000 } });
  expect(steps.has('alarm')).toBe(false);
  expect(summary.after_failure).toEqual([{ id: 'alarm', action: 'noop', when: null }]);
  expect(summary.models).toMatchObject({ calls: 1 + 5 * 3, output_tokens: 100 + 5 * (10 + 1 + 1) });
  expect(summary.waves[0]).toEqual(['find', 'data', 'rest']);
  expect(summary.waves.at(-1)).toEqual(['end']);
  expect(summary.notes).toEqual(
    expect.arrayContaining([
      'nobody can know the list of step pages yet: it has one made-up item (--items)',
      'step refine runs one round here and at most 5 in a run: its calls are counted as often',
    ]),
  );
  expect(await notes()).toEqual([]);
});

test('groups make their steps, empty waves are left out, an address shows that it has a query, links of a page are tried', async () => {
  const http = (id: string, path: string, more = {}) => ({
    id,
    action: 'http_request',
    params: { url: `${standIn.baseUrl}${path}` },
    ...more,
  });
  const links = { html: '{{steps.page.outputs.content}}', url: `${standIn.baseUrl}/list`, sameSite: true };
  await write('links.json', {
    name: 'links',
    steps: [
      http('page', '/list?key=hidden'),
      { id: 'links', action: 'html_links', dependencies: ['page'], params: links },
      { id: 'repair', action: 'noop', join: 'failed', dependencies: ['page'] },
      { id: 'after', action: 'noop', join: 'ended', dependencies: ['repair'] },
      {
        id: 'each',
        forEach: { link: '{{steps.links.outputs.links}}' },
        dependencies: ['links'],
        action: 'http_request',
        params: { url: '{{link.url}}' },
      },
      { id: 'none', forEach: [], action: 'noop' },
      { id: 'poll', repeat: { until: 'true', max: 2 }, action: 'noop' },
      { id: 'alone', action: 'noop', join: 'ended', dependencies: ['repair', 'each'] },
    ],
  });
  const { stdout, stderr } = await cli(['run', 'links.json', '--dry-run', '--json'], settings());
  expect(stderr).not.toContain('hidden');
  const summary = JSON.parse(stdout);
  const doing = Object.fromEntries(
    summary.steps.map(({ id, would, group }: { id: string; would: { url?: string } | null; group?: true }) => [
      id,
      group ?? would?.url ?? null,
    ]),
  );
  expect(doing).toEqual({
    page: `${standIn.baseUrl}/list?…`,
    none: true,
    poll: true,
    links: null,
    'poll.0': null,
    each: true,
    after: null,
    'each.0': `${standIn.baseUrl}/made-up`,
    alone: null,
  });
  expect(summary.waves).toEqual([
    ['page', 'none', 'poll'],
    ['links', 'poll.0'],
    ['after', 'each'],
    ['each.0'],
    ['alone'],
  ]);
  expect(summary.notes).toContain('the list of step none is empty here: its steps were not tried');
  const text = await cli(['run', 'links.json', '--dry-run'], settings());
  expect(text.stdout).toMatch(/each +http_request +COMPLETED +make its steps\n/);
  expect(text.stdout).toContain('9 steps in 5 waves');

  await write('later.json', {
    name: 'later',
    steps: [
      { id: 'a', action: 'noop' },
      { id: 'b', action: 'noop', join: 'failed', dependencies: ['a'] },
      { id: 'c', action: 'noop', join: 'ended', dependencies: ['b'] },
    ],
  });
  const later = await cli(['run', 'later.json', '--dry-run'], settings());
  expect(later.stdout).toContain('2 steps in 2 waves');
  expect(later.stdout).toMatch(/\n2 +c /);
});

test('--items says how many items a list has that nobody can know', async () => {
  await write('flow.json', flow());
  const { stdout } = await cli(['run', 'flow.json', '--dry-run', '--items', '3'], settings());
  expect(stdout).toMatch(/\n3 +pages\.2\.fetch .*send GET https:\/\/made-up\.invalid\//);
  expect(stdout).toContain('it has 3 made-up items (--items)');
  expect(stdout).toContain('only after a failure: alarm\n');
  expect(stdout).toMatch(/refine\.0\.judge .*, up to 5 times\n/);
  const other = await cli(['run', 'flow.json', '--items', '3'], settings());
  expect([other.status, other.stderr]).toEqual([2, '--items is for --dry-run\n']);
});

test('what reads a made-up answer as a feed or as XML is made up itself, and known lists of a map stay', async () => {
  const definition = {
    name: 'feeds',
    params: { ways: ['a', 'b', 'c'] },
    steps: [
      { id: 'get', action: 'http_request', params: { url: 'https://example.com/feed' } },
      { id: 'feed', action: 'feed_parse', dependencies: ['get'], params: { text: '{{steps.get.outputs.content}}' } },
      { id: 'xml', action: 'xml_parse', dependencies: ['get'], params: { xml: '{{steps.get.outputs.content}}' } },
      {
        id: 'each',
        dependencies: ['feed'],
        forEach: {
          entry: '{{steps.feed.outputs.items}}',
          way: '{{params.ways}}',
          other: '{{steps.xml.outputs.value.x}}',
        },
        action: 'render',
        params: { template: '{{ d.t }} {{ d.w }}', data: { d: { t: '{{entry.title}}', w: '{{way}}' } } },
      },
      {
        id: 'place',
        action: 'render',
        dependencies: ['xml'],
        params: { template: '{{ v }}', data: { v: '{{steps.xml.outputs.value.urlset.url}}' } },
      },
    ],
  };
  Object.assign(definition.steps[3] as object, { dependencies: ['feed', 'xml'] });
  await writeFile(join(cwd, 'feeds.json'), JSON.stringify(definition));
  const { stdout, stderr, status } = await runCli(['run', 'feeds.json', '--dry-run', '--json'], { cwd });
  expect([stderr, status]).toEqual([expect.any(String), 0]);
  const summary = JSON.parse(stdout);
  expect(summary.steps.map((step: { id: string; status: string }) => `${step.id} ${step.status}`)).toEqual(
    ['get', 'feed', 'xml', 'each', 'place', 'each.0', 'each.1', 'each.2'].map((id) => `${id} COMPLETED`),
  );
});

test('data from outside does not expire in a dry run, and a `within` that is none is told', async () => {
  const definition = (within: string) => ({
    name: 'late',
    params: { within },
    steps: [{ id: 'late', action: 'external_data', params: { within: '{{params.within}}' } }],
  });
  await writeFile(join(cwd, 'late.json'), JSON.stringify(definition('1ms')));
  expect(await runCli(['run', 'late.json', '--dry-run'], { cwd })).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('dry run of late: COMPLETED'),
  });
  await writeFile(join(cwd, 'odd.json'), JSON.stringify(definition('soon')));
  const odd = await runCli(['run', 'odd.json', '--dry-run'], { cwd });
  expect(odd.stdout).toContain('within is no duration as in 30m or 2d: "soon"');
});
