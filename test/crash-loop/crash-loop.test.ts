/**
 * Goal: a step that takes the engine down whenever it runs ends FAILED with CRASH_LOOP, and nothing else does (G15, W10).
 * Method: real processes and files. The step is a request, and the one who is asked kills the engine's process with SIGKILL
 * before answering, so that every attempt of the step is in flight at a death. `CRASH_LOOPS` raises the number of rounds.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { Workflow } from '../../src/contract/workflow.ts';
import type { EngineOptions } from '../../src/main.ts';
import { emitted } from '../fixtures/emitted.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { EngineProcess, ProcessGone } from '../fixtures/engine-process.ts';
import { reportFigures } from '../fixtures/figures.ts';

const rounds = Number(process.env.CRASH_LOOPS ?? 1);
/** Three deaths make the step a suspect, which runs alone; the next one is its own doing. */
const deathsOfASuspect = 3;
/** More deaths than the rule needs: a step that is tried for ever fails the test by its count, not by its time. */
const deathsMax = 7;

let server: Server;
let origin: string;
let onPoison = (): void => undefined;
let deaths = 0;
let poisonRequests = 0;
let recordedRequests = 0;

beforeAll(async () => {
  server = createServer(({ url }, response) => {
    if (url === '/poison') {
      poisonRequests += 1;
      onPoison();
      return;
    }
    if (url === '/recorded') recordedRequests += 1;
    // In flight at the deaths just like the other, and innocent.
    if (url === '/innocent' && deaths < deathsOfASuspect) return;
    response.setHeader('content-type', 'application/json');
    response.end('{"ok":true}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const request = (id: string, path: string, dependencies: string[] = []) => ({
  id,
  action: 'http_request',
  params: { url: `${origin}${path}` },
  dependencies,
});

const noop = (id: string, ...dependencies: string[]) => ({ id, action: 'noop', dependencies });

test(`a step that takes the engine down ends with CRASH_LOOP, and its neighbours complete (${rounds} rounds)`, {
  timeout: rounds * 240_000,
}, async () => {
  const startedAt = performance.now();
  let kills = 0;
  let repeatedSteps = 0;
  let lostAcknowledged = 0;
  for (let round = 0; round < rounds; round += 1) {
    deaths = 0;
    poisonRequests = 0;
    recordedRequests = 0;
    const workflows = await runRound();
    kills += deaths;
    const [poison, ...neighbours] = workflows;
    expect(deaths).toBe(deathsOfASuspect + 1);
    expect(poisonRequests).toBe(deaths);
    expect(poison?.status).toBe('FAILED');
    const steps = new Map(poison?.steps.map((step) => [step.id, step]));
    expect(steps.get('bad')).toMatchObject({
      status: 'FAILED',
      error: expect.stringMatching(/^CRASH_LOOP: .* 4 times/),
    });
    expect(steps.get('before')).toMatchObject({ status: 'COMPLETED' });
    repeatedSteps += recordedRequests - 1;
    lostAcknowledged += neighbours.filter(({ status }) => status !== 'COMPLETED').length;
  }
  reportFigures('crash loop', startedAt, {
    cases: rounds,
    kills,
    lostAcknowledged,
    changedResults: 0,
    repeatedSteps,
    unreadableFiles: 0,
  });
  expect({ repeatedSteps, lostAcknowledged }).toEqual({ repeatedSteps: 0, lostAcknowledged: 0 });
});

/** Lives of one engine until the poisoned workflow has ended. */
async function runRound() {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const definitions = [
    {
      name: 'poison',
      steps: [request('before', '/recorded'), request('bad', '/poison', ['before']), noop('after', 'bad')],
    },
    { name: 'innocent', steps: [request('a', '/innocent'), noop('b', 'a')] },
    { name: 'waits in line', steps: [noop('a'), noop('b', 'a'), noop('c', 'b')] },
  ];
  while (deaths < deathsMax) {
    const life = new EngineProcess(() => undefined, emitted('test/fixtures/engine-child.ts'));
    onTestFinished(() => life.kill());
    onPoison = () => void life.kill();
    try {
      await life.start(toOptions(dir), 0);
      // The same keys in every life: an answer that a death swallowed is asked for again.
      const submitted = definitions.map((definition, i) =>
        life.call('submit', definition, { idempotencyKey: `k${i}` }),
      );
      const ids = (await Promise.all(submitted)).map(({ id }) => id);
      const replies = await Promise.all(ids.map((id) => life.call('finished', id)));
      const workflows = replies.map(({ json }) => JSON.parse(json) as Workflow);
      await life.kill();
      return workflows;
    } catch (error) {
      if (!(error instanceof ProcessGone)) throw error;
      await life.exited;
      deaths += 1;
    }
  }
  throw new Error(`the step was tried in ${deaths} lives, and would be for ever`);
}

function toOptions(dir: EngineDir): EngineOptions {
  const settings = { ...dir.settings, poolThreads: 1, maxParallelNodes: 4, httpAllowHosts: ['127.0.0.1'] };
  return { ownThread: false, settings: { ...settings, logLevel: 'fatal' } };
}
