/**
 * Question: what do 32 followers of a workflow that does nothing cost, while another workflow runs at full speed?
 *
 *   npm run bench:followers -- --tree ../before --tree .
 *
 * Followers are streams of `GET /api/workflows/<id>/events`. Floor: the same load on the same server without them,
 * before and after. What they need not be sent is counted where it leaves the coordinator: messages to the
 * server's thread, beyond one for each call answered.
 */
import assert from 'node:assert/strict';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { ObservedServer, subtract } from './observed-server.ts';
import { measureTrees, printComparison } from './trees.ts';

const followers = 32;
const stepsEach = 5_000;
const workflows = 2;

const fan = {
  name: 'fan',
  steps: Array.from({ length: stepsEach }, (_, i) => ({ id: `s${i}`, action: 'noop' })),
};

class Followers {
  readonly #agent = new Agent({ connections: followers, bodyTimeout: 0 });
  /** Events received, one count for each follower. */
  readonly received: number[] = [];

  /** Resolves when every stream has begun. */
  static async start(server: ObservedServer, id: string): Promise<Followers> {
    const all = new Followers();
    await Promise.all(
      Array.from({ length: followers }, (_, i) => all.#follow(`${server.url}/api/workflows/${id}/events`, i)),
    );
    // The coordinator has taken the subscriptions when it answers what was asked after them.
    await server.countCompleted();
    return all;
  }

  async #follow(url: string, i: number): Promise<void> {
    this.received[i] = 0;
    const { statusCode, body } = await request(url, { dispatcher: this.#agent });
    assert.equal(statusCode, 200);
    // The agent's end cuts the streams.
    body.on('error', () => {});
    createInterface({ input: body })
      .on('line', (line) => {
        if (line.startsWith('event:')) this.received[i]! += 1;
      })
      .on('error', () => {});
  }

  end(): Promise<void> {
    return this.#agent.destroy();
  }
}

async function load(server: ObservedServer) {
  const completedBefore = await server.countCompleted();
  const messagesBefore = await server.messages();
  const callsBefore = server.calls;
  const cpuBefore = server.cpu();
  const startedAt = performance.now();
  const probing = server.probe((completed) => completed === completedBefore + workflows);
  for (let i = 0; i < workflows; i += 1) await server.submit(fan, { wait: true });
  const ms = performance.now() - startedAt;
  const probes = await probing;
  const cpu = subtract(server.cpu(), cpuBefore);
  const extraMessages = (await server.messages()) - messagesBefore - (server.calls - callsBefore);
  return { ms, cpu, extraMessages, probes };
}

type Load = Awaited<ReturnType<typeof load>>;

function sum(loads: Load[]) {
  const add = (pick: (load: Load) => number) => loads.reduce((total, each) => total + pick(each), 0);
  return {
    rate: (loads.length * workflows * stepsEach * 1_000) / add(({ ms }) => ms),
    serverCpu: add(({ cpu }) => cpu.server) / loads.length,
    coordinatorCpu: add(({ cpu }) => cpu.coordinator) / loads.length,
    processCpu: add(({ cpu }) => cpu.process) / loads.length,
    extraMessages: add((each) => each.extraMessages) / loads.length,
    probes: loads.flatMap(({ probes }) => probes),
  };
}

const comparison = await measureTrees(
  `${workflows} workflows of ${stepsEach} noop steps, ${followers} followers of another one, MAX_PARALLEL_NODES=64.`,
  async (tree) => {
    const server = await ObservedServer.start(tree, { env: { MAX_PARALLEL_NODES: '64' } });
    const idle = await server.submit({ name: 'idle', steps: [{ id: 'wait', action: 'external_data' }] });
    await load(server);

    const withFollowers = async () => {
      const streams = await Followers.start(server, idle);
      const figures = await load(server);
      const received = streams.received.reduce((total, count) => total + count, 0);
      return { streams, figures, received };
    };
    const alone = [await load(server)];
    const first = await withFollowers();
    await first.streams.end();
    const second = await withFollowers();
    // They were listening: the first event of their own workflow reaches every one of them.
    await server.post(`/api/workflows/${idle}/external-data`, {
      step_id: 'wait',
      content: 'done',
      content_type: 'text/plain',
      action_type: 'completed',
    });
    const until = performance.now() + 10_000;
    while (second.streams.received.some((count) => count === 0)) {
      assert.ok(performance.now() < until, 'every follower gets the events of its own workflow');
      await sleep(20);
    }
    await second.streams.end();
    alone.push(await load(server));
    await server.close();
    return {
      alone: sum(alone),
      followed: sum([first.figures, second.figures]),
      received: first.received + second.received,
    };
  },
);

type Round = (typeof comparison.measured)[number]['results'][number];
const figuresOf = (name: string, of: (result: Round) => ReturnType<typeof sum>) => [
  { name: `${name}: steps a second`, of: (result: Round) => of(result).rate },
  { name: `${name}: server thread CPU, ms`, of: (result: Round) => of(result).serverCpu },
  { name: `${name}: coordinator CPU, ms`, of: (result: Round) => of(result).coordinatorCpu },
  { name: `${name}: process CPU, ms`, of: (result: Round) => of(result).processCpu },
  { name: `${name}: messages beyond answers`, of: (result: Round) => of(result).extraMessages },
  { name: `${name}: probe, ms: p50, p95, p99`, probes: (result: Round) => of(result).probes },
];
printComparison('followers', comparison, [
  ...figuresOf('floor, no followers', ({ alone }) => alone),
  ...figuresOf(`${followers} followers`, ({ followed }) => followed),
  { name: 'events they received', of: ({ received }) => received },
]);
