/** Reports what goes wrong: as a line in the log, as a notice in health, or by ending the engine. */
import { DiskFailedError } from '../contract/store.ts';
import type { Log } from './log.ts';

export interface IncidentsOptions {
  log: Log;
  /** The engine cannot go on and acknowledges nothing more. Status 74: the disk has failed. 70: a rule is broken. */
  onFatal(message: string, exitStatus: 70 | 74): void;
}

export class Incidents {
  readonly #options: IncidentsOptions;
  /** `GET /api/health` shows these. */
  readonly notices: string[] = [];
  /** Stops all parts of the coordinator; called before `onFatal`. */
  halt: () => void = () => undefined;
  hasFailed = false;

  constructor(options: IncidentsOptions) {
    this.#options = options;
  }

  /** Adds a message to the log and to the notices of health. */
  warn(message: string): void {
    this.#options.log.warn({}, message);
    this.notices.push(message);
  }

  diskFull(isFull: boolean): void {
    const { log } = this.#options;
    if (isFull)
      log.error(
        {},
        'The disk is full: changes are answered with 507 until there is room; nothing acknowledged is lost',
      );
    else log.info({}, 'There is room on the disk again; the engine goes on');
  }

  /**
   * A file could not be written. A failed disk ends the engine; after any other error the calling part tries again.
   */
  fault(error: unknown): void {
    if (error instanceof DiskFailedError) this.fatal(error);
    else this.#options.log.warn({}, `A file could not be written and will be tried again: ${(error as Error).message}`);
  }

  /** The first one counts: what follows from it is not told. */
  fatal(error: unknown): void {
    if (this.hasFailed) return;
    this.hasFailed = true;
    this.halt();
    const isDisk = error instanceof DiskFailedError;
    const message = error instanceof Error ? (isDisk ? error.message : (error.stack ?? error.message)) : String(error);
    this.#options.onFatal(message, isDisk ? 74 : 70);
  }
}
