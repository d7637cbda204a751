/**
 * Goal: what real files of other systems do, ours do too. Method: each file of workflows/examples that is written after one
 * runs as a template, and gives what the other file would give of the same pages and answers.
 */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { article, discordWebhook, ExampleRuns, endsOf, examplesDir, stepOf } from './example-runs.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const files = readdirSync(examplesDir).filter((name) => name.startsWith('from-'));

let runs: ExampleRuns;
beforeAll(async () => {
  runs = await ExampleRuns.start(files);
});
afterAll(() => runs.close());

test('n8n: the model reads pages until it can answer, told of those that are not there or too long', async () => {
  const prompts: string[] = [];
  const wishes = ['gone', 'long', 'tea'];
  runs.world = {
    page: ({ path }) => {
      if (path === '/gone') return 404;
      return article('Tea', path === '/long' ? 'Tea is long. '.repeat(500) : 'Tea has 2 grams of it. '.repeat(20));
    },
    model: (prompt) => {
      prompts.push(prompt);
      const wish = wishes[prompts.length - 1];
      return JSON.stringify(wish ? { url: `${runs.origin}/${wish}`, format: 'text' } : { answer: 'Two grams.' });
    },
  };
  const workflow = await runs.template('from-n8n-scraping-agent', { question: 'How much?', limit: 1_000 });
  expect(stepOf(workflow, 'answer').outputs?.content).toBe('Two grams.');
  expect(prompts[0]).toContain('Pages so far: none');
  expect(prompts[1]).toContain('"page":"NOT THERE"');
  expect(prompts[2]).toContain('"page":"TOO LONG"');
  expect(prompts[3]).toContain('Tea has 2 grams of it.');
});

test('Dify: each piece goes through four calls, and the pieces are joined in order', async () => {
  const asked: string[] = [];
  runs.world = {
    model: (prompt) => {
      const piece = /chapter (\d+)/.exec(prompt)?.[1];
      const kind = /^(List|Translate into|Name|Translate anew)/.exec(prompt)?.[1] ?? '?';
      asked.push(`${piece} ${kind}`);
      return kind === 'Translate anew' ? `Kapitel ${piece}.` : `${kind} ${piece}`;
    },
  };
  const text = [1, 2, 3].map((n) => `This is chapter ${n}. ${'It goes on. '.repeat(40)}`).join('\n\n');
  const params = { text, language: 'German', size: 600 };
  const workflow = await runs.template('from-dify-book-translation', params);
  const { count } = stepOf(workflow, 'pieces').outputs as { count: number };
  expect(count).toBe(3);
  expect(stepOf(workflow, 'book').outputs?.content).toBe('Kapitel 1. Kapitel 2. Kapitel 3.');
  for (const piece of [1, 2, 3]) {
    expect(asked.filter((each) => each.startsWith(`${piece} `))).toEqual([
      `${piece} List`,
      `${piece} Translate into`,
      `${piece} Name`,
      `${piece} Translate anew`,
    ]);
  }
});

test('Kestra: the question is answered from what the index has found for the course', async () => {
  let seen = '';
  const hits = [{ _source: { section: 'General', question: 'Late?', text: 'Yes, you can.' } }];
  runs.world = {
    page: () => ({ hits: { hits } }),
    model: (prompt) => {
      seen = prompt;
      return 'You can.';
    },
  };
  const workflow = await runs.template('from-kestra-chat-with-your-data', { course: 'machine-learning-zoomcamp' });
  expect(stepOf(workflow, 'answer').outputs?.content).toBe('You can.');
  expect(seen).toContain('Section: General\nQuestion: Late?\nText: Yes, you can.');
  const [search] = runs.at('POST', '/course_questions/_search');
  expect(search?.body).toMatchObject({
    size: 5,
    query: { bool: { filter: { term: { course: 'machine-learning-zoomcamp' } } } },
  });
});

test('Argo data-transformations: the main logs, and nothing else, are read', async () => {
  const lines = Array.from({ length: 20 }, (_, i) => `line ${i}`).join('\n');
  runs.world = {
    page: ({ path }) => (path === '/store' ? ['a/main.log', 'b/other.log', 'c/main.log'] : `${path}\n${lines}`),
  };
  const workflow = await runs.template('from-argo-data-transformations', { store: `${runs.origin}/store` });
  const report = String(stepOf(workflow, 'report').outputs?.content);
  expect(report).toContain('a/main.log\n/store/a/main.log\nline 0\n');
  expect(report).toContain('c/main.log\n/store/c/main.log\n');
  expect(report).toContain('line 8');
  expect(report).not.toContain('line 9');
  expect(runs.asked.map(({ path }) => path).sort()).toEqual(['/store', '/store/a/main.log', '/store/c/main.log']);
});

test('Argo map-reduce: four parts of 1 to 4, doubled, are 20', async () => {
  expect(stepOf(await runs.template('from-argo-map-reduce'), 'reduce').outputs?.value).toEqual({ total: 20 });
  const one = await runs.template('from-argo-map-reduce', { parts: 1 });
  expect(stepOf(one, 'reduce').outputs?.value).toEqual({ total: 2 });
});

test('Argo dag-enhanced-depends: what should run runs, and what should not does not', async () => {
  expect(endsOf(await runs.template('from-argo-dag-enhanced-depends'))).toEqual({
    A: 'COMPLETED',
    B: 'COMPLETED',
    C: 'tolerated',
    'should-execute-1': 'COMPLETED',
    'should-execute-2': 'COMPLETED',
    'should-not-execute': 'skipped',
    'should-execute-3': 'COMPLETED',
  });
});

test('LangGraph: each loop searches for the gap of the last, and the sources come once each', async () => {
  const summaries: string[] = [];
  runs.world = {
    page: ({ query }) => ({
      results: [
        { title: `About ${query.q}`, url: `http://x/${query.q}`, content: `Found ${query.q}.` },
        { title: 'Tea', url: 'http://x/tea', content: 'Tea.' },
      ],
    }),
    model: (prompt) => {
      if (prompt.startsWith('Write a query')) return JSON.stringify({ query: 'q0' });
      if (prompt.startsWith('What is missing')) return JSON.stringify({ gap: 'x', query: `q${summaries.length}` });
      summaries.push(prompt);
      return `Summary ${summaries.length}.`;
    },
  };
  const params = { topic: 'Tea', loops: 2, searxng: `${runs.origin}/search` };
  const workflow = await runs.template('from-langgraph-deep-researcher', params);
  expect(stepOf(workflow, 'report').outputs?.content).toBe(
    '## Summary\nSummary 2.\n\n### Sources:\n* About q0 : http://x/q0\n* Tea : http://x/tea\n* About q1 : http://x/q1',
  );
  expect(runs.at('GET', '/search').map(({ query }) => query.q)).toEqual(['q0', 'q1']);
  expect(summaries[1]).toContain('Summary so far: Summary 1.');
});

test.each([
  ['when the check succeeds', 3, { rounds: 3, done: true }],
  ['when it never does', 9, { rounds: 4, done: false }],
])('Dagu: the loop ends %s, with the handlers of success and of the end', async (_when, good, outputs) => {
  let asked = 0;
  runs.world = {
    page: ({ path }) => {
      if (path !== '/check') return {};
      asked += 1;
      return { ok: asked >= good, feedback: `marker-${asked}` };
    },
  };
  const workflow = await runs.template('from-dagu-loop', { check: `${runs.origin}/check` });
  expect(workflow.status).toBe('COMPLETED');
  expect(stepOf(workflow, 'loop').outputs).toEqual(outputs);
  const texts = runs.at('POST', '/check').map(({ body }) => (body as { text: string }).text);
  expect(texts.slice(0, 2)).toEqual(['Round 1 of 4, feedback: none', 'Round 2 of 4, feedback: marker-1']);
  expect(
    runs.asked
      .slice(-2)
      .map(({ path }) => path)
      .sort(),
  ).toEqual(['/done/exit', '/done/success']);
  expect(endsOf(workflow).failure).toBe('skipped');
});

test('GitHub Actions: the newest five, summed up, and the tasks of the day are sent', async () => {
  const item = (n: number) => `<item><title>News ${n}</title><description>About ${n}.</description></item>`;
  const feed = `<?xml version="1.0"?><rss version="2.0"><channel>${[1, 2, 3, 4, 5, 6].map(item).join('')}</channel></rss>`;
  const answer = (prompt: string) => (prompt.includes('News 3') ? 400 : `Sum of ${/News \d/.exec(prompt)?.[0]}.`);
  runs.world = { page: ({ path }) => (path === '/feed' ? feed : {}), model: answer };
  const tasks = [
    { date: '2026-01-31', task: 'Read' },
    { date: '2026-02-01', task: 'Sleep' },
    { date: 'every', task: 'Walk' },
  ];
  const params = { day: '2026-01-31', feed: `${runs.origin}/feed`, tasks };
  const workflow = await runs.template('from-github-actions-daily-news', params);
  expect(workflow.status).toBe('COMPLETED');
  expect(JSON.stringify(workflow)).not.toContain('a-token-of-discord');
  const sent = () => {
    const [content] = runs
      .at('POST', `/api/webhooks/${discordWebhook}`)
      .map(({ body }) => (body as { content: string }).content);
    return content?.replace(/\n+/g, '\n').trim();
  };
  expect(sent()).toBe(
    '**Tasks of 2026-01-31**\n- Read\n- Walk\n**News**\n1. Sum of News 1.\n2. Sum of News 2.\n3. (no summary)\n' +
      '4. Sum of News 4.\n5. Sum of News 5.',
  );

  runs.world = { page: ({ path }) => (path === '/feed' ? 404 : {}), model: answer };
  await runs.template('from-github-actions-daily-news', { ...params, tasks: [] });
  expect(sent()).toBe('**Tasks of 2026-01-31**\nNothing to do today.\n**News**\nNo news could be fetched.');
});

test('every file has been run', () => {
  expect([...runs.ran].map((id) => `${id}.yaml`).sort()).toEqual(files.sort());
});
