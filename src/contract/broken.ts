/**
 * A rule of the engine that does not hold is a bug of the engine. It stops the process (exit status 70) before anything that
 * follows from it is written; the next start recovers.
 */
export class BrokenRule extends Error {
  override readonly name = 'BrokenRule';
}

/** `rule`: its number in the head of the file that owns it. `what`: the values that break it. */
export function broken(rule: string, what: string): never {
  throw new BrokenRule(`broken rule ${rule}: ${what}`);
}
