/**
 * The Koa application: observe, answer errors, guard, route. The order is the rule: nothing but the guard sees a
 * request that the guard refuses, and no body byte is read before a route asks for it.
 */
import { Router } from '@koa/router';
import Koa, { type Context, type Middleware } from 'koa';
import { Refusal } from '../contract/failures.ts';
import { withLostNumbers } from '../contract/lost-numbers.ts';
import { requireScope } from './access.ts';
import { announcesBody, lostNumbersOf } from './body.ts';
import { ClientGoneError } from './client-gone.ts';
import { compressAnswers } from './compression.ts';
import { createGuard } from './guard.ts';
import { toOpenApiText } from './openapi.ts';
import { quoted, RefusalWithHeaders, toProblemAnswer } from './problem.ts';
import { sendProblem } from './problem-reply.ts';
import { refuseUnknownQuery } from './query.ts';
import type { Route, RouteParts } from './route.ts';
import { bulkRoutes } from './routes/bulk.ts';
import { catalogueRoutes } from './routes/catalogue.ts';
import { costRoutes } from './routes/costs.ts';
import { decisionRoutes } from './routes/decisions.ts';
import { docsRoutes } from './routes/docs.ts';
import { eventRoutes } from './routes/events.ts';
import { externalDataRoutes } from './routes/external-data.ts';
import { hookRoutes } from './routes/hooks.ts';
import { operationRoutes } from './routes/operations.ts';
import { clientRoutes, pairingRoutes } from './routes/pairing.ts';
import { rehearsalRoutes } from './routes/rehearsals.ts';
import { runViewRoutes } from './routes/run-views.ts';
import { scheduleRoutes } from './routes/schedules.ts';
import { stepFileRoutes } from './routes/step-file.ts';
import { stepOutputRoutes } from './routes/step-outputs.ts';
import { ticketRoutes } from './routes/tickets.ts';
import { webRoutes } from './routes/web.ts';
import { steeringRoutes } from './routes/workflow-steering.ts';
import { workflowRoutes } from './routes/workflows.ts';
import { ServerMetrics } from './server-metrics.ts';

/** Every answer carries these; the documentation page and the dashboard replace the policy. */
const commonHeaders = {
  'X-Content-Type-Options': 'nosniff',
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
};

export function createRoutes(parts: RouteParts, metrics: ServerMetrics): Route[] {
  const routes = [
    ...workflowRoutes(parts),
    ...runViewRoutes(parts),
    ...rehearsalRoutes(parts),
    ...stepFileRoutes(parts),
    ...stepOutputRoutes(parts),
    ...steeringRoutes(parts),
    ...bulkRoutes(parts),
    ...ticketRoutes(parts),
    ...pairingRoutes(parts),
    ...clientRoutes(parts),
    ...externalDataRoutes(parts),
    ...decisionRoutes(parts),
    ...eventRoutes(parts),
    ...catalogueRoutes(parts),
    ...scheduleRoutes(parts),
    ...hookRoutes(parts),
    ...operationRoutes(parts, metrics),
    ...costRoutes(parts),
  ];
  let openApiText: string | undefined;
  const documentation = docsRoutes(() => {
    openApiText ??= toOpenApiText(routes, parts.version, parts.settings.apiToken !== null);
    return openApiText;
  });
  return [...routes, ...documentation, ...webRoutes(parts.web)];
}

export function createApp(parts: RouteParts, listeningPort: () => number): Koa {
  const metrics = new ServerMetrics();
  const app = new Koa();
  app.proxy = false;
  // What goes wrong after an answer began (a client gone, mostly) can only be noted.
  app.on('error', (error: unknown) => parts.log.debug({ err: error }, 'answer ended early'));
  app.use(observe(parts, metrics));
  app.use(holdMemory(parts));
  app.use(compressAnswers());
  app.use(answerErrors(parts));
  app.use(createGuard(parts, listeningPort));
  app.use(refuseUnexpected(parts));
  const router = createRouter(createRoutes(parts, metrics), parts);
  app.use(router.routes());
  app.use(answerUnmatched(router));
  return app;
}

function createRouter(routes: readonly Route[], { engine }: RouteParts): Router {
  const router = new Router({ sensitive: true });
  for (const route of routes) {
    router[route.method](route.path.replaceAll(/\{(\w+)\}/g, ':$1'), async (ctx) => {
      ctx.state.route = route.path;
      await requireScope(ctx, route, engine);
      refuseUnknownQuery(ctx, route);
      await route.handle(ctx);
    });
  }
  return router;
}

/** One line and one measurement per request: never a body, a header's value or a path as the client wrote it. */
function observe({ log }: RouteParts, metrics: ServerMetrics): Middleware {
  return async (ctx, next) => {
    const startedAt = process.hrtime.bigint();
    ctx.res.once('close', () => {
      const ms = Number(process.hrtime.bigint() - startedAt) / 1e6;
      const route: string = ctx.state.route ?? 'none';
      metrics.observe(ctx.method, route, ctx.res.statusCode, ms / 1000);
      log.debug({ method: ctx.method, route, status: ctx.res.statusCode, ms: Math.round(ms * 10) / 10 }, 'request');
    });
    await next();
  };
}

/** What a request holds of the memory for bodies and answers is counted from its head to the end of its answer. */
function holdMemory({ memory, bounds }: RouteParts): Middleware {
  return async (ctx, next) => {
    const hold = memory.open(() => ctx.res.destroy());
    ctx.res.once('close', () => hold.close());
    ctx.state.hold = hold;
    await next();
    if (ctx.respond === false) return;
    // Sending a text keeps a second copy of it in memory until the client has taken it all.
    if (typeof ctx.body === 'string' && ctx.body.length > bounds.heldBytesFree) ctx.body = Buffer.from(ctx.body);
    hold.sending(ctx.length ?? 0);
    // Until the next request comes; while a large answer goes out, each byte that the client takes counts.
    ctx.socket.setTimeout(bounds.answerStallMs);
  };
}

function answerErrors({ log, bounds }: RouteParts): Middleware {
  return async (ctx, next) => {
    ctx.set(commonHeaders);
    try {
      await next();
    } catch (error) {
      if (error instanceof ClientGoneError || ctx.res.destroyed) return;
      if (ctx.headerSent) {
        log.debug({ err: error }, 'answer ended early');
        return;
      }
      const answer = toProblemAnswer(error, log);
      const { errors } = answer.problem;
      // `received null` is a riddle to who has sent 1e400.
      if (errors) answer.problem.errors = withLostNumbers(errors, lostNumbersOf(ctx));
      await sendProblem(ctx, answer, bounds);
    }
  };
}

function refuseUnexpected({ openRequests }: RouteParts): Middleware {
  return async (ctx, next) => {
    if (openRequests.closing) {
      throw new RefusalWithHeaders(
        { code: 'BUSY', detail: 'The engine is stopping: try again when it is back', retryAfterSeconds: 5 },
        { Connection: 'close' },
      );
    }
    if (ctx.method !== 'POST' && ctx.method !== 'DELETE' && announcesBody(ctx.req)) {
      throw new Refusal({ code: 'BAD_REQUEST', detail: `${ctx.method} takes no body: leave it out` });
    }
    await next();
  };
}

function answerUnmatched(router: Router): Middleware {
  return (ctx: Context) => {
    const methods = new Set(router.match(ctx.path, ctx.method).path.flatMap((layer) => layer.methods));
    if (methods.size === 0) {
      throw new Refusal({
        code: 'NOT_FOUND',
        detail: `There is no ${quoted(ctx.path)} here: /docs lists what there is`,
      });
    }
    const allow = [...methods, 'OPTIONS'].sort().join(', ');
    if (ctx.method === 'OPTIONS') {
      ctx.set('Allow', allow);
      ctx.status = 204;
      return;
    }
    throw new RefusalWithHeaders(
      { code: 'METHOD_NOT_ALLOWED', detail: `${ctx.method} is not allowed here: use ${allow}` },
      { Allow: allow },
    );
  };
}
