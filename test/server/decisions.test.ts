// Goal: decisions and the list of what waits, over HTTP: statuses, headers, pages.
import { expect, test } from 'vitest';
import { startServer } from './running-server.ts';

const asking = {
  name: 'asks',
  steps: [
    { id: 'one', action: 'approval', params: { message: 'One?' } },
    { id: 'two', action: 'approval', params: { message: 'Two?' } },
  ],
};

test('a decision is answered with the step; a second one is 409, one about no step 404', async () => {
  const { call, engine } = await startServer();
  const { id } = (await call('POST', '/api/workflows', { body: asking })).json;
  const path = `/api/workflows/${id}/steps/one/decision`;
  const answer = await call('POST', path, { body: { approved: true, by: 'Ada' }, headers: { 'Idempotency-Key': 'k' } });
  expect([answer.status, answer.json.id, answer.json.outputs]).toEqual([200, 'one', { approved: true }]);
  expect(engine.callsOf('decide')).toEqual([[id, 'one', { approved: true, by: 'Ada' }, { idempotencyKey: 'k' }]]);
  expect((await call('POST', path, { body: { approved: true } })).status).toBe(409);
  expect((await call('POST', path.replace('one', 'none'), { body: { approved: true } })).status).toBe(404);
  const replayed = await call('POST', path.replace('one', 'two'), {
    body: { approved: true },
    headers: { 'Idempotency-Key': 'again' },
  });
  expect(replayed.headers['idempotency-replayed']).toBe('true');
});

test.each([
  [{}, 'approved'],
  [{ approved: 'yes' }, 'approved'],
  [{ approved: true, because: 'x' }, 'because'],
  [{ approved: true, data: 'x'.repeat(70_000) }, 'data'],
])('a body that is no decision is 422 and names the field: %j', async (body, field) => {
  const { call, engine } = await startServer();
  const { id } = (await call('POST', '/api/workflows', { body: asking })).json;
  const answer = await call('POST', `/api/workflows/${id}/steps/one/decision`, { body });
  expect([answer.status, answer.json.errors[0].path]).toEqual([422, field]);
  expect(engine.callsOf('decide')).toEqual([]);
});

test('what waits comes in pages that link to each other', async () => {
  const { call } = await startServer();
  await call('POST', '/api/workflows', { body: asking });
  const first = await call('GET', '/api/waiting?limit=1');
  expect(first.json).toMatchObject([{ step_id: 'one', message: 'One?', for: 'decision' }]);
  expect(first.headers['x-total-count']).toBe('2');
  expect(first.headers.link).toBe('</api/waiting?limit=1&offset=1>; rel="next"');
  const second = await call('GET', '/api/waiting?limit=1&offset=1');
  expect(second.json).toMatchObject([{ step_id: 'two' }]);
  expect(second.headers.link).toBe('</api/waiting?limit=1&offset=0>; rel="prev"');
  expect((await call('GET', '/api/waiting?limit=0')).status).toBe(422);
});

test('a page that would be too large ends early, and links to the rest', async () => {
  const { call } = await startServer({ bounds: { listAnswerBytesMax: 200 } });
  await call('POST', '/api/workflows', { body: asking });
  const answer = await call('GET', '/api/waiting');
  expect(answer.json).toHaveLength(1);
  expect(answer.headers.link).toContain('offset=1');
});
