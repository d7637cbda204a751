/** Data that comes from outside, such as a page that the browser extension captured. */
import { z } from 'zod';
import { externalDataReplySchema, externalDataRequestSchema } from '../../contract/definition.ts';
import { toLostNumberLines } from '../../contract/lost-numbers.ts';
import { workflowStepSchema } from '../../contract/workflow.ts';
import { lostNumbersOf, requireJsonObject } from '../body.ts';
import { toBodyBounds } from '../bounds.ts';
import {
  changeRefusals,
  jsonAnswer,
  refusals,
  replayedHeader,
  workflowIdPath,
  workflowRefusals,
} from '../operation.ts';
import { validate } from '../problem.ts';
import { idempotencyHeaderSchema, readCallOptions } from '../query.ts';
import { holdOf, type Route, type RouteParts } from '../route.ts';
import { readWorkflowId, sendJson, stepHref } from '../workflow-reply.ts';

const externalStepsSchema = z
  .object({ workflow_id: z.string(), external_steps: z.array(workflowStepSchema), count: z.int() })
  .meta({ id: 'ExternalSteps' });

export function externalDataRoutes({ engine, bounds }: RouteParts): Route[] {
  const path = '/api/workflows/{id}/external-data';
  return [
    {
      method: 'post',
      path,
      capture: 'yes',
      operation: {
        operationId: 'ingestExternalData',
        summary: 'Complete a waiting external_data step, or add a completed one',
        description:
          'It completes the step that `step_id` names, else the waiting one whose name is `step_name`, else (neither given) the only one that waits. Several are a 422 that names them, unless `add` is true. Where nothing matches, a completed step is added. Data for a step whose own dependencies are not complete is kept, and completes it when they are (`held`).',
        tags: ['external data'],
        requestParams: { path: workflowIdPath, header: idempotencyHeaderSchema },
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: externalDataRequestSchema,
              example: {
                content: 'The text of the page',
                source_url: 'https://example.com/page',
                step_name: 'Article',
              },
            },
          },
        },
        responses: {
          201: jsonAnswer('taken over, and what it set going is queued', externalDataReplySchema, {
            Location: 'where the step is read',
            ...replayedHeader,
          }),
          ...refusals(...workflowRefusals, 'CONFLICT', ...changeRefusals),
        },
      },
      async handle(ctx) {
        const id = readWorkflowId(ctx);
        const options = readCallOptions(ctx);
        const body = await requireJsonObject(ctx, toBodyBounds(bounds, 'creating'));
        const request = validate(externalDataRequestSchema, body, 'The body');
        const reply = await engine.externalData(id, request, options);
        if (reply.replayed) ctx.set('Idempotency-Replayed', 'true');
        ctx.set('Location', stepHref(reply.workflow_id, reply.step_id));
        const warnings = toLostNumberLines(lostNumbersOf(ctx));
        sendJson(ctx, 201, JSON.stringify(warnings.length === 0 ? reply : { ...reply, warnings }));
      },
    },
    {
      method: 'get',
      path,
      operation: {
        operationId: 'listExternalSteps',
        summary: 'The steps of a workflow whose data comes from outside',
        description:
          'Also those that do not wait yet, and those that have their data. Give data with `POST` to the same path.',
        tags: ['external data'],
        requestParams: { path: workflowIdPath },
        responses: { 200: jsonAnswer('the steps', externalStepsSchema), ...refusals(...workflowRefusals) },
      },
      async handle(ctx) {
        const id = readWorkflowId(ctx);
        const steps = await engine.externalSteps(id, { room: holdOf(ctx).room });
        sendJson(ctx, 200, JSON.stringify({ workflow_id: id, external_steps: steps, count: steps.length }));
      },
    },
  ];
}
