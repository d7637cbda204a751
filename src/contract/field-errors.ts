/** What a schema finds wrong, as fields that a person can find: `steps[3].dependencies[0]`, one entry for each. */
import type { z } from 'zod';
import type { FieldError } from './failures.ts';
import { meantField } from './known-fields.ts';

/** Characters of one name. A client may give a field a name of megabytes, and every fault within would repeat it. */
const nameShownMax = 200;
/** Of this many unknown fields the nearest known one is looked for: a body may have 100,000 of them. */
const guessesMax = 20;

/** `['steps', 3, 'dependencies', 0]` as `steps[3].dependencies[0]`; `''` is the whole. A long name is cut. */
export function toFieldPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else text += text === '' ? toShownName(String(key)) : `.${toShownName(String(key))}`;
  }
  return text;
}

function toShownName(name: string): string {
  return name.length > nameShownMax ? `${name.slice(0, nameShownMax)}…` : name;
}

type Issue = z.core.$ZodIssue;

/** A fault, and the keys that lead to its place. */
export interface PlacedFault {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** `prefix` stands before each path. */
export function toFieldErrors(issues: readonly Issue[], prefix: readonly PropertyKey[] = []): FieldError[] {
  return toPlacedFaults(issues, prefix).map(({ path, message }) => ({ path: toFieldPath(path), message }));
}

/** Unknown fields are named one by one; of several forms that a value may have, the one it comes nearest to counts. */
export function toPlacedFaults(issues: readonly Issue[], prefix: readonly PropertyKey[] = []): PlacedFault[] {
  return placeFaults(issues, prefix, { left: guessesMax });
}

function placeFaults(
  issues: readonly Issue[],
  prefix: readonly PropertyKey[],
  guesses: { left: number },
): PlacedFault[] {
  return issues.flatMap((issue) => {
    const path = [...prefix, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ path: [...path, key], message: toUnknown(key, issue.keys, guesses) }));
    }
    if (issue.code !== 'invalid_union') return [{ path, message: toMessage(issue) }];
    const branches = toBranches(issue);
    const meant = toMeant(branches);
    return meant === undefined ? [{ path, message: toExpected(branches) }] : placeFaults(meant, path, guesses);
  });
}

function toUnknown(key: string, unknown: readonly string[], guesses: { left: number }): string {
  guesses.left -= 1;
  const meant = guesses.left >= 0 ? meantField(key, unknown) : undefined;
  return `unknown field "${key}"${meant === undefined ? '' : `; did you mean "${meant}"?`}`;
}

/** What each of the forms that were possible has against the value. */
function toBranches(union: Extract<Issue, { code: 'invalid_union' }>): Issue[][] {
  return union.errors.flatMap((branch) => {
    const [only] = branch;
    return branch.length === 1 && only?.code === 'invalid_union' && only.path.length === 0
      ? toBranches(only)
      : [branch];
  });
}

/** The faults of the form that the value comes nearest to; undefined where it is of no form's kind. */
function toMeant(branches: readonly Issue[][]): Issue[] | undefined {
  const ofKind = branches.filter((branch) => branch.every(({ path }) => path.length > 0));
  const distance = (branch: Issue[]) =>
    branch.length + 10 * branch.filter(isMissing).length + 1_000 * branch.filter(isChoice).length;
  const [nearest, ...others] = ofKind.sort((a, b) => distance(a) - distance(b));
  // Forms that differ by the choice in one field are one form with more to choose from.
  return nearest?.map((issue) => {
    if (!isChoice(issue)) return issue;
    const place = toFieldPath(issue.path);
    const same = others.flat().filter((other) => isChoice(other) && toFieldPath(other.path) === place) as Choice[];
    return toChoice(issue, [...new Set([issue, ...same].flatMap(({ values }) => values))]);
  });
}

type Choice = Extract<Issue, { code: 'invalid_value' }>;

function isChoice(issue: Issue): issue is Choice {
  return issue.code === 'invalid_value';
}

function toChoice(issue: Choice, values: Choice['values']): Choice {
  return { ...issue, values, message: `expected ${values.length > 1 ? 'one of ' : ''}${values.map(quote).join('|')}` };
}

function toExpected(branches: readonly Issue[][]): string {
  const kinds = branches.flat().flatMap((issue) => {
    if (issue.path.length > 0) return [];
    if (isChoice(issue)) return issue.values.map(quote);
    return [issue.code === 'invalid_type' ? toKind(issue.expected) : toMessage(issue).replace(/^expected /, '')];
  });
  return kinds.length === 0 ? 'is none of the forms that are possible' : `expected ${[...new Set(kinds)].join(' or ')}`;
}

function quote(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}

function isMissing(issue: Issue): issue is Extract<Issue, { code: 'invalid_type' }> {
  return issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
}

/** JSON knows objects alone. */
function toKind(expected: string): string {
  return expected === 'record' ? 'object' : expected;
}

/** Where anything would do there is no kind to name. */
function toMissing(expected: string): string {
  return expected === 'nonoptional' ? 'is missing' : `is missing; expected ${toKind(expected)}`;
}

function toMessage(issue: Issue): string {
  if (issue.code === 'invalid_key' && issue.issues[0]) return `its name ${toMessage(issue.issues[0])}`;
  return isMissing(issue)
    ? toMissing(issue.expected)
    : issue.message
        .replace(/^(?:Invalid input|Invalid option|Too small|Too big): /, '')
        .replace(/^expected record\b/, 'expected object');
}
