/** What an engine does in its life, as short as it can be told: each is run again and again with a death at another place. */
import type { Swarm } from '../sim/swarm.ts';
import { childScenarios } from './child-scenarios.ts';
import { flowScenarios } from './flow-scenarios.ts';
import type { Scenario } from './script.ts';

/** Steps `s0`, `s1`, … by what each hangs on; its params hold what those have made. */
function graph(...dependencies: number[][]): object[] {
  return dependencies.map((from, i) => step(i, from, 'work'));
}

function step(i: number, from: number[], action: string): object {
  const params = Object.fromEntries(from.map((n) => [`from_s${n}`, `{{steps.s${n}.outputs.content}}`]));
  return { id: `s${i}`, action, dependencies: from.map((n) => `s${n}`), params: action === 'work' ? params : {} };
}

const chain = graph([], [0]);
const slow: Partial<Swarm> = { attemptMs: 4_000 };

export const scenarios: Readonly<Record<string, Scenario>> = {
  create: {
    withFirstStart: true,
    tell: async (script) => void (await script.submit('one', graph([]))),
  },
  dag: {
    tell: async (script) => void (await script.submit('five', graph([], [0], [0], [1, 2], [3]))),
  },
  'fan-out': {
    tell: async (script) => {
      const leaves = Array.from({ length: 20 }, () => [0]);
      await script.submit('fan', graph([], ...leaves));
    },
  },
  'external-data': {
    tell: async (script) => {
      const id = await script.submit('waits', [step(0, [], 'external_data'), step(1, [0], 'work')]);
      await script.feed(id, 's0');
      await script.pass(200);
    },
  },
  retry: {
    swarm: { fates: { complete: 0, retryable: 1, permanent: 0, final: 0, hang: 0, lost: 0 } },
    tell: async (script) => {
      const failing = { ...graph([])[0], retry: { attemptsMax: 2, backoffMs: 50 } };
      const id = await script.submit('fails', [failing, ...graph([], [0]).slice(1)]);
      script.world.isCalm = true;
      await script.ask('retry', id);
      await script.pass(200);
    },
  },
  stop: {
    swarm: slow,
    tell: async (script) => {
      const id = await script.submit('stopped', graph([], [], [0, 1]), 0);
      await script.pass(50);
      await script.ask('stop', id);
      await script.pass(1_500);
    },
  },
  resume: {
    swarm: slow,
    tell: async (script) => {
      const id = await script.submit('resumed', graph([], [0]), 0);
      await script.pass(50);
      await script.ask('stop', id);
      await script.ask('resume', id);
      await script.pass(10_000);
    },
  },
  branch: {
    tell: async (script) => {
      const id = await script.submit('parent', chain);
      await script.branch(id, 's1');
      await script.pass(200);
    },
  },
  delete: {
    swarm: slow,
    tell: async (script) => {
      // Of this one only its file tells when it goes: two checkpoints have made the journal forget it.
      const waits = await script.submit('waits', [step(0, [], 'external_data')]);
      for (let number = 1; number <= 2; number += 1) await script.checkpoint();
      const finished = await script.submit('finished', graph([]), 60_000);
      const running = await script.submit('running', chain, 0);
      for (const id of [waits, finished, running]) await script.ask('delete', id);
      await script.pass(1_500);
    },
  },
  blob: {
    swarm: { bigOutputShare: 1 },
    tell: async (script) => void (await script.submit('big', chain)),
  },
  checkpoint: {
    tell: async (script) => {
      const waits = await script.submit('waits', [step(0, [], 'external_data'), step(1, [0], 'work')]);
      await script.submit('done', graph([]));
      await script.checkpoint();
      // Full segments make the next one begin, and so do checkpoints that could not be completed.
      script.cut();
      await script.feed(waits, 's0');
      script.cut();
      await script.checkpoint();
      await script.submit('after', graph([]));
    },
  },
  restart: {
    swarm: slow,
    tell: async (script) => {
      await script.submit('runs', chain, 0);
      await script.submit('waits', [step(0, [], 'external_data')], 0);
      await script.pass(50);
      script.die({ power: true });
      await script.boot();
      await script.pass(10_000);
    },
  },
  shutdown: {
    tell: async (script) => {
      await script.submit('done', graph([]));
      await script.submit('runs', chain, 0);
      await script.close();
    },
  },
  ...flowScenarios,
  ...childScenarios,
};

/** Scenarios that take a life and its end, or move data from one place to another. */
const lifelong: readonly string[] = ['delete', 'blob', 'checkpoint', 'restart', 'shutdown'];

export type ScenarioPart = 'calls' | 'lives' | 'flow' | 'children';

/** `calls`: those of single calls. */
export function partOf(scenario: string): ScenarioPart {
  if (scenario in flowScenarios) return 'flow';
  if (scenario in childScenarios) return 'children';
  return lifelong.includes(scenario) ? 'lives' : 'calls';
}
