// Goal: the document is valid OpenAPI 3.1, and it and the router know the same routes.
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { Validator } from '@seriousme/openapi-schema-validator';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { AnswerMemory } from '../../src/server/answer-memory.ts';
import { createRoutes } from '../../src/server/app.ts';
import { serverBounds } from '../../src/server/bounds.ts';
import { Clients } from '../../src/server/clients.ts';
import { OpenRequests } from '../../src/server/open-requests.ts';
import { answerExamples } from '../../src/server/openapi-examples.ts';
import { Pairings } from '../../src/server/pairings.ts';
import { ServerMetrics } from '../../src/server/server-metrics.ts';
import { Tickets } from '../../src/server/tickets.ts';
import { readWebFiles } from '../../src/server/web-files.ts';
import { FakeEngine } from '../fixtures/fake-engine.ts';
import { startServer, testSettings } from './running-server.ts';

async function readDocument() {
  const running = await startServer();
  const answer = await running.call('GET', '/openapi.json');
  expect(answer.status).toBe(200);
  return { running, document: answer.json };
}

const expected = [
  'DELETE /api/clients/{id}',
  'DELETE /api/workflows/{id}',
  'GET /api/actions',
  'GET /api/clients',
  'GET /api/costs',
  'GET /api/engine',
  'GET /api/events',
  'GET /api/health',
  'GET /api/queue',
  'GET /api/schedules',
  'GET /api/secrets',
  'GET /api/templates',
  'GET /api/templates/{id}',
  'GET /api/waiting',
  'GET /api/workflows',
  'GET /api/workflows/facets',
  'GET /api/workflows/{id}',
  'GET /api/workflows/{id}/definition',
  'GET /api/workflows/{id}/events',
  'GET /api/workflows/{id}/external-data',
  'GET /api/workflows/{id}/lineage',
  'GET /api/workflows/{id}/logs',
  'GET /api/workflows/{id}/search',
  'GET /api/workflows/{id}/steps/{stepId}',
  'GET /api/workflows/{id}/steps/{stepId}/file',
  'GET /api/workflows/{id}/steps/{stepId}/outputs',
  'GET /api/workflows/{id}/steps/{stepId}/outputs/content',
  'POST /api/clients',
  'POST /api/pair',
  'POST /api/pairings',
  'POST /api/schedules/{template}/pause',
  'POST /api/schedules/{template}/resume',
  'POST /api/schedules/{template}/trigger',
  'POST /api/tickets',
  'POST /api/workflows',
  'POST /api/workflows/bulk',
  'POST /api/workflows/dry-run',
  'POST /api/workflows/from-template',
  'POST /api/workflows/from-template/dry-run',
  'POST /api/workflows/validate',
  'POST /api/workflows/{id}/branches',
  'POST /api/workflows/{id}/external-data',
  'POST /api/workflows/{id}/resume',
  'POST /api/workflows/{id}/retry',
  'POST /api/workflows/{id}/steps/{stepId}/decision',
  'POST /api/workflows/{id}/stop',
  'POST /hooks/{template}',
];

/** They change nothing that lasts: no key is needed, and no room on the disk. */
const withoutEffect = [
  'POST /api/pairings',
  'POST /api/tickets',
  'POST /api/workflows/dry-run',
  'POST /api/workflows/from-template/dry-run',
  'POST /api/workflows/validate',
];

/** They tell a token once: an answer that could be had again by its key would have to be kept with the token in it. */
const tellingTokens = ['POST /api/clients', 'POST /api/pair'];
/** They need no token. */
const open = ['GET /api/health', 'POST /api/pair', 'POST /hooks/{template}'];

interface Page {
  operationId: string;
  summary: string;
  description?: string;
  tags: string[];
  security: unknown;
  responses: Record<string, unknown>;
  parameters?: { in: string; name: string }[];
  requestBody?: { content: Record<string, { example?: unknown; examples?: unknown }> };
}

function pagesOf(document: { paths: Record<string, Record<string, Page>> }): [string, Page][] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, page]): [string, Page] => [`${method.toUpperCase()} ${path}`, page]),
  );
}

interface Schema {
  type?: unknown;
  items?: unknown;
  [name: string]: unknown;
}

/** Each part of a document that is an array's schema, with where it stands. */
function arraysOf(part: unknown, at = ''): [string, Schema][] {
  if (typeof part !== 'object' || part === null) return [];
  const own = (part as Schema).type === 'array' ? [[at, part] as [string, Schema]] : [];
  return [...own, ...Object.entries(part).flatMap(([name, inner]) => arraysOf(inner, `${at}/${name}`))];
}

const componentsUsed = (text: string) =>
  new Set([...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name));

describe('GET /openapi.json', () => {
  it('is valid OpenAPI 3.1', async () => {
    const { document } = await readDocument();
    const validator = new Validator();
    const result = await validator.validate(document);
    expect(result.errors).toBeUndefined();
    expect(result.valid).toBe(true);
    expect(document.openapi).toMatch(/^3\.1\./);
    expect(document.info.version).toBe('1.2.3');
    const broken = structuredClone(document);
    broken.paths['/api/health'].get.responses = [];
    expect((await new Validator().validate(broken)).valid).toBe(false);
  });

  it.each([null, 'a-long-token'])('passes the recommended rules of redocly, with the token %s', async (apiToken) => {
    const running = await startServer({ settings: { apiToken } });
    const { text } = await running.call('GET', '/openapi.json');
    const config = await createConfig({ extends: ['recommended'] });
    const found = (await lintFromString({ source: text, config })).map(
      ({ ruleId, message }) => `${ruleId}: ${message}`,
    );
    expect(found).toEqual([]);
    const broken = text.replaceAll('"security"', '"x-security"');
    const faults = await lintFromString({ source: broken, config });
    expect(faults.some(({ ruleId }) => ruleId === 'security-defined')).toBe(true);
  });

  // What the recommended rules of Spectral ask for beyond those of redocly.
  it.each([null, 'a-long-token'])(
    'describes each operation, each array, who to ask, and has no component that nothing uses, with the token %s',
    async (apiToken) => {
      const running = await startServer({ settings: { apiToken } });
      const { text, json: document } = await running.call('GET', '/openapi.json');
      expect(document.info.contact.name).toContain('SECURITY.md');
      const tags = document.tags.map((tag: { name: string }) => tag.name);
      for (const [call, page] of pagesOf(document)) {
        expect(page.description ?? '', call).not.toBe('');
        expect(page.tags, call).toHaveLength(1);
        expect(tags, call).toContain(page.tags[0]);
        expect(
          Object.keys(page.responses).some((status) => status.startsWith('4')),
          call,
        ).toBe(true);
        for (const [status, answer] of Object.entries(page.responses))
          for (const [type, media] of Object.entries((answer as Answered).content ?? {}))
            if (type !== 'application/octet-stream') expect(media.example, `${call} ${status} ${type}`).toBeDefined();
      }
      expect(arraysOf(document.components).length).toBeGreaterThan(50);
      // `items: false` after `prefixItems` is right too, and refused by Spectral.
      expect(arraysOf(document.components).filter(([, { items }]) => typeof items !== 'object')).toEqual([]);
      const used = componentsUsed(text);
      expect(Object.keys(document.components.schemas).filter((name) => !used.has(name))).toEqual([]);
      expect(Object.keys(document.components.securitySchemes ?? {})).toEqual(
        apiToken === null ? [] : ['apiToken', 'ticket'],
      );
    },
  );

  it('tells in the page of the log that its text has a header for what comes next', async () => {
    const { document } = await readDocument();
    const [answer] = Object.values(document.paths['/api/workflows/{id}/logs'].get.responses) as { headers: object }[];
    expect(Object.keys(answer!.headers)).toEqual(['X-Log-Next', 'Content-Disposition']);
  });

  it('has every call of the contract, and no other', async () => {
    const { document } = await readDocument();
    expect(
      pagesOf(document)
        .map(([call]) => call)
        .sort(),
    ).toEqual(expected);
  });

  it('has a route behind every page', async () => {
    const { running, document } = await readDocument();
    for (const [call, page] of pagesOf(document)) {
      const [method = '', path = ''] = call.split(' ');
      const real = path.replace('{id}', '00000000-0000-4000-8000-000000000000').replace('{stepId}', 'a');
      if (path === '/api/events') continue;
      const answer = await running.call(method, real);
      expect([call, answer.status !== 405, String(answer.status) in page.responses]).toEqual([call, true, true]);
      if (answer.status === 404) expect(answer.json.detail).not.toContain('There is no');
    }
  });

  it('names the components that clients are generated from', async () => {
    const { document } = await readDocument();
    const { Workflow, WorkflowStep, JobStatus } = document.components.schemas;
    expect(JobStatus.enum).toContain('WAITING_FOR_DEPENDENCY');
    expect(Workflow.properties.steps.items.$ref).toBe('#/components/schemas/WorkflowStep');
    expect(WorkflowStep.properties.status.$ref).toBe('#/components/schemas/JobStatus');
    expect(Workflow.required).toContain('cost_breakdown');
    expect(
      Object.keys(document.components.schemas).filter((name) => /^(Workflow|WorkflowStep|JobStatus)Output$/.test(name)),
    ).toEqual([]);
  });

  it('documents the errors of every call, and gives an example of every body', async () => {
    const { document } = await readDocument();
    const ids = new Set<string>();
    for (const [call, page] of pagesOf(document)) {
      ids.add(page.operationId);
      expect(page.summary, call).not.toBe('');
      expect(Object.keys(page.responses), call).toEqual(expect.arrayContaining(['401', '403', '421', '503']));
      if (page.requestBody) {
        expect(Object.keys(page.responses), call).toEqual(expect.arrayContaining(['400', '413', '415', '422']));
        const body = page.requestBody.content['application/json'];
        expect(body?.example ?? body?.examples, call).toBeDefined();
      }
      if (call.startsWith('POST') && ![...withoutEffect, ...tellingTokens].includes(call)) {
        expect(
          page.parameters?.map((each) => each.name),
          call,
        ).toContain('Idempotency-Key');
        expect(Object.keys(page.responses), call).toContain('507');
      }
    }
    expect(ids.size).toBe(expected.length);
  });

  it('describes numbers of the query as numbers, with their bounds', async () => {
    const { document } = await readDocument();
    const parameters = document.paths['/api/workflows'].get.parameters;
    const limit = parameters.find((each: { name: string }) => each.name === 'limit');
    expect(limit.schema).toMatchObject({ type: 'integer', minimum: 1, maximum: 1_000, default: 200 });
    const [wait] = document.paths['/api/workflows'].post.parameters;
    expect(wait).toMatchObject({ name: 'wait', in: 'query', schema: { type: 'number', maximum: 60 } });
  });

  it('asks for the token where one is set, and not for what is open', async () => {
    const running = await startServer({ settings: { apiToken: 'x' } });
    const { json } = await running.call('GET', '/openapi.json');
    expect(json.security).toEqual([{ apiToken: [] }]);
    for (const [call, { security }] of pagesOf(json)) {
      const isStream = call.endsWith('/events');
      const expectedSecurity = [{ apiToken: [] }, ...(isStream ? [{ ticket: [] }] : [])];
      expect([call, security]).toEqual([call, open.includes(call) ? [] : expectedSecurity]);
    }
    const { document } = await readDocument();
    for (const [call, { security }] of pagesOf(document)) expect([call, security]).toEqual([call, []]);
    expect(json.paths['/api/health'].get.security).toEqual([]);
  });
});

/** Each row of a bulk answer is an answer of its own. */
const effectless = Object.fromEntries(
  [...withoutEffect, ...tellingTokens, 'POST /api/workflows/bulk'].map((call) => [call.slice(5), true]),
);

it('every answer to a POST that has an effect names its headers, Idempotency-Replayed among them', async () => {
  const { document } = await readDocument();
  const replayed = Object.entries(document.paths as Record<string, Record<string, Page>>).flatMap(([path, methods]) => {
    const { responses } = methods.post ?? {};
    const answer = (responses?.['201'] ?? responses?.['202'] ?? responses?.['200']) as { headers?: object } | undefined;
    return responses === undefined || path in effectless ? [] : [[path, Object.keys(answer?.headers ?? {}).sort()]];
  });
  expect(replayed.sort()).toEqual([
    ['/api/schedules/{template}/pause', ['Idempotency-Replayed']],
    ['/api/schedules/{template}/resume', ['Idempotency-Replayed']],
    ['/api/schedules/{template}/trigger', ['Idempotency-Replayed']],
    ['/api/workflows', ['Idempotency-Replayed', 'Location']],
    ['/api/workflows/from-template', ['Idempotency-Replayed', 'Location']],
    ['/api/workflows/{id}/branches', ['Idempotency-Replayed', 'Location']],
    ['/api/workflows/{id}/external-data', ['Idempotency-Replayed', 'Location']],
    ['/api/workflows/{id}/resume', ['Idempotency-Replayed']],
    ['/api/workflows/{id}/retry', ['Idempotency-Replayed']],
    ['/api/workflows/{id}/steps/{stepId}/decision', ['Idempotency-Replayed']],
    ['/api/workflows/{id}/stop', ['Idempotency-Replayed']],
    ['/hooks/{template}', ['Idempotency-Replayed']],
  ]);
});

it('every answer of success has an example that fits its schema', () => {
  const routes = createRoutes(
    {
      engine: new FakeEngine(),
      settings: testSettings,
      bounds: serverBounds,
      log: pino({ level: 'silent' }),
      version: '0.0.0',
      web: readWebFiles('no-such-directory'),
      tickets: new Tickets(),
      pairings: new Pairings(),
      clients: new Clients(new FakeEngine(), pino({ level: 'silent' })),
      openRequests: new OpenRequests(serverBounds.waitsMax),
      memory: new AnswerMemory({ bytesMax: 1, freeBytes: 1, patienceMs: 1, readingMsMax: 1 }),
    },
    new ServerMetrics(),
  );
  const seen = new Set<string>();
  for (const { operation } of routes) {
    const name = operation?.operationId;
    if (operation === null || name === undefined) continue;
    for (const [status, response] of Object.entries(operation.responses)) {
      for (const [type, media] of Object.entries(
        status.startsWith('2') ? ((response as Answered).content ?? {}) : {},
      )) {
        if (type === 'application/octet-stream' || media.example !== undefined) continue;
        const parsed = z.safeParse(media.schema as z.ZodType, answerExamples[name]);
        expect([name, parsed.error?.issues ?? []]).toEqual([name, []]);
        seen.add(name);
      }
    }
  }
  expect([...seen].sort()).toEqual(Object.keys(answerExamples).sort());
});

interface Answered {
  content?: Record<string, { schema?: unknown; example?: unknown }>;
}
