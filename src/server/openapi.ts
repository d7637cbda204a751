/** The OpenAPI 3.1 document, made from the routes that answer and the schemas that validate. */
import { createDocument, type ZodOpenApiPathsObject } from 'zod-openapi';
import type { Route } from './route.ts';

const description = `A local-first engine for AI workflows. Times are ISO 8601 in UTC; errors are \`application/problem+json\` (RFC 9457).

Outside \`/api\`: \`GET /metrics\` (Prometheus text), \`GET /docs\` (this page), \`GET /openapi.json\` (this document). HEAD works wherever GET does.`;

export function toOpenApiText(routes: readonly Route[], version: string, isTokenNeeded: boolean): string {
  const paths: ZodOpenApiPathsObject = {};
  for (const route of routes) {
    if (route.operation === null) continue;
    const path = paths[route.path] ?? {};
    path[route.method] = route.operation;
    paths[route.path] = path;
  }
  const document = createDocument({
    openapi: '3.1.0',
    info: { title: 'Hybrid Engine', version, description, license: { name: 'MIT', identifier: 'MIT' } },
    servers: [{ url: '/' }],
    tags: ['workflows', 'external data', 'decisions', 'events', 'catalogue', 'schedules', 'operations'].map((name) => ({
      name,
    })),
    ...(isTokenNeeded ? { security: [{ apiToken: [] }] } : {}),
    components: {
      securitySchemes: { apiToken: { type: 'http', scheme: 'bearer', description: 'the value of API_TOKEN' } },
    },
    paths,
  });
  return JSON.stringify(document, null, 2);
}
