/** Goal: the tasks do in a thread of the pool what they do in the tests beside this one, and cannot harm each other there. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Outcome } from '../../src/contract/job.ts';
import { createPool } from '../../src/pool/pool.ts';
import { createActionCatalogue } from '../../src/tasks/registry.ts';
import { emittedUrl } from '../fixtures/emitted.ts';
import { createJob, createTestPool, type TestPool } from '../pool/harness.ts';

const catalogue = createActionCatalogue();
let server: Server;
let origin: string;
let threads: TestPool;
beforeAll(async () => {
  server = createServer(({ url }, response) => {
    if (url === '/silent') return;
    response.setHeader('content-type', 'application/json');
    response.end('{"ok":true}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  origin = `http://127.0.0.1:${port}`;
  // The product's own thread module, not the one with faulty tasks.
  const threadUrl = emittedUrl('src/worker/thread.ts');
  threads = await createTestPool({ network: { allowHosts: ['127.0.0.1'], ownPort: port + 1 } }, { threadUrl });
});
afterAll(async () => {
  await threads.pool.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

it('a ReDoS in transform is ended by the deadline while its neighbour finishes', async () => {
  const expression = `$match("${'a'.repeat(60)}!", /^(a+)+$/)`;
  const evil = createJob('transform', {
    lane: 'cpu',
    isolated: true,
    timeoutMs: 1_000,
    params: { input: null, expression },
  });
  const endless = createJob('transform', {
    lane: 'cpu',
    isolated: true,
    timeoutMs: 1_000,
    params: { input: null, expression: '($loop := function($n) { $loop($n + 1) }; $loop(0))' },
  });
  const neighbour = createJob('transform', {
    lane: 'cpu',
    isolated: true,
    params: { input: [1, 2, 3], expression: '$sum($)' },
  });
  expect(await threads.run(evil, neighbour)).toMatchObject([
    { kind: 'failed', code: 'TIMEOUT' },
    { kind: 'completed', outputsJson: '{"value":6}' },
  ]);
  expect(await threads.run(endless)).toMatchObject([{ kind: 'failed' }]);
});

it('every task of the CPU lane runs in a thread or, where it is isolated, in a process', async () => {
  const run = async (action: string, params: unknown) => {
    const isolated = catalogue.get(action)?.isolated === true;
    const [outcome] = await threads.run(createJob(action, { lane: 'cpu', isolated, params }));
    if (outcome?.kind !== 'completed') throw new Error(JSON.stringify(outcome));
    return JSON.parse(outcome.outputsJson);
  };
  expect(await run('html_extract', { html: '<p>Hi</p>' })).toMatchObject({ content: 'Hi' });
  const page = { html: '<a href="/b">B</a>', url: 'https://a.example/' };
  expect(await run('html_links', page)).toEqual({ links: [{ url: 'https://a.example/b', text: 'B', rel: [] }] });
  const feed = '<rss version="2.0"><channel><title>T</title></channel></rss>';
  expect(await run('feed_parse', { text: feed })).toEqual({ title: 'T', items: [] });
  expect(await run('xml_parse', { xml: '<a b="1">x</a>' })).toEqual({ value: { a: { '@b': '1', '#text': 'x' } } });
  expect(await run('text_join', { texts: ['a', null, { content: 'b' }] })).toEqual({ content: 'a\n\nb' });
  expect(await run('text_keywords', { text: 'Bees make honey.' })).toMatchObject({ keywords: expect.any(Array) });
  expect(await run('text_summarize', { text: 'Bees make honey.' })).toMatchObject({ content: 'Bees make honey.' });
  expect(await run('render', { template: '{{ a }}', data: { a: 1 } })).toEqual({ content: '1' });
});

it('http_request meets its deadline and its cancellation, and leaves its neighbours alone', async () => {
  // The thread has loaded what it needs before a deadline runs: one that is late with its answer to it would be ended.
  await threads.run(createJob('http_request', { params: { url: origin } }));
  const url = `${origin}/silent`;
  const cancelled = createJob('http_request', { params: { url } });
  const run = threads.run(
    createJob('http_request', { params: { url: origin } }),
    createJob('http_request', { params: { url }, timeoutMs: 200 }),
    cancelled,
    createJob('http_request', { params: { url: `http://127.0.0.1:${Number(new URL(origin).port) + 1}/` } }),
  );
  threads.pool.cancel([cancelled.jobId]);
  expect(await run).toMatchObject([
    { kind: 'completed', outputsJson: expect.stringContaining('"json":{"ok":true}') },
    { kind: 'failed', code: 'TIMEOUT' },
    { kind: 'failed', code: 'CANCELLED' },
    { kind: 'failed', code: 'TARGET_REFUSED', message: expect.stringContaining('this engine itself') },
  ]);
});

it('the pool starts with the product’s own thread module when none is named', async () => {
  let deliver: (outcomes: Outcome[]) => void;
  const arrived = new Promise<Outcome[]>((resolve) => {
    deliver = resolve;
  });
  const pool = await createPool({
    cpuThreads: 1,
    ioThreads: 1,
    network: { allowHosts: [], ownPort: null },
    onFault: (message) => expect.unreachable(message),
    onOutcomes: (outcomes) => deliver(outcomes),
  });
  pool.dispatch([createJob('$simulate', { params: { action: 'teleport', ms: 1 } })]);
  expect(await arrived).toMatchObject([
    { kind: 'completed', outputsJson: '{"simulated":true}', metadata: { action: 'teleport' } },
  ]);
  await pool.close();
});
