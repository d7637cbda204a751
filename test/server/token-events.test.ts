/**
 * Goal: a client sees a model's answer grow on the workflow's event stream, loses nothing of it by coming back, and
 * Last-Event-ID keeps its meaning. Method: the whole product, its coordinator on a thread of its own, before a stand-in that
 * sends the next words when the test says so.
 */
import type { ServerResponse } from 'node:http';
import { pino } from 'pino';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import type { Engine } from '../../src/contract/engine.ts';
import { createEngine, version } from '../../src/main.ts';
import { createServer, type EngineServer } from '../../src/server/server.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { type Fault, StandIn } from '../stand-in/stand-in.ts';
import { canaryKey, settingsFor } from '../tasks/llm/model-attempt.ts';
import { type EventReader, openEvents, type ReceivedEvent } from './event-reader.ts';

let standIn: StandIn;
let dir: EngineDir;
let engine: Engine;
let server: EngineServer;
let port: number;

beforeAll(async () => {
  standIn = await StandIn.start();
  dir = new EngineDir();
  engine = await createEngine({
    settings: {
      ...dir.settings,
      poolThreads: 1,
      logLevel: 'fatal',
      secrets: settingsFor(standIn),
      httpAllowHosts: [standIn.host],
    },
  });
  const settings = { host: '127.0.0.1', port: 0, apiToken: null, allowedHosts: [], allowedOrigins: [] };
  server = createServer({ engine, settings, log: pino({ level: 'silent' }), version });
  ({ port } = await server.listen());
});
afterAll(async () => {
  await server.close();
  await engine.close();
  await standIn.close();
  dir.remove();
});

/** A stream whose words the test sends one by one. */
function bySay() {
  let response: ServerResponse | null = null;
  let onOpen = () => {};
  const open = new Promise<void>((resolve) => {
    onOpen = resolve;
  });
  const send = (delta: object, finish: string | null) =>
    response?.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta, finish_reason: finish }] })}\n\n`);
  const behaviour: Fault = (given) => {
    response = given;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    onOpen();
  };
  return {
    behaviour,
    open,
    say: (content: string) => send({ content }, null),
    end() {
      send({}, 'stop');
      response?.end('data: [DONE]\n\n');
    },
  };
}

async function openReader(path: string, headers: Record<string, string> = {}): Promise<EventReader> {
  const reader = await openEvents(port, path, headers);
  onTestFinished(() => reader.leave());
  return reader;
}

/** Reads on until an event fits; returns all up to it. */
async function readUntil(reader: EventReader, fits: (event: ReceivedEvent) => boolean): Promise<ReceivedEvent[]> {
  const events: ReceivedEvent[] = [];
  for (;;) {
    const event = await reader.next();
    if (event === null) throw new Error(`the stream ended after ${JSON.stringify(events)}`);
    events.push(event);
    if (fits(event)) return events;
  }
}

const isText = ({ event }: ReceivedEvent) => event === 'step.tokens';
/** What a client has of the text: offset 0 begins anew, anything else must join. */
function toText(events: readonly ReceivedEvent[]): string {
  let text = '';
  for (const { data } of events.filter(isText)) {
    if (data.offset === 0) text = '';
    expect(data.offset).toBe(text.length);
    text += data.text;
  }
  return text;
}

const step = (params: object = {}) => ({
  id: 'a',
  action: 'openai_chat',
  params: { prompt: 'Tell', stream: true, ...params },
});

it('a streamed answer is told while it is made, and again in one piece to who comes back', async () => {
  const answer = bySay();
  standIn.next(answer.behaviour);
  const { id } = await engine.submit({ name: 'Streams', steps: [step()] });
  await answer.open;
  const path = `/api/workflows/${id}/events`;
  const first = await openReader(path, { 'Last-Event-ID': '0' });
  answer.say('Once ');
  const early = await readUntil(first, (event) => isText(event) && event.data.text.includes('Once'));
  expect(early.map(({ event }) => event)).toEqual(['workflow.created', 'step.started', 'step.tokens']);
  expect(early.at(-1)).toEqual({
    event: 'step.tokens',
    id: '',
    data: { kind: 'step.tokens', workflow_id: id, step_id: 'a', attempt: 1, offset: 0, text: 'Once ' },
  });
  const lastId = early.findLast((event) => event.id !== '')?.id ?? '';
  first.leave();
  answer.say('upon ');
  answer.say('a time');
  const second = await openReader(path, { 'Last-Event-ID': lastId });
  const back = await readUntil(second, (event) => isText(event) && event.data.text.endsWith('time'));
  expect(toText(back)).toBe('Once upon a time');
  expect(back[0]?.data.offset).toBe(0);
  answer.say('.');
  answer.end();
  const rest = await readUntil(second, ({ event }) => event === 'step.completed');
  expect(toText([...back, ...rest])).toBe('Once upon a time.');
  const { workflow } = await engine.finished(id);
  expect(workflow.steps[0]?.outputs).toMatchObject({ content: 'Once upon a time.' });
});

it('the joined pieces are the outputs, whatever keys the model repeats and however long it goes on', async () => {
  const answer = bySay();
  standIn.next(answer.behaviour);
  const { id } = await engine.submit({ name: 'Long', steps: [step()] });
  await answer.open;
  const reader = await openReader(`/api/workflows/${id}/events`, { 'Last-Event-ID': '0' });
  const started = await readUntil(reader, ({ event }) => event === 'step.started');
  for (let at = 0; at < 3_000; at += 1) {
    answer.say(`wörd-${at} `);
    // In pieces of a few letters each, as tokens are.
    if (at % 500 === 7) for (const piece of canaryKey.match(/.{1,3}/g) ?? []) answer.say(piece);
  }
  answer.end();
  const events = [...started, ...(await readUntil(reader, ({ event }) => event === 'step.completed'))];
  const { workflow } = await engine.finished(id);
  const content = workflow.steps[0]?.outputs?.content;
  expect(content).toContain('wörd-2999');
  expect(content).not.toContain('canary');
  expect(toText(events)).toBe(content);
  // A word a piece would be three thousand.
  expect(events.filter(isText).length).toBeLessThan(1_000);
});

it('an answer that is not streamed is told by its outputs alone', async () => {
  standIn.next({ content: 'All at once.' });
  const { id } = await engine.submit({ name: 'Whole', steps: [step({ stream: false })] });
  const reader = await openReader(`/api/workflows/${id}/events`, { 'Last-Event-ID': '0' });
  const events = await readUntil(reader, ({ event }) => event === 'step.completed');
  expect(events.filter(isText)).toEqual([]);
});
