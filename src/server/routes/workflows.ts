/** Workflows: making and reading them. */
import type { Context } from 'koa';
import { z } from 'zod';
import { branchRequestSchema, fromTemplateBodySchema, workflowDefinitionSchema } from '../../contract/definition.ts';
import type { ToldOptions } from '../../contract/engine.ts';
import { limits } from '../../contract/limits.ts';
import { toLostNumberLines } from '../../contract/lost-numbers.ts';
import { changesViewSchema, facetsSchema, graphViewSchema } from '../../contract/run-view.ts';
import { workflowSchema, workflowStepSchema, workflowSummarySchema } from '../../contract/workflow.ts';
import { requireFull, requireTemplateForCapture } from '../access.ts';
import { lostNumbersOf, readJsonObject, requireJsonObject } from '../body.ts';
import { toBodyBounds } from '../bounds.ts';
import { entityTag, matchesEntityTag } from '../entity-tag.ts';
import {
  changeRefusals,
  jsonAnswer,
  refusals,
  replayedHeader,
  workflowIdPath,
  workflowRefusals,
} from '../operation.ts';
import { validate } from '../problem.ts';
import {
  fromTemplateQuerySchema,
  idempotencyHeaderSchema,
  listFilterSchema,
  listQuerySchema,
  readCallOptions,
  readQuery,
  toWaitOptions,
  waitQuerySchema,
  workflowQuerySchema,
} from '../query.ts';
import { holdOf, pathParameter, type Route, type RouteParts } from '../route.ts';
import { sendWorkflowList, toListFilter } from '../workflow-list.ts';
import { readWorkflowId, sendCreated, sendJson, sendWorkflow } from '../workflow-reply.ts';

const created = jsonAnswer('the workflow as created, or at rest when waited for', workflowSchema, {
  Location: 'where the workflow is read',
  ...replayedHeader,
});

export function workflowRoutes(parts: RouteParts): Route[] {
  return [...makingRoutes(parts), ...readingRoutes(parts)];
}

function makingRoutes({ engine, bounds, openRequests }: RouteParts): Route[] {
  const bodyBounds = toBodyBounds(bounds, 'creating');
  return [
    {
      method: 'post',
      path: '/api/workflows',
      operation: {
        operationId: 'createWorkflow',
        summary: 'Create and start a workflow from an inline definition',
        description:
          'Nothing runs before the definition has been checked as a whole: 422 names every fault with its path. The same `Idempotency-Key` gives the same workflow; with `wait` the answer comes when it has ended, or when the time is up.',
        tags: ['workflows'],
        requestParams: { query: waitQuerySchema, header: idempotencyHeaderSchema },
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: workflowDefinitionSchema,
              example: {
                name: 'Two steps',
                steps: [
                  { id: 'fetch', action: 'http_request', params: { url: 'https://example.com' } },
                  {
                    id: 'keywords',
                    action: 'text_keywords',
                    dependencies: ['fetch'],
                    params: { text: '{{steps.fetch.outputs.content}}' },
                  },
                ],
              },
            },
          },
        },
        responses: { 201: created, ...refusals('TOO_MANY', ...changeRefusals) },
      },
      async handle(ctx) {
        const { wait } = readQuery(ctx, waitQuerySchema);
        const options = readCallOptions(ctx);
        const body = await requireJsonObject(ctx, { ...bodyBounds, stepsMax: limits.stepsMax });
        await holdOf(ctx).roomForCreated();
        // The definition goes on as it is: the engine names shape and graph errors in one answer.
        const reply = await engine.submit(body, {
          ...options,
          ...toTold(ctx),
          ...toWaitOptions(ctx, wait, openRequests),
        });
        sendCreated(ctx, reply, bounds);
      },
    },
    {
      method: 'post',
      path: '/api/workflows/from-template',
      capture: 'yes',
      operation: {
        operationId: 'createWorkflowFromTemplate',
        summary: 'Create and start a workflow from a template',
        description:
          'With `template_id` in the query, the body is the params object (none counts as `{}`); without it, the body is `{template_id, params}`.',
        tags: ['workflows'],
        requestParams: { query: fromTemplateQuerySchema, header: idempotencyHeaderSchema },
        requestBody: {
          required: false,
          content: {
            'application/json': {
              schema: z.union([fromTemplateBodySchema, z.record(z.string(), z.unknown())]),
              examples: {
                body: { value: { template_id: 'openai_chat', params: { prompt: 'Say hello' } } },
                'params only, with template_id in the query': { value: { prompt: 'Say hello' } },
              },
            },
          },
        },
        responses: { 201: created, ...refusals('NOT_FOUND', 'TOO_MANY', ...changeRefusals) },
      },
      async handle(ctx) {
        const query = readQuery(ctx, fromTemplateQuerySchema);
        const options = readCallOptions(ctx);
        const isParams = query.template_id !== undefined;
        const body = await readJsonObject(ctx, bodyBounds, isParams ? 'params' : '');
        const { template_id, params } =
          query.template_id === undefined
            ? validate(fromTemplateBodySchema, body ?? {}, 'The body')
            : { template_id: query.template_id, params: body };
        await requireTemplateForCapture(ctx, template_id, engine);
        await holdOf(ctx).roomForCreated();
        const reply = await engine.submitTemplate(template_id, params ?? {}, {
          ...options,
          ...toTold(ctx),
          ...toWaitOptions(ctx, query.wait, openRequests),
        });
        sendCreated(ctx, reply, bounds);
      },
    },
    {
      method: 'post',
      path: '/api/workflows/{id}/branches',
      operation: {
        operationId: 'branchWorkflow',
        summary: 'Start a new workflow that takes over every result not downstream of a step',
        description:
          'The results of steps that are not downstream are taken over and cost nothing; what is downstream runs anew, with the params that the body changes. The workflow itself stays as it is.',
        tags: ['workflows'],
        requestParams: { path: workflowIdPath, query: waitQuerySchema, header: idempotencyHeaderSchema },
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: branchRequestSchema,
              example: { stepId: 'keywords', params: { text: 'Another text', count: 5 } },
            },
          },
        },
        responses: { 201: created, ...refusals(...workflowRefusals, 'CONFLICT', 'TOO_MANY', ...changeRefusals) },
      },
      async handle(ctx) {
        const id = readWorkflowId(ctx);
        const { wait } = readQuery(ctx, waitQuerySchema);
        const options = readCallOptions(ctx);
        const body = await requireJsonObject(ctx, bodyBounds);
        const request = validate(branchRequestSchema, body, 'The body');
        await holdOf(ctx).roomForCreated();
        const reply = await engine.branch(id, request, {
          ...options,
          ...toTold(ctx),
          ...toWaitOptions(ctx, wait, openRequests),
        });
        sendCreated(ctx, reply, bounds);
      },
    },
  ];
}

/** What the workflow's warnings say of the body that was read. */
function toTold(ctx: Context): ToldOptions {
  const told = toLostNumberLines(lostNumbersOf(ctx));
  return told.length === 0 ? {} : { told };
}

function readingRoutes({ engine, bounds, openRequests }: RouteParts): Route[] {
  return [
    {
      method: 'get',
      path: '/api/workflows',
      operation: {
        operationId: 'listWorkflows',
        summary: 'List workflows, newest change first',
        description:
          'Outputs over 4 KiB are replaced by `{truncated: true, bytes}`; an answer ends early at 16 MiB with a `Link` to the rest.',
        tags: ['workflows'],
        requestParams: { query: listQuerySchema },
        responses: {
          200: jsonAnswer('one page', z.array(z.union([workflowSchema, workflowSummarySchema])), {
            'X-Total-Count': 'how many match in all',
            Link: '`rel="next"` and `rel="prev"`',
            'X-Next-Cursor': 'where there is more: the cursor of the next page',
          }),
          ...refusals('INVALID'),
        },
      },
      async handle(ctx) {
        await sendWorkflowList(ctx, readQuery(ctx, listQuerySchema), engine, bounds);
      },
    },
    {
      method: 'get',
      path: '/api/workflows/facets',
      operation: {
        operationId: 'listFacets',
        summary: 'How many workflows there are by status, tag and template',
        description:
          'With the filters of the list. The counts by status leave the filter by status out, and so on: they say what choosing another value would show.',
        tags: ['workflows'],
        requestParams: { query: listFilterSchema },
        responses: { 200: jsonAnswer('the counts', facetsSchema), ...refusals('INVALID') },
      },
      async handle(ctx) {
        const filter = toListFilter(readQuery(ctx, listFilterSchema));
        sendJson(ctx, 200, JSON.stringify(await engine.facets(filter)));
      },
    },
    {
      method: 'get',
      path: '/api/workflows/{id}',
      capture: 'own',
      operation: {
        operationId: 'getWorkflow',
        summary: 'Read a workflow',
        description:
          'Beyond 64 MiB, outputs become `{truncated, bytes, href}`, largest first. 409 where `view=changes` asks for a version that is too old: read `view=graph` then.',
        tags: ['workflows'],
        requestParams: {
          path: workflowIdPath,
          query: workflowQuerySchema,
          header: z.object({ 'If-None-Match': z.string().optional() }),
        },
        responses: {
          200: jsonAnswer('the workflow', z.union([workflowSchema, graphViewSchema, changesViewSchema]), {
            ETag: 'changes with every version',
          }),
          304: { description: 'the version named by If-None-Match is the current one' },
          ...refusals(...workflowRefusals, 'CONFLICT', 'INVALID', 'TOO_MANY'),
        },
      },
      async handle(ctx) {
        const id = readWorkflowId(ctx);
        const { wait, view = 'full', since } = readQuery(ctx, workflowQuerySchema);
        const waiting = toWaitOptions(ctx, wait, openRequests);
        const condition = ctx.req.headers['if-none-match'];
        ctx.set('Cache-Control', 'private, no-cache');
        // What a client already has is found out without building the document.
        if (condition !== undefined && waiting.waitMs === undefined) {
          const { version } = await engine.peek(id);
          if (answerUnchanged(ctx, condition, entityTag(id, version))) return;
        }
        const options = { ...waiting, room: holdOf(ctx).room };
        const reply =
          view === 'full'
            ? await engine.get(id, options)
            : await engine.graph(id, { ...options, ...(since === undefined ? {} : { since }) });
        const tag = entityTag(reply.id, reply.version);
        if (condition !== undefined && answerUnchanged(ctx, condition, tag)) return;
        ctx.set('ETag', tag);
        if (view === 'full') sendWorkflow(ctx, 200, reply, bounds);
        else sendJson(ctx, 200, reply.json);
      },
    },
    {
      method: 'get',
      path: '/api/workflows/{id}/steps/{stepId}',
      capture: 'own',
      operation: {
        operationId: 'getStep',
        summary: 'Read one step, outputs whole',
        tags: ['workflows'],
        description:
          'With `bound=1` also `params_bound`: the params as the step gets them, with up to 256 KiB of values; secrets stay as `{{secrets.NAME}}`, and so do references to large outputs.',
        requestParams: { path: workflowIdPath.extend({ stepId: z.string() }), query: stepQuerySchema },
        responses: { 200: jsonAnswer('the step', workflowStepSchema), ...refusals(...workflowRefusals) },
      },
      async handle(ctx) {
        const { bound } = readQuery(ctx, stepQuerySchema);
        if (bound === '1') requireFull(ctx, 'bound=1');
        const step = await engine.getStep(readWorkflowId(ctx), pathParameter(ctx, 'stepId'), {
          room: holdOf(ctx).room,
          ...(bound === '1' ? { bound: true } : {}),
        });
        sendJson(ctx, 200, JSON.stringify(step));
      },
    },
  ];
}

const stepQuerySchema = z.object({
  bound: z.enum(['0', '1']).optional().meta({ description: '1: with the params as the step gets them' }),
});

function answerUnchanged(ctx: Context, condition: string, tag: string): boolean {
  if (!matchesEntityTag(condition, tag)) return false;
  ctx.set('ETag', tag);
  ctx.status = 304;
  return true;
}
