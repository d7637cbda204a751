/** What there is to make workflows from: templates, actions and the names of secrets. */
import { z } from 'zod';
import {
  stepDefinitionSchema,
  type Template,
  type TemplateProblem,
  templateIdSchema,
  templateProblemSchema,
  templateSchema,
} from '../../contract/definition.ts';
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

const secretSchema = z.object({ name: z.string() }).meta({ id: 'Secret' });

const listedTemplateSchema = templateSchema
  .extend({
    steps: z.array(stepDefinitionSchema),
    problems: z.array(templateProblemSchema).optional().meta({ description: 'there where the file has faults' }),
  })
  .meta({ id: 'ListedTemplate' });

export function catalogueRoutes({ engine }: RouteParts): Route[] {
  return [
    {
      method: 'get',
      path: '/api/templates',
      capture: 'yes',
      operation: {
        operationId: 'listTemplates',
        summary: 'The templates that can be run',
        tags: ['catalogue'],
        description:
          'A file with faults is listed too, after the others: without steps, under the id that it would have, and with its `problems`.',
        responses: { 200: jsonAnswer('all of them', z.array(listedTemplateSchema)), ...refusals() },
      },
      async handle(ctx) {
        const [templates, problems] = await Promise.all([engine.templates(), engine.templateProblems()]);
        sendJson(ctx, 200, JSON.stringify([...templates.map(toReply), ...toFaulty(problems)]));
      },
    },
    {
      method: 'get',
      path: '/api/templates/{id}',
      capture: 'yes',
      operation: {
        operationId: 'getTemplate',
        summary: 'One template',
        description: 'With the JSON Schema of its params, from which a form can be made.',
        tags: ['catalogue'],
        requestParams: { path: z.object({ id: z.string() }) },
        responses: { 200: jsonAnswer('the template', templateSchema), ...refusals('NOT_FOUND', 'INVALID') },
      },
      async handle(ctx) {
        const id = pathParameter(ctx, 'id');
        if (!templateIdSchema.safeParse(id).success) throw noTemplate(id);
        sendJson(ctx, 200, JSON.stringify(toReply(await engine.template(id))));
      },
    },
    {
      method: 'get',
      path: '/api/actions',
      operation: {
        operationId: 'listActions',
        summary: 'The actions that steps can ask for',
        description: 'Each with the JSON Schema of its params, and the secrets that it needs.',
        tags: ['catalogue'],
        responses: { 200: jsonAnswer('all of them', z.array(actionSchema)), ...refusals() },
      },
      async handle(ctx) {
        sendJson(ctx, 200, JSON.stringify(await engine.actions()));
      },
    },
    {
      method: 'get',
      path: '/api/secrets',
      operation: {
        operationId: 'listSecrets',
        summary: 'The names of the secrets that steps can send',
        tags: ['catalogue'],
        description: 'A step of http_request writes `{{secrets.NAME}}`. Values and hosts are never told.',
        responses: { 200: jsonAnswer('all of them, by name', z.array(secretSchema)), ...refusals() },
      },
      async handle(ctx) {
        sendJson(ctx, 200, JSON.stringify(await engine.secrets()));
      },
    },
  ];
}

function noTemplate(id: string): Refusal {
  const detail = `Template ${quoted(id)} not found: GET /api/templates lists all`;
  return new Refusal({ code: 'NOT_FOUND', detail });
}

/** One entry for each file with faults. */
function toFaulty(problems: readonly TemplateProblem[]) {
  const byFile = new Map<string, TemplateProblem[]>();
  for (const problem of problems) byFile.set(problem.file, [...(byFile.get(problem.file) ?? []), problem]);
  return [...byFile].flatMap(([file, ofFile]) => {
    const id = ofFile[0]?.ids[0];
    if (id === undefined) return [];
    return [{ id, name: file, description: '', params: {}, steps: [], problems: ofFile }];
  });
}

/** Fields that a template file may leave out are there in the answer, so that no client has to ask. */
function toReply(template: Template): Template {
  return { ...template, description: template.description ?? '', params: template.params ?? {} };
}
