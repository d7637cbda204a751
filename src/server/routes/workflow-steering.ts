/** Changing the course of a workflow that exists: stop, resume, retry, delete. */
import { type ResumeRequest, resumeRequestSchema } from '../../contract/budget.ts';
import type { CallOptions, WorkflowReply } from '../../contract/engine.ts';
import { workflowSchema } from '../../contract/workflow.ts';
import { readJsonObject, refuseBody } from '../body.ts';
import { toBodyBounds } from '../bounds.ts';
import {
  bodyRefusals,
  changeRefusals,
  emptyBody,
  jsonAnswer,
  refusals,
  replayedHeader,
  workflowIdPath,
  workflowRefusals,
} from '../operation.ts';
import { validate } from '../problem.ts';
import { deleteQuerySchema, idempotencyHeaderSchema, readCallOptions, readQuery } from '../query.ts';
import type { Route, RouteParts } from '../route.ts';
import { readWorkflowId, sendWorkflow } from '../workflow-reply.ts';

const texts = {
  stop: {
    summary: 'Stop a workflow; what runs is aborted',
    description: 'What has ended keeps its results. `POST /api/workflows/{id}/resume` goes on from there.',
  },
  resume: {
    summary: 'Continue a stopped workflow, or one paused by a budget',
    description: 'With a budget in the body it changes that of any workflow that has not finished.',
  },
  retry: {
    summary: 'Run the failed steps, and all that hung on them, again',
    description: 'Results that are there are kept, and nothing that has been paid for is paid again.',
  },
};

export function steeringRoutes({ engine, bounds }: RouteParts): Route[] {
  const bodyBounds = toBodyBounds(bounds, 'other');
  const steer = (
    verb: keyof typeof texts,
    call: (id: string, options: CallOptions & ResumeRequest) => Promise<WorkflowReply>,
    body?: typeof resumeRequestSchema,
  ): Route => ({
    method: 'post',
    path: `/api/workflows/{id}/${verb}`,
    operation: {
      operationId: `${verb}Workflow`,
      ...texts[verb],
      tags: ['workflows'],
      requestParams: { path: workflowIdPath, header: idempotencyHeaderSchema },
      requestBody: body
        ? { required: false, content: { 'application/json': { schema: body, example: { budget: { usd: 2 } } } } }
        : emptyBody,
      responses: {
        200: jsonAnswer('the workflow after the change', workflowSchema, replayedHeader),
        ...refusals(...workflowRefusals, 'CONFLICT', ...changeRefusals),
      },
    },
    async handle(ctx) {
      const id = readWorkflowId(ctx);
      const options = readCallOptions(ctx);
      if (body === undefined) await refuseBody(ctx, bodyBounds);
      const request = body ? validate(body, (await readJsonObject(ctx, bodyBounds)) ?? {}, 'The body') : {};
      sendWorkflow(ctx, 200, await call(id, { ...options, ...request }), bounds);
    },
  });
  return [
    steer('stop', (id, options) => engine.stop(id, options)),
    steer('resume', (id, options) => engine.resume(id, options), resumeRequestSchema),
    steer('retry', (id, options) => engine.retry(id, options)),
    {
      method: 'delete',
      path: '/api/workflows/{id}',
      operation: {
        operationId: 'deleteWorkflow',
        summary: 'Delete a workflow and its files; a running one is stopped first',
        description: 'For good: its state, outputs and log. What it has cost stays in `GET /api/costs`.',
        tags: ['workflows'],
        requestParams: { path: workflowIdPath, query: deleteQuerySchema },
        responses: {
          204: { description: 'gone' },
          ...refusals(...workflowRefusals, ...bodyRefusals, 'CONFLICT', 'DISK_FULL'),
        },
      },
      async handle(ctx) {
        const id = readWorkflowId(ctx);
        await refuseBody(ctx, bodyBounds);
        await engine.delete(id, readQuery(ctx, deleteQuerySchema));
        ctx.status = 204;
      },
    },
  ];
}
