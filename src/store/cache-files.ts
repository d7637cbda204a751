/**
 * What a step's action has answered, kept for the next step that asks the same: `.engine/cache/<ab>/<key>.json`, one file for
 * each answer, in directories by the first two digits of its key (SHA-256, hex).
 *
 *   {"key":"<key>","sha256":"<over the entry>","entry":{…}}
 *
 * Rules, numbered for tests:
 *   CF1  an entry is durable when write() resolves, and a reader sees one whole entry or none;
 *   CF2  what is not what the engine wrote under that key is never given out: it is set aside, and told once.
 * Nothing here is ever deleted: whoever wants the room back removes the directory while the engine is stopped.
 */
import { createHash } from 'node:crypto';
import path from 'node:path';
import type { CacheReading } from '../contract/store.ts';
import { removeTempFiles } from './data-directory.ts';
import type { Disk } from './disk.ts';
import { errorCode, isAbsent, isOutOfHandles, toDiskError } from './disk-error.ts';
import { replaceFile, syncDirectory } from './durable-file.ts';
import { KeyedQueue } from './keyed-queue.ts';
import type { Quarantine } from './quarantine.ts';

/** Beside the views, which have as many places. */
const openFilesMax = 8;
const keyPattern = /^[0-9a-f]{64}$/;

export class CacheFiles {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #quarantine: Quarantine;
  readonly #queue = new KeyedQueue(openFilesMax);
  /** Directories that exist durably or are being made so; who writes into one at the same time waits for the same. */
  readonly #ready = new Map<string, Promise<void>>();
  /** Directories rid of what a dead process has left in them. */
  readonly #swept = new Set<string>();

  constructor(disk: Disk, directory: string, quarantine: Quarantine) {
    this.#disk = disk;
    this.#directory = directory;
    this.#quarantine = quarantine;
  }

  read(key: string): Promise<CacheReading> {
    const file = cacheFileOf(this.#directory, key);
    return this.#queue.run(key, async () => {
      const reading = await readCacheFile(this.#disk, this.#directory, key);
      if (reading.kind !== 'damaged') return reading;
      const place = this.#quarantine.move(file, path.basename(file), reading.reason);
      return { kind: 'damaged', reason: `${reading.reason}; it was set aside in ${place}` };
    });
  }

  write(key: string, entry: string): Promise<void> {
    const file = cacheFileOf(this.#directory, key);
    const bytes = Buffer.from(`${toHead(key, entry)}${entry}}\n`);
    return this.#queue.run(key, async () => {
      try {
        await this.#ensure(path.dirname(file));
        await replaceFile(this.#disk, file, bytes, { durable: true });
      } catch (error) {
        if (!isAbsent(error)) throw error;
        // Somebody has emptied the cache while the engine runs.
        for (const directory of [this.#directory, path.dirname(file)]) this.#ready.delete(directory);
        await this.#ensure(path.dirname(file));
        await replaceFile(this.#disk, file, bytes, { durable: true });
      }
    });
  }

  idle(): Promise<void> {
    return this.#queue.idle();
  }

  async #ensure(shard: string): Promise<void> {
    for (const directory of [this.#directory, shard]) {
      const ready = this.#ready.get(directory) ?? this.#make(directory);
      this.#ready.set(directory, ready);
      try {
        await ready;
      } catch (error) {
        if (this.#ready.get(directory) === ready) this.#ready.delete(directory);
        throw error;
      }
    }
  }

  async #make(directory: string): Promise<void> {
    try {
      await this.#disk.mkdir(directory);
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw toDiskError(error, directory);
    }
    await syncDirectory(this.#disk, path.dirname(directory));
    if (this.#swept.has(directory)) return;
    // Once, before anything is written here: later the temp files are those of writes on their way.
    this.#swept.add(directory);
    // Here and not at the start, which would have to look into all of them.
    removeTempFiles(this.#disk, directory);
  }
}

function cacheFileOf(directory: string, key: string): string {
  if (!keyPattern.test(key)) throw new Error(`"${key}" is not the key of an answer (64 hex digits)`);
  return path.join(directory, key.slice(0, 2), `${key}.json`);
}

/** Every key that a cache's directory holds; none where there is no directory. */
export function listCacheKeys(disk: Disk, directory: string): string[] {
  if (disk.lstatSync(directory)?.kind !== 'directory') return [];
  const shards = disk
    .readDirectorySync(directory)
    .filter(({ name, kind }) => kind === 'directory' && name.length === 2);
  return shards.flatMap((shard) =>
    disk.readDirectorySync(path.join(directory, shard.name)).flatMap(({ name }) => {
      const key = name.replace(/\.json$/, '');
      return keyPattern.test(key) && key.startsWith(shard.name) ? [key] : [];
    }),
  );
}

/** Judges without changing anything. */
export async function readCacheFile(disk: Disk, directory: string, key: string): Promise<CacheReading> {
  const file = cacheFileOf(directory, key);
  let text: string;
  try {
    text = (await disk.readFile(file)).toString('utf8');
  } catch (error) {
    if (isAbsent(error)) return { kind: 'absent' };
    if (isOutOfHandles(error)) throw toDiskError(error, file);
    return { kind: 'damaged', reason: `answer ${key} of the cache cannot be read (${errorCode(error)})` };
  }
  const headLength = toHead(key, '').length;
  const json = text.slice(headLength, -2);
  if (text.endsWith('}\n') && text.startsWith(toHead(key, json))) return { kind: 'whole', json };
  return { kind: 'damaged', reason: `answer ${key} of the cache is not what the engine wrote` };
}

function toHead(key: string, entry: string): string {
  const sha256 = createHash('sha256').update(entry).digest('hex');
  return `{"key":"${key}","sha256":"${sha256}","entry":`;
}
