/**
 * Goal: on the run page a person gives what a run waits for, finds why it failed and retries it, decides, and does
 * all of it by keys; a run of 10,000 steps is shown right while it goes on; a killed engine costs neither a count nor
 * the place. Method: the built product with a real engine, a stand-in for the model's server, and Chromium; each page
 * fails on a violation of its policy, an error, a request to another host, and what axe-core finds.
 */
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Workflow } from '../../src/contract/workflow.ts';
import { StandIn } from '../stand-in/stand-in.ts';
import {
  buildProduct,
  hasChromium,
  openPage,
  type RunningEngine,
  removeProduct,
  startBrowser,
  startEngine,
  type WatchedPage,
} from './dashboard.ts';

const slots = 8;
let place: string;
let browser: Browser;
let engine: RunningEngine;
let models: StandIn;

interface StepSketch {
  readonly id: string;
  readonly name?: string;
  readonly action?: string;
  readonly [field: string]: unknown;
}

async function start(name: string, steps: readonly StepSketch[], more: object = {}): Promise<string> {
  const { id } = await engine.api<Workflow>('POST', '/api/workflows', { name, steps, ...more });
  return id;
}

const read = (id: string) => engine.api<Workflow>('GET', `/api/workflows/${id}`);
const open = (path: string, options = {}): Promise<WatchedPage> => openPage(browser, `${engine.url}${path}`, options);

const chip = (page: Page, word: string): Locator => page.locator('.run-chips .chip', { hasText: word });

/** The chip's count; 0 where it is not shown. */
async function countOf(page: Page, word: string): Promise<number> {
  const text = await chip(page, word)
    .locator('b')
    .first()
    .textContent({ timeout: 1_000 })
    .catch(() => '0');
  return Number(text?.replaceAll(',', ''));
}

/** Waits for the page to show the count. */
async function untilCount(page: Page, word: string, count: number): Promise<void> {
  await expect.poll(() => countOf(page, word), { timeout: 30_000 }).toBe(count);
}

const pill = (page: Page): Locator => page.locator('.run-title .pill');
const drawer = (page: Page): Locator => page.getByRole('complementary');

describe.skipIf(!hasChromium)('the run page in a browser', () => {
  beforeAll(async () => {
    place = buildProduct();
    models = await StandIn.start({ behaviour: () => ({ content: 'Tea grows in the Azores.' }) });
    [browser, engine] = await Promise.all([
      startBrowser(),
      startEngine(place, {
        env: {
          MAX_PARALLEL_NODES: String(slots),
          OPENAI_API_KEY: 'a-key-for-tests',
          OPENAI_BASE_URL: models.baseUrl,
        },
      }),
    ]);
  });

  afterAll(async () => {
    await browser?.close();
    await engine?.stop();
    await models?.close();
    if (place) removeProduct(place);
  });

  it('a run that needs data says so, takes them, and goes on', async () => {
    const id = await start('Digest a page', [
      { id: 'page', name: 'The page', action: 'external_data' },
      {
        ...{ id: 'digest', name: 'Digest', action: 'render', dependencies: ['page'] },
        params: { template: 'Read: {{ text }}', data: { text: '{{steps.page.outputs.content}}' } },
      },
    ]);
    const watched = await open(`/runs/${id}`);
    const { page } = watched;
    await untilCount(page, 'Needs data', 1);
    expect(await pill(page).textContent()).toBe('Needs data');
    await page.keyboard.press('n');
    await drawer(page).getByText('This step waits for you').waitFor();
    await watched.check('needs data');
    await page.getByLabel('Content').fill('Tea is a drink.');
    await page.getByRole('button', { name: 'Give data' }).click();
    await untilCount(page, 'Completed', 2);
    await page.keyboard.press('j');
    await drawer(page).getByText('Read: Tea is a drink.').waitFor();
    expect(await pill(page).textContent()).toBe('Completed');
    await watched.check('went on');
    await watched.close();
  });

  it('a failure is found by a key, tells why, and is retried', async () => {
    models.next((response) => {
      response.writeHead(400, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { message: 'the prompt is too long for this model', type: 'bad' } }));
    });
    const id = await start('Ask a model', [
      { id: 'list', name: 'List', action: 'noop' },
      {
        id: 'ask',
        name: 'Which rules apply?',
        action: 'openai_chat',
        dependencies: ['list'],
        params: { prompt: 'Tea' },
      },
      { id: 'note', name: 'Note', action: 'noop', dependencies: ['ask'] },
    ]);
    const watched = await open(`/runs/${id}`);
    const { page } = watched;
    await untilCount(page, 'Failed', 1);
    await page.keyboard.press('e');
    await drawer(page).getByText('the prompt is too long for this model').waitFor();
    expect(await drawer(page).getByRole('alert').textContent()).toContain('PROVIDER_REJECTED');
    expect(new URL(page.url()).searchParams.get('step')).toBe('ask');
    expect(await page.title()).toBe('✕ 1 Ask a model · Hybrid Engine');
    await watched.check('a failure');
    await page.getByRole('button', { name: 'Retry failed' }).click();
    await untilCount(page, 'Completed', 3);
    await drawer(page).getByText('Tea grows in the Azores.').waitFor();
    await page.getByRole('tab', { name: 'Attempts' }).click();
    await drawer(page).getByText('PROVIDER_REJECTED').waitFor();
    const { metrics } = await read(id);
    const cost = await page.locator('.run-facts dd').nth(2).textContent();
    expect(Number(cost?.replace('$', ''))).toBeCloseTo(metrics.total_cost, 4);
    await watched.check('retried');
    await watched.close();
  });

  it('lists are one box that fills, loops show their rounds, and a decision lets the run go on', async () => {
    const id = await start(
      'Read and publish',
      [
        {
          ...{
            id: 'pages',
            name: 'Read the pages',
            forEach: { url: '{{params.urls}}' },
            label: '{{url}}',
            tolerate: 1,
          },
          steps: [
            { id: 'get', name: 'Get', action: 'noop' },
            { id: 'keep', name: 'Keep', action: 'noop', dependencies: ['get'] },
          ],
        },
        { id: 'poll', name: 'Ask until it is done', action: 'noop', repeat: { until: 'round >= 2', max: 5 } },
        { id: 'moon', name: 'Only on a full moon', action: 'noop', when: '1 == 2' },
        {
          ...{ id: 'ok', name: 'Editor approves', action: 'approval', dependencies: ['pages', 'poll'] },
          params: { message: 'Publish {{params.urls}}?' },
        },
        { id: 'publish', name: 'Publish', action: 'noop', dependencies: ['ok'] },
      ],
      { params: { urls: ['a', 'b', 'c'] } },
    );
    const watched = await open(`/runs/${id}?step=pages`);
    const { page } = watched;
    await untilCount(page, 'Needs you', 1);
    // The group, six of its steps, the loop and its three rounds.
    expect(await countOf(page, 'Completed')).toBe(11);
    expect(await countOf(page, 'Skipped')).toBe(1);
    await page.getByText('Read the pages, 6 steps').waitFor({ state: 'attached' });
    await page.getByRole('button', { name: 'Steps', exact: true }).last().click();
    await page.getByText('Get: a').waitFor({ state: 'attached' });
    await page.keyboard.press('n');
    await drawer(page).getByText('This step waits for your decision').waitFor();
    await watched.check('a decision');
    await page.getByLabel('Comment').fill('Fine.');
    await page.getByRole('button', { name: 'Approve' }).click();
    await untilCount(page, 'Completed', 13);
    const { steps } = await read(id);
    expect(steps.find((step) => step.id === 'ok')?.outputs).toMatchObject({ approved: true, comment: 'Fine.' });
    await watched.check('published');
    await watched.close();
  });

  it('a decision takes its data from fields made of its schema, or as JSON', async () => {
    const data = {
      type: 'object',
      required: ['channel'],
      properties: { channel: { type: 'string', enum: ['mail', 'web'] }, readers: { type: 'integer', default: 3 } },
    };
    const steps = [{ id: 'ok', name: 'Editor approves', action: 'approval', params: { message: 'Publish?', data } }];
    const [one, two] = [await start('By fields', steps), await start('As JSON', steps)];
    const watched = await open(`/runs/${one}?step=ok`);
    const { page } = watched;
    await page.getByLabel('channel').waitFor();
    await page.getByRole('button', { name: 'Approve' }).click();
    await drawer(page).getByText('is required').waitFor();
    await watched.check('a field that is missing');
    await page.getByLabel('channel').selectOption('web');
    await page.getByLabel('readers').fill('12');
    await page.getByRole('button', { name: 'Approve' }).click();
    await untilCount(page, 'Completed', 1);
    expect((await read(one)).steps[0]?.outputs).toMatchObject({
      approved: true,
      data: { channel: 'web', readers: 12 },
    });
    await page.goto(`${engine.url}/runs/${two}?step=ok`);
    await page.getByLabel('channel').selectOption('mail');
    await page.getByRole('button', { name: 'Write it as JSON' }).click();
    expect(JSON.parse(await page.getByLabel('Data as JSON').inputValue())).toMatchObject({ channel: 'mail' });
    await page.getByLabel('Data as JSON').fill('{"channel": "web", "readers": 5}');
    await page.getByRole('button', { name: 'Fill in fields' }).click();
    expect(await page.getByLabel('readers').inputValue()).toBe('5');
    await page.getByRole('button', { name: 'Approve' }).click();
    await untilCount(page, 'Completed', 1);
    expect((await read(two)).steps[0]?.outputs).toMatchObject({ data: { channel: 'web', readers: 5 } });
    await expect.poll(() => page.locator('link[rel=icon]').getAttribute('href'), { timeout: 20_000 }).toMatch(/^data:/);
    expect(watched.faults).toEqual([]);
    await watched.close();
  });

  it('a text is found in outputs, logs and errors, and each hit leads to its place', async () => {
    const id = await start('Searched', [
      { id: 'write', name: 'Write', action: 'render', params: { template: 'The Azores grow <b>tea</b>.', data: {} } },
      { id: 'ask', name: 'Ask', action: 'http_request', params: { url: 'http://127.0.0.1:9/tea' } },
    ]);
    const watched = await open(`/runs/${id}`);
    const { page } = watched;
    await untilCount(page, 'Completed', 1);
    await untilCount(page, 'Failed', 1);
    const found = page.getByRole('region', { name: 'Found in the run' });
    const hits = found.getByRole('listitem');
    await page.keyboard.press('/');
    await page.keyboard.type('azores');
    await found.getByText('1 place in errors, logs and outputs:').waitFor();
    await found.getByText('No step has it in its name').waitFor();
    expect(await hits.allTextContents()).toEqual(['Write output /contentThe Azores grow <b>tea</b>.']);
    await watched.check('found');
    // What the engine has found stays bright, and Enter goes to it.
    await page.keyboard.press('Enter');
    await page.waitForURL(/step=write/);
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL(/tab=output/);
    await drawer(page).getByText('The Azores grow').waitFor();

    await page.getByRole('searchbox').first().fill('started execution');
    await hits.nth(1).waitFor();
    await hits.filter({ hasText: 'Ask log, line' }).first().getByRole('button').click();
    await page.waitForURL(/step=ask.*tab=logs|tab=logs.*step=ask/);
    expect(Number(new URL(page.url()).searchParams.get('line'))).toBeGreaterThan(0);
    await drawer(page).getByRole('tab', { name: 'Logs', selected: true }).waitFor();

    await page.getByRole('searchbox').first().fill('no such text');
    await found.getByText('Nothing in errors, logs and outputs.').waitFor();
    await page.keyboard.press('Escape');
    await found.waitFor({ state: 'detached' });
    await watched.check('nothing is found');

    // Enter leads into the picked step from anywhere but from a button, which it presses.
    const chip = page.getByRole('button', { name: /^Failed/ });
    await chip.focus();
    await page.keyboard.press('Enter');
    await page.waitForURL(/status=failed/);
    expect(await chip.getAttribute('aria-pressed')).toBe('true');
    await watched.close();
  });

  it('a run that is not there is said to be so, beside a connection that stands', async () => {
    const watched = await open('/runs/3f2c8f52-6d3c-4a6e-9d5b-0c8f3a1e7b10');
    watched.allow(/status of 404/);
    const { page } = watched;
    await page.getByText('There is no such run').waitFor();
    await expect.poll(() => page.locator('.connection').textContent()).toContain('Live');
    await watched.check('no such run');
    await watched.close();
  });

  it('everything can be reached by keys alone', async () => {
    const id = await start('By keys', [
      { id: 'a', name: 'First', action: 'noop' },
      { id: 'b', name: 'Second', action: 'noop', dependencies: ['a'] },
      { id: 'c', name: 'Third', action: 'external_data', dependencies: ['b'] },
    ]);
    const watched = await open(`/runs/${id}`);
    const { page } = watched;
    await untilCount(page, 'Needs data', 1);
    const picked = () => new URL(page.url()).searchParams.get('step');
    await page.keyboard.press('ArrowRight');
    expect(picked()).toBe('a');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    expect(picked()).toBe('c');
    await page.keyboard.press('ArrowLeft');
    expect(picked()).toBe('b');
    await page.keyboard.press('k');
    expect(picked()).toBe('a');
    await drawer(page).getByRole('heading', { name: 'First' }).waitFor();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    await drawer(page).getByText('Completed successfully').waitFor();
    expect(new URL(page.url()).searchParams.get('tab')).toBe('logs');
    await page.keyboard.press('Escape');
    await expect.poll(picked).toBe(null);
    await page.keyboard.press('/');
    await page.keyboard.type('Thi');
    await page.keyboard.press('Enter');
    expect(picked()).toBe('c');
    await page.keyboard.press('Escape');
    await page.keyboard.press('v');
    await page.keyboard.press('v');
    await page.keyboard.press('v');
    await page.getByRole('cell', { name: 'Third' }).waitFor();
    expect(await page.getByRole('row').count()).toBe(2);
    await watched.check('the table');
    await page.keyboard.press('v');
    await page.getByText('Waits for data').or(page.getByText('Completed successfully')).first().waitFor();
    await watched.check('the log');
    await page.keyboard.press('s');
    await page.getByRole('dialog').getByText('“By keys”').waitFor();
    await page.keyboard.press('Tab');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await expect.poll(() => pill(page).textContent()).toBe('Stopped');
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect.poll(() => pill(page).textContent()).toBe('Needs data');
    await watched.close();
  });

  it('a run of 10,000 steps is right at every look while it goes on', async () => {
    const count = 3_332;
    const steps: StepSketch[] = [{ id: 'list', name: 'List the pages', action: 'noop' }];
    for (let k = 1; k <= count; k += 1) {
      steps.push({
        id: `fetch-${k}`,
        name: `Fetch page ${k}`,
        action: 'delay',
        dependencies: ['list'],
        params: { ms: 20 },
      });
      steps.push({ id: `extract-${k}`, name: `Extract text ${k}`, action: 'noop', dependencies: [`fetch-${k}`] });
      steps.push({ id: `score-${k}`, name: `Score page ${k}`, action: 'noop', dependencies: [`extract-${k}`] });
    }
    steps.push({
      id: 'rank',
      name: 'Rank',
      action: 'noop',
      dependencies: steps.filter(({ id }) => id.startsWith('score-')).map(({ id }) => id),
    });
    steps.push({ id: 'report', name: 'Report', action: 'noop', dependencies: ['rank'] });
    steps.push({ id: 'notify', name: 'Notify', action: 'noop', dependencies: ['report'] });
    const id = await start('Score 3,332 pages', steps);
    const watched = await open(`/runs/${id}`);
    const { page } = watched;
    await chip(page, 'Running').waitFor();
    let looks = 0;
    for (let done = 0; done < 1_500; looks += 1) {
      const counts = await page
        .locator('.run-chips .chip')
        .evaluateAll((chips) =>
          chips.map(
            (one) =>
              [
                one.querySelector('span')?.textContent,
                Number(one.querySelector('b')?.textContent?.replaceAll(',', '')),
              ] as const,
          ),
        );
      const byWord = new Map(counts);
      expect(counts.reduce((sum, [, own]) => sum + own, 0)).toBe(10_000);
      expect(byWord.get('Running')).toBeLessThanOrEqual(slots);
      const now = byWord.get('Completed') ?? 0;
      expect(now).toBeGreaterThanOrEqual(done);
      done = now;
    }
    expect(looks).toBeGreaterThan(2);
    // Of 10,000 steps the page holds a few boxes, and of the table the rows in view.
    expect(await page.locator('main *').count()).toBeLessThan(400);
    await page.keyboard.press('v');
    await page.keyboard.press('v');
    await page.keyboard.press('v');
    await page.getByRole('row').nth(3).waitFor();
    expect(await page.getByRole('row').count()).toBeLessThan(120);
    await page.getByRole('button', { name: 'Stop', exact: true }).click();
    await expect.poll(() => pill(page).textContent(), { timeout: 60_000 }).toBe('Stopped');
    const { metrics } = await engine.api<Workflow>('GET', `/api/workflows/${id}?view=graph`);
    await untilCount(page, 'Completed', metrics.completed_steps);
    expect(watched.faults).toEqual([]);
    await watched.close();
  });

  it('on a phone the step is a sheet, the graph flows down, and nothing is wider than the screen', async () => {
    const id = await start('On a phone', [
      { id: 'a', name: 'First', action: 'noop' },
      ...Array.from({ length: 7 }, (_, k) => ({
        id: `b${k}`,
        name: `Second ${k}`,
        action: 'noop',
        dependencies: ['a'],
      })),
      { id: 'c', name: 'Third', action: 'external_data', dependencies: ['b0'] },
    ]);
    const watched = await open(`/runs/${id}`, { viewport: { width: 390, height: 844 }, hasTouch: true });
    const { page } = watched;
    await untilCount(page, 'Completed', 8);
    const widest = () => page.evaluate(() => document.documentElement.scrollWidth);
    expect(await widest()).toBe(390);
    await watched.check('phone');
    await page.getByRole('button', { name: 'Steps', exact: true }).first().click();
    await page.getByRole('button', { name: 'Third' }).click();
    await drawer(page).getByText('This step waits for you').waitFor();
    const box = await drawer(page).boundingBox();
    expect(box).toMatchObject({ x: 0, y: 48, width: 390, height: 796 });
    expect(await widest()).toBe(390);
    await watched.check('sheet');
    await watched.close();
  });
});
