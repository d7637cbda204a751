/** Goal: the job of an isolated action says so, and no other does (G14). Method: a pool that keeps the jobs it was given. */
import { expect, onTestFinished, test } from 'vitest';
import type { Job } from '../../../src/contract/job.ts';
import { MemoryDisk } from '../../damage/memory-disk.ts';
import { openMemoryEngine, Runs, root } from '../../damage/memory-engine.ts';

class SeenRuns extends Runs {
  readonly jobs: Job[] = [];

  override run(job: Job): string {
    this.jobs.push(job);
    return super.run(job);
  }
}

test('transform goes to a process, text_split and noop do not', async () => {
  const disk = new MemoryDisk();
  disk.port.mkdirSync(root);
  const runs = new SeenRuns();
  const { engine, coordinator } = await openMemoryEngine(disk, { runs });
  onTestFinished(() => coordinator.close());
  const { id } = await engine.submit({
    name: 'places',
    steps: [
      { id: 'a', action: 'transform', params: { input: 1, expression: '$' } },
      { id: 'b', action: 'text_split', params: { text: 'a' } },
      { id: 'c', action: 'noop' },
    ],
  });
  await engine.finished(id);
  expect(Object.fromEntries(runs.jobs.map(({ action, isolated }) => [action, isolated]))).toEqual({
    transform: true,
    text_split: false,
    noop: false,
  });
});
