/** Goal: `?bound=1` shows what a step gets, never the value of a secret. Method: a real engine behind the server. */
import { expect, it } from 'vitest';
import { limits } from '../../src/contract/limits.ts';
import { startInlineServer } from './inline-server.ts';
import { createWorkflow, startServer } from './running-server.ts';

it('shows the params of a step with their references replaced, kept from every cache', async () => {
  const running = await startInlineServer();
  const { holds } = running;
  const outputs = { small: 's', large: 'x'.repeat(limits.boundParamsBytesMax), huge: 'y'.repeat(2 * 1024 * 1024) };
  const id = await running.create({
    name: 'Bound',
    params: { who: 'Ada' },
    steps: [
      holds.step('first', { params: { name: 'first', outputs: { small: 's' } } }),
      holds.step('large', { params: { name: 'large', outputs: { large: outputs.large } } }),
      {
        id: 'split',
        action: 'text_join',
        dependencies: ['first'],
        params: { texts: ['{{params.who}}', '{{steps.first.outputs.small}}'] },
      },
      {
        id: 'far',
        action: 'render',
        dependencies: ['large'],
        params: { template: '{{ x }}', data: { x: '{{steps.large.outputs.large}}' } },
      },
    ],
  });
  const step = async (name: string, query = '?bound=1') =>
    running.call('GET', `/api/workflows/${id}/steps/${name}${query}`);
  await holds.arrived('large');
  const early = (await step('far')).json;
  expect(early.params_bound).toEqual({ template: '{{ x }}', data: { x: '{{steps.large.outputs.large}}' } });
  expect(early.params_unbound[0]).toContain('leads nowhere');
  holds.release('first');
  holds.release('large');
  await running.call('GET', `/api/workflows/${id}?wait=10`);
  const bound = await step('split');
  expect(bound.json.params_bound).toEqual({ texts: ['Ada', 's'] });
  expect(bound.json.params).toEqual({ texts: ['{{params.who}}', '{{steps.first.outputs.small}}'] });
  expect(Object.keys(bound.json)).not.toContain('params_unbound');
  expect(bound.headers['cache-control']).toBe('no-store');
  expect((await step('far')).json.params_bound.data.x).toBe(outputs.large);
  for (const query of ['', '?bound=0'])
    expect(Object.keys((await step('split', query)).json)).not.toContain('params_bound');
  expect((await step('absent')).status).toBe(404);
});

it('leaves references to large outputs as they are written, and says so', async () => {
  const running = await startInlineServer();
  const { holds } = running;
  const big = { text: 'y'.repeat(1024 * 1024) };
  const id = await running.create({
    name: 'Big',
    steps: [
      holds.step('big', { params: { name: 'big', outputs: big } }),
      { id: 'far', action: 'text_join', dependencies: ['big'], params: { texts: ['{{steps.big.outputs.text}}'] } },
    ],
  });
  await holds.arrived('big');
  holds.release('big');
  await running.call('GET', `/api/workflows/${id}?wait=10`);
  const { json } = await running.call('GET', `/api/workflows/${id}/steps/far?bound=1`);
  expect(json.params_bound).toEqual({ texts: ['{{steps.big.outputs.text}}'] });
  expect(json.params_unbound).toEqual(['the outputs that are referred to are too large to be shown here']);
});

it('leaves secrets as their names', async () => {
  const secretStore = { TOKEN: { value: 'a-very-secret-value', hosts: ['api.test'] } };
  const running = await startInlineServer({ inline: { settings: { secretStore, offline: true } } });
  const headers = { authorization: 'Bearer {{secrets.TOKEN}}', 'x-who': '{{params.who}}' };
  const params = { url: 'https://api.test/', headers };
  const id = await running.create(
    { name: 'S', params: { who: 'Ada' }, steps: [{ id: 'get', action: 'http_request', params }] },
    10,
  );
  const { json, text } = await running.call('GET', `/api/workflows/${id}/steps/get?bound=1`);
  expect(json.params_bound.headers).toEqual({ authorization: 'Bearer {{secrets.TOKEN}}', 'x-who': 'Ada' });
  expect(text).not.toContain('a-very-secret-value');
});

it.each(['bound=2', 'bound=true', 'bound='])('refuses ?%s', async (query) => {
  const running = await startServer();
  const id = await createWorkflow(running);
  const answer = await running.call('GET', `/api/workflows/${id}/steps/only?${query}`);
  expect([answer.status, answer.json.errors[0].path]).toEqual([422, 'bound']);
});
