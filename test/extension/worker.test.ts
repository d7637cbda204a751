/**
 * Goal: badge, menu, keys and queue do what a person expects, and never more. Method: the worker over a browser and an
 * engine in memory.
 */
import { describe, expect, it } from 'vitest';
import { toBadge } from '../../extension/badge.ts';
import { nothingKnown } from '../../extension/kept.ts';
import { readMenuId, toMenu } from '../../extension/menu.ts';
import { readMessage } from '../../extension/messages.ts';
import { toRunView } from '../../extension/run-view.ts';
import { sketchRun } from '../web/sketch.ts';
import { createFakeWorker } from './fake-browser.ts';
import { sketchCapture } from './memory-store.ts';

const waits = (id: string, name = id) => ({
  ...{ workflow_id: 'w', step_id: id, name, action: 'external_data', for: 'data' as const },
  since: '2026-11-30T12:00:00.000Z',
});
const digest = { id: 'digest', name: 'Digest', accepts: { page: { html: 'html' } }, params: { required: ['html'] } };
const reading = { html: '<p>Tea</p>', text: 'Tea', title: 'Tea', url: 'https://site.example/', lang: 'en' };

describe('the badge', () => {
  const here = { ...nothingKnown, isHere: true };

  it.each([
    ['nothing before pairing', false, nothingKnown, 0, '', 'pair it with your engine'],
    ['how many wait', true, { ...here, steps: [waits('a'), waits('b')] }, 0, '2', '2 steps wait for a page'],
    ['one', true, { ...here, steps: [waits('a')] }, 1, '1', '1 step waits for a page, 1 capture is kept here'],
    ['nothing where nothing waits', true, here, 0, '', 'no steps wait for a page'],
    ['99 at most', true, { ...here, steps: Array(100).fill(waits('a')) }, 0, '99+', '100 steps wait'],
    [
      'what is kept while the engine is away',
      true,
      { ...here, isHere: false, steps: [waits('a')] },
      3,
      '3',
      'not reached',
    ],
    ['that it must be paired again', true, { ...here, isUnpaired: true }, 0, '!', 'pair it with your engine'],
  ])('shows %s', (_, isPaired, known, kept, text, title) => {
    const badge = toBadge(isPaired, known, kept);
    expect(badge.text).toBe(text);
    expect(badge.title).toContain(title);
  });
});

describe('the menu', () => {
  const target = { kind: 'template', templateId: 'digest', name: 'Digest', parts: { html: 'html' } } as const;
  const known = {
    ...nothingKnown,
    steps: [waits('a', 'Prices & terms %s')],
    templates: [
      { target, description: '', missing: [] },
      { target: { ...target, templateId: 'more' }, description: '', missing: ['topic'] },
    ],
  };

  it('offers each way of capturing, and in it each target', () => {
    const items = toMenu(known);
    expect(items.filter(({ parentId }) => parentId === undefined).map(({ title }) => title)).toEqual([
      'Send the selection to',
      'Send the article to',
      'Send the page to',
    ]);
    expect(items.filter(({ parentId }) => parentId === 'article').map(({ id, title }) => [id, title])).toEqual([
      ['article|step|w|a', 'Prices && terms %\u200bs'],
      ['article|line0', undefined],
      ['article|template|digest', 'New: Digest'],
      ['article|line1', undefined],
      ['article|keep', 'Keep it, and choose later'],
    ]);
    expect(new Set(items.map(({ id }) => id)).size).toBe(items.length);
  });

  it('shows eight of a kind', () => {
    const many = { ...nothingKnown, steps: Array.from({ length: 9 }, (_, i) => waits(`s${i}`)) };
    expect(toMenu(many).filter(({ id }) => id.startsWith('page|step'))).toHaveLength(8);
  });

  it('is read back, and only for what is still there', () => {
    expect(readMenuId('page|step|w|a', known)).toMatchObject({ kind: 'page', target: { stepId: 'a' } });
    expect(readMenuId('selection|keep', known)).toEqual({ kind: 'selection', target: null });
    expect(readMenuId('page|step|w|gone', known)).toBe(null);
    expect(readMenuId('page|template|more', known)).toBe(null);
    expect(readMenuId('other', known)).toBe(null);
  });
});

describe('a look', () => {
  it('learns what waits for data and which templates take a page, and shows it', async () => {
    const { browser, engine, worker } = createFakeWorker();
    engine.waiting = [waits('a'), { ...waits('b'), for: 'decision' }];
    engine.templates = [digest, { id: 'other', name: 'Other', params: {} }];
    await worker.look();
    expect(browser.badge.text).toBe('1');
    expect(browser.menu.filter(({ id }) => id.startsWith('page|')).map(({ id }) => id)).toEqual([
      ...['page|step|w|a', 'page|line0', 'page|template|digest', 'page|line1', 'page|keep'],
    ]);
  });

  it('keeps what it knew while the engine is away', async () => {
    const { browser, engine, worker } = createFakeWorker();
    engine.waiting = [waits('a')];
    await worker.look();
    engine.status = 0;
    await worker.look();
    expect(browser.values.get('known')).toMatchObject({ isHere: false, steps: [{ step_id: 'a' }] });
    expect(browser.badge.text).toBe('');
  });

  it('asks to pair again, and forgets what waited, when the token is refused', async () => {
    const { browser, engine, worker } = createFakeWorker();
    engine.waiting = [waits('a')];
    await worker.look();
    engine.status = 401;
    await worker.look();
    expect(browser.values.get('known')).toEqual({ ...nothingKnown, isHere: true, isUnpaired: true });
    expect(browser.badge.text).toBe('!');
  });

  it('asks nobody before it is paired', async () => {
    const { browser, engine, worker } = createFakeWorker();
    browser.values.delete('connection');
    const asked: unknown[] = [];
    Object.assign(engine, { fetch: async (...args: unknown[]) => asked.push(args) });
    await worker.look();
    expect([asked, browser.badge.text]).toEqual([[], '']);
  });

  it('sends what is queued, once, with token and key, and remembers the run', async () => {
    const { browser, engine, captures, worker, create } = createFakeWorker();
    engine.status = 0;
    const target = { kind: 'step', workflowId: 'w', stepId: 'a', name: 'Capture' } as const;
    const { id, key } = await captures.add(sketchCapture(), target);
    expect(await worker.look(id)).toMatchObject({ kind: 'away' });
    expect(browser.badge.text).toBe('1');
    engine.status = 201;
    // Another worker: browsers end them at will.
    expect(await create().look(id)).toEqual({ kind: 'sent', workflowId: 'run' });
    await create().look();
    expect(engine.posts).toMatchObject([{ path: '/api/workflows/w/external-data', key, token: 'Bearer token' }]);
    expect(browser.values.get('recent')).toMatchObject([{ workflowId: 'run', title: 'On tea', target: 'Capture' }]);
  });
});

it('a look tells what became of a capture that another look has sent', async () => {
  const { captures, worker } = createFakeWorker();
  const target = { kind: 'step', workflowId: 'w', stepId: 'a', name: 'Capture' } as const;
  const { id } = await captures.add(sketchCapture(), target);
  await worker.look();
  expect(await worker.look(id)).toEqual({ kind: 'sent', workflowId: 'run' });
});

describe('a key', () => {
  it('sends to the only step that waits', async () => {
    const { browser, engine, worker } = createFakeWorker();
    browser.page = reading;
    engine.waiting = [waits('a')];
    await worker.look();
    await worker.onCommand('capture-article', { id: 7 });
    expect(engine.posts).toMatchObject([{ body: { step_id: 'a', metadata: { captured: 'article' } } }]);
    expect(browser.badge).toMatchObject({ text: '✓', title: 'Sent to a', popups: 0 });
  });

  it.each([0, 2])('keeps the capture, and opens the popup, where %s wait', async (count) => {
    const { browser, engine, captures, worker } = createFakeWorker();
    browser.page = reading;
    engine.waiting = Array.from({ length: count }, (_, i) => waits(`s${i}`));
    await worker.look();
    await worker.onCommand('capture-page', { id: 7 });
    expect(engine.posts).toEqual([]);
    expect(await captures.rows()).toMatchObject([{ kind: 'page', target: null }]);
    expect(browser.badge.popups).toBe(1);
  });

  it('says what is wrong with the page', async () => {
    const { browser, captures, worker } = createFakeWorker();
    await worker.onCommand('capture-selection', { id: 7 });
    expect(browser.badge).toMatchObject({ text: '!', title: 'Nothing is selected on this page' });
    browser.page = new Error('Cannot access a chrome:// URL');
    await worker.onCommand('capture-page', { id: 7 });
    expect(browser.badge.title).toContain('The browser lets no extension read this page');
    expect(await captures.rows()).toEqual([]);
  });
});

describe('a choice in the menu', () => {
  it('goes where it says', async () => {
    const { browser, engine, worker } = createFakeWorker();
    browser.page = reading;
    engine.waiting = [waits('a'), waits('b')];
    engine.templates = [digest];
    await worker.look();
    await worker.onMenu('page|template|digest', { id: 7 }, 0);
    expect(engine.posts).toMatchObject([
      { path: '/api/workflows/from-template', body: { template_id: 'digest', params: { html: '<p>Tea</p>' } } },
    ]);
  });

  it('says so when the step waits no more', async () => {
    const { browser, engine, worker } = createFakeWorker();
    browser.page = reading;
    await worker.onMenu('page|step|w|gone', { id: 7 }, 0);
    expect([engine.posts, browser.badge.title]).toEqual([[], 'This step does not wait any more']);
  });
});

it.each([
  [{ kind: 'look' }, { kind: 'look' }],
  [
    { kind: 'send', id: 'a', token: 'x' },
    { kind: 'send', id: 'a' },
  ],
  [{ kind: 'send' }, null],
  [{ kind: 'steal' }, null],
  [null, null],
  ['look', null],
])('of messages %j is taken as %j', (message, taken) => {
  expect(readMessage(message)).toEqual(taken);
});

describe('a run', () => {
  it('has its result in the last completed step that no other needs', () => {
    const run = sketchRun(
      [
        { id: 'a', status: 'COMPLETED', start: 0, ms: 5 },
        { id: 'b', status: 'COMPLETED', deps: [0], start: 5, ms: 90 },
        { id: 'c', status: 'COMPLETED', deps: [0], start: 5, ms: 10 },
        { id: 'd', status: 'COMPLETED', deps: [0], start: 5, ms: 95, outcome: 's' },
      ],
      { status: 'COMPLETED' },
    );
    expect(toRunView(run)).toMatchObject({
      ...{ look: 'completed', completed: 4, total: 4, isAtRest: true, resultStep: 'b' },
    });
  });

  it('goes on until it rests', () => {
    const steps = [
      { id: 'a', status: 'COMPLETED' as const },
      { id: 'b', deps: [0], waits: 'data' as const },
    ];
    expect(toRunView(sketchRun(steps, { status: 'RUNNING' }))).toMatchObject({ isAtRest: false, resultStep: null });
    expect(toRunView(sketchRun(steps, { status: 'PENDING' }))).toMatchObject({ isAtRest: false });
    expect(toRunView(sketchRun(steps, { status: 'WAITING_FOR_DEPENDENCY' }))).toMatchObject({
      ...{ look: 'needs', isAtRest: true, completed: 1 },
    });
  });
});

describe('what is drawn', () => {
  it('is drawn once as long as nothing changes, white on its colour', async () => {
    const { browser, worker } = createFakeWorker();
    const drawn: string[] = [];
    const { contextMenus, action } = browser.api;
    const removeAll = contextMenus.removeAll.bind(contextMenus);
    contextMenus.removeAll = async () => {
      drawn.push('menu');
      await removeAll();
    };
    action.setBadgeTextColor = async ({ color }: { color: string }) => void drawn.push(color);
    await worker.show();
    expect(drawn.sort()).toEqual(['#ffffff', 'menu']);
    const items = [...browser.menu];
    await worker.show();
    expect([drawn.filter((what) => what === 'menu').length, browser.menu]).toEqual([1, items]);
  });
});
