/** Goal: a run as columns, and what has changed of it, over HTTP. Method: a real engine behind the server. */
import { describe, expect, it } from 'vitest';
import { changesViewSchema, graphViewSchema } from '../../src/contract/run-view.ts';
import { startInlineServer } from './inline-server.ts';
import { startServer } from './running-server.ts';

const chain = (n: number) => ({
  name: 'Chain',
  steps: Array.from({ length: n }, (_, i) => ({
    id: `s${i}`,
    action: 'noop',
    dependencies: i === 0 ? [] : [`s${i - 1}`],
  })),
});

describe('GET /api/workflows/{id}?view=graph', () => {
  it('has the steps as columns, of a run that goes on and of one that has left memory', async () => {
    const running = await startInlineServer();
    const { holds } = running;
    const id = await running.create({
      name: 'Two',
      steps: [holds.step('a'), { id: 'b', action: 'noop', dependencies: ['a'] }],
    });
    await holds.arrived('a');
    const live = await running.call('GET', `/api/workflows/${id}?view=graph`);
    expect(live.status).toBe(200);
    expect(graphViewSchema.parse(live.json)).toEqual(live.json);
    expect(live.json).toMatchObject({ id, name: 'Two', status: 'RUNNING', step_counts: { RUNNING: 1 } });
    expect(live.json.steps).toMatchObject({ id: ['a', 'b'], status: '14', deps: [[], [0]], ms: [-1, -1] });
    expect(live.json.params).toBeUndefined();
    holds.release('a');
    const ended = await running.call('GET', `/api/workflows/${id}?view=graph&wait=10`);
    expect(ended.json).toMatchObject({ status: 'COMPLETED', steps: { status: '22' } });
    const whole = await running.call('GET', `/api/workflows/${id}`);
    expect(ended.json.version).toBe(whole.json.version);
  });

  it('is not built for who has it already', async () => {
    const running = await startInlineServer();
    const id = await running.create(chain(2), 10);
    const { headers } = await running.call('GET', `/api/workflows/${id}?view=graph`);
    expect(headers.etag).toMatch(/^"[0-9a-f-]{36}\.\d+"$/);
    const again = await running.call('GET', `/api/workflows/${id}?view=graph`, {
      headers: { 'If-None-Match': headers.etag! },
    });
    expect([again.status, again.text]).toEqual([304, '']);
  });

  it('is 404 for a workflow that is not there', async () => {
    const running = await startInlineServer();
    const answer = await running.call('GET', '/api/workflows/3f2c8f52-6d3c-4a6e-9d5b-0c8f3a1e7b10?view=graph');
    expect([answer.status, answer.json.code]).toEqual([404, 'NOT_FOUND']);
  });

  it('is a twelfth of the whole run, at any size', async () => {
    const running = await startInlineServer();
    const id = await running.create({ ...chain(600), params: { long: 'x'.repeat(10_000) } }, 60);
    const [graph, whole] = await Promise.all(
      ['?view=graph', ''].map((query) => running.call('GET', `/api/workflows/${id}${query}`)),
    );
    expect(whole!.text.length / graph!.text.length).toBeGreaterThan(8);
  });
});

describe('GET /api/workflows/{id}?view=changes', () => {
  it('has the steps that have changed since a version, and says when that is too old', async () => {
    const running = await startInlineServer();
    const { holds } = running;
    const id = await running.create({ name: 'Two', steps: [holds.step('a'), holds.step('b')] });
    await Promise.all([holds.arrived('a'), holds.arrived('b')]);
    const { json: before } = await running.call('GET', `/api/workflows/${id}?view=graph`);
    holds.release('b');
    const answers = [];
    do answers.push(await running.call('GET', `/api/workflows/${id}?view=changes&since=${before.version}`));
    while (answers.at(-1)!.json.version === before.version);
    const { json } = answers.at(-1)!;
    expect(changesViewSchema.parse(json)).toEqual(json);
    expect(json).toMatchObject({ since: before.version, at: [1], steps: { id: ['b'], status: '2' } });
    const none = await running.call('GET', `/api/workflows/${id}?view=changes&since=${json.version}`);
    expect([none.status, none.json.at]).toEqual([200, []]);
    const future = await running.call('GET', `/api/workflows/${id}?view=changes&since=${json.version + 1}`);
    expect([future.status, future.json.code]).toEqual([409, 'CONFLICT']);
    holds.release('a');
    await running.call('GET', `/api/workflows/${id}?wait=10`);
    // It has left memory, and with it what was known of its changes.
    await expect
      .poll(async () => (await running.call('GET', `/api/workflows/${id}?view=changes&since=${json.version}`)).status)
      .toBe(409);
  });

  it.each([
    ['view=changes', 'since'],
    ['since=3', 'since'],
    ['view=graph&since=3', 'since'],
    ['view=changes&since=-1', 'since'],
    ['view=summary', 'view'],
  ])('refuses ?%s', async (query, path) => {
    const running = await startServer();
    const answer = await running.call('GET', `/api/workflows/3f2c8f52-6d3c-4a6e-9d5b-0c8f3a1e7b10?${query}`);
    expect([answer.status, answer.json.errors[0].path]).toEqual([422, path]);
    expect(running.engine.calls).toEqual([]);
  });
});
