/**
 * Counts how often a file is replaced by a new one, and the bytes of all versions together. The watch wakes on
 * each change of the directory; a version is new when its inode or its time of writing is.
 */
import fs from 'node:fs';
import path from 'node:path';

export class FileVersions {
  readonly #file: string;
  readonly #watcher: fs.FSWatcher;
  #last = '';
  count = 0;
  bytes = 0;

  /** The version that is there already counts as the first one. */
  constructor(file: string) {
    this.#file = file;
    this.#look();
    this.#watcher = fs.watch(path.dirname(file), () => this.#look());
  }

  #look(): void {
    const stat = fs.statSync(this.#file, { bigint: true, throwIfNoEntry: false });
    if (!stat) return;
    const version = `${stat.ino} ${stat.mtimeNs}`;
    if (version === this.#last) return;
    this.#last = version;
    this.count += 1;
    this.bytes += Number(stat.size);
  }

  close(): void {
    this.#watcher.close();
  }
}
