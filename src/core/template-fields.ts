/** Advice for who writes a field of templates into a definition that is none. */
import { templateSchema, workflowDefinitionSchema } from '../contract/definition.ts';
import type { FieldError } from '../contract/failures.ts';

/** A file with an `id` is a template, so nobody needs advice about that field. */
const templateFields = Object.keys(templateSchema.shape).filter(
  (field) => field !== 'id' && !Object.hasOwn(workflowDefinitionSchema.shape, field),
);

/** The same fault, with the way out where it is about such a field. */
export function adviseTemplate(error: FieldError): FieldError {
  const { path, message } = error;
  if (!templateFields.includes(path) || !message.startsWith('unknown field')) return error;
  const wayOut = 'give the file an `id` and make `params` a JSON Schema';
  return { path, message: `unknown field "${path}"; only a template has one: ${wayOut}` };
}
