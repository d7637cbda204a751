/** A value that looks like what a JSON Schema asks for: every property it names, and the simplest of each kind. */

type Schema = Readonly<Record<string, unknown>>;

/** Schemas may refer to themselves: below this, only what is required is made. */
const depthMax = 6;
/** And here it ends, fitting or not. */
const depthEnd = 24;
const itemsMax = 50;
const lengthMax = 10_000;

const formats: Readonly<Record<string, string>> = {
  'date-time': '2026-01-01T00:00:00Z',
  date: '2026-01-01',
  time: '00:00:00Z',
  email: 'nobody@example.org',
  uri: 'https://example.org/',
  uuid: '00000000-0000-4000-8000-000000000000',
};

export function toSample(schema: Schema): unknown {
  return make(schema, schema, 0);
}

function make(written: unknown, root: Schema, depth: number): unknown {
  if (!isObject(written) || depth > depthEnd) return null;
  const schema = flatten(written, root, depth);
  if ('const' in schema) return schema.const;
  if (Array.isArray(schema.enum)) return schema.enum[0];
  if ('default' in schema) return schema.default;
  if (Array.isArray(schema.examples) && schema.examples.length > 0) return schema.examples[0];
  switch (typeOf(schema)) {
    case 'object':
      return makeObject(schema, root, depth);
    case 'array':
      return makeArray(schema, root, depth);
    case 'integer':
    case 'number':
      return makeNumber(schema);
    case 'boolean':
      return true;
    case 'null':
      return null;
    default:
      return makeString(schema);
  }
}

/** References followed, of a choice the first, and all that must hold together in one. */
function flatten(schema: Schema, root: Schema, depth: number): Schema {
  const { $ref, allOf, anyOf, oneOf, ...own } = schema;
  const parts = [
    ...(typeof $ref === 'string' ? [follow($ref, root)] : []),
    ...(Array.isArray(allOf) ? allOf : []),
    ...[anyOf, oneOf].flatMap((choice) => (Array.isArray(choice) ? choice.slice(0, 1) : [])),
  ];
  if (parts.length === 0 || depth > depthEnd) return own;
  return parts.filter(isObject).reduce((sum, part) => merge(sum, flatten(part, root, depth + 1)), own);
}

function follow(reference: string, root: Schema): unknown {
  if (!reference.startsWith('#')) return undefined;
  const keys = decodeURIComponent(reference.slice(1)).split('/').slice(1);
  return keys.reduce<unknown>((at, key) => {
    const name = key.replaceAll('~1', '/').replaceAll('~0', '~');
    return typeof at === 'object' && at !== null && Object.hasOwn(at, name) ? (at as Schema)[name] : undefined;
  }, root);
}

function merge(a: Schema, b: Schema): Schema {
  const properties = { ...propertiesOf(a), ...propertiesOf(b) };
  const required = [...namesOf(a.required), ...namesOf(b.required)];
  return {
    ...a,
    ...b,
    ...(Object.keys(properties).length > 0 ? { properties } : {}),
    ...(required.length > 0 ? { required } : {}),
  };
}

function typeOf(schema: Schema): unknown {
  const types = [schema.type].flat().filter((type) => type !== undefined);
  if (types.length > 0) return types.find((type) => type !== 'null') ?? 'null';
  if ('properties' in schema || 'required' in schema) return 'object';
  return 'items' in schema || 'prefixItems' in schema ? 'array' : undefined;
}

function makeObject(schema: Schema, root: Schema, depth: number): Record<string, unknown> {
  const properties = propertiesOf(schema);
  const required = namesOf(schema.required);
  const names = depth < depthMax ? [...new Set([...Object.keys(properties), ...required])] : [...new Set(required)];
  return Object.fromEntries(names.map((name) => [name, make(properties[name] ?? {}, root, depth + 1)]));
}

function makeArray(schema: Schema, root: Schema, depth: number): unknown[] {
  const first = Array.isArray(schema.prefixItems) ? schema.prefixItems : [];
  const atLeast = toNumber(schema.minItems) ?? (depth < depthMax ? 1 : 0);
  const count = Math.min(Math.max(atLeast, first.length), toNumber(schema.maxItems) ?? itemsMax, itemsMax);
  return Array.from({ length: count }, (_, i) => make(first[i] ?? schema.items ?? {}, root, depth + 1));
}

function makeNumber(schema: Schema): number {
  const step = toNumber(schema.multipleOf) ?? 1;
  const above = toNumber(schema.exclusiveMinimum);
  const least = toNumber(schema.minimum) ?? (above === undefined ? undefined : above + (schema.multipleOf ? step : 1));
  const below = toNumber(schema.exclusiveMaximum);
  const most = toNumber(schema.maximum) ?? (below === undefined ? undefined : below - step);
  if (least !== undefined) return Math.ceil(least / step) * step;
  return most === undefined || most >= step ? step : Math.floor(most / step) * step;
}

function makeString(schema: Schema): string {
  const text = (typeof schema.format === 'string' ? formats[schema.format] : undefined) ?? 'made up';
  const least = Math.min(toNumber(schema.minLength) ?? 0, lengthMax);
  return text.padEnd(least, ' made up').slice(0, toNumber(schema.maxLength) ?? lengthMax);
}

function propertiesOf(schema: Schema): Schema {
  return isObject(schema.properties) ? schema.properties : {};
}

function namesOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((name) => typeof name === 'string') : [];
}

function toNumber(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined;
}

function isObject(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
