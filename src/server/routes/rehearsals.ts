/** Before a run: what it would do, and what is wrong with its definition. Nothing is kept. */
import { z } from 'zod';
import { fromTemplateBodySchema, workflowDefinitionSchema } from '../../contract/definition.ts';
import { dryRunReplySchema, validationReplySchema } from '../../contract/dry-run.ts';
import { limits } from '../../contract/limits.ts';
import { readJsonObject, requireJsonObject, requireText } from '../body.ts';
import { toBodyBounds } from '../bounds.ts';
import { bodyRefusals, jsonAnswer, refusals } from '../operation.ts';
import { validate } from '../problem.ts';
import { readQuery, templateQuerySchema } from '../query.ts';
import type { Route, RouteParts } from '../route.ts';
import { sendJson } from '../workflow-reply.ts';

const atOnce = `${limits.rehearsalsMax} dry runs and validations at once, each up to ${limits.rehearsalMsMax / 1_000} s; beyond it, 429.`;

export function rehearsalRoutes({ engine, bounds }: RouteParts): Route[] {
  const bodyBounds = toBodyBounds(bounds, 'creating');
  const dryAnswer = jsonAnswer('what a run would do', dryRunReplySchema);
  return [
    {
      method: 'post',
      path: '/api/workflows/dry-run',
      operation: {
        operationId: 'dryRunWorkflow',
        summary: 'What a run of an inline definition would do; nobody is called, nothing is kept',
        description: `Steps that would go out get made-up answers, all others run as ever. ${atOnce}`,
        tags: ['workflows'],
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: workflowDefinitionSchema,
              example: { name: 'One step', steps: [{ id: 'only', action: 'noop' }] },
            },
          },
        },
        responses: { 200: dryAnswer, ...refusals('TOO_MANY', ...bodyRefusals) },
      },
      async handle(ctx) {
        const body = await requireJsonObject(ctx, { ...bodyBounds, stepsMax: limits.stepsMax });
        sendJson(ctx, 200, JSON.stringify(await engine.dryRun(body)));
      },
    },
    {
      method: 'post',
      path: '/api/workflows/from-template/dry-run',
      operation: {
        operationId: 'dryRunTemplate',
        summary: 'What a run of a template would do; nobody is called, nothing is kept',
        description: `Template and params as in POST /api/workflows/from-template. ${atOnce}`,
        tags: ['workflows'],
        requestParams: { query: templateQuerySchema },
        requestBody: {
          required: false,
          content: {
            'application/json': {
              schema: z.union([fromTemplateBodySchema, z.record(z.string(), z.unknown())]),
              example: { template_id: 'openai_chat', params: { prompt: 'Say hello' } },
            },
          },
        },
        responses: { 200: dryAnswer, ...refusals('NOT_FOUND', 'TOO_MANY', ...bodyRefusals) },
      },
      async handle(ctx) {
        const query = readQuery(ctx, templateQuerySchema);
        const body = await readJsonObject(ctx, bodyBounds, query.template_id === undefined ? '' : 'params');
        const { template_id, params } =
          query.template_id === undefined
            ? validate(fromTemplateBodySchema, body ?? {}, 'The body')
            : { template_id: query.template_id, params: body };
        sendJson(ctx, 200, JSON.stringify(await engine.dryRunTemplate(template_id, params ?? {})));
      },
    },
    {
      method: 'post',
      path: '/api/workflows/validate',
      operation: {
        operationId: 'validateDefinition',
        summary: 'Every fault of a definition or a template, each with its place',
        description: `JSON, or YAML with \`Content-Type: application/yaml\`; also text that cannot be read at all gets 200 and its faults. A text with an \`id\` is a template. ${atOnce}`,
        tags: ['workflows'],
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: z.record(z.string(), z.unknown()),
              example: { name: 'One step', steps: [{ id: 'only', action: 'noop' }] },
            },
            'application/yaml': {
              schema: { type: 'string' },
              example: 'name: One step\nsteps:\n  - id: only\n    action: noop\n',
            },
          },
        },
        responses: {
          200: jsonAnswer('the faults; none: a run would take it', validationReplySchema),
          ...refusals('TOO_MANY', 'BAD_REQUEST', 'TOO_LARGE', 'UNSUPPORTED_MEDIA_TYPE'),
        },
      },
      async handle(ctx) {
        sendJson(ctx, 200, JSON.stringify(await engine.validate(await requireText(ctx, bodyBounds))));
      },
    },
  ];
}
