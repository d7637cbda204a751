/**
 * A small file that is replaced as a whole: `.engine/schedules.json` (which slots of schedules are decided, which have
 * passed without a workflow, which schedules are paused) and `.engine/clients.json` (who was paired). The text is the
 * caller's; a reader sees the old one or the new one (V1), and it is durable when write() resolves.
 */
import path from 'node:path';
import type { Disk } from './disk.ts';
import { isAbsent, toDiskError } from './disk-error.ts';
import { replaceFile } from './durable-file.ts';
import type { Quarantine } from './quarantine.ts';

export class WholeFile {
  readonly #disk: Disk;
  readonly #file: string;
  readonly #quarantine: Quarantine;
  #turn: Promise<void> = Promise.resolve();

  constructor(disk: Disk, file: string, quarantine: Quarantine) {
    this.#disk = disk;
    this.#file = file;
    this.#quarantine = quarantine;
  }

  /** null where there is none yet. */
  async read(): Promise<string | null> {
    try {
      return (await this.#disk.readFile(this.#file)).toString('utf8');
    } catch (error) {
      if (isAbsent(error)) return null;
      throw toDiskError(error, this.#file);
    }
  }

  write(json: string): Promise<void> {
    const done = this.#turn.then(() => replaceFile(this.#disk, this.#file, Buffer.from(json), { durable: true }));
    this.#turn = done.catch(() => undefined); // The caller gets the error.
    return done;
  }

  /** Moves a file that nobody can read out of the way; returns where it is kept. */
  setAside(reason: string): string {
    return this.#quarantine.move(this.#file, path.basename(this.#file), reason);
  }

  idle(): Promise<void> {
    return this.#turn;
  }
}
