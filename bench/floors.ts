/** What the parts alone can do: the floors beside which the engine's figures stand. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { mkdir, open, rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';

const noopWorker = fileURLToPath(new URL('./noop-worker.js', import.meta.url));

/** Jobs a second through a bare Piscina of two threads, `bundle` jobs in a message and `parallel` jobs on the way. */
export async function measurePiscina(jobs: number, bundle: number, parallel: number): Promise<number> {
  const pool = new Piscina({
    filename: noopWorker,
    minThreads: 2,
    maxThreads: 2,
    concurrentTasksPerWorker: 64,
    atomics: 'disabled',
  });
  await Promise.all([pool.run([]), pool.run([])]);
  const startedAt = performance.now();
  let next = 0;
  const lane = async () => {
    while (next < jobs) {
      const size = Math.min(bundle, jobs - next);
      const message = Array.from({ length: size }, (_, i) => ({
        jobId: next + i,
        action: 'noop',
        paramsJson: '{}',
        timeoutMs: 30_000,
      }));
      next += size;
      await pool.run(message);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.floor(parallel / bundle)) }, lane));
  const ms = performance.now() - startedAt;
  await pool.destroy();
  return (jobs / ms) * 1_000;
}

/** Records a second of one writer: append of `batch` records of `bytes` each, then fdatasync. */
export function measureAppend(records: number, batch: number, bytes: number): number {
  const dir = mkdtempSync(join(tmpdir(), 'hybrid-bench-'));
  const fd = openSync(join(dir, 'floor'), 'a');
  const buffer = Buffer.alloc(batch * bytes, 'x');
  const startedAt = performance.now();
  for (let written = 0; written < records; written += batch) {
    writeSync(fd, buffer);
    fdatasyncSync(fd);
  }
  const ms = performance.now() - startedAt;
  closeSync(fd);
  rmSync(dir, { recursive: true });
  return (records / ms) * 1_000;
}

/** Directories a second, each with one small file written under another name and moved in place, eight at once. */
export async function measureFiles(files: number): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'hybrid-bench-'));
  const bytes = Buffer.alloc(1_300, 'x');
  const startedAt = performance.now();
  let next = 0;
  const lane = async () => {
    while (next < files) {
      const own = join(dir, String(next));
      next += 1;
      await mkdir(own);
      const file = await open(join(own, 'new'), 'wx');
      await file.write(bytes);
      await file.close();
      await rename(join(own, 'new'), join(own, 'state.json'));
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
  const ms = performance.now() - startedAt;
  rmSync(dir, { recursive: true });
  return (files / ms) * 1_000;
}
