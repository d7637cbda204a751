/** Goal: a ticket opens one event stream and nothing else. Method: HTTP, and tickets on a clock of the test's. */
import type { Context } from 'koa';
import { describe, expect, it } from 'vitest';
import { ticketSchema } from '../../src/contract/engine-page.ts';
import { limits } from '../../src/contract/limits.ts';
import { Tickets } from '../../src/server/tickets.ts';
import { openEvents } from './event-reader.ts';
import { createWorkflow, type RunningServer, startServer } from './running-server.ts';

const apiToken = 'a-long-token';
const headers = { Authorization: `Bearer ${apiToken}` };

async function start() {
  const running = await startServer({ settings: { apiToken } });
  const authorized: RunningServer = {
    ...running,
    call: (method, path, options = {}) => running.call(method, path, { ...options, headers }),
  };
  const take = async (workflow?: string) => {
    const answer = await authorized.call('POST', '/api/tickets', {
      body: { for: 'events', ...(workflow ? { workflow } : {}) },
    });
    expect(answer.status).toBe(201);
    expect(ticketSchema.parse(answer.json)).toEqual(answer.json);
    return answer.json.ticket as string;
  };
  return { running, authorized, take };
}

async function opens(running: RunningServer, path: string): Promise<number> {
  const reader = await openEvents(running.port, path);
  reader.leave();
  await reader.ended;
  return reader.status;
}

describe('TI1: a ticket', () => {
  it('has 256 bits, and opens one stream once', async () => {
    const { running, take } = await start();
    const ticket = await take();
    expect(Buffer.from(ticket, 'base64url')).toHaveLength(32);
    expect(await opens(running, `/api/events?ticket=${ticket}`)).toBe(200);
    expect(await opens(running, `/api/events?ticket=${ticket}`)).toBe(401);
    expect(await opens(running, `/api/events?ticket=${await take()}&lastEventId=0`)).toBe(200);
  });

  it('for a workflow opens streams of that workflow alone', async () => {
    const { running, authorized, take } = await start();
    const [mine, other] = [await createWorkflow(authorized), await createWorkflow(authorized)];
    const cases: [string, number][] = [
      [`/api/workflows/${mine}/events?`, 200],
      [`/api/events?workflow=${mine}&`, 200],
      [`/api/events?workflow=${mine}&tokens=${mine}&`, 200],
      [`/api/workflows/${other}/events?`, 401],
      ['/api/events?', 401],
      [`/api/events?workflow=${mine}&workflow=${other}&`, 401],
      [`/api/events?workflow=${mine}&tokens=${other}&`, 401],
    ];
    for (const [path, status] of cases) {
      expect([path, await opens(running, `${path}ticket=${await take(mine)}`)]).toEqual([path, status]);
    }
  });

  it('opens nothing but streams, and is used up by trying', async () => {
    const { running, authorized, take } = await start();
    const id = await createWorkflow(authorized);
    const ticket = await take();
    for (const [method, path] of [
      ['GET', '/api/workflows'],
      ['GET', `/api/workflows/${id}`],
      ['POST', `/api/workflows/${id}/stop`],
      ['POST', '/api/tickets'],
      ['HEAD', '/api/events'],
      ['GET', '/metrics'],
    ] as const) {
      expect([path, (await running.call(method, `${path}?ticket=${ticket}`)).status]).toEqual([path, 401]);
    }
    expect(await opens(running, `/api/workflows/${id}/events?ticket=${ticket}`)).toBe(200);
    const wrong = await running.call('GET', '/api/events?ticket=x');
    expect([wrong.status, wrong.json.detail]).toEqual([401, expect.stringContaining('POST /api/tickets')]);
    expect(await opens(running, `/api/events?ticket=${await take()}&ticket=${await take()}`)).toBe(401);
  });

  it('is good for so long and no longer', () => {
    let now = 1_000;
    const tickets = new Tickets(() => now);
    const ask = (ticket: string) =>
      tickets.admits({ path: '/api/events', method: 'GET', query: { ticket } } as unknown as Context);
    const [first, second] = [tickets.issue(null), tickets.issue(null)];
    now += limits.ticketMsMax - 1;
    expect(ask(first.ticket)).toBe(true);
    now += 1;
    expect(ask(second.ticket)).toBe(false);
  });
});

it('TI2: no ticket is in the log', async () => {
  const { running, take } = await start();
  const ticket = await take();
  await opens(running, `/api/events?ticket=${ticket}`);
  await running.call('GET', `/api/workflows?ticket=${ticket}`, { headers });
  expect(running.logLines.length).toBeGreaterThan(2);
  expect(running.logLines.join('')).not.toContain(ticket);
});

it('TI3: no more wait than there may, and room comes back with time', () => {
  let now = 0;
  const tickets = new Tickets(() => now);
  for (let i = 0; i < limits.ticketsMax; i += 1) tickets.issue(null);
  expect(() => tickets.issue(null)).toThrow(`${limits.ticketsMax} tickets wait`);
  now = limits.ticketMsMax;
  expect(tickets.issue(null).ticket).toHaveLength(43);
});

it.each([[{}], [{ for: 'all' }], [{ for: 'events', workflow: 3 }], [{ for: 'events', more: 1 }]])(
  'refuses %j',
  async (body) => {
    const { authorized } = await start();
    expect((await authorized.call('POST', '/api/tickets', { body })).status).toBe(422);
  },
);

it('is refused for a workflow that is not there, and without the token', async () => {
  const { running, authorized } = await start();
  const body = { for: 'events', workflow: '3f2c8f52-6d3c-4a6e-9d5b-0c8f3a1e7b10' };
  expect((await authorized.call('POST', '/api/tickets', { body })).status).toBe(404);
  expect((await running.call('POST', '/api/tickets', { body: { for: 'events' } })).status).toBe(401);
});
