/**
 * A param that is code (`Task.code`), taken apart at its references: `Hello {{params.name}}!` is the strings `Hello `
 * and `!` around one value. Values never become part of the code: the action binds each in the way of its language, as
 * a variable or as text inside of a literal. So nothing that a value holds is run.
 *
 * Rule, numbered for tests:
 *   CT1  only the engine makes these: a step whose params hold one in the place of code is refused.
 */

/** Code as it is written. There is one reference less than there are strings. */
export interface CodePieces {
  readonly strings: readonly string[];
  /** What is written between the braces, such as `params.name`. */
  readonly references: readonly string[];
}

/** The same with the value of each reference. */
export interface CodeText extends CodePieces {
  readonly values: readonly unknown[];
}

export function isCodeText(value: unknown): value is CodeText {
  return typeof value === 'object' && value !== null && 'strings' in value && 'values' in value;
}

/** The code as the definition has it. */
export function toWrittenCode({ strings, references }: CodePieces): string {
  return strings.map((text, i) => (i === 0 ? text : `{{${references[i - 1]}}}${text}`)).join('');
}

/** A value inside of text: a string as it is, null as nothing, anything else as JSON. */
export function toInlineText(value: unknown): string {
  if (typeof value === 'string') return value;
  return value === null ? '' : JSON.stringify(value);
}
