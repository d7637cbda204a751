/**
 * The quarantine keeps files that are not what the engine wrote, each in a directory
 * `.engine/quarantine/<utc>-<name>/` with a `reason.json`. The engine never overwrites or deletes anything there. An
 * entry is durable when the call returns.
 */
import { createHash } from 'node:crypto';
import path from 'node:path';
import type { Disk } from './disk.ts';
import { errorCode, isAbsent, toDiskError } from './disk-error.ts';
import { syncDirectorySync, syncFileSync, writeWholeSync } from './durable-file.ts';

export class Quarantine {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #now: () => Date;

  constructor(disk: Disk, directory: string, now: () => Date) {
    this.#disk = disk;
    this.#directory = directory;
    this.#now = now;
  }

  /**
   * Keeps a copy of bytes; returns the directory that holds it. If the same bytes were kept before under this name, it
   * makes no second copy: a machine that restarts in a loop would fill its disk with copies.
   */
  keep(name: string, bytes: Uint8Array, reason: string): string {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const kept = this.#findKept(name, sha256);
    if (kept !== null) return kept;
    return this.#convert(name, () => {
      const directory = this.#createEntry(name);
      this.#writeNew(path.join(directory, name), bytes);
      this.#writeReason(directory, { file: name, reason, sha256, bytes: bytes.length });
      this.#syncEntry(directory);
      return directory;
    });
  }

  /**
   * Moves a file, link or directory into quarantine; returns the directory that holds it. Throws EACCES or EPERM, and
   * leaves nothing behind, where this user may not change the directory that the file is in.
   */
  move(file: string, label: string, reason: string): string {
    return this.#convert(file, () => {
      this.#disk.accessDirectorySync(path.dirname(file));
      const directory = this.#createEntry(label);
      this.#writeReason(directory, { file, reason });
      this.#disk.renameSync(file, path.join(directory, path.basename(file)));
      this.#syncEntry(directory);
      syncDirectorySync(this.#disk, path.dirname(file));
      return directory;
    });
  }

  /**
   * For a directory of another user: the system lets no one else move it into another directory, but its name can be
   * changed where it is. Nothing in it is touched. Returns its new path.
   */
  rename(directory: string, label: string, reason: string): string {
    return this.#convert(directory, () => {
      let aside = `${directory}.set-aside`;
      for (let copy = 2; this.#disk.lstatSync(aside) !== null; copy += 1) aside = `${directory}.set-aside-${copy}`;
      this.#disk.renameSync(directory, aside);
      syncDirectorySync(this.#disk, path.dirname(directory));
      const note = Buffer.from(`${JSON.stringify({ directory: aside, reason })}\n`);
      this.keep(`${label}-directory.json`, note, reason);
      return aside;
    });
  }

  #findKept(name: string, sha256: string): string | null {
    if (this.#disk.lstatSync(this.#directory) === null) return null;
    for (const entry of this.#disk.readDirectorySync(this.#directory)) {
      if (!entry.name.endsWith(`-${name}`)) continue;
      const directory = path.join(this.#directory, entry.name);
      try {
        if (
          createHash('sha256')
            .update(this.#disk.readFileSync(path.join(directory, name)))
            .digest('hex') !== sha256
        ) {
          continue;
        }
        if (this.#disk.lstatSync(path.join(directory, 'reason.json')) !== null) return directory;
      } catch (error) {
        if (!isAbsent(error)) throw error; // A crash has left this entry unfinished: look on.
      }
    }
    return null;
  }

  #createEntry(label: string): string {
    if (this.#disk.lstatSync(this.#directory) === null) {
      this.#disk.mkdirSync(this.#directory);
      syncDirectorySync(this.#disk, path.dirname(this.#directory));
    }
    const stamp = this.#now().toISOString().replaceAll(':', '-');
    for (let copy = 1; ; copy += 1) {
      const directory = path.join(this.#directory, `${stamp}-${copy === 1 ? '' : `${copy}-`}${label}`);
      try {
        this.#disk.mkdirSync(directory);
        return directory;
      } catch (error) {
        if (errorCode(error) !== 'EEXIST') throw error;
      }
    }
  }

  #writeReason(directory: string, reason: Record<string, unknown>): void {
    const text = `${JSON.stringify({ ...reason, at: this.#now().toISOString() }, null, 2)}\n`;
    this.#writeNew(path.join(directory, 'reason.json'), Buffer.from(text));
  }

  #writeNew(file: string, bytes: Uint8Array): void {
    const fd = this.#disk.openSync(file, 'wx');
    try {
      writeWholeSync(this.#disk, fd, bytes, 0);
      syncFileSync(this.#disk, fd, file);
    } finally {
      this.#disk.closeSync(fd);
    }
  }

  #syncEntry(directory: string): void {
    syncDirectorySync(this.#disk, directory);
    syncDirectorySync(this.#disk, this.#directory);
  }

  #convert<T>(what: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw toDiskError(error, `quarantine of ${what}`);
    }
  }
}
