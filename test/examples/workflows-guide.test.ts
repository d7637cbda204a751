/**
 * Goal: no example of docs/workflows.md and README.md can be wrong. Method: each is taken from its page and run; what the
 * page says that its steps end as and give (`<!-- ends: … -->`, `<!-- outputs: … -->`, `<!-- gathered: … -->`) is compared. Times are
 * made short, addresses point to a stand-in.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import type { Workflow } from '../../src/contract/workflow.ts';
import { article, ExampleRuns, endsOf, examplesDir, stepOf, type World } from './example-runs.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const guide = `${readFileSync('docs/workflows.md', 'utf8')}\n${readFileSync('README.md', 'utf8')}`;
const blocks = (kind: string) =>
  [...guide.matchAll(new RegExp(`<!-- ${kind}: (\\S+)([^>]*) -->\\n\`\`\`\\w+\\n([\\s\\S]*?)\`\`\``, 'g'))].map(
    ([, file = '', more = '', text = '']) => ({ file, words: more.trim().split(' '), text }),
  );
const files = blocks('file');

const long = 'It is picked in spring and dried in the sun. '.repeat(20);

/** What stands outside, for each example. */
const worlds: Record<string, World> = {
  'hello.yaml': {},
  'tea.yaml': { page: () => article('Tea', `Tea is a drink. ${long}`) },
  'choice.yaml': {},
  'fallback.yaml': { page: ({ path }) => (path === '/archive' ? article('The archive', long) : undefined) },
  'pages.yaml': {
    page: ({ path }) => {
      if (path === '/gone') return undefined;
      return article(path === '/green' ? 'Green tea' : 'Black tea', long);
    },
  },
  'matrix.yaml': {},
  'batch.yaml': { page: () => ({}) },
  'export.yaml': { page: toExport() },
  'poll.yaml': { page: toExport() },
  'book.yaml': { model: translate },
  'lock.yaml': { page: ({ path }) => (path === '/gone' ? undefined : {}) },
  'publish.yaml': {},
  'later.yaml': {},
  'capture.yaml': { page: () => ({}) },
  'default.yaml': {},
  'greeting.yaml': {},
  'welcome.yaml': {},
  'map.yaml': { page: () => article('Tea', long) },
};

/** Done when it is asked the third time. */
function toExport(): NonNullable<World['page']> {
  let asked = 0;
  return ({ path }) => {
    if (path === '/file') return 'a,b';
    asked += 1;
    return asked < 3 ? { state: 'busy' } : { state: 'done', file: 'https://site.example/file' };
  };
}

/** The first translation of chapter one is bad. */
function translate(prompt: string): string {
  if (prompt.startsWith('Judge')) {
    return JSON.stringify(
      prompt.includes('Chapitre une.') ? { score: 0.2, faults: 'gender' } : { score: 1, faults: '' },
    );
  }
  if (prompt.includes('Chapter two.')) return 'Chapitre deux.';
  return prompt.includes('What was wrong with it: gender') ? 'Chapitre un.' : 'Chapitre une.';
}

/** The example with waits of milliseconds, and its answers from the stand-in. */
function toDefinition(text: string): Record<string, unknown> {
  return parse(
    text.replace(/\b(within|for|every): \d+[smhd]\b/g, '$1: 20ms').replace(/example\.(?:org|com)/g, 'site.example'),
  );
}

let runs: ExampleRuns;
const done = new Map<string, Workflow>();
beforeAll(async () => {
  runs = await ExampleRuns.start();
  // The template that another example runs.
  await runs.addTemplate('greeting.yaml', files.find(({ file }) => file === 'greeting.yaml')?.text ?? '');
});
afterAll(() => runs.close());

async function run(file: string): Promise<Workflow> {
  const known = done.get(file);
  if (known) return known;
  const { id, ...definition } = toDefinition(files.find((each) => each.file === file)?.text ?? '');
  const { page, ...rest } = worlds[file] ?? {};
  // Addresses within answers are the stand-in's too.
  runs.world = page ? { ...rest, page: (asked) => toLocal(page(asked)) } : rest;
  const workflow = await runs.definition(
    id === undefined ? definition : { ...definition, params: { name: 'Ada', mark: '!' } },
  );
  done.set(file, workflow);
  return workflow;
}

function toLocal<T>(answer: T): T {
  return typeof answer === 'object' ? (runs.local(answer) as T) : answer;
}

test('every example has a world', () => {
  expect(files.map(({ file }) => file).sort()).toEqual(Object.keys(worlds).sort());
});

test('every example is listed', () => {
  const listed = [...guide.matchAll(/^\| `(\S+\.yaml)` \|/gm)].map(([, name]) => name);
  expect(listed).toEqual(readdirSync(examplesDir).sort());
});

const fails = ['lock.yaml'];

test.each(files.map(({ file }) => file))('%s runs', async (file) => {
  const workflow = await run(file);
  const failed = workflow.steps.filter(({ status }) => status === 'FAILED').map(({ id, error }) => `${id}: ${error}`);
  if (fails.includes(file)) expect(workflow.status).toBe('FAILED');
  else expect({ status: workflow.status, failed }).toEqual({ status: 'COMPLETED', failed: [] });
  expect(workflow.warnings).toEqual([]);
});

describe('what the page says', () => {
  test.each(blocks('ends'))('of how the steps of $file end', async ({ file, text }) => {
    expect(endsOf(await run(file))).toEqual(parse(text));
  });

  test.each(blocks('outputs'))('of the outputs in $file: $words.0', async ({ file, words, text }) => {
    expect(stepOf(await run(file), words[0] ?? '').outputs).toEqual(JSON.parse(text));
  });

  test.each(blocks('gathered'))('of what is gathered in $file: $words', async ({ file, words, text }) => {
    const [step = '', field = ''] = words;
    const { outputs } = await runs.engine.getStep((await run(file)).id, step);
    expect(outputs?.[field]).toEqual(JSON.parse(text));
    // A reference gathers the same.
    const definition = toDefinition(files.find((each) => each.file === file)?.text ?? '') as { steps: object[] };
    const params = { input: { value: `{{steps.${step}.outputs.${field}}}` }, expression: 'value' };
    const probe = { id: 'probe', dependencies: [step], action: 'transform', params };
    runs.world = worlds[file] ?? {};
    const workflow = await runs.definition({ ...definition, steps: [...definition.steps, probe] });
    expect(stepOf(workflow, 'probe').outputs?.value).toEqual(JSON.parse(text));
  });
});

test('the loop within the map asks once more where the judge was not content', async () => {
  const { steps } = await run('book.yaml');
  const rounds = steps.filter(({ action }) => action === 'openai_chat').map(({ id }) => id);
  expect(rounds.filter((id) => id.endsWith('.translate')).sort()).toEqual([
    'chapters.0.drafts.0.translate',
    'chapters.0.drafts.1.translate',
    'chapters.1.drafts.0.translate',
  ]);
});

test('finally tells what failed', async () => {
  await run('lock.yaml');
  done.delete('lock.yaml');
  await run('lock.yaml');
  expect(runs.at('POST', '/alarm').map(({ body }) => body)).toEqual([{ text: 'Failed: ["work"]' }]);
  expect(runs.at('DELETE', '/lock')).toHaveLength(1);
});

test('a batch is a list', async () => {
  done.delete('batch.yaml');
  await run('batch.yaml');
  expect(runs.at('POST', '/orders').map(({ body }) => body)).toEqual([
    { orders: [1, 2] },
    { orders: [3, 4] },
    { orders: [5] },
  ]);
});

describe('the table of joins', () => {
  const made: Record<string, object> = {
    ran: { action: 'noop' },
    skipped: { action: 'noop', when: 'false' },
    tolerated: { action: 'transform', tolerate: true, params: { input: {}, expression: '$error("no")' } },
    lost: { action: 'transform', params: { input: {}, expression: '$error("no")' } },
  };
  const rows = [...guide.matchAll(/^\| (.+) \| (runs|skipped|`STOPPED`[^|]*) \| (.+) \| (.+) \| (.+) \|$/gm)].map(
    ([, dependencies = '', ...cells]) => ({ dependencies, cells }),
  );
  const joins = ['all', 'any', 'ended', 'failed'];
  const mixes = ({ dependencies }: { dependencies: string }) => {
    if (dependencies.startsWith('(')) return [[]];
    return dependencies.includes('lost')
      ? [['lost'], ['ran', 'lost'], ['skipped', 'lost'], ['tolerated', 'lost'], ['ran', 'skipped', 'tolerated', 'lost']]
      : [dependencies.split(' + ')];
  };
  const ends: Record<string, string> = { runs: 'COMPLETED', skipped: 'skipped' };

  test('has nine rows', () => {
    expect(rows).toHaveLength(9);
  });

  test.each(rows.flatMap((row) => mixes(row).map((mix) => ({ mix, cells: row.cells }))))(
    '$mix: $cells',
    async ({ mix, cells }) => {
      const taken = joins.filter((_, i) => cells[i] !== 'refused');
      const steps = [
        ...mix.map((end) => ({ id: end, ...made[end] })),
        ...taken.map((join) => ({ id: join, action: 'noop', dependencies: mix, join })),
      ];
      const seen = endsOf(await runs.definition({ name: 'J', steps }));
      expect(taken.map((join) => seen[join])).toEqual(
        taken.map((join) => ends[cells[joins.indexOf(join)] ?? ''] ?? 'STOPPED'),
      );
      for (const join of joins.filter((each) => !taken.includes(each))) {
        const refused = { name: 'J', steps: [{ id: 'a', action: 'noop', dependencies: mix, join }] };
        await expect(runs.engine.submit(refused)).rejects.toThrow('there are none');
      }
    },
  );
});
