/** Goal: a run is searched over HTTP, outputs in blobs too, within bounds. Method: a real engine behind the server. */
import { expect, it } from 'vitest';
import { limits } from '../../src/contract/limits.ts';
import { searchReplySchema } from '../../src/contract/run-view.ts';
import { startInlineServer } from './inline-server.ts';
import { createWorkflow, startServer } from './running-server.ts';

it('RQ2: finds a text in names, errors, logs and outputs, also in large ones', async () => {
  const running = await startInlineServer();
  const { holds } = running;
  const blob = { content: `${'x'.repeat(limits.outputsInlineBytesMax)} needle in a blob` };
  const huge = { content: `needle ${'x'.repeat(limits.searchOutputsBytesMax)}` };
  const hold = (name: string, outputs: object) => holds.step(name, { params: { name, outputs } });
  const id = await running.create({
    name: 'Hay',
    steps: [
      hold('a', { deep: [{ said: 'The Needle' }] }),
      hold('blob', blob),
      hold('huge', huge),
      { id: 'needle-step', action: 'noop' },
      { id: 'fails', action: 'transform', params: { input: {}, expression: '$error("needle lost")' } },
    ],
  });
  for (const name of ['a', 'blob', 'huge']) {
    await holds.arrived(name);
    holds.release(name);
  }
  await running.call('GET', `/api/workflows/${id}?wait=10`);
  const { status, json } = await running.call('GET', `/api/workflows/${id}/search?q=needle`);
  expect(status).toBe(200);
  expect(searchReplySchema.parse(json)).toEqual(json);
  const where = json.hits.map((hit: Record<string, unknown>) =>
    [hit.step_id, hit.in, hit.pointer ?? hit.line ?? ''].join(' '),
  );
  expect(where).toEqual([
    'a outputs /deep/0/said',
    'blob outputs /content',
    'needle-step names ',
    'fails errors ',
    expect.stringMatching(/^fails logs \d$/),
  ]);
  expect([json.cut, json.unread]).toEqual([false, ['huge']]);
  const some = await running.call('GET', `/api/workflows/${id}/search?q=needle&in=errors,names&limit=1`);
  expect([some.json.hits.length, some.json.cut, some.json.unread]).toEqual([1, true, []]);
});

it.each([
  ['', 'q'],
  ['q=', 'q'],
  [`q=${'x'.repeat(limits.searchLengthMax + 1)}`, 'q'],
  ['q=x&in=params', 'in'],
  ['q=x&in=', 'in'],
  ['q=x&limit=0', 'limit'],
  [`q=x&limit=${limits.searchHitsMax + 1}`, 'limit'],
])('refuses ?%s', async (query, path) => {
  const running = await startServer();
  const id = await createWorkflow(running);
  const answer = await running.call('GET', `/api/workflows/${id}/search?${query}`);
  expect([answer.status, answer.json.errors[0].path]).toEqual([422, path]);
});
