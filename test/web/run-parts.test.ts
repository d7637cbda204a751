/** Goal: the small parts of the run page are right: what it sees, keeps, sorts and says. Method: each by its own. */
import { describe, expect, it } from 'vitest';
import { toTarget } from '../../web/output/markdown.tsx';
import { toAdvice } from '../../web/run/advice.ts';
import { arrange } from '../../web/run/arrange.ts';
import { centreOn, fitWhole, isShown, keeping, openingView, revealing, zoomAt } from '../../web/run/camera.ts';
import { rectOf } from '../../web/run/hit.ts';
import { KeptSteps } from '../../web/run/kept-steps.ts';
import { LiveTexts } from '../../web/run/live-texts.ts';
import { look } from '../../web/run/look.ts';
import { toMergedLines } from '../../web/run/merged-lines.ts';
import { toColumns } from '../../web/run/read-run.ts';
import { countLines, lineAt, toDetail, toLogParts } from '../../web/run/step-detail.ts';
import { orderSteps } from '../../web/run/steps-order.ts';
import { childrenOf, searchTree, textOf, toPointer, toReference, valueAt } from '../../web/run/tree.ts';
import { sketchRun } from './sketch.ts';

const all = { look: -1, found: null };

function chain(count: number) {
  return toColumns(sketchRun(Array.from({ length: count }, (_, i) => ({ id: `s${i}`, deps: i === 0 ? [] : [i - 1] }))));
}

describe('the view of the graph', () => {
  const size = { width: 1_200, height: 400 };
  const layoutOf = (count: number) => {
    const run = chain(count);
    return arrange(run, run, { choice: 'steps', direction: 'across' });
  };

  it('opens whole while it can be read, else around the step that matters', () => {
    const short = layoutOf(4);
    const whole = openingView(short, size, 3);
    expect(whole).toEqual(fitWhole(short, size));
    expect(whole.x + short.fullWidth * whole.k).toBeLessThanOrEqual(size.width - 35);
    const long = layoutOf(30);
    const part = openingView(long, size, 20);
    expect(part.k).toBe(0.92);
    expect(isShown(part, size, rectOf(long, 20))).toBe(true);
    expect(isShown(part, size, rectOf(long, 0))).toBe(false);
  });

  it('zooms around a point, and keeps to its bounds', () => {
    const at = { x: 300, y: 100 };
    const near = zoomAt({ k: 1, x: 40, y: 10 }, at, 2);
    expect(near).toEqual({ k: 2, x: -220, y: -80 });
    expect(zoomAt(near, at, 1_000).k).toBe(2.5);
    expect(zoomAt(near, at, 1e-9).k).toBe(0.004);
  });

  it('moves no further than it must to show a step, and stays where it is when the step is shown', () => {
    const layout = layoutOf(30);
    const camera = centreOn(layout, size, { k: 1, x: 0, y: 0 }, rectOf(layout, 5));
    expect(revealing(layout, size, camera, 5)).toBe(camera);
    const moved = revealing(layout, size, camera, 25);
    expect(moved.k).toBe(1);
    expect(isShown(moved, size, rectOf(layout, 25))).toBe(true);
  });

  it('keeps a step at its point of the screen when new steps come', () => {
    const [before, after] = [layoutOf(6), layoutOf(9)];
    const camera = { k: 0.5, x: 30, y: 20 };
    const kept = keeping(before, after, camera, 4);
    const screen = (layout: typeof before, { k, x }: typeof camera) => rectOf(layout, 4).x * k + x;
    expect(screen(after, kept)).toBeCloseTo(screen(before, camera), 3);
  });
});

describe('the text of a running attempt', () => {
  const piece = (offset: number, text: string, attempt = 1) => ({
    ...{ kind: 'step.tokens' as const, workflow_id: 'w', step_id: 's', attempt, offset, text },
  });

  it('grows piece by piece; what was told before, or leaves a hole, changes nothing', () => {
    const texts = new LiveTexts(() => undefined);
    texts.take(piece(0, 'Tea '));
    texts.take(piece(4, 'is '));
    texts.take(piece(4, 'is '));
    texts.take(piece(20, 'lost'));
    expect(texts.of('s', 1)).toBe('Tea is ');
    texts.take(piece(0, 'Tea is a drink'));
    expect(texts.of('s', 1)).toBe('Tea is a drink');
  });

  it('begins anew with a new attempt', () => {
    const texts = new LiveTexts(() => undefined);
    texts.take(piece(0, 'First'));
    texts.take(piece(5, ' more', 2));
    expect(texts.of('s', 2)).toBeNull();
    texts.take(piece(0, 'Second', 2));
    expect([texts.of('s', 1), texts.of('s', 2)]).toEqual([null, 'Second']);
  });
});

describe('a step that was read', () => {
  const step = {
    ...{ id: 's', name: 'S', action: 'approval', status: 'COMPLETED' as const, dependencies: [], error: null },
    ...{ startTime: null, endTime: null, duration: null, metadata: { a: 1 }, execution_metrics: null, attempt: 1 },
    ...{ timeoutMs: null, retry: null, logs: ['one', 'two\nlines', ''] },
    params: { message: 'Go?', data: { type: 'object' } },
    outputs: { content: 'x'.repeat(300_000), content_type: 'html', n: 3 },
  };

  it('hands over 256 KiB of its text, its lines as one text, and counts for the rest', () => {
    const detail = toDetail(step);
    expect([detail.content?.text.length, detail.content?.length]).toEqual([256 * 1024, 300_000]);
    expect([detail.contentType, detail.outputsCount, detail.paramsCount, detail.metadataCount]).toEqual([
      'html',
      2,
      2,
      1,
    ]);
    expect(countLines(detail.logs)).toBe(3);
    expect([0, 1, 2].map((i) => lineAt(detail.logs, i))).toEqual(step.logs);
    expect(detail.dataSchema).toEqual({ type: 'object' });
    expect(toDetail({ ...step, outputs: { truncated: true, bytes: 9 } }).truncatedBytes).toBe(9);
    expect(toDetail({ ...step, outputs: null }).outputsCount).toBeNull();
  });

  it('is kept while it is one of the last 50, or small enough', () => {
    const kept = new KeptSteps();
    for (let i = 0; i < 60; i += 1) kept.keep(`s${i}`, { ...step, id: `s${i}` }, 10);
    expect(kept.count).toBe(50);
    expect(kept.wholeOf('s9', 'outputs')).toBeUndefined();
    expect(kept.treeOf('s59', 'outputs')).toEqual({ content_type: 'html', n: 3 });
    kept.keep('large', step, 9 * 1024 * 1024);
    expect(kept.count).toBe(1);
    expect(kept.treeOf('large', 'params')).toBe(step.params);
  });

  it('a line of its log has its time apart, and its first word says how much it matters', () => {
    expect(toLogParts('Started execution at 2026-01-31T12:00:00.000Z')).toEqual({
      text: 'Started execution',
      at: '2026-01-31T12:00:00.000Z',
      level: 'info',
    });
    expect(toLogParts('Skipped at 2026-01-31T12:00:00.000Z: no')).toMatchObject({ text: 'Skipped: no' });
    expect(toLogParts('Failed: HTTP 500').level).toBe('error');
    expect(toLogParts('Retrying in 1 s (attempt 2 of 3): x').level).toBe('warn');
    expect(toLogParts('Failed nothing at noon')).toMatchObject({ at: null });
  });
});

describe('a tree of values', () => {
  const value = { list: Array.from({ length: 250 }, (_, k) => ({ n: k })), text: 'Grün', none: null, 'odd key': true };

  it('tells a page of entries, each as one line', () => {
    const { nodes, total } = childrenOf(value, 0, 2);
    expect(total).toBe(4);
    expect(nodes).toEqual([
      { key: 'list', kind: 'array', text: '', size: 250 },
      { key: 'text', kind: 'string', text: 'Grün', size: 4 },
    ]);
    const page = childrenOf(valueAt(value, ['list']), 100, 100);
    expect([page.nodes.length, page.nodes[0]?.key, page.total]).toEqual([100, 100, 250]);
    expect(childrenOf(valueAt(value, ['list', 7]), 0, 9).nodes).toEqual([
      { key: 'n', kind: 'number', text: '7', size: 0 },
    ]);
    expect(valueAt(value, ['list', 'length'])).toBe(250);
    expect(valueAt(value, ['toString'])).toBeUndefined();
    expect(childrenOf('text', 0, 9)).toEqual({ nodes: [], total: 0 });
  });

  it('finds keys and values, and says that there are more', () => {
    expect(searchTree(value, 'GRÜN', 9).hits.map(({ path }) => path)).toEqual([['text']]);
    expect(searchTree(value, 'odd', 9).hits.map(({ path }) => path)).toEqual([['odd key']]);
    expect(searchTree(value, '249', 9).hits.map(({ path }) => path)).toEqual([['list', 249, 'n']]);
    expect(searchTree(value, 'n', 5)).toMatchObject({ hits: { length: 5 }, isCut: true });
    expect(searchTree(value, '', 5)).toEqual({ hits: [], isCut: false });
  });

  it('names a place as a reference and as a pointer', () => {
    const path = ['items', 3, 'odd key', 'a/b~'];
    expect(toReference('fetch', 'outputs', path)).toBe('steps.fetch.outputs.items[3]["odd key"]["a/b~"]');
    expect(toPointer(path)).toBe('/items/3/odd key/a~1b~0');
    expect(textOf({ a: 1 }, 9)).toEqual({ text: '{\n  "a": ', length: 12 });
  });
});

describe('lists of a run', () => {
  const run = toColumns(
    sketchRun([
      { id: 'b10', name: 'Page 10', status: 'COMPLETED', start: 5, ms: 3, action: 'z' },
      { id: 'b9', name: 'Page 9', status: 'FAILED', start: 2, ms: 9, action: 'a' },
      { id: 'b8', name: 'Page 8', action: 'a' },
    ]),
  );

  it('sort by numbers in names, by times, by what matters; what is not there comes last both ways', () => {
    expect(orderSteps(run, null, false, all)).toEqual([0, 1, 2]);
    expect(orderSteps(run, 'name', false, all)).toEqual([2, 1, 0]);
    expect(orderSteps(run, 'action', false, all)).toEqual([1, 2, 0]);
    expect(orderSteps(run, 'status', false, all)).toEqual([1, 2, 0]);
    expect(orderSteps(run, 'took', false, all)).toEqual([0, 1, 2]);
    expect(orderSteps(run, 'took', true, all)).toEqual([1, 0, 2]);
    expect(orderSteps(run, 'started', false, { look: look.failed, found: null })).toEqual([1]);
    expect(orderSteps(run, 'name', false, { look: -1, found: Uint8Array.of(1, 0, 1) })).toEqual([2, 0]);
  });

  it('the lines of two answers follow each other, those of the time where they meet once', () => {
    const line = (step_id: string, at: string | null, text: string, number: number) => ({
      ...{ at, level: 'info' as const, step_id, line: number, text },
    });
    const time = '2026-01-01T00:00:01.000Z';
    const lines = toMergedLines([
      { lines: [line('a', null, 'one', 0), line('b', time, 'two', 0)], more: true, next: time },
      { lines: [line('b', time, 'two', 0), line('a', time, 'three', 1)], more: true, next: time },
    ]);
    expect([0, 1, 2].map((i) => lineAt(lines, i))).toEqual(['one', 'two', 'three']);
    expect([...lines.step].map((step) => lines.stepIds[step])).toEqual(['a', 'b', 'a']);
    expect([...lines.at]).toEqual([Number.NaN, Date.parse(time), Date.parse(time)]);
    expect(lines.isCut).toBe(true);
  });

  it('advice names the setting that is missing, and is silent about what it does not know', () => {
    expect(toAdvice('MISSING_SECRET', 'MISSING_SECRET: OPENAI_API_KEY is not set')).toBe(
      'Set OPENAI_API_KEY and start the engine again.',
    );
    expect(toAdvice('TARGET_REFUSED', '')).toContain('HTTP_ALLOW_HOSTS');
    expect(toAdvice('SOMETHING', 'x')).toBeNull();
  });

  it('links of a text lead to the web or to mail, and nowhere else', () => {
    expect(toTarget('https://example.com/a')).toEqual({ href: 'https://example.com/a', host: 'example.com' });
    expect(toTarget('mailto:a@b.c')?.host).toBe('mail');
    for (const href of ['javascript:alert(1)', 'data:text/html,x', '/runs', 'file:///etc/passwd', 'blob:x'])
      expect(toTarget(href)).toBeNull();
  });
});
