/** What there is to make workflows from: templates and actions. */
import { z } from 'zod';
import { type Template, templateIdSchema, templateSchema } from '../../contract/definition.ts';
import { Refusal } from '../../contract/failures.ts';
import { jsonAnswer, refusals } from '../operation.ts';
import { quoted } from '../problem.ts';
import { pathParameter, type Route, type RouteParts } from '../route.ts';
import { sendJson } from '../workflow-reply.ts';

const actionSchema = z
  .object({
    action: z.string(),
    lane: z.enum(['io', 'cpu', 'none']),
    description: z.string(),
    params: z.record(z.string(), z.unknown()).meta({ description: 'JSON Schema' }),
    secrets: z.array(z.string()).meta({ description: 'names of the settings it reads' }),
  })
  .meta({ id: 'Action' });

export function catalogueRoutes({ engine }: RouteParts): Route[] {
  return [
    {
      method: 'get',
      path: '/api/templates',
      operation: {
        operationId: 'listTemplates',
        summary: 'The templates that can be run',
        tags: ['catalogue'],
        responses: { 200: jsonAnswer('all of them', z.array(templateSchema)), ...refusals() },
      },
      async handle(ctx) {
        sendJson(ctx, 200, JSON.stringify((await engine.templates()).map(toReply)));
      },
    },
    {
      method: 'get',
      path: '/api/templates/{id}',
      operation: {
        operationId: 'getTemplate',
        summary: 'One template',
        tags: ['catalogue'],
        requestParams: { path: z.object({ id: z.string() }) },
        responses: { 200: jsonAnswer('the template', templateSchema), ...refusals('NOT_FOUND') },
      },
      async handle(ctx) {
        const id = pathParameter(ctx, 'id');
        if (!templateIdSchema.safeParse(id).success) {
          throw new Refusal({
            code: 'NOT_FOUND',
            detail: `Template ${quoted(id)} not found: GET /api/templates lists all`,
          });
        }
        sendJson(ctx, 200, JSON.stringify(toReply(await engine.template(id))));
      },
    },
    {
      method: 'get',
      path: '/api/actions',
      operation: {
        operationId: 'listActions',
        summary: 'The actions that steps can ask for',
        tags: ['catalogue'],
        responses: { 200: jsonAnswer('all of them', z.array(actionSchema)), ...refusals() },
      },
      async handle(ctx) {
        sendJson(ctx, 200, JSON.stringify(await engine.actions()));
      },
    },
  ];
}

/** Fields that a template file may leave out are there in the answer, so that no client has to ask. */
function toReply(template: Template): Template {
  return { ...template, description: template.description ?? '', params: template.params ?? {} };
}
