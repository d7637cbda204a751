/** The OpenAPI 3.1 document, made from the routes that answer and the schemas that validate. */
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi';
import { scopeSchema, type TokenScope } from '../contract/pairing.ts';
import { isOpenRoute, reachOf } from './access.ts';
import { answerExamples } from './openapi-examples.ts';
import type { Route } from './route.ts';

const description = `A local-first engine for AI workflows. Times are ISO 8601 in UTC; errors are \`application/problem+json\` (RFC 9457).

Outside \`/api\`: \`POST /hooks/{template}\` (deliveries of webhooks), \`GET /metrics\` (Prometheus text), \`GET /docs\` (this page), \`GET /openapi.json\` (this document). HEAD works wherever GET does.`;

const contact = { name: 'The maintainers of Hybrid Engine: SECURITY.md says how to reach them' };

const securitySchemes = {
  apiToken: { type: 'http', scheme: 'bearer', description: 'the value of API_TOKEN, or the token of a client' },
  ticket: { type: 'apiKey', in: 'query', name: 'ticket', description: 'of POST /api/tickets, for one stream' },
} as const;

const tagTexts = {
  workflows: 'Making, reading and steering workflows.',
  'external data': 'Data that steps wait for.',
  decisions: 'Steps that wait for a person.',
  events: 'What happens, as it happens.',
  catalogue: 'What workflows are made from.',
  schedules: 'Templates that run by themselves.',
  webhooks: 'Templates that other programs start.',
  clients: 'Extensions and programs with a token of their own.',
  operations: 'For the one who runs the engine.',
};

export function toOpenApiText(routes: readonly Route[], version: string, isTokenNeeded: boolean): string {
  const paths: ZodOpenApiPathsObject = {};
  for (const route of routes) {
    if (route.operation === null) continue;
    const path = paths[route.path] ?? {};
    const page = withSecurity(withExample(route.operation), isTokenNeeded);
    path[route.method] = { ...page, 'x-scopes': scopesOf(route) };
    paths[route.path] = path;
  }
  const document = createDocument({
    openapi: '3.1.0',
    info: { title: 'Hybrid Engine', version, description, license: { name: 'MIT', identifier: 'MIT' }, contact },
    servers: [{ url: '/' }],
    tags: Object.entries(tagTexts).map(([name, text]) => ({ name, description: text })),
    security: isTokenNeeded ? [{ apiToken: [] }] : [],
    // What no operation asks for is not in the document.
    components: isTokenNeeded ? { securitySchemes } : {},
    paths,
  });
  return JSON.stringify(document, null, 2);
}

/** The scopes of tokens that reach it; empty where none is needed. `capture` may mean: of what this client has made. */
function scopesOf(route: Route): TokenScope[] {
  if (isOpenRoute(route)) return [];
  return scopeSchema.options.filter((scope) => reachOf(route, scope) !== 'no');
}

/** Said for every operation, whether a token is needed or not; event streams take a ticket as well. */
function withSecurity(operation: ZodOpenApiOperationObject, isTokenNeeded: boolean): ZodOpenApiOperationObject {
  if (operation.security !== undefined) return operation;
  if (!isTokenNeeded) return { ...operation, security: [] };
  const isStream = operation.tags?.includes('events') && operation.requestBody === undefined;
  return { ...operation, security: [{ apiToken: [] }, ...(isStream ? [{ ticket: [] }] : [])] };
}

/** The answer of success gets its example, whatever media type it has. */
function withExample(operation: ZodOpenApiOperationObject): ZodOpenApiOperationObject {
  const example = answerExamples[operation.operationId ?? ''];
  if (example === undefined) return operation;
  const responses = Object.entries(operation.responses).map(([status, response]) => {
    const [type] = Object.keys(response.content ?? {});
    if (!status.startsWith('2') || type === undefined) return [status, response];
    const media = { ...response.content?.[type as 'application/json'], example };
    return [status, { ...response, content: { ...response.content, [type]: media } }];
  });
  return { ...operation, responses: Object.fromEntries(responses) };
}
