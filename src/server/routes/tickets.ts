/** Tickets for event streams of clients that cannot send a header. */
import { ticketRequestSchema, ticketSchema } from '../../contract/engine-page.ts';
import { limits } from '../../contract/limits.ts';
import { requireJsonObject } from '../body.ts';
import { toBodyBounds } from '../bounds.ts';
import { bodyRefusals, exampleWorkflowId, jsonAnswer, refusals } from '../operation.ts';
import { validate } from '../problem.ts';
import type { Route, RouteParts } from '../route.ts';
import { sendJson } from '../workflow-reply.ts';

export function ticketRoutes({ engine, bounds, tickets }: RouteParts): Route[] {
  return [
    {
      method: 'post',
      path: '/api/tickets',
      operation: {
        operationId: 'createTicket',
        summary: 'A ticket that opens one event stream in place of the token',
        description: `For \`EventSource\`, which cannot send \`Authorization\`: give it as \`?ticket=\` within ${limits.ticketMsMax / 1_000} s. It is good for one connection; after a break take a new one and pass \`lastEventId\`. It opens nothing but event streams.`,
        tags: ['events'],
        requestBody: {
          required: true,
          content: {
            'application/json': {
              schema: ticketRequestSchema,
              example: { for: 'events', workflow: exampleWorkflowId },
            },
          },
        },
        responses: {
          201: jsonAnswer('the ticket', ticketSchema),
          ...refusals('NOT_FOUND', 'SET_ASIDE', 'TOO_MANY', ...bodyRefusals),
        },
      },
      async handle(ctx) {
        const body = await requireJsonObject(ctx, toBodyBounds(bounds, 'other'));
        const { workflow } = validate(ticketRequestSchema, body, 'The body');
        if (workflow !== undefined) await engine.peek(workflow);
        sendJson(ctx, 201, JSON.stringify(tickets.issue(workflow?.toLowerCase() ?? null)));
      },
    },
  ];
}
