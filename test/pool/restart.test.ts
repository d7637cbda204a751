/**
 * Goal: a lane has its number of threads again after any of them died, also while it started (W8, W9, G7), and no
 * attempt is placed on a thread that does not hear yet. Method: threads whose start a file spoils (unsteady-thread.ts).
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { Outcome } from '../../src/contract/job.ts';
import { emittedUrl } from '../fixtures/emitted.ts';
import { createJob, createTestPool, type TestPool } from './harness.ts';

const codeOf = (outcome: Outcome) => (outcome.kind === 'failed' ? outcome.code : outcome.kind);

let dir: string;
let spoiler: string;
let unsteady: TestPool;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'pool-'));
  spoiler = join(dir, 'spoiler');
  unsteady = await createTestPool(
    { cpuThreads: 2, ioThreads: 1, network: { allowHosts: [spoiler], ownPort: null } },
    { threadUrl: emittedUrl('test/pool/unsteady-thread.ts') },
  );
});
afterAll(async () => {
  await unsteady.pool.close();
  rmSync(dir, { recursive: true });
});

const spoil = (mode: 'waits' | 'throws' | 'exits') => writeFileSync(spoiler, mode);
const mend = () => rmSync(spoiler);
const runCpu = async (action: string) => (await unsteady.run(createJob(action, { lane: 'cpu' }))).map(codeOf);

/** A thread that starts counts as one, so only attempts that run side by side show that all are up. */
async function whole(): Promise<void> {
  await expect.poll(() => unsteady.pool.stats().threads, { timeout: 20_000 }).toBe(3);
  const file = join(dir, 'meeting');
  const meetings = [1, 2].map(() => createJob('meets', { lane: 'cpu', params: { file, count: 2 } }));
  expect((await unsteady.run(...meetings)).map(codeOf)).toEqual(['completed', 'completed']);
  rmSync(file);
}

it('an attempt waits for a thread that is up, not on one that starts, and costs no thread when it is cancelled', async () => {
  spoil('waits');
  const busy = createJob('delay', { lane: 'cpu', params: { ms: 300 } });
  const done = unsteady.run(busy);
  expect(await runCpu('exits')).toEqual(['WORKER_LOST']);
  const waiting = createJob('noop', { lane: 'cpu', timeoutMs: 1_000 });
  expect((await unsteady.run(waiting)).map(codeOf)).toEqual(['completed']);
  expect((await done).map(codeOf)).toEqual(['completed']);
  const jobs = [createJob('deaf', { lane: 'cpu' }), createJob('noop', { lane: 'cpu' })];
  const ended = unsteady.run(...jobs);
  unsteady.pool.cancel(jobs.map(({ jobId }) => jobId).reverse());
  expect((await ended).map(codeOf)).toEqual(['CANCELLED', 'CANCELLED']);
  mend();
  await whole();
});

it('a thread that dies while it starts is replaced once one can start', async () => {
  spoil('throws');
  expect(await runCpu('exits')).toEqual(['WORKER_LOST']);
  await expect.poll(() => unsteady.pool.stats().threads, { timeout: 20_000 }).toBe(2);
  expect(await runCpu('noop')).toEqual(['completed']);
  mend();
  await whole();
});

it.each(['throws', 'exits'] as const)(
  'jobs fail while no thread can start because each %s, and run again after',
  async (mode) => {
    spoil(mode);
    const exits = [createJob('exits', { lane: 'cpu' }), createJob('exits', { lane: 'cpu' })];
    expect((await unsteady.run(...exits)).map(codeOf)).toEqual(['WORKER_LOST', 'WORKER_LOST']);
    expect(await runCpu('noop')).toEqual(['WORKER_LOST']);
    mend();
    await whole();
  },
);
