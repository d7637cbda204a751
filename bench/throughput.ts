/**
 * Question: how many durable steps a second, by shape, through the library and through REST, beside what the parts alone
 * can do (bare Piscina with the same jobs, bare append + fdatasync)?
 *
 *   npm run bench                 all shapes, MAX_PARALLEL_NODES 4, 64 and 1024, three runs each
 *   npm run bench -- --runs 5 --parallel 64
 */
import { parseArgs } from 'node:util';
import { pino } from 'pino';
import { Pool } from 'undici';
import type { Engine, EngineStats } from '../src/contract/engine.ts';
import { createEngine, version } from '../src/main.ts';
import { createServer } from '../src/server/server.ts';
import { createDataDir, describeMachine } from './fixtures.ts';
import { measureAppend, measureFiles, measurePiscina } from './floors.ts';
import { type Shape, shapes } from './shapes.ts';

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '3' }, parallel: { type: 'string', default: '4,64,1024' } },
});
const runs = Number(values.runs);
const parallels = values.parallel.split(',').map(Number);
/** Clients that submit at once. */
const clients = 64;

interface Row {
  way: 'library' | 'REST';
  shape: string;
  parallel: number;
  /** Steps a second, one for each run, ascending. */
  rates: number[];
  recordsPerSync: number;
  piscina: number;
  append: number;
  /** Steps a second if nothing but one file for each workflow were written. */
  files: number;
}

type Submit = (definition: unknown) => Promise<unknown>;

/** Submits the shape's workflows, a bounded number at once, and waits until all are finished. */
async function runShape(shape: Shape, submit: Submit): Promise<void> {
  let next = 0;
  const client = async () => {
    while (next < shape.workflows) {
      next += 1;
      await submit(shape.definition);
    }
  };
  await Promise.all(Array.from({ length: Math.min(clients, shape.workflows) }, client));
}

async function withEngine<T>(parallel: number, use: (engine: Engine) => Promise<T>): Promise<T> {
  const dir = createDataDir();
  const engine = await createEngine({ settings: { ...dir.settings, maxParallelNodes: parallel } });
  try {
    return await use(engine);
  } finally {
    await engine.close();
    dir.remove();
  }
}

function libraryClient(engine: Engine): { submit: Submit; close(): Promise<void> } {
  return {
    submit: async (definition) => {
      const { id } = await engine.submit(definition);
      await engine.finished(id);
    },
    close: async () => {},
  };
}

async function restClient(engine: Engine): Promise<{ submit: Submit; close(): Promise<void> }> {
  const settings = { host: '127.0.0.1', port: 0, apiToken: null, allowedHosts: [], allowedOrigins: [] };
  const server = createServer({ engine, settings, log: pino({ level: 'silent' }), version });
  const { url } = await server.listen();
  const pool = new Pool(url, { connections: clients });
  return {
    submit: async (definition) => {
      const { statusCode, body } = await pool.request({
        method: 'POST',
        path: '/api/workflows?wait=60',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(definition),
      });
      const text = await body.text();
      if (statusCode !== 201 || !text.includes('"status": "COMPLETED"'))
        throw new Error(`${statusCode}: ${text.slice(0, 200)}`);
    },
    close: async () => {
      await pool.close();
      await server.close();
    },
  };
}

async function measure(way: Row['way'], shape: Shape, parallel: number): Promise<Row> {
  const rates: number[] = [];
  let stats: EngineStats | undefined;
  await withEngine(parallel, async (engine) => {
    const client = way === 'library' ? libraryClient(engine) : await restClient(engine);
    await runShape({ ...shapes[0]!, workflows: 50 }, client.submit);
    const before = await engine.stats();
    for (let run = 0; run < runs; run += 1) {
      const startedAt = performance.now();
      await runShape(shape, client.submit);
      rates.push((shape.workflows * shape.stepsEach * 1_000) / (performance.now() - startedAt));
    }
    const after = await engine.stats();
    stats = {
      ...after,
      journal_records: after.journal_records - before.journal_records,
      journal_syncs: after.journal_syncs - before.journal_syncs,
    };
    await client.close();
  });
  const recordsPerSync = stats!.journal_records / stats!.journal_syncs;
  const jobs = shape.workflows * shape.stepsEach;
  return {
    way,
    shape: shape.name,
    parallel,
    rates: rates.sort((a, b) => a - b),
    recordsPerSync,
    piscina: await measurePiscina(jobs, Math.min(32, parallel), parallel),
    // A step is two records, of some 200 bytes.
    append: measureAppend(jobs * 2, Math.max(1, Math.round(recordsPerSync)), 200) / 2,
    files: (await measureFiles(1_000)) * shape.stepsEach,
  };
}

const machine = describeMachine();
console.log(`Durable steps a second. ${machine}, ${runs} runs, ${clients} clients.`);
console.log(
  'Floors in steps a second: Piscina = two threads, same jobs, bundles of up to 32; append = two records a step, batches as the engine made them;\nfiles = one directory with one file for each workflow, eight at once.\n',
);
console.log(
  '| way | shape | parallel | worst | middle | best | records a sync | floor: Piscina | floor: append | floor: files |',
);
console.log('|---|---|---:|---:|---:|---:|---:|---:|---:|---:|');
const rows: Row[] = [];
for (const parallel of parallels) {
  for (const way of ['library', 'REST'] as const) {
    for (const shape of shapes) {
      const row = await measure(way, shape, parallel);
      rows.push(row);
      const { rates } = row;
      const cells = [rates[0]!, rates[Math.floor(rates.length / 2)]!, rates.at(-1)!].map((rate) => Math.round(rate));
      console.log(
        `| ${way} | ${shape.name} | ${parallel} | ${cells.join(' | ')} | ${row.recordsPerSync.toFixed(1)} | ${Math.round(row.piscina)} | ${Math.round(row.append)} | ${Math.round(row.files)} |`,
      );
    }
  }
}
console.log(`\n${JSON.stringify({ bench: 'throughput', machine, runs, rows })}`);
