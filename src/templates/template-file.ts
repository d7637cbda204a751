/** A template file's text as a template that is sound by itself, or everything that is wrong with it. */
import { parseBounded } from '../contract/bounded-parse.ts';
import { type Template, templateSchema } from '../contract/definition.ts';
import { toFieldPath } from '../contract/field-errors.ts';
import type { LostNumbers } from '../contract/lost-numbers.ts';
import { createParamsSchema } from './params-schema.ts';
import { findScheduleFaults } from './schedule-faults.ts';
import { readSourceText, type SourceFault, toFaults } from './source-text.ts';
import { findDoorFaults } from './webhook-faults.ts';

/** `id` of a faulty one: as far as it can be read. `lost`: numbers of its text that cannot be held. */
export type TemplateText =
  | { kind: 'template'; template: Template; lost: LostNumbers }
  | { kind: 'faulty'; id?: string | undefined; faults: SourceFault[] };

export function readTemplateText(text: string): TemplateText {
  const read = readText(text);
  return read.kind === 'faulty' ? { ...read, id: readId(text) } : read;
}

/** Also where the text as a whole cannot be read: a line `id: …` at its left edge, or a field `"id": "…"`. */
function readId(text: string): string | undefined {
  const written =
    /^id:[ \t]*["']?([A-Za-z0-9._-]{1,128})|^[ \t]{0,64}\{?[ \t]{0,64}"id"[ \t]{0,64}:[ \t]{0,64}"([A-Za-z0-9._-]{1,128})"/m.exec(
      text,
    );
  return written?.[1] ?? written?.[2];
}

function readText(text: string): TemplateText {
  const source = readSourceText(text);
  if (source.kind === 'faulty') return source;
  const parsed = parseBounded(templateSchema, source.value);
  if (!parsed.success) return { kind: 'faulty', faults: toFaults(parsed.error, source) };
  const template = parsed.data;
  const { lost } = source;
  const made = template.params === undefined ? undefined : createParamsSchema(template.params);
  if (made?.kind === 'faulty') {
    const faults = made.faults.map((fault) => {
      const path = ['params', ...fault.path];
      return { path: toFieldPath(path), message: fault.message, position: source.locate(path) };
    });
    return { kind: 'faulty', faults };
  }
  const faults = [...findScheduleFaults(template, made?.schema), ...findDoorFaults(template)].map((fault) => ({
    ...fault,
    position: source.locate(toParts(fault.path)),
  }));
  return faults.length === 0 ? { kind: 'template', template, lost } : { kind: 'faulty', faults };
}

/** `schedule.params.list[3]` → ['schedule', 'params', 'list', 3]. */
function toParts(path: string): (string | number)[] {
  return [...path.matchAll(/\[(\d+)\]|[^.[\]]+/g)].map(([part, index]) => (index === undefined ? part : Number(index)));
}
