/**
 * All that was seen, told to every checker as it happens, and kept as a trace where one is wanted. The first violation
 * ends the run; it must not be thrown into the engine, which would take it for a fault of its own.
 */
import { createHash } from 'node:crypto';
import { type Check, Violation } from './check.ts';

const traceLinesMax = 400;

export class History {
  violation: Error | null = null;
  readonly #checks: readonly Check[];
  readonly #hash = createHash('sha256');
  readonly #lines: string[] = [];
  readonly #isTraced: boolean;
  #now: () => number = () => 0;

  constructor(checks: readonly Check[], isTraced: boolean) {
    this.#checks = checks;
    this.#isTraced = isTraced;
  }

  set clock(now: () => number) {
    this.#now = now;
  }

  tell(what: (check: Check) => void): void {
    if (this.violation) return;
    try {
      for (const check of this.#checks) what(check);
    } catch (error) {
      this.fail(error);
    }
  }

  fail(error: unknown): void {
    if (this.violation) return;
    this.violation = error instanceof Error ? error : new Error(String(error));
    this.note(() => `VIOLATION ${this.violation?.message}`);
  }

  broken(guarantee: string, message: string): void {
    this.fail(new Violation(guarantee, message));
  }

  note(line: () => string): void {
    if (!this.#isTraced) return;
    // Names of temp files tell the process and how much it has done before.
    const text = `${this.#now().toFixed(3)} ${line().replaceAll(/\.\d+\.\d+\.tmp\b/g, '.tmp')}`;
    this.#hash.update(text).update('\n');
    this.#lines.push(text);
    if (this.#lines.length > 2 * traceLinesMax) this.#lines.splice(0, traceLinesMax);
  }

  get tail(): string[] {
    return this.#lines.slice(-traceLinesMax);
  }

  digest(): string {
    return this.#hash.digest('hex');
  }
}
