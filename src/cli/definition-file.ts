/** A workflow as a person keeps it in a file: a template (it has an `id`) or an inline definition. YAML or JSON. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { parseBounded } from '../contract/bounded-parse.ts';
import { type Template, type WorkflowDefinition, workflowDefinitionSchema } from '../contract/definition.ts';
import { toKeepIt, toLostNumberLines } from '../contract/lost-numbers.ts';
import { readSourceText, type SourceFault, toFaults } from '../templates/source-text.ts';
import { readTemplateText } from '../templates/template-file.ts';
import { CommandError } from './exit.ts';

/** `told`: a line for each number of the text that cannot be held. */
export type DefinitionFile =
  | { kind: 'template'; template: Template; told: string[] }
  | { kind: 'definition'; definition: WorkflowDefinition; told: string[] }
  | { kind: 'faulty'; faults: SourceFault[] };

export async function readDefinitionFile(file: string, cwd: string): Promise<DefinitionFile> {
  const text = await readTextFile(resolve(cwd, file), file);
  const source = readSourceText(text);
  if (source.kind === 'faulty') return source;
  const { value } = source;
  const told = toLostNumberLines(source.lost, toKeepIt.file);
  if (typeof value === 'object' && value !== null && 'id' in value) {
    const read = readTemplateText(text);
    return read.kind === 'faulty' ? read : { kind: 'template', template: read.template, told };
  }
  const parsed = parseBounded(workflowDefinitionSchema, value);
  if (!parsed.success) return { kind: 'faulty', faults: toFaults(parsed.error, source) };
  return { kind: 'definition', definition: parsed.data, told };
}

/** `shown` is the name the person gave it. */
export async function readTextFile(path: string, shown: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (cause) {
    const reason = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
    throw new CommandError(`${shown} cannot be read (${reason})`, 2, { cause });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new CommandError(`${shown} is not UTF-8 text`, 2, { cause });
  }
}

/** `page.yaml:3:8: steps[0].id: …`, in the form that editors jump to. */
export function toFaultLine(file: string, fault: SourceFault): string {
  const place = fault.position ? `:${fault.position.line}:${fault.position.column}` : '';
  return `${file}${place}: ${fault.path === '' ? '' : `${fault.path}: `}${fault.message}`;
}
