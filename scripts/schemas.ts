/**
 * Writes the JSON Schemas of what a person writes, for editors: docs/schema/*.schema.json. `npm run schema` after a change of
 * src/contract/definition.ts; a test says when they are not current.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { templateSchema, workflowDefinitionSchema } from '../src/contract/definition.ts';

const forms = { workflow: workflowDefinitionSchema, template: templateSchema };

/** Each file by its name, as it should be. */
export function toSchemaFiles(): Map<string, string> {
  return new Map(
    Object.entries(forms).map(([name, form]) => [
      `${name}.schema.json`,
      `${JSON.stringify(toSchema(name, form), null, 2)}\n`,
    ]),
  );
}

function toSchema(name: string, form: z.ZodType): object {
  const { $schema, ...rest } = z.toJSONSchema(form, { io: 'input' });
  const top = rest.$defs?.[rest.$ref?.split('/').at(-1) ?? ''];
  if (typeof top !== 'object') throw new Error(`the schema of a ${name} has another shape than before`);
  // Anchors and notes of the author, which the reading of a file takes away.
  top.patternProperties = { '^x-': {} };
  return { $schema, title: `Hybrid Engine ${name}`, ...rest };
}

if (process.argv[1] === import.meta.filename) {
  for (const [name, text] of toSchemaFiles()) writeFileSync(join(import.meta.dirname, '../docs/schema', name), text);
}
