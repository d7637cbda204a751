/**
 * The bytes that a step has got, such as a PDF.
 *
 *   SF1  they are never shown on our origin: whatever a server called them, they are an attachment of octets.
 */
import { z } from 'zod';
import { Refusal } from '../../contract/failures.ts';
import { refusals, workflowIdPath, workflowRefusals } from '../operation.ts';
import { quoted } from '../problem.ts';
import { pathParameter, type Route, type RouteParts } from '../route.ts';
import { readWorkflowId } from '../workflow-reply.ts';

const fileSchema = z.object({ base64: z.string(), type: z.string() });

export function stepFileRoutes({ engine }: RouteParts): Route[] {
  return [
    {
      method: 'get',
      path: '/api/workflows/{id}/steps/{stepId}/file',
      operation: {
        operationId: 'getStepFile',
        summary: 'Read the bytes of a step whose answer was no text',
        description:
          'The bytes of `outputs.file.base64`, as `http_request` got them. Always sent as an attachment; `outputs.file.type` is the type that the server named.',
        tags: ['workflows'],
        requestParams: { path: workflowIdPath.extend({ stepId: z.string() }) },
        responses: {
          200: {
            description: 'the bytes',
            headers: z.object({ 'Content-Disposition': z.string().meta({ description: '`attachment`' }) }),
            content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
          },
          ...refusals(...workflowRefusals),
        },
      },
      async handle(ctx) {
        const stepId = pathParameter(ctx, 'stepId');
        const { outputs } = await engine.getStep(readWorkflowId(ctx), stepId);
        const file = fileSchema.safeParse(outputs?.file);
        if (!file.success) {
          const detail = `Step ${quoted(stepId)} has no file: its outputs hold no bytes that are no text`;
          throw new Refusal({ code: 'NOT_FOUND', detail });
        }
        ctx.status = 200;
        ctx.set('Content-Type', 'application/octet-stream');
        ctx.set('Content-Disposition', 'attachment');
        ctx.body = Buffer.from(file.data.base64, 'base64');
      },
    },
  ];
}
