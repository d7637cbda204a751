/** The thread in which `params-checker.ts` has params checked, so that a deadline can end the check. */
import type { FieldError } from '../contract/failures.ts';
import { createDataSchema, createParamsSchema } from './params-schema.ts';

export interface ParamsCheck {
  /** Of a template that has been loaded with it, or of a step that asks for data. */
  readonly schema: Record<string, unknown>;
  readonly of: 'params' | 'data';
  readonly value: unknown;
}

export interface Checked {
  readonly value: unknown;
  readonly errors: FieldError[];
}

export default function check({ schema, of, value }: ParamsCheck): Checked {
  const made = of === 'params' ? createParamsSchema(schema) : createDataSchema(schema);
  if (made.kind === 'faulty') {
    const message = made.faults[0]?.message;
    if (of === 'params') throw new Error(message);
    return {
      value,
      errors: [{ path: 'data', message: `cannot be checked: the schema of the step is faulty: ${message}` }],
    };
  }
  return made.schema.check(value);
}
