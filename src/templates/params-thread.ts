/** The thread in which `params-checker.ts` has params checked, so that a deadline can end the check. */
import type { FieldError } from '../contract/failures.ts';
import { createParamsSchema } from './params-schema.ts';

export interface ParamsCheck {
  /** A schema that a template has been loaded with. */
  readonly schema: Record<string, unknown>;
  readonly params: Record<string, unknown>;
}

export interface CheckedParams {
  readonly params: Record<string, unknown>;
  readonly errors: FieldError[];
}

export default function checkParams({ schema, params }: ParamsCheck): CheckedParams {
  const made = createParamsSchema(schema);
  if (made.kind === 'faulty') throw new Error(made.faults[0]?.message);
  return made.schema.check(params);
}
