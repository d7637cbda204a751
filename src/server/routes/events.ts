/** Server-sent events: of one workflow, and of all. */
import { z } from 'zod';
import { engineEventSchema, tokenEventSchema } from '../../contract/event.ts';
import { EventStreams } from '../event-stream.ts';
import { namedHeaders, refusals, workflowIdPath, workflowRefusals } from '../operation.ts';
import { eventsQuerySchema, lastEventIdHeaderSchema, readLastEventId, readQuery, streamQuerySchema } from '../query.ts';
import type { Route, RouteParts } from '../route.ts';
import { readWorkflowId } from '../workflow-reply.ts';

const answer = {
  description:
    'one event per durable change: `event:` its kind, `id:` its sequence number, `data:` as below. `event: gap` stands for events no longer held.',
};

const workflowAnswer = {
  headers: namedHeaders({
    'Last-Event-ID': 'the number after which the stream begins: come back with it before the first event',
  }),
  description: `${answer.description} While a step streams its answer, \`event: step.tokens\`, without an \`id:\`, tells the text as it is made; who comes, or comes back, gets the text so far first.`,
  content: { 'text/event-stream': { schema: z.union([engineEventSchema, tokenEventSchema]) } },
};

export function eventRoutes({ engine, bounds, openRequests }: RouteParts): Route[] {
  const streams = new EventStreams(engine, bounds, openRequests);
  const after = (lastEventId: number | undefined) => (lastEventId === undefined ? {} : { after: lastEventId });
  return [
    {
      method: 'get',
      path: '/api/events',
      operation: {
        operationId: 'streamEvents',
        summary: 'Every durable change of every workflow, as it happens',
        tags: ['events'],
        description:
          'One stream for a whole app: narrowed to some workflows with `workflow`, and with the texts of running steps of others or the same with `tokens`.',
        requestParams: { query: streamQuerySchema, header: lastEventIdHeaderSchema },
        responses: { 200: workflowAnswer, ...refusals('NOT_FOUND', 'SET_ASIDE', 'INVALID', 'TOO_MANY') },
      },
      async handle(ctx) {
        const query = readQuery(ctx, streamQuerySchema);
        const { workflow: workflows, tokens: texts } = query;
        const from = after(readLastEventId(ctx, query));
        for (const id of new Set([...(workflows ?? []), ...(texts ?? [])])) await engine.peek(id);
        await streams.serve(ctx, { ...from, ...(workflows ? { workflows } : {}), ...(texts ? { texts } : {}) });
      },
    },
    {
      method: 'get',
      path: '/api/workflows/{id}/events',
      capture: 'own',
      operation: {
        operationId: 'streamWorkflowEvents',
        summary:
          'Every durable change of one workflow, and the text its models stream, as it happens; never ends by itself',
        description:
          'Open it before the workflow is read, and drop events up to the `version` that was read: so nothing falls between the two. After a break send `Last-Event-ID`.',
        tags: ['events'],
        requestParams: { path: workflowIdPath, query: eventsQuerySchema, header: lastEventIdHeaderSchema },
        responses: { 200: workflowAnswer, ...refusals(...workflowRefusals, 'INVALID', 'TOO_MANY') },
      },
      async handle(ctx) {
        const id = readWorkflowId(ctx);
        const from = after(readLastEventId(ctx, readQuery(ctx, eventsQuerySchema)));
        // A stream of nothing would stay silent for ever: an unknown workflow is told before it starts.
        await engine.peek(id);
        await streams.serve(ctx, { ...from, workflowId: id });
      },
    },
  ];
}
