/**
 * Goal: the examples that a reader is given do what their first line says. Method: each file of workflows/examples that is
 * numbered runs as a template; the stand-in is its whole world, and is asked afterwards what reached it.
 */
import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { signGithub } from '../fixtures/hook-senders.ts';
import { article, ExampleRuns, endsOf, examplesDir, githubSecrets, readExample, stepOf } from './example-runs.ts';

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

const files = readdirSync(examplesDir).filter((name) => /^\d/.test(name));

let runs: ExampleRuns;
beforeAll(async () => {
  runs = await ExampleRuns.start(files);
});
afterAll(() => runs.close());

test('01 puts the pages that are there into the store, and says how many', async () => {
  runs.world = {
    page: ({ method, path }) => {
      if (method === 'POST') return {};
      return path === '/page-4' ? 404 : article(`Page ${path.slice(-1)}`, 'Tea is made from leaves. '.repeat(80));
    },
  };
  const urls = Array.from({ length: 10 }, (_, i) => `${runs.origin}/page-${i}`);
  const workflow = await runs.template('rag-ingest', { urls, store: `${runs.origin}/store` });
  expect(stepOf(workflow, 'report').outputs?.content).toBe('9 of 10 pages are in the store.');
  expect(stepOf(workflow, 'pages').outputs).toEqual({ count: 10, failed: 1, skipped: 0 });
  const stored = runs.at('POST', '/store').map(({ body }) => body as { title: string; pieces: unknown[] });
  expect(stored.map(({ title }) => title).sort()).toEqual([0, 1, 2, 3, 5, 6, 7, 8, 9].map((n) => `Page ${n}`));
  for (const { pieces } of stored) expect(pieces.length).toBeGreaterThan(1);
});

test('02 takes the answer that the judge names by its place, though one model has failed', async () => {
  runs.world = {
    model: (prompt, { provider }) => {
      if (prompt.startsWith('Which of these')) return JSON.stringify({ best: 2, why: 'It is short.' });
      return provider === 'deepseek' ? 400 : `${provider} says so.`;
    },
  };
  const workflow = await runs.template('vote-with-judge', { question: 'Why?' });
  expect(stepOf(workflow, 'answer').outputs?.value).toEqual({ answer: 'gemini says so.', why: 'It is short.' });
  expect(stepOf(workflow, 'answers.1').outcome).toBe('tolerated');
});

test('03 goes on until the judge is content, and gives each round what the one before has written', async () => {
  const prompts: string[] = [];
  const research = (scores: number[]) => (prompt: string) => {
    prompts.push(prompt);
    if (prompt.startsWith('Topic:')) return JSON.stringify({ queries: ['green tea', 'gone'] });
    if (prompt.startsWith('Write')) return `Report ${scores.length}.`;
    return JSON.stringify({ score: scores.shift(), missing: 'sources' });
  };
  runs.world = {
    page: ({ query }) => (query.q === 'gone' ? 404 : { found: query.q }),
    model: research([0.4, 0.9]),
  };
  const workflow = await runs.template('research', { topic: 'Tea', search: `${runs.origin}/search` });
  expect(stepOf(workflow, 'report').outputs?.content).toBe('Report 1.');
  expect(stepOf(workflow, 'research').outputs).toEqual({ rounds: 2, done: true });
  const [first, second] = prompts.filter((prompt) => prompt.startsWith('Topic:'));
  expect(first).toContain('Report so far: none\nWhat is missing: everything');
  expect(second).toContain('Report so far: Report 2.\nWhat is missing: sources');
  expect(prompts.filter((prompt) => prompt.startsWith('Write'))[0]).toContain('green tea');

  runs.world = { page: () => ({}), model: research([0, 0, 0, 0, 0]) };
  const never = await runs.template('research', { topic: 'Tea', search: `${runs.origin}/search` });
  expect(stepOf(never, 'report').outputs?.content).toBe('Report 1. (Not yet good enough after 5 rounds.)');
});

test('04 sums up every piece, and then the sums in the order of the pieces', async () => {
  let last = '';
  runs.world = {
    model: (prompt) => {
      const part = /^Sum up part (\d+)/.exec(prompt)?.[1];
      if (part !== undefined) return `Sum of part ${part}.`;
      last = prompt;
      return 'The whole.';
    },
  };
  const text = Array.from({ length: 500 }, (_, i) => `Sentence ${i} of a long document about tea and its leaves.`).join(
    ' ',
  );
  const workflow = await runs.template('long-summary', { text });
  expect(stepOf(workflow, 'summary').outputs?.content).toBe('The whole.');
  const { count } = stepOf(workflow, 'parts').outputs as { count: number };
  expect(count).toBeGreaterThanOrEqual(3);
  expect([...last.matchAll(/Sum of part (\d+)/g)].map(([, part]) => Number(part))).toEqual(
    Array.from({ length: count }, (_, i) => i),
  );
});

/** The file with a shorter time to decide in: nobody decides. */
async function undecided(file: string, params: Record<string, unknown>) {
  const definition = await readExample(file, params);
  const text = JSON.stringify(definition).replace(/"within":"\d+d"/, '"within":"20ms"');
  return JSON.parse(text) as unknown;
}

test('05 publishes nothing when nobody has decided in time', async () => {
  runs.world = { page: () => ({}), model: () => 'Tea is good.' };
  const params = { topic: 'Tea', endpoint: `${runs.origin}/publish` };
  const workflow = await runs.definition(await undecided('05-approve-before-publishing.yaml', params));
  expect(endsOf(workflow)).toEqual({
    draft: 'COMPLETED',
    review: 'COMPLETED',
    publish: 'skipped',
    drop: 'COMPLETED',
  });
  expect(stepOf(workflow, 'drop').outputs?.content).toBe('Not published: nobody answered');
  expect(runs.asked).toEqual([]);
});

test('11 fails when nobody has decided in time', async () => {
  runs.world = { model: () => 'Tea is good.' };
  const workflow = await runs.definition(await undecided('11-human-feedback.yaml', { brief: 'About tea.' }));
  expect(workflow.status).toBe('FAILED');
  expect(stepOf(workflow, 'drafts').error).toContain('round 0 failed: EXPIRED: nobody decided until');
});

test('05 publishes the text that the person has changed', async () => {
  runs.world = { page: () => ({}), model: () => 'Tea is good.' };
  const params = { topic: 'Tea', endpoint: `${runs.origin}/publish` };
  const { id } = await runs.waiting('publish-post', params);
  expect((await runs.engine.getStep(id, 'review')).message).toBe('Publish this?\n\nTea is good.');
  await runs.engine.decide(id, 'review', { approved: true, data: { text: 'Tea is very good.' } });
  const { workflow } = await runs.engine.finished(id);
  expect(endsOf(workflow)).toMatchObject({ publish: 'COMPLETED', drop: 'skipped' });
  expect(runs.at('POST', '/publish').map(({ body }) => body)).toEqual([{ text: 'Tea is very good.' }]);
});

test('05 says why it was not published', async () => {
  runs.world = { model: () => 'Tea is good.' };
  const { id } = await runs.waiting('publish-post', { topic: 'Tea', endpoint: `${runs.origin}/publish` });
  await runs.engine.decide(id, 'review', { approved: false, comment: 'too short' });
  const { workflow } = await runs.engine.finished(id);
  expect(stepOf(workflow, 'drop').outputs?.content).toBe('Not published: too short');
});

test('11 writes again with what was said, until it is approved', async () => {
  const prompts: string[] = [];
  runs.world = { model: (prompt) => `Draft ${prompts.push(prompt)}.` };
  const { id } = await runs.waiting('feedback-loop', { brief: 'About tea.' });
  await runs.engine.decide(id, 'drafts.0.review', { approved: false, comment: 'too dry' });
  await runs.engine.get(id, { waitMs: 60_000 });
  await runs.engine.decide(id, 'drafts.1.review', { approved: true });
  const { workflow } = await runs.engine.finished(id);
  expect(stepOf(workflow, 'final').outputs?.content).toBe('Draft 2.');
  expect(prompts[0]).toContain('Your last draft: none yet\nWhat was said of it: nothing yet');
  expect(prompts[1]).toContain('Your last draft: Draft 1.\nWhat was said of it: too dry');
});

test('08 follows the links of a site level by level, each page once, and stays on the site', async () => {
  const links: Record<string, string[]> = {
    '/': ['/a', '/b', 'http://elsewhere.test/'],
    '/a': ['/', '/b', '/a1', '/gone'],
    '/b': ['/a1'],
    '/a1': ['/deep'],
  };
  runs.world = {
    page: ({ path }) => {
      const found = links[path];
      return found && `<html><body>${found.map((url) => `<a href="${url}">x</a>`).join(' ')}</body></html>`;
    },
  };
  const workflow = await runs.template('crawl', { starts: [`${runs.origin}/`], depth: 3 });
  expect(stepOf(workflow, 'site-map').error).toBeNull();
  const map = String(stepOf(workflow, 'site-map').outputs?.content).trim().split('\n');
  expect(map.map((url) => url.slice(runs.origin.length)).sort()).toEqual(['/', '/a', '/a1', '/b', '/deep', '/gone']);
  expect(runs.asked.map(({ path }) => path).sort()).toEqual(['/', '/a', '/a1', '/b', '/gone']);
  expect(stepOf(workflow, 'levels').outputs).toEqual({ rounds: 3, done: true });
});

test('09 grades every model by every case', async () => {
  runs.world = {
    page: () => [
      { question: 'Two and two?', expected: 'Four' },
      { question: 'The capital of France?', expected: 'Paris' },
    ],
    model: (prompt, { model }) => {
      if (prompt.startsWith('Is the answer right?'))
        return JSON.stringify({ score: prompt.includes('Answer: ?') ? 0 : 1 });
      if (model === 'gpt-4o') return prompt.includes('Two') ? 'Four' : 'Paris';
      return model === 'gpt-4o-mini' && prompt.includes('Two') ? 'Four' : '?';
    },
  };
  const models = ['gpt-4o-mini', 'gpt-4o', 'o4-mini'];
  const workflow = await runs.template('evals', { dataset: `${runs.origin}/cases.json`, models });
  expect(stepOf(workflow, 'table').error).toBeNull();
  expect(stepOf(workflow, 'table').outputs?.value).toEqual({ 'gpt-4o-mini': 0.5, 'gpt-4o': 1, 'o4-mini': 0 });
});

test.each([
  ['openai', [], { best: 'COMPLETED', cheaper: 'skipped', local: 'skipped' }],
  ['deepseek', ['openai'], { best: 'tolerated', cheaper: 'COMPLETED', local: 'skipped' }],
  ['v1', ['openai', 'deepseek'], { best: 'tolerated', cheaper: 'tolerated', local: 'COMPLETED' }],
])('10 answers by %s when %j fail', async (by, failing: string[], ends) => {
  runs.world = { model: (_prompt, { provider }) => (failing.includes(provider) ? 400 : `By ${provider}.`) };
  const workflow = await runs.template('fallback', { prompt: 'Why?' });
  expect(stepOf(workflow, 'answer').outputs?.content).toBe(`By ${by}.`);
  expect(workflow.status).toBe('COMPLETED');
  expect(endsOf(workflow)).toEqual({ ...ends, answer: 'COMPLETED' });
});

test('12 loads in batches, sets aside what cannot be loaded, and gives the lock back in any case', async () => {
  const orders = Array.from({ length: 1_200 }, (_, id) => ({ id }));
  const source = (page: object | number) => (asked: { method: string; path: string; body: unknown }) => {
    if (asked.path === '/source/orders') return page;
    return asked.path === '/target/orders' && (asked.body as { id: number }[])[0]?.id === 500 ? 400 : {};
  };
  const params = { source: `${runs.origin}/source`, target: `${runs.origin}/target` };
  runs.world = { page: source(orders) };
  const workflow = await runs.template('orders-etl', params);
  expect(workflow.status).toBe('COMPLETED');
  const loaded = runs.at('POST', '/target/orders').map(({ body }) => (body as unknown[]).length);
  expect(loaded).toEqual([500, 500, 200]);
  const [rejected] = runs.at('POST', '/target/rejected');
  expect(rejected?.body).toMatchObject([{ index: 1, error: expect.stringContaining('400') }]);
  expect(endsOf(workflow)).toMatchObject({ load: 'COMPLETED', 'set-aside': 'COMPLETED', alarm: 'skipped' });
  expect(runs.at('DELETE', '/target/lock')).toHaveLength(1);

  runs.world = { page: source(404) };
  const failed = await runs.template('orders-etl', params);
  expect(failed.status).toBe('FAILED');
  expect(runs.at('POST', '/alarm')).toMatchObject([{ body: { text: 'Orders failed' } }]);
  expect(runs.asked.at(-1)).toMatchObject({ method: 'DELETE', path: '/target/lock' });
});

test('06 sends what the feeds had, and tells the heartbeat how it went', async () => {
  runs.world = {
    page: ({ method, path }) => (method === 'POST' ? {} : path.startsWith('/digest') ? {} : { items: ['Tea'] }),
    model: () => 'Ten lines.',
  };
  const feeds = [`${runs.origin}/a.json`];
  const params = { day: '2026-01-01T06:00:00.000Z', feeds, mail: `${runs.origin}/send` };
  await runs.template('morning-digest', params);
  expect(runs.at('POST', '/send').map(({ body }) => body)).toEqual([
    { subject: 'Digest of 2026-01-01T06:00:00.000Z', text: 'Ten lines.' },
  ]);
  expect(runs.at('GET', '/digest/completed')).toHaveLength(1);
});

test('07 labels an issue that GitHub tells of, wakes somebody where it is urgent, and does so once', async () => {
  runs.world = {
    page: () => ({}),
    model: (prompt) => JSON.stringify({ label: 'bug', urgent: prompt.includes('on fire') }),
  };
  const send = async (action: string, title: string, number: number) => {
    const repository = { full_name: 'tea/pot' };
    const body = JSON.stringify({ action, issue: { number, title, body: null }, repository });
    return runs.hook('issue-triage', signGithub(body, { secret: githubSecrets.GITHUB_WEBHOOK_SECRET }));
  };
  expect(await send('closed', 'It is on fire', 6)).toBeNull();
  const urgent = await send('opened', 'It is on fire', 7);
  expect(await send('opened', 'It is on fire', 7)).toEqual({ ...urgent, replayed: true });
  const calm = await send('opened', 'It is cold', 8);
  const ended = [urgent, calm].map(async (made) => (await runs.engine.finished(made?.workflow_id ?? '')).workflow);
  expect((await Promise.all(ended)).map(endsOf)).toEqual([
    { classify: 'COMPLETED', label: 'COMPLETED', wake: 'COMPLETED' },
    { classify: 'COMPLETED', label: 'COMPLETED', wake: 'skipped' },
  ]);
  const [labelled] = runs.at('POST', '/repos/tea/pot/issues/7/labels');
  expect(labelled).toMatchObject({ body: { labels: ['bug'] }, authorization: `Bearer ${githubSecrets.GITHUB_TOKEN}` });
  expect(runs.at('POST', '/repos/tea/pot/issues/8/labels')).toHaveLength(1);
  expect(runs.at('POST', '/v2/enqueue').map(({ body }) => body)).toMatchObject([
    { routing_key: githubSecrets.PAGERDUTY_KEY, payload: { summary: 'It is on fire: ', source: 'tea/pot' } },
  ]);
});

test('every file has been run', () => {
  // By their ids, and two by their names.
  expect(runs.ran.size).toBe(files.length);
});
