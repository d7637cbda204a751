/**
 * `.engine/schedules.json`: which slots of schedules are decided, which have passed without a workflow, and which
 * schedules are paused. The text is the caller's; it is replaced as a whole (V1) and durable when write() resolves.
 */
import type { Disk } from './disk.ts';
import { isAbsent, toDiskError } from './disk-error.ts';
import { replaceFile } from './durable-file.ts';
import type { Quarantine } from './quarantine.ts';

export class SchedulesFile {
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
    return this.#quarantine.move(this.#file, 'schedules.json', reason);
  }

  idle(): Promise<void> {
    return this.#turn;
  }
}
