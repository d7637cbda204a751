/**
 * Entries in the data directory that the engine must not or cannot use as they are: files and directories of another
 * user, and links where a directory belongs. They are set aside, never deleted, and never written through.
 *
 * Rules, numbered for tests:
 *   FE1  what is set aside stays readable to a person, with the reason in quarantine;
 *   FE2  where even that is forbidden the error is thrown, and the start ends with status 77 and one line.
 */
import path from 'node:path';
import type { Disk } from './disk.ts';
import { isForbidden } from './disk-error.ts';
import { type Layout, stateFileOf, workflowDirectoryOf } from './layout.ts';
import type { Quarantine } from './quarantine.ts';

export class ForeignEntries {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #quarantine: Quarantine;
  readonly #note: (message: string) => void;

  constructor(disk: Disk, layout: Layout, quarantine: Quarantine, note: (message: string) => void) {
    this.#disk = disk;
    this.#layout = layout;
    this.#quarantine = quarantine;
    this.#note = note;
  }

  /** False for a directory that this user may not change. */
  isOurs(directory: string): boolean {
    try {
      this.#disk.accessDirectorySync(directory);
      return true;
    } catch (error) {
      if (isForbidden(error)) return false;
      throw error;
    }
  }

  /** Moves the workflow's state.json to quarantine; in a directory of another user, gives the directory another name. */
  setAsideState(id: string, reason: string): 'file' | 'directory' {
    try {
      this.#quarantine.move(stateFileOf(this.#layout, id), `${id}-state.json`, reason);
      return 'file';
    } catch (error) {
      if (!isForbidden(error)) throw error;
      this.#quarantine.rename(workflowDirectoryOf(this.#layout, id), id, reason);
      return 'directory';
    }
  }

  /**
   * Whatever is called `blobs` and is no directory would lead writes to another place; a directory of another user takes
   * none.
   */
  setAsideBlobs(id: string): void {
    const blobs = path.join(workflowDirectoryOf(this.#layout, id), 'blobs');
    const kind = this.#disk.lstatSync(blobs)?.kind;
    if (kind === undefined) return;
    if (kind === 'directory') {
      if (this.isOurs(blobs)) return;
      const reason = `blobs of workflow ${id} is a directory that this user may not change`;
      const aside = this.#quarantine.rename(blobs, `${id}-blobs`, reason);
      this.#note(`${reason}; it is called ${path.basename(aside)} now`);
      return;
    }
    const what = kind === 'symlink' ? 'link' : kind === 'other' ? 'special file' : 'file';
    const reason = `blobs of workflow ${id} is a ${what}, not a directory`;
    const kept = this.#quarantine.move(blobs, `${id}-blobs`, reason);
    this.#note(`${reason}; it was set aside in ${kept}`);
  }
}
