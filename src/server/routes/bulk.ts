/** One call for many workflows. */
import { z } from 'zod';
import { bulkRequestSchema, bulkResultSchema } from '../../contract/bulk.ts';
import { limits } from '../../contract/limits.ts';
import { requireJsonObject } from '../body.ts';
import { toBodyBounds } from '../bounds.ts';
import { changeRefusals, exampleWorkflowId, jsonAnswer, refusals } from '../operation.ts';
import { validate } from '../problem.ts';
import { idempotencyHeaderSchema, readCallOptions } from '../query.ts';
import type { Route, RouteParts } from '../route.ts';
import { sendJson } from '../workflow-reply.ts';

export function bulkRoutes({ engine, bounds }: RouteParts): Route[] {
  return [
    {
      method: 'post',
      path: '/api/workflows/bulk',
      operation: {
        operationId: 'bulkWorkflows',
        summary: 'Stop, retry, resume or delete many workflows',
        description: `Up to ${limits.bulkMax}, by \`ids\` or by a \`filter\` as in the list. Each workflow is changed by itself: what is refused for one is told in its row. With an Idempotency-Key each has a record under \`key/id\`, so that the same call, sent again after a lost answer or a restart, finishes what was not done and does nothing twice.`,
        tags: ['workflows'],
        requestParams: { header: idempotencyHeaderSchema },
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: bulkRequestSchema,
              examples: {
                ids: { value: { action: 'stop', ids: [exampleWorkflowId] } },
                filter: { value: { action: 'retry', filter: { status: ['FAILED'], tag: ['nightly'] } } },
              },
            },
          },
        },
        responses: {
          200: jsonAnswer('a row for each workflow, in the order of the call', z.array(bulkResultSchema)),
          ...refusals(...changeRefusals),
        },
      },
      async handle(ctx) {
        const options = readCallOptions(ctx);
        const body = await requireJsonObject(ctx, toBodyBounds(bounds, 'other'));
        const request = validate(bulkRequestSchema, body, 'The body');
        sendJson(ctx, 200, JSON.stringify(await engine.bulk(request, options)));
      },
    },
  ];
}
