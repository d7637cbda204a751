/** Workflows that steps run: how they begin, end, stop, go on and go, as short as it can be told: see scenarios.ts. */
import type { Scenario } from './script.ts';

const work = (id: string, rest: object = {}) => ({ id, action: 'work', params: {}, ...rest });
const call = (id: string, template: string, rest: object = {}) => ({
  id,
  action: 'workflow',
  params: { template, params: { note: id } },
  ...rest,
});

const two = { id: 'two', name: 'two', steps: [work('a'), work('b', { dependencies: ['a'] })] };
const over = { id: 'over', name: 'over', steps: [call('w', 'two')] };
const steps = [call('w', 'two'), work('x', { dependencies: ['w'], params: { of: '{{steps.w.outputs.workflow_id}}' } })];

/** An attempt takes so long that a call comes while it runs. */
const slow = { attemptMs: 400 };
const permanent = { complete: 0, retryable: 0, permanent: 1, final: 0, hang: 0, lost: 0 };

export const childScenarios: Readonly<Record<string, Scenario>> = {
  child: {
    tell: async (script) => void (await script.submit('child', steps, 60_000, [], { two })),
  },
  'child-of-child': {
    tell: async (script) => void (await script.submit('deep', [call('v', 'over')], 60_000, [], { two, over })),
  },
  'child-with-blobs': {
    swarm: { bigOutputShare: 1 },
    tell: async (script) => void (await script.submit('big', steps, 60_000, [], { two })),
  },
  'children-of-items': {
    tell: async (script) => {
      const items = { ...call('m', 'two'), forEach: ['p', 'q'], concurrency: 1 };
      await script.submit('items', [items], 60_000, [], { two });
    },
  },
  'stop-with-child': {
    swarm: slow,
    tell: async (script) => {
      const id = await script.submit('stops', [call('v', 'over')], 0, [], { two, over });
      await script.pass(100);
      await script.ask('stop', id);
      await script.pass(500);
      await script.ask('resume', id);
      await script.pass(100);
    },
  },
  'retry-with-child': {
    swarm: { fates: permanent },
    tell: async (script) => {
      const id = await script.submit('fails', steps, 60_000, [], { two });
      script.world.isCalm = true;
      await script.ask('retry', id);
      await script.pass(500);
    },
  },
  'delete-with-child': {
    swarm: slow,
    tell: async (script) => {
      const finished = [call('q', 'two'), { id: 'in', action: 'external_data' }];
      const id = await script.submit('goes', [...finished, call('v', 'over', { dependencies: ['in'] })], 60_000, [], {
        two,
        over,
      });
      await script.feed(id, 'in');
      await script.pass(100);
      await script.ask('delete', id);
      await script.pass(1_500);
    },
  },
};
