// Goal: the list pages, filters, cuts large outputs and bounds its own size; a client that follows `next` sees all.
import { describe, expect, it } from 'vitest';
import { Refusal } from '../../src/contract/failures.ts';
import { FakeEngine } from '../fixtures/fake-engine.ts';
import { createWorkflow, oneStep, startServer } from './running-server.ts';

function linkTo(rel: string, header: unknown): string | undefined {
  const part = String(header ?? '')
    .split(', ')
    .find((each) => each.endsWith(`rel="${rel}"`));
  return part?.slice(1, part.indexOf('>'));
}

describe('GET /api/workflows', () => {
  it('lists whole workflows, newest change first, with their number', async () => {
    const running = await startServer();
    const first = await createWorkflow(running);
    const second = await createWorkflow(running);
    running.engine.settle(first, 'COMPLETED');
    const answer = await running.call('GET', '/api/workflows');
    expect(answer.status).toBe(200);
    expect(answer.headers['x-total-count']).toBe('2');
    expect(answer.headers.link).toBeUndefined();
    expect(answer.json.map((each: { id: string }) => each.id)).toEqual([first, second]);
    expect(answer.json[0].steps).toHaveLength(1);
    expect(running.engine.callsOf('list')[0]).toEqual([{ limit: 200, offset: 0 }]);
  });

  it('leaves the steps out of a summary', async () => {
    const running = await startServer();
    await createWorkflow(running);
    const { json } = await running.call('GET', '/api/workflows?view=summary');
    expect(json[0]).toMatchObject({ name: 'One step', steps_total: 1 });
    expect(json[0].steps).toBeUndefined();
    expect(running.engine.callsOf('get')).toEqual([]);
  });

  it('hands every filter on', async () => {
    const running = await startServer();
    await createWorkflow(running, { ...oneStep, tags: ['a&b'] });
    await createWorkflow(running, { ...oneStep, tags: ['a&b'] });
    const answer = await running.call(
      'GET',
      '/api/workflows?limit=1&offset=1&status=PENDING&tag=a%26b&q=ONE&view=full',
    );
    expect(answer.json).toHaveLength(1);
    expect(running.engine.callsOf('list')[0]).toEqual([
      { limit: 1, offset: 1, status: 'PENDING', tag: 'a&b', q: 'ONE' },
    ]);
    expect(linkTo('prev', answer.headers.link)).toBe(
      '/api/workflows?limit=1&offset=0&status=PENDING&tag=a%26b&q=ONE&view=full',
    );
  });

  it('links to the next page and the one before', async () => {
    const running = await startServer();
    const ids = new Set<string>();
    for (let at = 0; at < 7; at += 1) ids.add(await createWorkflow(running));
    const seen = new Set<string>();
    let pages = 0;
    for (let path: string | undefined = '/api/workflows?limit=3'; path !== undefined && pages < 10; pages += 1) {
      const { headers, json } = await running.call('GET', path);
      for (const each of json) seen.add(each.id);
      path = linkTo('next', headers.link);
    }
    expect(pages).toBe(3);
    expect(seen).toEqual(ids);
    const second = await running.call('GET', '/api/workflows?limit=3&offset=2');
    expect(linkTo('prev', second.headers.link)).toBe('/api/workflows?limit=2&offset=0');
  });

  it.each([
    'limit=0',
    'limit=1001',
    'limit=-1',
    'limit=1.5',
    'limit=',
    'limit=1&limit=2',
    'offset=-1',
    'offset=x',
    'status=DONE',
    'status=pending',
    'tag=',
    'view=all',
  ])('refuses ?%s', async (query) => {
    const running = await startServer();
    const answer = await running.call('GET', `/api/workflows?${query}`);
    expect(answer.status).toBe(422);
    expect(answer.json.errors[0].path).toBe(query.split('=')[0]);
    expect(running.engine.calls).toEqual([]);
  });

  it('replaces outputs over the bound, and leaves those at the bound', async () => {
    const running = await startServer();
    const steps = ['at', 'over'].map((id) => ({ id, action: 'noop' }));
    const id = await createWorkflow(running, { name: 'x', steps });
    running.engine.settle(id, 'COMPLETED', { content: 'x'.repeat(4_096 - '{"content":""}'.length) });
    const over = running.engine.workflows.get(id)?.steps[1];
    if (over) over.outputs = { content: 'x'.repeat(4_097 - '{"content":""}'.length) };
    const { json } = await running.call('GET', '/api/workflows');
    expect(json[0].steps[0].outputs.content).toHaveLength(4_082);
    expect(json[0].steps[1].outputs).toEqual({ truncated: true, bytes: 4_097 });
  });

  it.each(['full', 'summary'])('ends a %s page early at its bound, and the links lead to the rest', async (view) => {
    const running = await startServer({ bounds: { listAnswerBytesMax: 2_500 } });
    const ids = new Set<string>();
    for (let at = 0; at < 9; at += 1) ids.add(await createWorkflow(running));
    const seen: string[] = [];
    for (let path: string | undefined = `/api/workflows?view=${view}`; path !== undefined && seen.length < 20; ) {
      const { headers, json, text } = await running.call('GET', path);
      expect(text.length).toBeLessThanOrEqual(2_500);
      expect(headers['x-total-count']).toBe('9');
      for (const each of json) seen.push(each.id);
      path = linkTo('next', headers.link);
    }
    expect(seen).toHaveLength(9);
    expect(new Set(seen)).toEqual(ids);
  });

  it('gives a workflow that is larger than a page a page of its own', async () => {
    const running = await startServer({ bounds: { listAnswerBytesMax: 10 } });
    await createWorkflow(running);
    await createWorkflow(running);
    const { json, headers } = await running.call('GET', '/api/workflows');
    expect(json).toHaveLength(1);
    expect(linkTo('next', headers.link)).toContain('offset=1');
  });

  it('holds only a few documents at once', async () => {
    let open = 0;
    let openMax = 0;
    class CountingEngine extends FakeEngine {
      override async get(id: string) {
        open += 1;
        openMax = Math.max(openMax, open);
        await new Promise(setImmediate);
        open -= 1;
        return super.get(id);
      }
    }
    const running = await startServer({ engine: new CountingEngine() });
    for (let at = 0; at < 20; at += 1) await createWorkflow(running);
    expect((await running.call('GET', '/api/workflows')).json).toHaveLength(20);
    expect(openMax).toBe(4);
  });

  it.each(['NOT_FOUND', 'SET_ASIDE'] as const)('leaves out what has become %s meanwhile', async (code) => {
    const running = await startServer();
    await createWorkflow(running);
    running.engine.failWith('get', new Refusal({ code, detail: 'gone' }));
    const answer = await running.call('GET', '/api/workflows');
    expect([answer.status, answer.json]).toEqual([200, []]);
    running.engine.failWith('get', new Refusal({ code: 'BUSY', detail: 'later' }));
    expect((await running.call('GET', '/api/workflows')).status).toBe(503);
  });
});
