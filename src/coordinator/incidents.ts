/** What goes wrong: a line in the log, a notice in health, or the end of the engine. */
import { DiskFailedError } from '../contract/store.ts';
import type { Log } from './log.ts';

export interface IncidentsOptions {
  log: Log;
  /** The engine cannot go on; nothing further is acknowledged. 74: the disk has failed. 70: a rule is broken. */
  onFatal(message: string, exitStatus: 70 | 74): void;
}

export class Incidents {
  readonly #options: IncidentsOptions;
  /** What `GET /api/health` shows. */
  readonly notices: string[] = [];
  /** Stops all parts before the end is told. */
  halt: () => void = () => undefined;
  hasFailed = false;

  constructor(options: IncidentsOptions) {
    this.#options = options;
  }

  /** Into the log, and into health. */
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

  /** A file could not be written. A failed disk ends the engine; anything else is tried again by the part that met it. */
  fault(error: unknown): void {
    if (error instanceof DiskFailedError) this.fatal(error);
    else this.#options.log.warn({}, `A file could not be written and will be tried again: ${(error as Error).message}`);
  }

  fatal(error: unknown): void {
    this.hasFailed = true;
    this.halt();
    const isDisk = error instanceof DiskFailedError;
    const message = error instanceof Error ? (isDisk ? error.message : (error.stack ?? error.message)) : String(error);
    this.#options.onFatal(message, isDisk ? 74 : 70);
  }
}
