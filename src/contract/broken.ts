/**
 * The end of a rule that must hold. `broken` is called where the code finds that it does not: the cause is a bug, or
 * a journal that this engine has not written. Live, the coordinator ends the engine (exit status 70) before the batch
 * of the turn is written, and the next start recovers. In recovery, the workflow concerned is set aside and the
 * others go on.
 */

export class BrokenRule extends Error {
  /** The rule's number, as in the head of the file that owns it. */
  readonly rule: string;

  constructor(rule: string, what: string) {
    super(`broken rule ${rule}: ${what}`);
    this.name = 'BrokenRule';
    this.rule = rule;
  }
}

/** `what`: what was seen, with the ids and values that it concerns. */
export function broken(rule: string, what: string): never {
  throw new BrokenRule(rule, what);
}
