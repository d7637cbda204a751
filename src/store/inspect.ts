/** Reads a data directory for `doctor`: takes no lock, creates nothing, changes nothing. */
import path from 'node:path';
import { type CacheReading, type FoundData, StartError, type StateFile } from '../contract/store.ts';
import { listCacheKeys, readCacheFile } from './cache-files.ts';
import { toStartError } from './data-directory.ts';
import { createNodeDisk, type Disk } from './disk.ts';
import { isAbsent } from './disk-error.ts';
import { type Found, readFound } from './last-life.ts';
import { type Layout, layoutOf, stateFileOf } from './layout.ts';
import { readStateFile } from './state-bytes.ts';

export interface Inspection {
  readonly found: FoundData;
  /** Reads and judges one state.json. */
  readState(id: string): Promise<StateFile>;
  /** Keys of the answers that the cache holds. */
  readonly cachedKeys: readonly string[];
  readCached(key: string): Promise<CacheReading>;
}

/** A running engine may remove segments while they are read. Then reading begins again; this is the most readings. */
const readingsMax = 5;

/**
 * Throws StartError if the engine could not start either. The last batch of a running engine may look like a torn
 * tail.
 */
export function inspectStore(options: { workflowsDir: string; queueStateFile: string; disk?: Disk }): Inspection {
  const { disk = createNodeDisk() } = options;
  const workflowsDir = path.resolve(options.workflowsDir);
  const layout = layoutOf(workflowsDir, path.resolve(options.queueStateFile));
  try {
    if (disk.lstatSync(workflowsDir) === null) {
      throw new StartError(`WORKFLOWS_DIR ${workflowsDir} does not exist`, 1);
    }
    const { data } = readSteadily(disk, layout);
    return {
      found: data,
      readState: (id) => readStateFile(disk, stateFileOf(layout, id)),
      cachedKeys: listCacheKeys(disk, layout.cacheDir),
      readCached: (key) => readCacheFile(disk, layout.cacheDir, key),
    };
  } catch (error) {
    throw toStartError('WORKFLOWS_DIR', workflowsDir, error);
  }
}

function readSteadily(disk: Disk, layout: Layout): Found {
  for (let reading = 1; ; reading += 1) {
    try {
      return readFound(disk, layout);
    } catch (error) {
      if (!isAbsent(error) || reading === readingsMax) throw error;
    }
  }
}
