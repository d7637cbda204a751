/**
 * Question: how long does `GET /api/health` take while four html_extract steps chew pages of 1 MB, beside an idle engine
 * and a bare Node HTTP server?
 *
 *   npm run bench:responsiveness
 */
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { Client } from 'undici';
import { createEngine, version } from '../src/main.ts';
import { createServer } from '../src/server/server.ts';
import { createDataDir, describeMachine, percentile } from './fixtures.ts';

const requests = 2_000;

function toPage(bytes: number): string {
  const paragraph = (i: number) =>
    `<p>Paragraph ${i} tells of <a href="/leaf/${i}">leaves</a>, of <b>water</b>, and of how long the one should stand in the other.</p>\n`;
  let body = '';
  for (let i = 0; body.length < bytes; i += 1) body += paragraph(i);
  return `<html><head><title>Leaves</title></head><body><article>${body}</article></body></html>`;
}

/** Milliseconds of one request after the other, ascending; stops early when `until` says so. */
async function measure(url: string, until: () => boolean): Promise<number[]> {
  const client = new Client(url);
  const times: number[] = [];
  while (times.length < requests && !until()) {
    const startedAt = performance.now();
    const { body } = await client.request({ method: 'GET', path: '/api/health' });
    await body.text();
    times.push(performance.now() - startedAt);
  }
  await client.close();
  return times.sort((a, b) => a - b);
}

const floor = createHttpServer((_, response) => response.end('{"status":"healthy"}'));
await new Promise<void>((resolve) => floor.listen(0, '127.0.0.1', resolve));
const dir = createDataDir();
const engine = await createEngine({ settings: dir.settings });
const settings = { host: '127.0.0.1', port: 0, apiToken: null, allowedHosts: [], allowedOrigins: [] };
const server = createServer({ engine, settings, log: pino({ level: 'silent' }), version });
const { url } = await server.listen();

const html = toPage(1_000_000);
const definition = {
  name: 'pages',
  params: { html },
  steps: Array.from({ length: 4 }, (_, i) => ({
    id: `page${i}`,
    action: 'html_extract',
    params: { html: '{{params.html}}' },
  })),
};

const rows: Record<string, number[]> = {
  'bare Node http, idle': await measure(`http://127.0.0.1:${(floor.address() as AddressInfo).port}`, () => false),
  'engine, idle': await measure(url, () => false),
};
let isDone = false;
const work = (async () => {
  for (let round = 0; round < 3; round += 1) {
    const { id } = await engine.submit(definition);
    const { status } = await engine.finished(id);
    if (status !== 'COMPLETED') throw new Error(`the pages ended ${status}`);
  }
  isDone = true;
})();
rows['engine, four pages at work'] = await measure(url, () => isDone);
await work;

console.log(`GET /api/health, milliseconds. ${describeMachine()}`);
console.log('| | requests | p50 | p95 | p99 | worst |\n|---|---:|---:|---:|---:|---:|');
for (const [name, times] of Object.entries(rows)) {
  const cells = [50, 95, 99, 100].map((p) => percentile(times, p).toFixed(2));
  console.log(`| ${name} | ${times.length} | ${cells.join(' | ')} |`);
}
await server.close();
await engine.close();
floor.close();
dir.remove();
