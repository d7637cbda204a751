/** Goal: lists show what was asked for and lose no row between pages; facets count. Method: a real engine behind HTTP. */
import { describe, expect, it } from 'vitest';
import { facetsSchema } from '../../src/contract/run-view.ts';
import { type InlineServer, startInlineServer } from './inline-server.ts';

const noop = (name: string, rest: object = {}) => ({ name, steps: [{ id: 'only', action: 'noop' }], ...rest });
const names = (answer: { json: { name: string }[] }) => answer.json.map(({ name }) => name).sort();

async function fill(running: InlineServer): Promise<void> {
  const failing = { steps: [{ id: 'only', action: 'render', params: { template: '{{ x | nope }}', data: {} } }] };
  await running.create(noop('a', { tags: ['red', 'big'] }), 10);
  await running.create(noop('b', { tags: ['red'] }), 10);
  await running.create({ name: 'c', tags: ['blue'], ...failing }, 10);
  await running.create({ name: 'd', steps: [{ id: 'data', name: 'The page', action: 'external_data' }] }, 10);
  const body = { template_id: 'noop', params: {} };
  await running.call('POST', '/api/workflows/from-template?wait=10', { body });
}

describe('GET /api/workflows', () => {
  it('takes several statuses and tags, times, a template and a parent', async () => {
    const running = await startInlineServer();
    await fill(running);
    const list = (query: string) => running.call('GET', `/api/workflows?view=summary&${query}`);
    expect(names(await list('status=FAILED,WAITING_FOR_DEPENDENCY'))).toEqual(['c', 'd']);
    expect(names(await list('status=FAILED&status=WAITING_FOR_DEPENDENCY'))).toEqual(['c', 'd']);
    expect(names(await list('tag=red&tag=big'))).toEqual(['a']);
    expect(names(await list('template=noop'))).toEqual(['Workflow from noop']);
    expect((await list('from=2020-01-01&to=2020-01-02')).json).toEqual([]);
    expect((await list('from=2020-01-01')).headers['x-total-count']).toBe('5');
    const { json } = await list('tag=big');
    const branch = { body: { stepId: 'only' } };
    const made = await running.call('POST', `/api/workflows/${json[0].id}/branches?wait=10`, branch);
    expect((await list(`parent=${json[0].id}`)).json.map(({ id }: { id: string }) => id)).toEqual([made.json.id]);
  });

  it('says what a workflow waits for, and how many steps have which status', async () => {
    const running = await startInlineServer();
    await fill(running);
    const { json } = await running.call('GET', '/api/workflows?view=summary&status=WAITING_FOR_DEPENDENCY');
    expect(json[0].needs).toEqual([{ step_id: 'data', name: 'The page', for: 'data' }]);
    expect(json[0].step_counts).toEqual({ WAITING_FOR_DEPENDENCY: 1 });
    const done = await running.call('GET', '/api/workflows?view=summary&tag=big');
    expect(Object.keys(done.json[0])).not.toContain('needs');
    expect(done.json[0].step_counts).toEqual({ COMPLETED: 1 });
  });

  it.each(['', '&sort=created', '&sort=duration', '&sort=cost', '&sort=updated'])(
    'a cursor leads through all rows once, though new ones come meanwhile%s',
    async (sort) => {
      const running = await startInlineServer();
      for (let i = 0; i < 7; i += 1) await running.create(noop(`n${i}`), 10);
      const seen: string[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < 10; page += 1) {
        const at = cursor === undefined ? '' : `&cursor=${cursor}`;
        const answer = await running.call('GET', `/api/workflows?view=summary&limit=3${sort}${at}`);
        seen.push(...names(answer).filter((name) => name.startsWith('n')));
        cursor = answer.headers['x-next-cursor'] as string | undefined;
        if (cursor === undefined) break;
        expect(answer.headers.link).toContain('rel="next"');
        if (sort === '' || sort === '&sort=created') await running.create(noop('new'), 10);
      }
      expect(seen.sort()).toEqual(['n0', 'n1', 'n2', 'n3', 'n4', 'n5', 'n6']);
    },
  );

  it('the last page has no cursor, and a full one that is the last has none either', async () => {
    const running = await startInlineServer();
    for (let i = 0; i < 4; i += 1) await running.create(noop(`n${i}`), 10);
    const first = await running.call('GET', '/api/workflows?view=summary&limit=2');
    const second = await running.call(
      'GET',
      `/api/workflows?view=summary&limit=2&cursor=${first.headers['x-next-cursor']}`,
    );
    expect(second.json).toHaveLength(2);
    expect([second.headers['x-next-cursor'], second.headers.link]).toEqual([undefined, undefined]);
    expect((await running.call('GET', '/api/workflows?limit=4')).headers['x-next-cursor']).toBeUndefined();
  });

  it.each([
    ['cursor=x', 'cursor'],
    ['from=soon', 'from'],
    ['to=2026-01-31T00:00', 'to'],
    ['sort=name', 'sort'],
    ['template=', 'template'],
  ])('refuses ?%s', async (query, path) => {
    const running = await startInlineServer();
    const answer = await running.call('GET', `/api/workflows?${query}`);
    expect([answer.status, answer.json.errors[0].path]).toEqual([422, path]);
  });

  it('refuses a cursor of another order, and one beside an offset', async () => {
    const running = await startInlineServer();
    for (let i = 0; i < 2; i += 1) await running.create(noop(`n${i}`), 10);
    const { headers } = await running.call('GET', '/api/workflows?limit=1');
    for (const rest of ['&sort=cost', '&offset=1']) {
      const answer = await running.call('GET', `/api/workflows?cursor=${headers['x-next-cursor']}${rest}`);
      expect([answer.status, answer.json.errors[0].path]).toEqual([422, 'cursor']);
    }
  });
});

describe('GET /api/workflows/facets', () => {
  it('counts by status, tag and template; each without its own filter', async () => {
    const running = await startInlineServer();
    await fill(running);
    const all = (await running.call('GET', '/api/workflows/facets')).json;
    expect(facetsSchema.parse(all)).toEqual(all);
    expect(all).toEqual({
      total: 5,
      status: [
        { value: 'COMPLETED', count: 3 },
        { value: 'FAILED', count: 1 },
        { value: 'WAITING_FOR_DEPENDENCY', count: 1 },
      ],
      tag: [
        { value: 'red', count: 2 },
        { value: 'big', count: 1 },
        { value: 'blue', count: 1 },
      ],
      template: [{ value: 'noop', count: 1 }],
    });
    const red = (await running.call('GET', '/api/workflows/facets?tag=red&status=FAILED')).json;
    expect(red).toEqual({
      total: 0,
      status: [{ value: 'COMPLETED', count: 2 }],
      tag: [{ value: 'blue', count: 1 }],
      template: [],
    });
    expect((await running.call('GET', '/api/workflows/facets?limit=1')).status).toBe(422);
  });
});
