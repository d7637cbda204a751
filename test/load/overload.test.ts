/**
 * Goal: more work than the engine takes is answered 429 or 503, with Retry-After, and costs nothing: what was accepted is
 * done, memory stays bounded, and afterwards it serves as before (G16, K2).
 * Method: the product in a process of its own; many connections that send as fast as they can, by count and not by time:
 * ten times as many waits as it grants, ten times as many connections, creations without a pause. `LOAD_REQUESTS` raises
 * the number of creations.
 */
import fs from 'node:fs';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { limits } from '../../src/contract/limits.ts';
import type { Workflow } from '../../src/contract/workflow.ts';
import { serverBounds } from '../../src/server/bounds.ts';
import { Served } from '../crash/served.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { reportFigures } from '../fixtures/figures.ts';

const requests = Number(process.env.LOAD_REQUESTS ?? 1_500);
const connectionsWanted = 10 * limits.connectionsMax;
const rssBytesMax = 768 * 1024 * 1024;

interface Answer {
  /** 0: the connection was turned away. */
  status: number;
  headers: IncomingHttpHeaders;
  text: string;
}

function call(url: URL, method: string, agent: Agent | false, body?: string): Promise<Answer> {
  return new Promise((resolve) => {
    const gone = () => resolve({ status: 0, headers: {}, text: '' });
    const sent = request(
      url,
      {
        method,
        agent,
        headers:
          body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text += chunk;
        });
        response.on('error', gone);
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }));
      },
    );
    sent.on('error', gone);
    sent.end(body);
  });
}

function readRssBytes(pid: number): number {
  const line = /VmRSS:\s+(\d+) kB/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1] ?? 0) * 1024;
}

const noProc = process.platform === 'linux' ? null : 'needs /proc';

test.skipIf(noProc !== null)(
  `K2: ten times what it takes is refused politely, and everything accepted is done${noProc === null ? '' : ` (SKIPPED: ${noProc})`}`,
  { timeout: 300_000 },
  async () => {
    const startedAt = performance.now();
    const dir = new EngineDir();
    onTestFinished(() => dir.remove());
    const served = new Served(dir, { LOG_LEVEL: 'error' });
    const url = await served.listening();
    const pid = served.child.pid ?? 0;
    const at = (route: string) => new URL(`${url}/api${route}`);
    const counts: Record<string, number> = {};
    let rssBytes = 0;
    const take = (answer: Answer): Answer => {
      counts[answer.status] = (counts[answer.status] ?? 0) + 1;
      if (answer.status === 429 || answer.status === 503) {
        expect(Number(answer.headers['retry-after']), answer.text).toBeGreaterThan(0);
      } else expect([0, 200, 201], answer.text).toContain(answer.status);
      return answer;
    };

    // More waits than are granted, on more connections than are let in.
    const waiting = JSON.parse(
      take(
        await call(
          at('/workflows'),
          'POST',
          false,
          JSON.stringify({ name: 'waits', steps: [{ id: 'in', action: 'delay', params: { ms: 600_000 } }] }),
        ),
      ).text,
    ) as Workflow;
    const waits = Array.from({ length: connectionsWanted }, () =>
      call(at(`/workflows/${waiting.id}?wait=60`), 'GET', false),
    );
    let answered = 0;
    const refused = Promise.all(
      waits.map(async (wait) => {
        const answer = take(await wait);
        answered += 1;
        return answer;
      }),
    );
    // While they stand, others are served: not every connection is theirs.
    let servedMeanwhile = 0;
    for (let n = 0; n < 200 && servedMeanwhile < 20; n += 1) {
      if ((await call(at('/health'), 'GET', false)).status === 200) servedMeanwhile += 1;
      else await delay(20);
    }
    expect(servedMeanwhile).toBe(20);
    // One that came after the stop would be answered at once, and not be one of those that stood.
    while (answered < connectionsWanted - serverBounds.waitsMax) await delay(20);
    rssBytes = Math.max(rssBytes, readRssBytes(pid));
    expect((await call(at(`/workflows/${waiting.id}/stop`), 'POST', false)).status).toBe(200);
    const answers = await refused;
    const granted = answers.filter(({ status }) => status === 200).length;
    expect(granted).toBeGreaterThan(0);
    expect(granted).toBeLessThanOrEqual(serverBounds.waitsMax);
    expect(answers.filter(({ status }) => status === 429 || status === 0).length).toBe(answers.length - granted);

    // Creations without a pause, on as many connections as there are.
    const agent = new Agent({ keepAlive: true, maxSockets: limits.connectionsMax });
    onTestFinished(() => agent.destroy());
    const definition = (n: number) => ({
      name: `load ${n}`,
      steps: [
        { id: 'a', action: 'noop' },
        { id: 'b', action: 'noop', dependencies: ['a'] },
      ],
    });
    const accepted: string[] = [];
    let left = requests;
    const client = async () => {
      while (left > 0) {
        left -= 1;
        const answer = take(await call(at('/workflows'), 'POST', agent, JSON.stringify(definition(left))));
        if (answer.status === 201) accepted.push((JSON.parse(answer.text) as Workflow).id);
        if (left % 100 === 0) rssBytes = Math.max(rssBytes, readRssBytes(pid));
      }
    };
    await Promise.all(Array.from({ length: limits.connectionsMax }, client));
    expect(accepted.length).toBeGreaterThan(requests / 10);

    // Afterwards it serves as before, and everything accepted comes to its end.
    let unfinished = accepted;
    for (let looks = 0; unfinished.length > 0 && looks < 300; looks += 1) {
      const completed = new Set<string>();
      for (let offset = 0; offset <= accepted.length; offset += limits.listLimitMax) {
        const query = `?view=summary&status=COMPLETED&limit=${limits.listLimitMax}&offset=${offset}`;
        const { status, text } = await call(at(`/workflows${query}`), 'GET', agent);
        expect(status).toBe(200);
        for (const { id } of JSON.parse(text) as Workflow[]) completed.add(id);
      }
      unfinished = accepted.filter((id) => !completed.has(id));
      if (unfinished.length > 0) await delay(100);
    }
    rssBytes = Math.max(rssBytes, readRssBytes(pid));
    const health = await call(at('/health'), 'GET', agent);
    reportFigures('overload', startedAt, {
      cases: connectionsWanted + requests,
      lostAcknowledged: unfinished.length,
      changedResults: 0,
      repeatedSteps: 0,
      unreadableFiles: dir.quarantined().length,
      accepted: accepted.length,
      refused429: counts['429'] ?? 0,
      refused503: counts['503'] ?? 0,
      turnedAway: counts['0'] ?? 0,
      rssMiBMax: Math.round(rssBytes / 1024 / 1024),
    });
    expect(unfinished).toEqual([]);
    expect(JSON.parse(health.text)).toMatchObject({ status: 'healthy' });
    expect(rssBytes).toBeLessThan(rssBytesMax);
    expect(served.child.exitCode).toBeNull();
  },
);
