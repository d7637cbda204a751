/** A template file's text as a template that is sound by itself, or everything that is wrong with it. */
import { parseBounded } from '../contract/bounded-parse.ts';
import { type Template, templateSchema } from '../contract/definition.ts';
import { toFieldPath } from '../contract/field-errors.ts';
import { createParamsSchema } from './params-schema.ts';
import { readSourceText, type SourceFault, toFaults } from './source-text.ts';

export type TemplateText = { kind: 'template'; template: Template } | { kind: 'faulty'; faults: SourceFault[] };

export function readTemplateText(text: string): TemplateText {
  const source = readSourceText(text);
  if (source.kind === 'faulty') return source;
  const parsed = parseBounded(templateSchema, source.value);
  if (!parsed.success) return { kind: 'faulty', faults: toFaults(parsed.error, source.locate) };
  const template = parsed.data;
  if (template.params === undefined) return { kind: 'template', template };
  const made = createParamsSchema(template.params);
  if (made.kind === 'usable') return { kind: 'template', template };
  const faults = made.faults.map((fault) => {
    const path = ['params', ...fault.path];
    return { path: toFieldPath(path), message: fault.message, position: source.locate(path) };
  });
  return { kind: 'faulty', faults };
}
