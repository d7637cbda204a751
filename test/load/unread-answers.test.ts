/**
 * Goal: clients that ask for large answers and do not read them cost a bounded amount of memory, and keep nobody else
 * from being served (G16, AM1, CN1).
 * Method: the product in a process of its own with a workflow of 21 MB. One connection asks for it 400 times in one
 * packet; `LOAD_READERS` (60) connections ask once each. None reads. Unbounded, the first would take 8 GB, the others
 * 1.3 GB.
 */
import fs from 'node:fs';
import { connect } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { serverBounds } from '../../src/server/bounds.ts';
import { Served } from '../crash/served.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { reportFigures } from '../fixtures/figures.ts';

const readers = Number(process.env.LOAD_READERS ?? 60);
const MiB = 1024 * 1024;
/** What the answers may hold, four times for what making them takes, and the process itself. */
const rssBytesMax = 4 * serverBounds.heldBytesMax + 400 * MiB;
const noProc = process.platform === 'linux' ? '' : ' (SKIPPED: needs /proc)';

function readRssBytes(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1] ?? 0) * 1024;
}

test.skipIf(noProc !== '')(
  `AM1: answers that nobody reads take no more memory than they may${noProc}`,
  { timeout: 180_000 },
  async () => {
    const startedAt = performance.now();
    const dir = new EngineDir();
    onTestFinished(() => dir.remove());
    const served = new Served(dir, { LOG_LEVEL: 'error' });
    const url = new URL(await served.listening());
    const pid = served.child.pid ?? 0;
    const headers = { 'content-type': 'application/json' };
    const post = async (path: string, body: unknown): Promise<{ id: string }> => {
      const answer = await fetch(new URL(path, url), { method: 'POST', headers, body: JSON.stringify(body) });
      expect(answer.status).toBe(201);
      return (await answer.json()) as { id: string };
    };
    const { id } = await post('/api/workflows', { name: 'large', steps: [{ id: 'a', action: 'noop' }] });
    const content = 'x'.repeat(7_000_000);
    for (let n = 0; n < 3; n += 1)
      await post(`/api/workflows/${id}/external-data`, { content, step_name: `part ${n}` });

    const get = `GET /api/workflows/${id} HTTP/1.1\r\nHost: ${url.host}\r\n\r\n`;
    const ask = (text: string) => {
      const socket = connect(Number(url.port), '127.0.0.1');
      socket.on('error', () => undefined); // A reset is one way of being cut.
      onTestFinished(() => void socket.destroy());
      socket.pause();
      socket.write(text);
      return socket;
    };
    const sockets = [ask(get.repeat(400)), ...Array.from({ length: readers }, () => ask(get))];
    let rssBytes = 0;
    const statuses: Record<number, number> = {};
    for (let n = 0; n < 150; n += 1) {
      const health = await fetch(new URL('/api/health', url));
      await health.text();
      expect(health.status).toBe(200);
      rssBytes = Math.max(rssBytes, readRssBytes(pid));
      if (n % 30 !== 0) continue;
      const large = await fetch(new URL(`/api/workflows/${id}`, url));
      await large.text();
      statuses[large.status] = (statuses[large.status] ?? 0) + 1;
    }
    expect(served.child.exitCode).toBeNull();
    expect(Object.keys(statuses).filter((status) => status !== '200' && status !== '503')).toEqual([]);
    for (const socket of sockets) socket.destroy();
    let after = await fetch(new URL(`/api/workflows/${id}`, url));
    while (after.status === 503) after = await fetch(new URL(`/api/workflows/${id}`, url));
    const workflow = (await after.json()) as { steps: { outputs: { content?: string } }[] };
    expect(workflow.steps.slice(1).map(({ outputs }) => outputs.content?.length)).toEqual(Array(3).fill(7_000_000));
    reportFigures('unread answers', startedAt, {
      cases: 400 + readers,
      lostAcknowledged: 0,
      changedResults: 0,
      repeatedSteps: 0,
      unreadableFiles: 0,
      rssMiBMax: Math.round(rssBytes / MiB),
    });
    expect(rssBytes).toBeLessThan(rssBytesMax);
  },
);
