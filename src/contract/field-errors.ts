/** What a schema finds wrong, as fields that a person can find: `steps[3].dependencies[0]`, one entry for each. */
import type { ZodError, z } from 'zod';
import type { FieldError } from './failures.ts';

/** `['steps', 3, 'dependencies', 0]` as `steps[3].dependencies[0]`; `''` is the whole. */
export function toFieldPath(path: readonly PropertyKey[]): string {
  let text = '';
  for (const key of path) {
    if (typeof key === 'number') text += `[${key}]`;
    else text += text === '' ? String(key) : `.${String(key)}`;
  }
  return text;
}

/** `prefix` stands before each path. Unknown fields are named one by one. */
export function toFieldErrors(error: ZodError, prefix: readonly PropertyKey[] = []): FieldError[] {
  return error.issues.flatMap((issue) => {
    const path = [...prefix, ...issue.path];
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ path: toFieldPath([...path, key]), message: `unknown field "${key}"` }));
    }
    return [{ path: toFieldPath(path), message: toMessage(issue) }];
  });
}

function toMessage(issue: z.core.$ZodIssue): string {
  const isMissing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
  return isMissing ? `is missing; expected ${issue.expected}` : issue.message;
}
