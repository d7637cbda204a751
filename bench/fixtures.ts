/** What several benches need: a data directory of their own, and the machine they ran on. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';

export interface DataDir {
  settings: { workflowsDir: string; queueStateFile: string };
  remove(): void;
}

export function createDataDir(): DataDir {
  const dir = mkdtempSync(join(tmpdir(), 'hybrid-bench-'));
  return {
    settings: { workflowsDir: join(dir, 'workflows'), queueStateFile: join(dir, 'queue-state.json') },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

export function describeMachine(): string {
  let commit = 'unknown';
  try {
    commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    // Not a checkout: the figures stand without a commit.
  }
  return `${cpus()[0]?.model ?? 'unknown CPU'}, ${availableParallelism()} cores, Node ${process.version}, commit ${commit}`;
}

/** p-th percentile of numbers in ascending order. */
export function percentile(sorted: readonly number[], p: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * p) / 100))] ?? Number.NaN;
}
