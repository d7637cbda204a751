/** What calls of models have used and cost. */
import { costsQuerySchema, costsReplySchema } from '../../contract/ledger.ts';
import { jsonAnswer, refusals } from '../operation.ts';
import { readQuery } from '../query.ts';
import type { Route, RouteParts } from '../route.ts';
import { sendJson } from '../workflow-reply.ts';

export function costRoutes({ engine }: RouteParts): Route[] {
  return [
    {
      method: 'get',
      path: '/api/costs',
      operation: {
        operationId: 'getCosts',
        summary: 'What calls of models have used and cost, of all workflows, also of deleted ones',
        description: 'Where a price was not known, the sum is a floor and says so.',
        tags: ['operations'],
        requestParams: { query: costsQuerySchema },
        responses: { 200: jsonAnswer('added up', costsReplySchema), ...refusals('INVALID', 'DISK_FULL') },
      },
      async handle(ctx) {
        sendJson(ctx, 200, JSON.stringify(await engine.costs(readQuery(ctx, costsQuerySchema))));
      },
    },
  ];
}
