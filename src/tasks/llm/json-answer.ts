/** An answer that was asked for as JSON: its text becomes a value, checked against the step's JSON Schema. */
import { dereference, type Schema, validate } from '@cfworker/json-schema';
import { isSlowPattern } from '../../contract/slow-pattern.ts';
import { TaskFailure } from '../../contract/task.ts';
import { tellLostNumbers } from '../lost-numbers.ts';

export interface JsonFormat {
  /** null: any JSON. */
  readonly schema: Readonly<Record<string, unknown>> | null;
}

const draft = '2020-12';
const types = new Set(['null', 'boolean', 'object', 'array', 'number', 'integer', 'string']);
const errorsShownMax = 5;
/** The validator compares each item with each: above this, checking would hold up the thread's other attempts. */
const uniqueItemsTextMax = 64 * 1024;

/** What is wrong with a schema itself; null when nothing is. */
export function findSchemaFault(written: Readonly<Record<string, unknown>>): string | null {
  try {
    const lookup = dereference(structuredClone(written) as Schema);
    for (const part of Object.values(lookup)) {
      if (typeof part !== 'object') continue;
      if (part.$ref !== undefined && lookup[part.__absolute_ref__ ?? part.$ref] === undefined) {
        return `leads nowhere within this schema: ${part.$ref}`;
      }
      const unknown = [part.type ?? []].flat().find((type) => !types.has(type));
      if (unknown !== undefined) return `knows no type "${unknown}"; there are ${[...types].join(', ')}`;
      for (const pattern of [
        ...(part.pattern === undefined ? [] : [part.pattern]),
        ...Object.keys(part.patternProperties ?? {}),
      ]) {
        new RegExp(pattern, 'u');
        if (isSlowPattern(pattern)) return `repeats a group that itself repeats or branches: ${pattern}`;
      }
    }
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

export function readJsonAnswer(content: string, { schema }: JsonFormat, log: (line: string) => void): unknown {
  const value = tellLostNumbers(parse(content), 'json', log);
  if (schema === null) return value;
  const fault = findFault(value, schema, content.length);
  if (fault !== null) {
    throw new TaskFailure('OUTPUT_INVALID', `the model's answer does not fit the schema of response_format: ${fault}`);
  }
  return value;
}

/** A byte order mark, and a Markdown fence that some models write around their JSON whatever they are told. */
function parse(content: string): Parsed {
  const text = content.replace(/^\s*\ufeff/, '');
  const whole = tryParse(text);
  if (whole !== undefined) return whole;
  const trimmed = text.trim();
  const isFenced = trimmed.length > 6 && trimmed.startsWith('```') && trimmed.endsWith('```');
  const onOneLine = isFenced ? tryParse(trimmed.slice(3, -3).replace(/^\w*/, '')) : undefined;
  if (onOneLine !== undefined) return onOneLine;
  // Several that are JSON leave open which of them is meant.
  const fenced = readFences(text).flatMap((inside) => tryParse(inside) ?? []);
  const [only] = fenced;
  if (only !== undefined && fenced.length === 1) return only;
  throw new TaskFailure(
    'OUTPUT_INVALID',
    fenced.length > 1
      ? `the model was asked for JSON, and its answer holds ${fenced.length} fenced blocks of JSON, which leaves open which is meant`
      : `the model was asked for JSON, and its answer of ${content.length} characters is none`,
  );
}

interface Parsed {
  readonly text: string;
  readonly value: unknown;
}

function tryParse(text: string): Parsed | undefined {
  try {
    const value: unknown = JSON.parse(text, (key, inner: unknown) => (key === '__proto__' ? undefined : inner));
    return { text, value };
  } catch {
    return undefined;
  }
}

/** The insides of the fenced blocks of a Markdown text, by lines; a fence that is not closed ends with the text. */
function readFences(text: string): string[] {
  const blocks: string[] = [];
  let fence: string | undefined;
  let inside: string[] = [];
  for (const line of text.split(/\r?\n/)) {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence === undefined) {
      fence = mark;
      inside = [];
    } else if (mark !== undefined && mark[0] === fence[0] && mark.length >= fence.length) {
      blocks.push(inside.join('\n'));
      fence = undefined;
    } else inside.push(line);
  }
  return fence === undefined ? blocks : [...blocks, inside.join('\n')];
}

function findFault(value: unknown, written: Readonly<Record<string, unknown>>, textLength: number): string | null {
  if (textLength > uniqueItemsTextMax && JSON.stringify(written).includes('"uniqueItems"')) {
    return `it is longer than the ${uniqueItemsTextMax} characters in which unique items are looked for`;
  }
  try {
    // The validator keeps notes inside the schema, so it gets a copy of its own.
    const { valid, errors } = validate(value, structuredClone(written) as Schema, draft, undefined, false);
    if (valid) return null;
    // The last ones of the list are the innermost; what stands before only says that something below is wrong.
    const shown = errors.slice(-errorsShownMax).map(({ instanceLocation, error }) => `${instanceLocation}: ${error}`);
    return shown.join('; ');
  } catch (error) {
    // A schema that refers to itself without end.
    return `it cannot be checked: ${error instanceof Error ? error.message : String(error)}`;
  }
}
