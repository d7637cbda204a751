/** Expansion, rounds, conditions, decisions and waits, as short as they can be told: see scenarios.ts. */
import { gatheredPrefix, innerPrefix, itemParam } from '../sim/flow-definitions.ts';
import type { Scenario } from './script.ts';

const work = (id: string, rest: object = {}) => ({ id, action: 'work', params: {}, ...rest });
const ofItem = { [itemParam]: '{{item}}', place: '{{index}}' };

const map = {
  id: 'm',
  forEach: ['a', 'b', 'c'],
  concurrency: 2,
  steps: [
    work('a', { params: ofItem }),
    work('b', { dependencies: ['a'], params: { [`${innerPrefix}a`]: '{{steps.a.outputs}}' } }),
    work('c', { dependencies: ['a'], when: 'index > 1' }),
  ],
};
const gathered = { params: { [`${gatheredPrefix}m`]: '{{steps.m.outputs.items ?? null}}' } };

const loop = (repeat: object) => ({
  id: 'l',
  repeat: { until: 'round >= 2', max: 5, ...repeat },
  steps: [
    work('w', { params: { before: "{{previous.w.outputs.content ?? 'none'}}" } }),
    work('v', { dependencies: ['w'], params: { [`${innerPrefix}w`]: '{{steps.w.outputs}}' } }),
  ],
});

const approval = (params: object) => [
  { id: 'o', action: 'approval', params: { message: 'go on?', ...params } },
  work('y', { dependencies: ['o'], when: 'steps.o.outputs.approved' }),
  work('n', { dependencies: ['o'], when: '!steps.o.outputs.approved' }),
];

const permanent = { complete: 0, retryable: 0, permanent: 1, final: 0, hang: 0, lost: 0 };

export const flowScenarios: Readonly<Record<string, Scenario>> = {
  map: {
    tell: async (script) => void (await script.submit('map', [map, work('j', { dependencies: ['m'], ...gathered })])),
  },
  'nested-map': {
    tell: async (script) => {
      const inner = {
        ...work('n', { params: { inner: '{{inner}}' } }),
        forEach: { inner: ['p', 'q'] },
        concurrency: 1,
      };
      await script.submit('nested', [{ id: 'm', forEach: ['a', 'b'], steps: [work('a'), inner] }]);
    },
  },
  loop: {
    tell: async (script) => void (await script.submit('loop', [loop({}), work('j', { dependencies: ['l'] })])),
  },
  'loop-with-pauses': {
    tell: async (script) => void (await script.submit('pauses', [loop({ every: '200ms' })])),
  },
  skip: {
    tell: async (script) => {
      const steps = [
        work('a'),
        work('s', { dependencies: ['a'], when: '2 < 1' }),
        work('t', { dependencies: ['s'] }),
        work('j', { dependencies: ['a', 't'], join: 'any' }),
      ];
      const last = work('f', { params: { outcome: '{{workflow.outcome}}' } });
      await script.submit('skip', steps, 60_000, [last]);
    },
  },
  decision: {
    tell: async (script) => {
      const id = await script.submit('decision', approval({}));
      await script.decide(id, 'o', false);
      await script.pass(200);
    },
  },
  expiry: {
    tell: async (script) => {
      await script.submit('expiry', approval({ within: '100ms', otherwise: 'reject' }));
      await script.pass(500);
    },
  },
  'retry-group': {
    swarm: { fates: permanent },
    tell: async (script) => {
      script.world.isCalm = true;
      const failing = { ...map, id: 'g', dependencies: ['in'] };
      const handler = work('h', { dependencies: ['g'], join: 'failed' });
      const waits = { id: 'in', action: 'external_data', dependencies: ['m'] };
      const id = await script.submit('fails', [map, waits, failing, handler]);
      script.world.isCalm = false;
      await script.feed(id, 'in');
      await script.pass(500);
      script.world.isCalm = true;
      // The items of the first map stay as they are.
      await script.ask('retry', id);
      await script.pass(500);
    },
  },
};
