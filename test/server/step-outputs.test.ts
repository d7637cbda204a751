/** Goal: large outputs are read in parts or as a file, and never run. Method: the server over an engine in memory. */
import { describe, expect, it } from 'vitest';
import { limits } from '../../src/contract/limits.ts';
import { outputPartSchema } from '../../src/contract/run-view.ts';
import { createWorkflow, startServer } from './running-server.ts';

async function start(outputs: Record<string, unknown> | null) {
  const running = await startServer();
  const id = await createWorkflow(running);
  running.engine.settle(id, 'COMPLETED', outputs);
  const base = `/api/workflows/${id}/steps/only/outputs`;
  return { running, base, part: (query: string) => running.call('GET', `${base}?${query}`) };
}

describe('GET …/outputs', () => {
  const outputs = { items: [{ name: 'ä' }, null, 3, true], 'a/b': { '~': 'x' }, text: 'é'.repeat(10), none: {} };

  it.each([
    ['', { type: 'object', children: 4, value: outputs }],
    ['/items', { type: 'array', children: 4, value: outputs.items }],
    ['/items/0/name', { type: 'string', text: 'ä', bytes: 2 }],
    ['/items/1', { type: 'null', value: null, bytes: 4 }],
    ['/items/2', { type: 'number', value: 3, bytes: 1 }],
    ['/items/3', { type: 'boolean', value: true, bytes: 4 }],
    ['/a~1b/~0', { type: 'string', text: 'x' }],
    ['/none', { type: 'object', children: 0, value: {} }],
  ])('has the part at "%s"', async (pointer, expected) => {
    const { part } = await start(outputs);
    const { status, json } = await part(`pointer=${encodeURIComponent(pointer)}`);
    expect(status).toBe(200);
    expect(outputPartSchema.parse(json)).toEqual(json);
    expect(json).toMatchObject({ pointer, cut: false, ...expected });
  });

  it('cuts at the bound, between characters, and says how to go deeper', async () => {
    const { part } = await start(outputs);
    expect((await part('pointer=/text&limit=20')).json).toMatchObject({ cut: false, text: 'é'.repeat(10), bytes: 20 });
    expect((await part('pointer=/text&limit=19')).json).toMatchObject({ cut: true, text: 'é'.repeat(9), bytes: 20 });
    const { json } = await part('limit=10');
    expect(json).toMatchObject({ cut: true, text: '{"items":[', children: 4, keys: ['items', 'a/b', 'text', 'none'] });
    expect(Object.keys(json)).not.toContain('value');
    expect(Object.keys((await part('pointer=/items&limit=5')).json)).not.toContain('keys');
  });

  it.each([
    ['pointer=items', 422],
    ['pointer=/a~2b', 422],
    ['pointer=/a~', 422],
    ['limit=0', 422],
    [`limit=${limits.outputPartBytesMax + 1}`, 422],
    ['pointer=/absent', 404],
    ['pointer=/items/4', 404],
    ['pointer=/items/00', 404],
    ['pointer=/items/-1', 404],
    ['pointer=/items/length', 404],
    ['pointer=/none/__proto__', 404],
    ['pointer=/text/0', 404],
    ['pointer=/items/1/x', 404],
  ])('refuses ?%s with %i', async (query, status) => {
    const { part } = await start(outputs);
    expect((await part(query)).status).toBe(status);
  });

  it('has null for a step without outputs', async () => {
    const { part } = await start(null);
    expect((await part('')).json).toEqual({ pointer: '', type: 'null', bytes: 4, cut: false, value: null });
  });
});

describe('SO2: GET …/outputs/content', () => {
  it.each([
    [{ content: '<script>alert(1)</script>ä' }, '<script>alert(1)</script>ä', 'txt'],
    [{ content: { a: 1 } }, JSON.stringify({ content: { a: 1 } }, null, 2), 'json'],
    [{ other: 1 }, JSON.stringify({ other: 1 }, null, 2), 'json'],
  ])('is an attachment of octets in a sandbox: %j', async (outputs, text, ending) => {
    const { running, base } = await start(outputs);
    const answer = await running.call('GET', `${base}/content`);
    expect([answer.status, answer.text]).toEqual([200, text]);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="only.${ending}"`,
      'content-security-policy': 'sandbox',
      'x-content-type-options': 'nosniff',
    });
  });

  it('has the id of the step as its name, where that may be anything', async () => {
    const running = await startServer();
    const id = await createWorkflow(running);
    const [step] = running.engine.workflows.get(id)?.steps ?? [];
    Object.assign(step as object, { id: 'a "b"\r\n; é/c', outputs: { content: 'x' } });
    const answer = await running.call(
      'GET',
      `/api/workflows/${id}/steps/${encodeURIComponent('a "b"\r\n; é/c')}/outputs/content`,
    );
    expect([answer.status, answer.headers['content-disposition']]).toEqual([
      200,
      'attachment; filename="a__b_______c.txt"',
    ]);
  });

  it('is 404 without outputs, and for a step that is not there', async () => {
    const { running, base } = await start(null);
    expect((await running.call('GET', `${base}/content`)).status).toBe(404);
    expect((await running.call('GET', `${base.replace('only', 'other')}/content`)).status).toBe(404);
  });
});
