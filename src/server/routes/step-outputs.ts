/**
 * Outputs that are too large to show at once: a part of them, or all of them as a file.
 *
 *   SO2  they are never shown on our origin: whatever they hold, as a file they are an attachment of octets in a sandbox.
 */
import { z } from 'zod';
import { Refusal } from '../../contract/failures.ts';
import { limits } from '../../contract/limits.ts';
import { outputPartSchema } from '../../contract/run-view.ts';
import type { WorkflowStep } from '../../contract/workflow.ts';
import { jsonAnswer, refusals, workflowIdPath, workflowRefusals } from '../operation.ts';
import { toOutputPart } from '../output-part.ts';
import { quoted } from '../problem.ts';
import { readQuery, wholeNumberText } from '../query.ts';
import { holdOf, pathParameter, type Route, type RouteParts } from '../route.ts';
import { readWorkflowId, sendJson } from '../workflow-reply.ts';

const partBytesDefault = 256 * 1024;
const stepPath = workflowIdPath.extend({ stepId: z.string() });

const partQuerySchema = z.object({
  pointer: z
    .string('must be given once')
    .max(8_192)
    .optional()
    .meta({ description: 'a JSON pointer (RFC 6901); the whole outputs when absent' }),
  limit: wholeNumberText(
    { min: 1, max: limits.outputPartBytesMax, otherwise: partBytesDefault },
    'bytes at most; a larger part is cut',
  ).optional(),
});

export function stepOutputRoutes({ engine }: RouteParts): Route[] {
  return [
    {
      method: 'get',
      path: '/api/workflows/{id}/steps/{stepId}/outputs',
      operation: {
        operationId: 'getStepOutputPart',
        summary: 'A part of the outputs of a step',
        description: 'A part that is cut comes as the beginning of its text; `children` and `keys` lead deeper.',
        tags: ['workflows'],
        requestParams: { path: stepPath, query: partQuerySchema },
        responses: {
          200: jsonAnswer('the part', outputPartSchema),
          ...refusals(...workflowRefusals, 'INVALID'),
        },
      },
      async handle(ctx) {
        const { pointer = '', limit = partBytesDefault } = readQuery(ctx, partQuerySchema);
        const id = readWorkflowId(ctx);
        const { outputs } = await engine.getStep(id, pathParameter(ctx, 'stepId'), { room: holdOf(ctx).room });
        sendJson(ctx, 200, JSON.stringify(toOutputPart(outputs, pointer, limit)));
      },
    },
    {
      method: 'get',
      path: '/api/workflows/{id}/steps/{stepId}/outputs/content',
      operation: {
        operationId: 'getStepContent',
        summary: 'The main text of a step as a file',
        description:
          '`outputs.content` where it is a text, otherwise the outputs as JSON. Always sent as an attachment.',
        tags: ['workflows'],
        requestParams: { path: stepPath },
        responses: {
          200: {
            description: 'the text in UTF-8',
            headers: z.object({ 'Content-Disposition': z.string().meta({ description: '`attachment`' }) }),
            content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
          },
          ...refusals(...workflowRefusals),
        },
      },
      async handle(ctx) {
        const stepId = pathParameter(ctx, 'stepId');
        const step = await engine.getStep(readWorkflowId(ctx), stepId, { room: holdOf(ctx).room });
        const { text, ending } = toFile(step, stepId);
        ctx.status = 200;
        ctx.set('Content-Type', 'application/octet-stream');
        ctx.set('Content-Security-Policy', 'sandbox');
        // The id of a step is safe in a header: letters, digits, ".", "_" and "-" alone, but for files of other makers.
        ctx.set('Content-Disposition', `attachment; filename="${stepId.replaceAll(/[^\w.-]/g, '_')}.${ending}"`);
        ctx.body = Buffer.from(text, 'utf8');
      },
    },
  ];
}

function toFile({ outputs }: WorkflowStep, stepId: string): { text: string; ending: string } {
  if (outputs === null) throw new Refusal({ code: 'NOT_FOUND', detail: `Step ${quoted(stepId)} has no outputs` });
  const { content } = outputs;
  return typeof content === 'string'
    ? { text: content, ending: 'txt' }
    : { text: JSON.stringify(outputs, null, 2), ending: 'json' };
}
