/** What there is to read of a run besides the run: its log, its relatives, its definition. */
import { z } from 'zod';
import type { LogOptions, SearchOptions } from '../../contract/engine.ts';
import { Refusal } from '../../contract/failures.ts';
import { limits } from '../../contract/limits.ts';
import { listTimeSchema } from '../../contract/list-query.ts';
import {
  definitionBackSchema,
  type LogLine,
  lineageSchema,
  logReplySchema,
  type SearchPlace,
  searchPlaces,
  searchReplySchema,
} from '../../contract/run-view.ts';
import { jsonAnswer, namedHeaders, refusals, workflowIdPath, workflowRefusals } from '../operation.ts';
import { asText, readQuery, wholeNumberText } from '../query.ts';
import { holdOf, type Route, type RouteParts } from '../route.ts';
import { readWorkflowId, sendJson } from '../workflow-reply.ts';
import { toYaml } from '../yaml-text.ts';

const logsQuerySchema = z.object({
  format: z.enum(['json', 'text']).optional().meta({ description: '`json`, the default; `text`: a file to keep' }),
  after: listTimeSchema.optional().meta({ description: 'only lines after this time' }),
  limit: wholeNumberText(
    { min: 1, max: limits.mergedLinesMax, otherwise: limits.mergedLinesMax },
    'about how many lines; those of one time come together',
  ).optional(),
});

const placesMessage = `must be of ${searchPlaces.join(', ')}, separated by commas`;
const searchQuerySchema = z.object({
  q: z.string('must be given once').min(1).max(limits.searchLengthMax).meta({ description: 'what is looked for' }),
  in: z
    .string('must be given once')
    .transform((text) => text.split(','))
    .refine((list) => list.every((text) => (searchPlaces as readonly string[]).includes(text)), placesMessage)
    .transform((list) => list as SearchPlace[])
    .optional()
    .meta({ description: `where: ${searchPlaces.join(',')}, the default, or some of them`, override: asText }),
  limit: wholeNumberText({ min: 1, max: limits.searchHitsMax, otherwise: 100 }, 'how many hits at most').optional(),
});

export function runViewRoutes({ engine }: RouteParts): Route[] {
  return [
    {
      method: 'get',
      path: '/api/workflows/{id}/logs',
      operation: {
        operationId: 'getWorkflowLogs',
        summary: 'The log of a run: the lines of all its steps, by time',
        description:
          'A line without a time of its own has that of what it is about. Where there is more, ask again with `after` = `next`. As text, `X-Log-Next` tells the same.',
        tags: ['workflows'],
        requestParams: { path: workflowIdPath, query: logsQuerySchema },
        responses: {
          200: {
            description: 'the lines',
            content: {
              'application/json': { schema: logReplySchema },
              'text/plain': {
                schema: { type: 'string' },
                example: '2026-01-31T12:00:00.000Z INFO  fetch: Started execution at 2026-01-31T12:00:00.000Z\n',
              },
            },
            headers: namedHeaders({
              'X-Log-Next': 'of `format=text`, where there is more: give it as `after`',
              'Content-Disposition': 'of `format=text`: a name for the file',
            }),
          },
          ...refusals(...workflowRefusals, 'INVALID'),
        },
      },
      async handle(ctx) {
        const id = readWorkflowId(ctx);
        const { format = 'json', after, limit } = readQuery(ctx, logsQuerySchema);
        const options: LogOptions = { room: holdOf(ctx).room };
        if (after !== undefined) options.after = after;
        if (limit !== undefined) options.limit = limit;
        const reply = await engine.logs(id, options);
        if (format === 'json') {
          sendJson(ctx, 200, JSON.stringify(reply));
          return;
        }
        ctx.status = 200;
        ctx.type = 'text/plain; charset=utf-8';
        ctx.set('Content-Disposition', `attachment; filename="${id}.log"`);
        if (reply.more && reply.next !== null) ctx.set('X-Log-Next', reply.next);
        ctx.body = toLogText(reply.lines);
      },
    },
    {
      method: 'get',
      path: '/api/workflows/{id}/search',
      operation: {
        operationId: 'searchWorkflow',
        summary: 'Where a text stands in a run: names, errors, log lines, outputs',
        description: `Letter case does not count. Of outputs over 64 KiB, ${limits.searchOutputsBytesMax / 1024 / 1024} MiB are looked into, the smallest first; \`unread\` names the others.`,
        tags: ['workflows'],
        requestParams: { path: workflowIdPath, query: searchQuerySchema },
        responses: {
          200: jsonAnswer('the hits, in the order of the steps', searchReplySchema),
          ...refusals(...workflowRefusals, 'INVALID', 'TOO_MANY'),
        },
      },
      async handle(ctx) {
        const id = readWorkflowId(ctx);
        const { q, in: places, limit } = readQuery(ctx, searchQuerySchema);
        const options: SearchOptions = { room: holdOf(ctx).room };
        if (places !== undefined) options.places = places;
        if (limit !== undefined) options.limit = limit;
        sendJson(ctx, 200, JSON.stringify(await engine.search(id, q, options)));
      },
    },
    {
      method: 'get',
      path: '/api/workflows/{id}/lineage',
      operation: {
        operationId: 'getWorkflowLineage',
        summary: 'The workflows that it was branched from, and all branches of these',
        description:
          'One tree: nodes are workflows, an edge leads from a workflow to what was branched from it, and names the step. Workflows that were deleted are not in it.',
        tags: ['workflows'],
        requestParams: { path: workflowIdPath },
        responses: { 200: jsonAnswer('the relatives', lineageSchema), ...refusals(...workflowRefusals) },
      },
      async handle(ctx) {
        sendJson(ctx, 200, JSON.stringify(await engine.lineage(readWorkflowId(ctx))));
      },
    },
    {
      method: 'get',
      path: '/api/workflows/{id}/definition',
      operation: {
        operationId: 'getWorkflowDefinition',
        summary: 'The definition that a run was made from, to run or change it again',
        description:
          'As JSON, the params stand beside it. With `Accept: application/yaml` it comes as one file, params included, up to 1 MiB.',
        tags: ['workflows'],
        requestParams: { path: workflowIdPath },
        responses: {
          200: {
            description: 'the definition',
            content: {
              'application/json': { schema: definitionBackSchema },
              'application/yaml': { schema: { type: 'string' }, example: 'name: One step\nsteps:\n  - id: only\n' },
            },
          },
          ...refusals(...workflowRefusals, 'TOO_LARGE'),
        },
      },
      async handle(ctx) {
        const reply = await engine.definition(readWorkflowId(ctx), { room: holdOf(ctx).room });
        ctx.vary('Accept');
        if (ctx.accepts('application/json', 'application/yaml') !== 'application/yaml') {
          sendJson(ctx, 200, JSON.stringify(reply));
          return;
        }
        const { definition, params } = reply;
        const whole = { ...definition, ...(Object.keys(params).length === 0 ? {} : { params }) };
        if (JSON.stringify(whole).length > yamlLengthMax) {
          const detail = 'This definition is too large to be written as YAML: ask for application/json';
          throw new Refusal({ code: 'TOO_LARGE', detail });
        }
        ctx.status = 200;
        ctx.type = 'application/yaml; charset=utf-8';
        ctx.body = toYaml(whole);
      },
    },
  ];
}

/** Writing YAML takes some 3 µs a character. */
const yamlLengthMax = 1024 * 1024;

/** A line for each, as a file has them. What would be a second line is indented. */
export function toLogText(lines: readonly LogLine[]): string {
  return lines
    .map(({ at, level, step_id, text }) => {
      const head = `${(at ?? '').padEnd(24)} ${level.toUpperCase().padEnd(5)} ${step_id}: `;
      return `${head}${text.replaceAll(/\r\n|[\r\n]/g, '\n    ')}\n`;
    })
    .join('');
}
