/**
 * Question: what does a step that a map makes cost, beside a step that is written out?
 *
 *   npm run bench:maps -- [--rounds 5] [--items 5000]
 *
 * The floor is a static fan-out: the same `noop` steps in the definition, and a join behind them. Beside it the same as
 * `forEach`, with a condition before each item, with `concurrency: 16`, and with its list in a blob. Rounds are
 * interleaved, each on a fresh server; CPU is that of the whole process, from /proc. What is recorded is counted: it does
 * not depend on the machine.
 */
import assert from 'node:assert/strict';
import { parseArgs } from 'node:util';
import { ObservedServer, subtract } from './observed-server.ts';
import { openTree, ownDir } from './trees.ts';

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, items: { type: 'string', default: '5000' } },
});
const items = Number(values.items);
const join = { id: 'join', action: 'noop' };
const list = Array.from({ length: items }, (_, i) => i);

const cases: Record<string, () => object> = {
  'static fan-out': () => ({
    name: 'static',
    steps: [...list.map((i) => ({ id: `s${i}`, action: 'noop' })), { ...join, dependencies: list.map((i) => `s${i}`) }],
  }),
  forEach: () => toMap({}),
  'forEach, `when` before each': () =>
    toMap({ action: undefined, steps: [{ id: 'x', action: 'noop', when: 'index >= 0' }] }),
  'forEach, concurrency 16': () => toMap({ concurrency: 16 }),
  'forEach, list in a blob': () => ({
    name: 'blob',
    params: { urls: list.map((i) => `https://example.com/a/page/number/${i}`) },
    steps: [
      { id: 'list', action: 'transform', params: { input: '{{params.urls}}', expression: '{ "urls": $ }' } },
      { id: 'm', dependencies: ['list'], forEach: '{{steps.list.outputs.value.urls}}', action: 'noop' },
      { ...join, dependencies: ['m'] },
    ],
  }),
};

function toMap(more: object): object {
  return {
    name: 'map',
    steps: [
      { id: 'm', forEach: list, action: 'noop', ...more },
      { ...join, dependencies: ['m'] },
    ],
  };
}

interface Round {
  cpuUs: number;
  seconds: number;
  records: number;
  bytes: number;
  syncs: number;
  bodyKiB: number;
  rssMiB: number;
}

const tree = openTree(ownDir);

async function measure(definition: object): Promise<Round> {
  const server = await ObservedServer.start(tree, { env: { MAX_PARALLEL_NODES: '64' } });
  await server.submit({ name: 'warm', steps: [{ id: 'a', action: 'noop' }] }, { wait: true });
  const counters = ['journal_records_total', 'journal_bytes_total', 'journal_syncs_total', 'steps_completed_total'];
  const before = await server.metric(...counters);
  const cpuBefore = server.cpu();
  const startedAt = performance.now();
  await server.submit(definition, { wait: true });
  const seconds = (performance.now() - startedAt) / 1_000;
  const cpu = subtract(server.cpu(), cpuBefore);
  const after = await server.metric(...counters);
  const [records, bytes, syncs, steps] = after.map((value, i) => value - before[i]!) as [
    number,
    number,
    number,
    number,
  ];
  assert.ok(steps >= items, `${steps} steps are complete`);
  const rssMiB = server.peakMiB();
  await server.close();
  const bodyKiB = JSON.stringify(definition).length / 1_024;
  return {
    cpuUs: (cpu.process * 1_000) / steps,
    seconds,
    records: records / steps,
    bytes: bytes / steps,
    syncs,
    bodyKiB,
    rssMiB,
  };
}

const rounds = new Map<string, Round[]>(Object.keys(cases).map((name) => [name, []]));
for (let round = 0; round < Number(values.rounds); round += 1) {
  for (const [name, toDefinition] of Object.entries(cases)) rounds.get(name)!.push(await measure(toDefinition()));
}

const median = (list: number[]) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)]!;
console.log(`${items} items, ${values.rounds} interleaved rounds, medians`);
console.log(
  '| | body KiB | CPU µs a step | beside static | records a step | journal bytes a step | fdatasyncs | seconds | peak RSS MiB |',
);
console.log('|---|--:|--:|--:|--:|--:|--:|--:|--:|');
const floor = median(rounds.get('static fan-out')!.map(({ cpuUs }) => cpuUs));
for (const [name, all] of rounds) {
  const of = (key: keyof Round) => median(all.map((each) => each[key]));
  const cells = [
    of('bodyKiB').toFixed(0),
    of('cpuUs').toFixed(0),
    (of('cpuUs') / floor).toFixed(2),
    of('records').toFixed(3),
    of('bytes').toFixed(0),
    of('syncs').toFixed(0),
    of('seconds').toFixed(2),
    of('rssMiB').toFixed(0),
  ];
  console.log(`| ${name} | ${cells.join(' | ')} |`);
}
