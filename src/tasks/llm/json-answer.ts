/** An answer that was asked for as JSON: its text becomes a value, checked against the step's JSON Schema. */
import { dereference, type Schema, validate } from '@cfworker/json-schema';
import { isSlowPattern } from '../../contract/slow-pattern.ts';
import { TaskFailure } from '../../contract/task.ts';

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

export function readJsonAnswer(content: string, { schema }: JsonFormat): unknown {
  const value = parse(content);
  if (schema === null) return value;
  const fault = findFault(value, schema, content.length);
  if (fault !== null) {
    throw new TaskFailure('OUTPUT_INVALID', `the model's answer does not fit the schema of response_format: ${fault}`);
  }
  return value;
}

function parse(content: string): unknown {
  // Some models wrap their JSON in a Markdown fence whatever they are told.
  const text = /^\s*```(?:json)?[ \t]*\r?\n([\s\S]*?)\r?\n?```\s*$/.exec(content)?.[1] ?? content;
  try {
    return JSON.parse(text, (key, value: unknown) => (key === '__proto__' ? undefined : value));
  } catch {
    throw new TaskFailure(
      'OUTPUT_INVALID',
      `the model was asked for JSON, and its answer of ${content.length} characters is none`,
    );
  }
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
