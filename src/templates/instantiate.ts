/** From a template and the params of a run to the definition of a workflow. */
import type { Template, WorkflowDefinition } from '../contract/definition.ts';
import { type FieldError, Refusal } from '../contract/failures.ts';
import { toFieldPath } from '../contract/field-errors.ts';
import { createParamsSchema, type ParamsSchema } from './params-schema.ts';

/** Making one costs more than applying it, and templates stay the same objects while their files do. */
const schemas = new WeakMap<Template, ParamsSchema>();

/** Fills in the defaults of the params' schema and checks the params. Throws `Refusal` INVALID with every bad field. */
export function instantiate(template: Template, given: Record<string, unknown>): WorkflowDefinition {
  const { params: schema } = template;
  const checked = schema === undefined ? { value: given, errors: [] } : toSchema(template, schema).check(given);
  return instantiateWith(template, checked);
}

/** The same with params that have been checked elsewhere. */
export function instantiateWith(
  template: Template,
  { value, errors }: { readonly value: unknown; readonly errors: FieldError[] },
): WorkflowDefinition {
  const { id: _, params: __, schedule: ___, webhook: ____, accepts: _____, ...definition } = template;
  const first = errors[0];
  // The schema of params demands an object.
  if (first === undefined) return { ...definition, params: value as Record<string, unknown> };
  const others = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  const detail = `The params do not fit template ${template.id}: ${first.path} ${first.message}${others}`;
  throw new Refusal({ code: 'INVALID', detail, errors });
}

function toSchema(template: Template, written: Record<string, unknown>): ParamsSchema {
  const known = schemas.get(template);
  if (known) return known;
  const made = createParamsSchema(written);
  if (made.kind === 'faulty') {
    const errors = made.faults.map(({ path, message }) => ({ path: toFieldPath(['params', ...path]), message }));
    throw new Refusal({ code: 'INVALID', detail: `The params schema of template ${template.id} is faulty`, errors });
  }
  schemas.set(template, made.schema);
  return made.schema;
}
