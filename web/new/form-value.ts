/**
 * A form made from a JSON Schema: which field each param gets, and what its inputs say. Pure.
 *
 * A value that a person has not given is left out, so that the template's own default holds; what cannot be read as the
 * field's type is a fault at that field.
 */

export type JsonSchema = Readonly<Record<string, unknown>>;

export type FieldKind = 'text' | 'area' | 'select' | 'url' | 'time' | 'email' | 'number' | 'switch' | 'chips' | 'json';

export interface FormField {
  readonly name: string;
  readonly kind: FieldKind;
  readonly label: string;
  readonly description: string;
  readonly isRequired: boolean;
  readonly hasDefault: boolean;
  /** As an input: text of numbers and JSON, true or false, a list of texts. */
  readonly initial: FieldInput;
  readonly example: FieldInput | null;
  /** Of a select: the values that can be chosen, as they are and as text. */
  readonly choices: readonly { readonly value: unknown; readonly text: string }[];
  readonly min: number | null;
  readonly max: number | null;
  readonly isInteger: boolean;
  readonly lengthMax: number | null;
}

export type FieldInput = string | boolean | readonly string[];
export type FormInputs = Readonly<Record<string, FieldInput>>;

const areaFrom = 200;
const contentNames =
  /^(?:html|content|text|body|prompt|message|markdown|code|script|template|description|notes?|question)$/i;

export function toFields(schema: JsonSchema): FormField[] {
  const required = Array.isArray(schema.required) ? schema.required : [];
  const properties = isObject(schema.properties) ? schema.properties : {};
  return Object.entries(properties).map(([name, value]) =>
    toField(name, isObject(value) ? value : {}, required.includes(name)),
  );
}

export function initialInputs(
  fields: readonly FormField[],
  params: Readonly<Record<string, unknown>> = {},
): FormInputs {
  return Object.fromEntries(
    fields.map((field) => [
      field.name,
      Object.hasOwn(params, field.name) ? toInput(field, params[field.name]) : field.initial,
    ]),
  );
}

export interface FormReading {
  readonly params: Readonly<Record<string, unknown>>;
  /** By field. */
  readonly faults: ReadonlyMap<string, string>;
}

export function readForm(fields: readonly FormField[], inputs: FormInputs): FormReading {
  const params: Record<string, unknown> = {};
  const faults = new Map<string, string>();
  for (const field of fields) {
    const input = inputs[field.name] ?? field.initial;
    if (isAbsent(field, input)) {
      if (field.isRequired) faults.set(field.name, 'is required');
      continue;
    }
    const { value, fault } = readInput(field, input);
    if (fault === undefined) params[field.name] = value;
    else faults.set(field.name, fault);
  }
  return { params, faults };
}

/** The field that a fault of the engine or of the schema is about; null where it is about none of them. */
export function fieldOfPath(fields: readonly FormField[], path: string): string | null {
  const [first = ''] = path.replace(/^(?:params\.|#\/|\/)/, '').split(/[./[]/);
  return fields.find(({ name }) => name === first || name === path)?.name ?? null;
}

function toField(name: string, schema: JsonSchema, isRequired: boolean): FormField {
  const kind = toKind(name, schema);
  const choices = Array.isArray(schema.enum)
    ? schema.enum.map((value: unknown) => ({ value, text: typeof value === 'string' ? value : JSON.stringify(value) }))
    : [];
  const base = {
    name,
    kind,
    label: typeof schema.title === 'string' ? schema.title : name,
    description: typeof schema.description === 'string' ? schema.description : '',
    isRequired,
    hasDefault: schema.default !== undefined,
    choices,
    min: numberOf(schema.minimum ?? schema.exclusiveMinimum),
    max: numberOf(schema.maximum ?? schema.exclusiveMaximum),
    isInteger: typeOf(schema) === 'integer',
    lengthMax: numberOf(schema.maxLength),
  };
  const examples = Array.isArray(schema.examples) ? schema.examples : [];
  return {
    ...base,
    initial: schema.default === undefined ? emptyInput(kind) : toInput(base, schema.default),
    example: examples.length === 0 ? null : toInput(base, examples[0]),
  };
}

function toKind(name: string, schema: JsonSchema): FieldKind {
  if (Array.isArray(schema.enum)) return 'select';
  switch (typeOf(schema)) {
    case 'string':
      if (schema.format === 'uri' || schema.format === 'url') return 'url';
      if (schema.format === 'date-time') return 'time';
      if (schema.format === 'email') return 'email';
      return (numberOf(schema.maxLength) ?? 0) > areaFrom || contentNames.test(name) ? 'area' : 'text';
    case 'integer':
    case 'number':
      return 'number';
    case 'boolean':
      return 'switch';
    case 'array': {
      const items = isObject(schema.items) ? schema.items : {};
      return typeOf(items) === 'string' && !Array.isArray(items.enum) ? 'chips' : 'json';
    }
    default:
      return 'json';
  }
}

/** The one type of a schema, null aside. */
function typeOf({ type }: JsonSchema): string {
  if (typeof type === 'string') return type;
  const given = Array.isArray(type) ? type.filter((one) => one !== 'null') : [];
  return given.length === 1 ? String(given[0]) : '';
}

function emptyInput(kind: FieldKind): FieldInput {
  return kind === 'switch' ? false : kind === 'chips' ? [] : '';
}

function toInput({ kind }: Pick<FormField, 'kind'>, value: unknown): FieldInput {
  if (kind === 'switch') return value === true;
  if (kind === 'chips') return Array.isArray(value) ? value.map(String) : [];
  if (kind === 'json') return JSON.stringify(value, null, 2) ?? '';
  return typeof value === 'string' ? value : value === null || value === undefined ? '' : JSON.stringify(value);
}

function isAbsent({ kind, hasDefault }: FormField, input: FieldInput): boolean {
  if (kind === 'switch') return false;
  if (Array.isArray(input)) return input.length === 0 && !hasDefault;
  return input === '' && !(hasDefault && (kind === 'text' || kind === 'area'));
}

function readInput(field: FormField, input: FieldInput): { value?: unknown; fault?: string } {
  const text = typeof input === 'string' ? input : '';
  switch (field.kind) {
    case 'number': {
      const value = Number(text);
      if (text.trim() === '' || !Number.isFinite(value)) return { fault: 'must be a number' };
      return field.isInteger && !Number.isInteger(value) ? { fault: 'must be a whole number' } : { value };
    }
    case 'select':
      return { value: field.choices.find((choice) => choice.text === text)?.value ?? text };
    case 'json':
      try {
        return { value: JSON.parse(text) };
      } catch (error) {
        return { fault: `must be JSON: ${error instanceof Error ? error.message : String(error)}` };
      }
    case 'time': {
      const at = new Date(text);
      return Number.isNaN(at.getTime()) ? { fault: 'must be a date and time' } : { value: at.toISOString() };
    }
    default:
      return { value: input };
  }
}

function numberOf(value: unknown): number | null {
  return typeof value === 'number' ? value : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
