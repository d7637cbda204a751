/**
 * Sends made-up requests to every route of a server, generated from its own OpenAPI document: bodies from the schemas,
 * then mutated; ids that exist, could exist and cannot. Each answer must come, be documented, match its published
 * schema, be no 5xx but 503 and 507, and tell nothing of the inside. Works on any base URL, so that the same requests
 * meet the engine in memory and the real one.
 */
import { type Schema, Validator } from '@cfworker/json-schema';
import fc from 'fast-check';

export interface FuzzOptions {
  count: number;
  seed?: number;
  headers?: Record<string, string>;
  /** A request that is not answered within this time counts as hanging. */
  giveUpMs?: number;
}

export interface FuzzReport {
  seed: number;
  requests: number;
  /** How often each call met each status: `POST /api/workflows 201`. */
  answers: Record<string, number>;
}

type JsonSchema = { [key: string]: unknown };

interface Operation {
  method: string;
  path: string;
  parameters: { name: string; in: string; schema: JsonSchema }[];
  body: JsonSchema | null;
  responses: Record<string, { content?: Record<string, { schema?: JsonSchema }> }>;
}

interface FuzzRequest {
  operation: Operation;
  path: string;
  query: Record<string, string>;
  headers: Record<string, string>;
  body: string | undefined;
  /** Which of the ids seen so far stands for `{id}`; null leaves the made-up one. */
  known: number | null;
}

const innards = /\n\s+at |node_modules|file:\/\/|\/home\/|\/root\/|TypeError|RangeError|ReferenceError/;

export async function fuzzRoutes(baseUrl: string, options: FuzzOptions): Promise<FuzzReport> {
  const seed = options.seed ?? Date.now() % 0x7fffffff;
  const document = (await (await fetch(`${baseUrl}/openapi.json`)).json()) as JsonSchema;
  const operations = readOperations(document);
  const judge = createJudge(document);
  const ids: string[] = [];
  const report: FuzzReport = { seed, requests: 0, answers: {} };
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...operations).chain((each) => requestArbitrary(each, document)),
      async (request) => {
        const id = request.known === null ? undefined : ids.at(-1 - (request.known % Math.max(1, ids.length)));
        const { status, text, type, location } = await send(baseUrl, request, id, options);
        report.requests += 1;
        const call = `${request.operation.method} ${request.operation.path} ${status}`;
        report.answers[call] = (report.answers[call] ?? 0) + 1;
        judge(request.operation, status, text, type);
        const created = location?.match(/^\/api\/workflows\/([^/]+)$/)?.[1];
        if (created !== undefined) ids.push(created);
        if (status === 204 && id !== undefined) ids.splice(ids.indexOf(id), 1);
      },
    ),
    // A server keeps state: a smaller request sent later proves nothing, so what failed is shown as it was.
    { numRuns: options.count, seed, endOnFailure: true, includeErrorInReport: true },
  );
  return report;
}

function readOperations(document: JsonSchema): Operation[] {
  const operations: Operation[] = [];
  const paths = document.paths as Record<string, Record<string, Record<string, unknown>>>;
  for (const [path, methods] of Object.entries(paths)) {
    for (const [method, page] of Object.entries(methods)) {
      const body = page.requestBody as { content: Record<string, { schema: JsonSchema }> } | undefined;
      operations.push({
        method: method.toUpperCase(),
        path,
        parameters: (page.parameters ?? []) as Operation['parameters'],
        body: body?.content['application/json']?.schema ?? null,
        responses: page.responses as Operation['responses'],
      });
    }
  }
  return operations;
}

function requestArbitrary(operation: Operation, document: JsonSchema): fc.Arbitrary<FuzzRequest> {
  const partsIn = (place: string) => {
    const parts = operation.parameters
      .filter((parameter) => parameter.in === place)
      .map((parameter) => [parameter.name, textArbitrary(parameter, document)] as const);
    return fc.record(Object.fromEntries(parts), { requiredKeys: [] }) as fc.Arbitrary<Record<string, string>>;
  };
  const stepId = fc.oneof(fc.constantFrom('a', 'b', 'only', 'initial'), hostileText);
  return fc.record({
    operation: fc.constant(operation),
    path: fc
      .tuple(fc.oneof(fc.uuid(), hostileText), stepId)
      .map(([id, step]) => operation.path.replace('{id}', encodeSegment(id)).replace('{stepId}', encodeSegment(step))),
    query: partsIn('query'),
    headers: partsIn('header').map((headers) =>
      Object.fromEntries(Object.entries(headers).filter(([, value]) => /^[\x20-\x7e\x80-\xff]*$/.test(value))),
    ),
    body: operation.body === null ? fc.constant(undefined) : bodyArbitrary(operation, operation.body, document),
    known: fc.option(fc.nat({ max: 1_000 }), { freq: 8 }),
  });
}

const hostileText = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom(
    '__proto__',
    'constructor',
    '../../etc/passwd',
    '\u0000',
    '\r\nX: y',
    '',
    '%',
    '%2e%2e',
    '{{params.x}}',
  ),
);

function encodeSegment(text: string): string {
  // Dots alone would be taken out of the path before it is sent; half a surrogate pair has no bytes.
  return /^\.{0,2}$|\p{Surrogate}/u.test(text) ? 'x' : encodeURIComponent(text);
}

function textArbitrary(parameter: Operation['parameters'][number], document: JsonSchema): fc.Arbitrary<string> {
  const hostile = { arbitrary: hostileText, weight: 1 };
  // Waits are kept short: whether they end is asked of every request, how long they last of none.
  if (parameter.name === 'wait') {
    const refused = fc.constantFrom('60.1', '-1', 'x', '1e1', '');
    return fc.oneof({ arbitrary: fc.constantFrom('0', '0.01', '0.02'), weight: 10 }, { arbitrary: refused, weight: 1 });
  }
  // Few keys, so that some come again with the same body and some with another.
  if (parameter.name === 'Idempotency-Key') {
    return fc.oneof({ arbitrary: fc.constantFrom('k1', 'k2', 'k3'), weight: 10 }, hostile);
  }
  if (parameter.name === 'Last-Event-ID') return fc.oneof({ arbitrary: fc.nat().map(String), weight: 10 }, hostile);
  const fromSchema = valueArbitrary(parameter.schema, document, 2).map((value) => String(value));
  return fc.oneof({ arbitrary: fromSchema, weight: 10 }, hostile);
}

/** Bodies that get past validation, by the last part of the path: made-up ones alone would seldom reach the engine. */
const workableBodies: Record<string, unknown[]> = {
  workflows: [
    {
      name: 'fuzz',
      steps: [
        { id: 'a', action: 'noop' },
        { id: 'b', action: 'noop', dependencies: ['a'] },
      ],
    },
    { name: 'fuzz', steps: [{ id: 'a', action: 'external_data', name: 'Data' }] },
    { name: 'fuzz', steps: [{ id: 'a', action: 'transform', params: { input: {}, expression: '$error("no")' } }] },
  ],
  'from-template': [{ template_id: 'noop', params: {} }, { template_id: 'fuzzed' }],
  branches: [{ stepId: 'a' }, { stepId: 'b', params: { x: 1 } }],
  'external-data': [
    { content: 'x', step_id: 'a' },
    { content: 'x', source_url: 'https://example.com/' },
    { content: 'x', step_name: 'Data' },
  ],
};

function bodyArbitrary(
  operation: Operation,
  schema: JsonSchema,
  document: JsonSchema,
): fc.Arbitrary<string | undefined> {
  const valid = valueArbitrary(schema, document, 4);
  const workable = fc.constantFrom(...(workableBodies[operation.path.split('/').at(-1) ?? ''] ?? [{}]));
  const mutated = fc
    .tuple(valid, hostileText, fc.jsonValue({ maxDepth: 3 }))
    .map(([value, key, inner]) =>
      typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value, [key]: inner } : inner,
    );
  const text = fc
    .oneof(
      { arbitrary: workable, weight: 6 },
      { arbitrary: valid, weight: 3 },
      { arbitrary: mutated, weight: 2 },
      { arbitrary: fc.jsonValue({ maxDepth: 4 }), weight: 1 },
    )
    .map((value) => JSON.stringify(value));
  const broken = fc
    .tuple(text, fc.nat({ max: 200 }), hostileText)
    .map(([whole, at, junk]) => whole.slice(0, at) + junk);
  return fc.oneof(
    { arbitrary: text, weight: 8 },
    { arbitrary: broken, weight: 1 },
    { arbitrary: fc.constantFrom(undefined, '', '['.repeat(5_000), '{"__proto__":{"polluted":1}}'), weight: 1 },
  );
}

/** Values of a JSON Schema, as far as our documents use it; what is not understood becomes anything. */
function valueArbitrary(schema: JsonSchema, document: JsonSchema, depth: number): fc.Arbitrary<unknown> {
  if (typeof schema.$ref === 'string') return valueArbitrary(resolveRef(schema.$ref, document), document, depth);
  if (Array.isArray(schema.enum)) return fc.constantFrom(...(schema.enum as unknown[]));
  if ('const' in schema) return fc.constant(schema.const);
  const choices = (schema.anyOf ?? schema.oneOf) as JsonSchema[] | undefined;
  if (choices !== undefined) return fc.oneof(...choices.map((each) => valueArbitrary(each, document, depth)));
  switch (schema.type) {
    case 'string':
      if (schema.format === 'uri') return fc.webUrl();
      return typeof schema.pattern === 'string' && /^\^\[A-Za-z0-9\]/.test(schema.pattern)
        ? fc.constantFrom('a', 'b', 'c', 'noop', 'two-steps', 'x.y-z')
        : fc.string({ maxLength: 30 });
    case 'integer':
      return fc.integer({
        min: Number(schema.minimum ?? -10),
        max: Math.min(Number(schema.maximum ?? 1_000), 1_000_000),
      });
    case 'number':
      return fc.double({ noNaN: true, noDefaultInfinity: true });
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array':
      if (depth === 0) return fc.constant([]);
      return fc.array(valueArbitrary((schema.items ?? {}) as JsonSchema, document, depth - 1), { maxLength: 3 });
    case 'object':
      return objectArbitrary(schema, document, depth);
    default:
      return fc.jsonValue({ maxDepth: 2 });
  }
}

function objectArbitrary(schema: JsonSchema, document: JsonSchema, depth: number): fc.Arbitrary<unknown> {
  if (depth === 0) return fc.constant({});
  const properties = (schema.properties ?? {}) as Record<string, JsonSchema>;
  const model = Object.entries(properties).map(([name, each]) => [name, valueArbitrary(each, document, depth - 1)]);
  if (model.length === 0)
    return fc.dictionary(fc.string({ maxLength: 8 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 });
  const fields: Record<string, fc.Arbitrary<unknown>> = Object.fromEntries(model);
  return fc.record(fields, { requiredKeys: (schema.required ?? []) as string[] });
}

function resolveRef(ref: string, document: JsonSchema): JsonSchema {
  let at: unknown = document;
  for (const key of ref.slice(2).split('/')) at = (at as JsonSchema)[key];
  return at as JsonSchema;
}

async function send(baseUrl: string, request: FuzzRequest, id: string | undefined, options: FuzzOptions) {
  const { method } = request.operation;
  const path =
    id === undefined ? request.path : request.path.replace(/^(\/api\/workflows\/)[^/]+/, reference(request, id));
  const query = new URLSearchParams(request.query);
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(), options.giveUpMs ?? 10_000);
  try {
    const response = await fetch(`${baseUrl}${path}${query.size > 0 ? `?${query}` : ''}`, {
      method,
      headers: {
        ...options.headers,
        ...request.headers,
        ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(request.body === undefined ? {} : { body: request.body }),
      signal: controller.signal,
    });
    const location = response.headers.get('location');
    const [type = ''] = (response.headers.get('content-type') ?? '').split(';');
    // A stream has no end to wait for: its head is its answer.
    if (response.headers.get('content-type') === 'text/event-stream') {
      await response.body?.cancel();
      return { status: response.status, text: null, type, location };
    }
    return { status: response.status, text: await response.text(), type, location };
  } catch (error) {
    throw new Error(`${method} ${path} was not answered`, { cause: error });
  } finally {
    clearTimeout(timer);
  }
}

/** Only paths that have an `{id}` take one. */
function reference(request: FuzzRequest, id: string): (whole: string, start: string) => string {
  return (whole, start) => (request.operation.path.startsWith('/api/workflows/{id}') ? `${start}${id}` : whole);
}

function createJudge(document: JsonSchema) {
  const validators = new Map<string, Validator>();
  return (operation: Operation, status: number, text: string | null, type: string): void => {
    const call = `${operation.method} ${operation.path} ${status}`;
    const fail = (what: string) => {
      throw new Error(`${call}: ${what}: ${text?.slice(0, 500)}`);
    };
    if (status >= 500 && status !== 503 && status !== 507) fail('is an error of the server');
    const documented = operation.responses[String(status)];
    if (documented === undefined) {
      fail('is not documented');
      return;
    }
    if (text === null) return;
    if (status >= 400 && innards.test(text)) fail('tells of the inside');
    if (text === '' && type === '') return;
    const content = documented.content?.[type];
    if (content?.schema === undefined) {
      fail(`should have no body, or not as "${type}"`);
      return;
    }
    // The bytes of a file, a log or YAML follow no schema.
    if (!type.endsWith('json')) return;
    let validator = validators.get(call);
    if (validator === undefined) {
      const schema = { ...content.schema, components: document.components } as Schema;
      validator = new Validator(schema, '2020-12');
      validators.set(call, validator);
    }
    const result = validator.validate(JSON.parse(text));
    if (!result.valid) fail(`does not match its schema (${result.errors.map((each) => each.error).join('; ')})`);
  };
}
