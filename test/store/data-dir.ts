/** A data directory of its own for each test, removed when the test is over. */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { onTestFinished } from 'vitest';
import type { StorePort } from '../../src/contract/store.ts';
import { openStore, type StoreOptions } from '../../src/store/store.ts';

export interface DataDir {
  root: string;
  workflowsDir: string;
  queueStateFile: string;
  journalDir: string;
  engineDir: string;
  quarantineDir: string;
}

export function createDataDir(): DataDir {
  const root = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'hybrid-store-')));
  onTestFinished(() => fs.rmSync(root, { recursive: true, force: true }));
  const workflowsDir = path.join(root, 'workflows');
  const engineDir = path.join(workflowsDir, '.engine');
  return {
    root,
    workflowsDir,
    queueStateFile: path.join(root, 'queue-state.json'),
    journalDir: path.join(engineDir, 'journal'),
    engineDir,
    quarantineDir: path.join(engineDir, 'quarantine'),
  };
}

/** Opens a store that is closed with the test, if the test has not done so. */
export async function open(dir: DataDir, options: Partial<StoreOptions> = {}): Promise<StorePort> {
  const store = await openStore({ workflowsDir: dir.workflowsDir, queueStateFile: dir.queueStateFile, ...options });
  onTestFinished(() => store.close());
  return store;
}

export const emptyManifest = { live: {}, setAside: {}, durations: {} } as const;

/** A segment's path by number. */
export function segmentPath(dir: DataDir, number: number): string {
  return path.join(dir.journalDir, `${String(number).padStart(6, '0')}.hj`);
}

export function listQuarantine(dir: DataDir): string[] {
  return fs.existsSync(dir.quarantineDir) ? fs.readdirSync(dir.quarantineDir).sort() : [];
}
