/** Goal: one stream for a whole app, narrowed and with texts. Method: a real engine behind HTTP, steps that speak. */
import { describe, expect, it } from 'vitest';
import { limits } from '../../src/contract/limits.ts';
import { type EventReader, openEvents, type ReceivedEvent } from './event-reader.ts';
import { startInlineServer } from './inline-server.ts';

async function until(
  reader: EventReader,
  is: (event: { event: string; data: ReceivedEvent['data'] }) => boolean,
): Promise<ReceivedEvent[]> {
  const seen: ReceivedEvent[] = [];
  for (;;) {
    const next = await reader.next();
    if (next === null) throw new Error(`the stream has ended after ${JSON.stringify(seen)}`);
    seen.push(next);
    if (is(next)) return seen;
  }
}

describe('GET /api/events', () => {
  it('tells the events of the workflows that are named, and the texts of those whose texts are asked for', async () => {
    const running = await startInlineServer();
    const { holds } = running;
    const ids = [];
    for (const name of ['a', 'b', 'c']) ids.push(await running.create({ name, steps: [holds.step(name)] }));
    for (const name of ['a', 'b', 'c']) await holds.arrived(name);
    holds.say('a', 'early ');
    const [a, b, c] = ids as [string, string, string];
    const reader = await openEvents(running.port, `/api/events?workflow=${a}&workflow=${b}&tokens=${a}&tokens=${c}`);
    expect(reader.status).toBe(200);
    holds.say('a', 'late');
    holds.say('b', 'unheard');
    holds.say('c', 'heard');
    for (const name of ['c', 'b', 'a']) {
      holds.release(name);
      await running.call('GET', `/api/workflows/${ids[['a', 'b', 'c'].indexOf(name)]}?wait=10`);
    }
    const seen = await until(reader, ({ event, data }) => event === 'step.completed' && data.workflow_id === a);
    reader.leave();
    const durable = seen.filter(({ event }) => event !== 'step.tokens').map(({ data }) => data.workflow_id);
    expect(durable).toEqual([b, a]);
    const text = (id: string) =>
      seen
        .filter(({ event, data }) => event === 'step.tokens' && data.workflow_id === id)
        .map(({ data }) => data.text)
        .join('');
    expect([text(a), text(b), text(c)]).toEqual(['early late', '', 'heard']);
  });

  it('goes on after an event, with those of the named workflows alone', async () => {
    const running = await startInlineServer();
    const [a, b] = [
      await running.create({ name: 'a', steps: [{ id: 's', action: 'noop' }] }, 10),
      await running.create({ name: 'b', steps: [{ id: 's', action: 'noop' }] }, 10),
    ];
    const reader = await openEvents(running.port, `/api/events?workflow=${b}&lastEventId=0`);
    const seen = await until(reader, ({ event }) => event === 'step.completed');
    reader.leave();
    expect(seen.map(({ event }) => event)).toEqual(['workflow.created', 'step.started', 'step.completed']);
    expect(new Set(seen.map(({ data }) => data.workflow_id))).toEqual(new Set([b]));
    expect(a).not.toBe(b);
  });

  it('refuses what is no workflow before it begins', async () => {
    const running = await startInlineServer();
    const id = '3f2c8f52-6d3c-4a6e-9d5b-0c8f3a1e7b10';
    for (const name of ['workflow', 'tokens']) {
      expect((await running.call('GET', `/api/events?${name}=${id}`)).status).toBe(404);
      const bad = await running.call('GET', `/api/events?${name}=x`);
      expect([bad.status, bad.json.errors[0].path]).toEqual([422, name]);
    }
    const many = Array.from({ length: limits.streamTextsMax + 1 }, (_, i) => `tokens=${id.slice(0, -2)}${10 + i}`);
    const answer = await running.call('GET', `/api/events?${many.join('&')}`);
    expect([answer.status, answer.json.errors[0].path]).toEqual([422, 'tokens']);
  });
});
