/** Goal: each metric shows its own figure, in its own unit, also when scraped again. Method: figures that are all different. */
import { expect, test, vi } from 'vitest';
import type { EngineStats } from '../../src/contract/engine.ts';
import { ServerMetrics } from '../../src/server/server-metrics.ts';
import { startServer } from './running-server.ts';

const workflows = { PENDING: 1, RUNNING: 2, COMPLETED: 3, FAILED: 4, WAITING_FOR_DEPENDENCY: 5, STOPPED: 6 };
const stats = {
  workflows,
  queue: { depth: 11, running: 12, max_parallel_nodes: 13, oldest_wait_ms: 14_500, held: [] },
  active_in_memory: 15,
  pool_threads: 16,
  set_aside: 17,
  last_seq: 18,
  events: 21,
  journal_batches: 22,
  journal_records: 23,
  journal_bytes: 24,
  journal_syncs: 25,
  checkpoints: 26,
  state_files_written: 27,
  queue_files_written: 28,
  steps_started: 29,
  steps_completed: 30,
  steps_failed: 31,
  steps_retried: 32,
} as unknown as EngineStats;

test('each shows its own figure, and the same one when nothing has changed', async () => {
  const metrics = new ServerMetrics();
  await metrics.expose(stats);
  const text = await metrics.expose(stats);
  const shown = Object.fromEntries(
    [...text.matchAll(/^hybrid_engine_(\w+(?:\{status="\w+"\})?) (\S+)$/gm)].map(([, name, value]) => [
      name,
      Number(value),
    ]),
  );
  expect(shown).toEqual({
    ...Object.fromEntries(Object.entries(workflows).map(([status, count]) => [`workflows{status="${status}"}`, count])),
    queue_depth: 11,
    steps_running: 12,
    max_parallel_nodes: 13,
    queue_oldest_wait_seconds: 14.5,
    workflows_in_memory: 15,
    pool_threads: 16,
    set_aside: 17,
    last_sequence: 18,
    events_total: 21,
    journal_batches_total: 22,
    journal_records_total: 23,
    journal_bytes_total: 24,
    journal_syncs_total: 25,
    checkpoints_total: 26,
    state_files_written_total: 27,
    queue_files_written_total: 28,
    steps_started_total: 29,
    steps_completed_total: 30,
    steps_failed_total: 31,
    steps_retried_total: 32,
  });
});

test('a call that took a second and a half has taken 1.5 seconds', async () => {
  const running = await startServer();
  // From the head of the request to the end of its answer.
  const clock = vi.spyOn(process.hrtime, 'bigint').mockReturnValueOnce(7_000_000_000n).mockReturnValue(8_500_000_000n);
  try {
    await running.call('GET', '/api/health');
  } finally {
    clock.mockRestore();
  }
  const { text } = await running.call('GET', '/metrics');
  const of = 'method="GET",route="/api/health",status="200"';
  expect(text).toContain(`hybrid_engine_http_request_duration_seconds_sum{${of}} 1.5\n`);
  expect(text).toContain(`hybrid_engine_http_request_duration_seconds_bucket{le="1",${of}} 0\n`);
  expect(text).toContain(`hybrid_engine_http_request_duration_seconds_bucket{le="2.5",${of}} 1\n`);
});
