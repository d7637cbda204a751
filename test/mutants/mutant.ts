/** A bug that was planted on purpose, and the test that must notice it. */
export interface Mutant {
  /** What the bug does, in words: `acknowledges before the fdatasync`. */
  readonly name: string;
  /** The guarantees of docs/durability.md, or the rules of a file's head, that it breaks. */
  readonly breaks: string;
  /** From the project's root. */
  readonly file: string;
  /** Occurs exactly once in `file`. */
  readonly find: string;
  readonly replace: string;
  /** The test file that fails with it; `only` narrows it to tests whose name contains this. */
  readonly test: string;
  readonly only?: string;
  /** Settings of the test, such as the seed that catches it. */
  readonly env?: Readonly<Record<string, string>>;
}
