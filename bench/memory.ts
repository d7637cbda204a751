/**
 * Question: do finished workflows leave memory, and how long does a start take with many of them on disk?
 *
 *   npm run bench:memory -- --workflows 10000
 */
import { parseArgs } from 'node:util';
import { createEngine } from '../src/main.ts';
import { createDataDir, describeMachine } from './fixtures.ts';

const { values } = parseArgs({ options: { workflows: { type: 'string', default: '10000' } } });
const total = Number(values.workflows);
const clients = 64;
const definition = {
  name: 'three steps',
  steps: [
    { id: 'a', action: 'noop' },
    { id: 'b', action: 'noop', dependencies: ['a'] },
    { id: 'c', action: 'noop', dependencies: ['b'] },
  ],
};

const dir = createDataDir();
const settings = { ...dir.settings, maxParallelNodes: 64 };
console.log(`Memory over ${total} finished workflows of three steps. ${describeMachine()}`);
const engine = await createEngine({ settings });
const usage = (): { rss: number; heap: number } => {
  globalThis.gc?.();
  return {
    rss: Math.round(process.memoryUsage.rss() / 2 ** 20),
    heap: Math.round(process.memoryUsage().heapUsed / 2 ** 20),
  };
};
console.log('| finished | RSS (MiB, all threads) | in memory |');
console.log('|---:|---:|---:|');
const curve: { finished: number; rss: number; live: number }[] = [];
for (let done = 0; done <= total; done += total / 10) {
  if (done > 0) {
    let left = total / 10;
    const client = async () => {
      while (left > 0) {
        left -= 1;
        const { id } = await engine.submit(definition);
        await engine.finished(id);
      }
    };
    await Promise.all(Array.from({ length: clients }, client));
  }
  const { active_in_memory: live } = await engine.stats();
  const { rss } = usage();
  curve.push({ finished: done, rss, live });
  console.log(`| ${done} | ${rss} | ${live} |`);
}
const closingAt = performance.now();
await engine.close();
const closeMs = performance.now() - closingAt;

const startingAt = performance.now();
const again = await createEngine({ settings });
const startMs = performance.now() - startingAt;
const { total: listed } = await again.list({ limit: 1 });
const { active_in_memory: live } = await again.stats();
console.log(
  `\nClosed in ${Math.round(closeMs)} ms; started again in ${Math.round(startMs)} ms with ${listed} workflows, ${live} of them in memory.`,
);
console.log(
  JSON.stringify({ bench: 'memory', machine: describeMachine(), total, curve, closeMs, startMs, listed, live }),
);
await again.close();
dir.remove();
