/**
 * Question: what do 600 steps cost whose outputs are tables of 16 KB of JSON, and how much of that goes into
 * `state.json` instead of the journal?
 *
 *   npm run bench:outputs -- --tree ../before --tree .
 *
 * One workflow of 600 independent steps on a built server with its usual settings (four steps in parallel).
 * Floors, of the same bytes, in the bench's own process: the journal's bytes appended in as many batches, one
 * fdatasync each; every output parsed and made into text once. Beside it the same 600 steps with an output of one
 * number.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { FileVersions } from './file-versions.ts';
import { createDataDir } from './fixtures.ts';
import { ObservedServer, subtract } from './observed-server.ts';
import { measureTrees, printComparison, type Tree } from './trees.ts';

const steps = 600;
/** A row is some 150 bytes of JSON. */
const rows = 104;
const table = `$map([1..${rows}], function($row) {{
  "order": $$.first + $row,
  "customer": "Customer " & ($$.first + $row * 7) & " of the valley",
  "article": $row % 3 = 0 ? "kettle, enamelled" : "tea, \\"spring\\" harvest",
  "pieces": $row % 9,
  "price": $row * 1.25,
  "isPaid": $row % 2 = 0,
  "sent": "2026-03-14T09:26:53.589Z"
}})`;

const counters = ['journal_bytes_total', 'journal_batches_total', 'state_files_written_total'] as const;

interface StepsReply {
  steps: { outputs: unknown }[];
}

async function runSteps(tree: Tree, expression: string) {
  const server = await ObservedServer.start(tree);
  const definition = (count: number) => ({
    name: 'tables',
    steps: Array.from({ length: count }, (_, i) => ({
      id: `s${i}`,
      action: 'transform',
      params: { input: { first: i * 1_000 }, expression },
    })),
  });
  // The pool's threads have loaded what the steps need.
  await server.submit(definition(8), { wait: true });
  await server.settled();

  const before = await server.metric(...counters);
  const cpuBefore = server.cpu();
  const startedAt = performance.now();
  const id = await server.submit(definition(steps));
  const versions = new FileVersions(path.join(server.dir.settings.workflowsDir, id, 'state.json'));
  const probes = await server.probe((completed) => completed === 2);
  const ms = performance.now() - startedAt;
  await server.settled();
  const cpu = subtract(server.cpu(), cpuBefore);
  const after = await server.metric(...counters);
  versions.close();
  const [journalBytes, batches, files] = after.map((value, i) => value - before[i]!) as [number, number, number];
  const reply = await server.get<StepsReply>(`/api/workflows/${id}`);
  assert.equal(reply.steps.length, steps);
  const outputs = reply.steps.map((step) => JSON.stringify(step.outputs));
  await server.close();
  return { ms, cpu, journalBytes, batches, files, seen: versions.count, stateBytes: versions.bytes, probes, outputs };
}

/** CPU and wall milliseconds of this process. */
function time(work: () => void): { ms: number; cpuMs: number } {
  const cpuBefore = process.cpuUsage();
  const startedAt = performance.now();
  work();
  const { user, system } = process.cpuUsage(cpuBefore);
  return { ms: performance.now() - startedAt, cpuMs: (user + system) / 1_000 };
}

function measureAppend(bytes: number, batches: number) {
  const dir = createDataDir();
  const fd = fs.openSync(path.join(path.dirname(dir.settings.workflowsDir), 'floor'), 'a');
  const batch = Buffer.alloc(Math.round(bytes / batches), 'x');
  const times = time(() => {
    for (let i = 0; i < batches; i += 1) {
      fs.writeSync(fd, batch);
      fs.fdatasyncSync(fd);
    }
  });
  fs.closeSync(fd);
  dir.remove();
  return times;
}

const comparison = await measureTrees(
  `${steps} steps with outputs of ${rows} rows of JSON each, MAX_PARALLEL_NODES=4.`,
  async (tree) => {
    const { outputs, ...large } = await runSteps(tree, table);
    const { outputs: _, ...small } = await runSteps(tree, '$$.first');
    const outputBytes = outputs.reduce((sum, json) => sum + Buffer.byteLength(json), 0);
    let reread = 0;
    const parse = time(() => {
      for (const json of outputs) reread += JSON.stringify(JSON.parse(json)).length;
    });
    assert.ok(reread > 0);
    return { large, small, outputBytes, append: measureAppend(large.journalBytes, large.batches), parse };
  },
);

const mib = (bytes: number) => bytes / 2 ** 20;
printComparison('large-outputs', comparison, [
  { name: 'outputs, KB each', of: ({ outputBytes }) => outputBytes / steps / 1_000, digits: 1 },
  { name: 'wall, ms', of: ({ large }) => large.ms },
  { name: 'coordinator CPU, ms', of: ({ large }) => large.cpu.coordinator },
  { name: 'process CPU, ms', of: ({ large }) => large.cpu.process },
  { name: 'journal, MiB', of: ({ large }) => mib(large.journalBytes), digits: 1 },
  { name: 'state.json, MiB', of: ({ large }) => mib(large.stateBytes), digits: 1 },
  { name: 'state.json, versions', of: ({ large }) => large.files },
  { name: 'versions seen and added up', of: ({ large }) => large.seen },
  {
    name: 'CPU that large outputs add in the coordinator, ms for each MiB of state.json',
    of: ({ large, small }) => (large.cpu.coordinator - small.cpu.coordinator) / mib(large.stateBytes),
    digits: 1,
  },
  { name: 'probe, ms: p50, p95, p99', probes: ({ large }) => large.probes },
  { name: 'outputs of one number: wall, ms', of: ({ small }) => small.ms },
  { name: 'outputs of one number: coordinator CPU, ms', of: ({ small }) => small.cpu.coordinator },
  { name: 'floor: append and fdatasync, wall, ms', of: ({ append }) => append.ms },
  { name: 'floor: append and fdatasync, CPU, ms', of: ({ append }) => append.cpuMs },
  { name: 'floor: parse and stringify once, CPU, ms', of: ({ parse }) => parse.cpuMs },
]);
