/** Decisions of people: the steps that wait for one, or for data, and the call that decides. */
import { z } from 'zod';
import type { WaitingQuery } from '../../contract/decision.ts';
import { decisionRequestSchema, waitingStepSchema } from '../../contract/decision.ts';
import { limits } from '../../contract/limits.ts';
import { workflowStepSchema } from '../../contract/workflow.ts';
import { requireJsonObject } from '../body.ts';
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
import { idempotencyHeaderSchema, pageQuerySchema, readCallOptions, readQuery } from '../query.ts';
import { pathParameter, type Route, type RouteParts } from '../route.ts';
import { takeWithin, toPageLinks } from '../workflow-list.ts';
import { readWorkflowId, sendJson } from '../workflow-reply.ts';

export function decisionRoutes({ engine, bounds }: RouteParts): Route[] {
  return [
    {
      method: 'get',
      path: '/api/waiting',
      capture: 'yes',
      operation: {
        operationId: 'listWaiting',
        summary: 'The steps of all workflows that wait for a decision or for data, the longest wait first',
        description: 'An answer ends early at 16 MiB with a `Link` to the rest.',
        tags: ['decisions'],
        requestParams: { query: pageQuerySchema },
        responses: {
          200: jsonAnswer('one page', z.array(waitingStepSchema), {
            'X-Total-Count': 'how many wait in all',
            Link: '`rel="next"` and `rel="prev"`',
          }),
          ...refusals('INVALID'),
        },
      },
      async handle(ctx) {
        const { limit = limits.listLimitDefault, offset = 0 } = readQuery(ctx, pageQuerySchema);
        const query: WaitingQuery = { limit, offset };
        const { total, items } = await engine.waiting(query);
        const texts = takeWithin(
          items.map((item) => JSON.stringify(item)),
          bounds.listAnswerBytesMax,
        );
        ctx.set('X-Total-Count', String(total));
        const links = toPageLinks('/api/waiting', {}, { limit, offset, consumed: texts.consumed, total });
        if (links !== '') ctx.set('Link', links);
        sendJson(ctx, 200, `[${texts.taken.join(',')}]`);
      },
    },
    {
      method: 'post',
      path: '/api/workflows/{id}/steps/{stepId}/decision',
      operation: {
        operationId: 'decideStep',
        summary: 'Approve or reject a step that waits for a decision',
        description:
          'Of a step with the action `approval`. 409 where none is due, also for the second of two. Left out, `data` counts as `{}` where the step asks for an object. What was decided stands in the outputs: `{approved, by, comment, data, decided_at, expired}`.',
        tags: ['decisions'],
        requestParams: { path: workflowIdPath.extend({ stepId: z.string() }), header: idempotencyHeaderSchema },
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: decisionRequestSchema,
              example: { approved: true, by: 'Ada', comment: 'Looks right' },
            },
          },
        },
        responses: {
          200: jsonAnswer('the step', workflowStepSchema, replayedHeader),
          ...refusals(...workflowRefusals, 'CONFLICT', ...changeRefusals),
        },
      },
      async handle(ctx) {
        const id = readWorkflowId(ctx);
        const options = readCallOptions(ctx);
        const body = await requireJsonObject(ctx, toBodyBounds(bounds, 'other'));
        const request = validate(decisionRequestSchema, body, 'The body');
        const step = await engine.decide(id, pathParameter(ctx, 'stepId'), request, options);
        if (step.replayed) ctx.set('Idempotency-Replayed', 'true');
        sendJson(ctx, 200, JSON.stringify(step));
      },
    },
  ];
}
