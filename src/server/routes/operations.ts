/** For those who run the engine: health, queue, metrics. */
import { z } from 'zod';
import { templateProblemSchema } from '../../contract/definition.ts';
import { type EnginePage, enginePageSchema } from '../../contract/engine-page.ts';
import { isoTimeSchema } from '../../contract/workflow.ts';
import { isTrusted } from '../guard.ts';
import { jsonAnswer, refusals } from '../operation.ts';
import type { Route, RouteParts } from '../route.ts';
import type { ServerMetrics } from '../server-metrics.ts';
import { sendJson } from '../workflow-reply.ts';

const healthSchema = z
  .object({
    status: z.enum(['healthy', 'degraded']),
    timestamp: isoTimeSchema,
    auth: z.enum(['none', 'token']).meta({ description: 'token: every other call needs the API_TOKEN' }),
    version: z.string().optional().meta({
      description: 'left out, as what follows, for callers without the token or with a Host that is not answered',
    }),
    uptime_seconds: z.number().optional(),
    notices: z.array(z.string()).optional().meta({ description: 'why it is degraded, and what recovery set aside' }),
    problems: z.array(templateProblemSchema).optional().meta({ description: 'faults of template files' }),
  })
  .meta({ id: 'Health' });

const heldStepsSchema = z
  .object({
    waits_for: z.string().meta({ description: 'as in `requests a minute of openai/gpt-4o`' }),
    until: isoTimeSchema
      .nullable()
      .meta({ description: 'when the first of them may start; null where that hangs on how others end' }),
    steps: z.int(),
    first: z
      .array(z.object({ workflow_id: z.string(), step_id: z.string() }))
      .meta({ description: 'those that have been ready longest, a few' }),
  })
  .meta({ id: 'HeldSteps' });

const queueSchema = z
  .object({
    depth: z.int(),
    running: z.int(),
    max_parallel_nodes: z.int(),
    oldest_wait_ms: z.number(),
    held: z.array(heldStepsSchema).meta({ description: 'steps that wait for something else than a slot' }),
  })
  .meta({ id: 'Queue' });

export function operationRoutes(parts: RouteParts, metrics: ServerMetrics): Route[] {
  const { engine, version } = parts;
  return [
    {
      method: 'get',
      path: '/api/health',
      operation: {
        operationId: 'getHealth',
        summary: 'Is it there, and is it well',
        description:
          'Needs no token. `degraded` with `notices` says what is wrong; the status is 200 all the same, because it answers.',
        tags: ['operations'],
        security: [],
        responses: { 200: jsonAnswer('it answers', healthSchema), ...refusals() },
      },
      async handle(ctx) {
        const health = await engine.health();
        const reply = {
          status: health.status,
          timestamp: new Date().toISOString(),
          auth: parts.settings.apiToken === null ? 'none' : 'token',
          // Anyone may ask for health; what goes on inside is for those who may call the engine (GD4).
          ...(isTrusted(ctx)
            ? {
                version,
                uptime_seconds: Math.round(process.uptime() * 10) / 10,
                notices: health.notices,
                problems: health.problems ?? [],
              }
            : {}),
        };
        sendJson(ctx, 200, JSON.stringify(reply));
      },
    },
    {
      method: 'get',
      path: '/api/queue',
      operation: {
        operationId: 'getQueue',
        summary: 'How much waits, for what, and how much runs',
        description: '`held` names what holds steps back, and until when.',
        tags: ['operations'],
        responses: { 200: jsonAnswer('now', queueSchema), ...refusals() },
      },
      async handle(ctx) {
        const { queue } = await engine.stats();
        sendJson(ctx, 200, JSON.stringify(queue));
      },
    },
    {
      method: 'get',
      path: '/api/engine',
      operation: {
        operationId: 'getEngine',
        summary: 'Settings, providers, limits, disk and cache, for the one who runs it',
        description: 'No secret, key or path is in it. The cache is looked through once a minute at most.',
        tags: ['operations'],
        responses: { 200: jsonAnswer('now', enginePageSchema), ...refusals() },
      },
      async handle(ctx) {
        const [page, problems] = await Promise.all([engine.page(), engine.templateProblems()]);
        const reply: EnginePage = {
          version,
          node: process.versions.node,
          uptime_seconds: Math.round(process.uptime() * 10) / 10,
          ...page,
          settings: { HOST: parts.settings.host, PORT: parts.settings.port, ...page.settings },
          templates_errors: problems.map(({ file, path, message }) => ({
            file,
            message: path === '' ? message : `${path}: ${message}`,
          })),
        };
        sendJson(ctx, 200, JSON.stringify(reply));
      },
    },
    {
      method: 'get',
      path: '/metrics',
      operation: null,
      async handle(ctx) {
        const text = await metrics.expose(await engine.stats());
        ctx.status = 200;
        ctx.type = metrics.contentType;
        ctx.body = text;
      },
    },
  ];
}
