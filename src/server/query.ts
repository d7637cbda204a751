/** What stands in a URL's query and in the headers of a call, read by schema. Numbers arrive there as text. */
import type { Context } from 'koa';
import { z } from 'zod';
import type { ZodOpenApiOverrideMetaContext } from 'zod-openapi';
import { templateIdSchema } from '../contract/definition.ts';
import type { CallOptions, WaitOptions } from '../contract/engine.ts';
import { invalid } from '../contract/failures.ts';
import { limits } from '../contract/limits.ts';
import { listSorts, listTimeSchema, readCursorText, statusListSchema } from '../contract/list-query.ts';
import { didYouMean } from '../contract/nearest.ts';
import { workflowIdSchema } from '../contract/workflow.ts';
import { toKeyOf } from './access.ts';
import type { OpenRequests } from './open-requests.ts';
import { quoted, validate } from './problem.ts';
import { holdOf, type Route } from './route.ts';

export function wholeNumberText(range: { min: number; max: number; otherwise?: number }, description: string) {
  const message = `must be a whole number from ${range.min} to ${range.max}`;
  return z
    .string(message)
    .regex(/^\d{1,15}$/, message)
    .transform(Number)
    .refine((value) => value >= range.min && value <= range.max, message)
    .meta({
      description,
      override: ({ jsonSchema }: ZodOpenApiOverrideMetaContext) => {
        delete jsonSchema.pattern;
        jsonSchema.type = 'integer';
        jsonSchema.minimum = range.min;
        jsonSchema.maximum = range.max;
        if (range.otherwise !== undefined) jsonSchema.default = range.otherwise;
      },
    });
}

const waitMessage = `must be a number of seconds from 0 to ${limits.waitSecondsMax}, such as 2.5`;
const waitSchema = z
  .string(waitMessage)
  .regex(/^\d{1,3}(\.\d{1,9})?$/, waitMessage)
  .transform(Number)
  .refine((seconds) => seconds <= limits.waitSecondsMax, waitMessage)
  .meta({
    description: 'seconds to wait for the workflow to come to rest: finished, or waiting for the outside',
    override: ({ jsonSchema }: ZodOpenApiOverrideMetaContext) => {
      delete jsonSchema.pattern;
      jsonSchema.type = 'number';
      jsonSchema.minimum = 0;
      jsonSchema.maximum = limits.waitSecondsMax;
      jsonSchema.default = 0;
    },
  });

export const waitQuerySchema = z.object({ wait: waitSchema.optional() });

export const workflowQuerySchema = waitQuerySchema
  .extend({
    view: z.enum(['full', 'graph', 'changes']).optional().meta({
      description:
        '`full`, the default; `graph`: the steps as columns, without params, outputs and logs; `changes`: the same of the steps that have changed since a version',
    }),
    since: wholeNumberText({ min: 0, max: 999_999_999_999_999 }, 'with view=changes: a version').optional(),
  })
  .refine(({ view, since }) => (view === 'changes') === (since !== undefined), {
    path: ['since'],
    error: 'goes with view=changes, which needs it',
  });

export const templateQuerySchema = z.object({
  template_id: templateIdSchema.optional().meta({ description: 'with it, the body is the params object' }),
});

export const fromTemplateQuerySchema = templateQuerySchema.extend({ wait: waitSchema.optional() });
export const deleteQuerySchema = z.object({
  version: wholeNumberText(
    { min: 1, max: 999_999_999_999_999 },
    'delete it only if it is finished and still has this version; else 409',
  ).optional(),
});

export const pageQuerySchema = z.object({
  limit: wholeNumberText(
    { min: 1, max: limits.listLimitMax, otherwise: limits.listLimitDefault },
    'how many at most',
  ).optional(),
  offset: wholeNumberText({ min: 0, max: 1_000_000_000, otherwise: 0 }, 'how many to skip').optional(),
});

const once = 'must be given once';
const tagSchema = z.string().min(1).max(128);
/** The fields that choose workflows, for lists, facets and bulk calls alike. */
export const listFilterSchema = z.object({
  status: statusListSchema.optional().meta({
    description: 'one or several, separated by commas: `FAILED,STOPPED`',
    override: asText,
  }),
  tag: z
    .union([tagSchema, z.array(tagSchema).max(16)])
    .optional()
    .meta({ description: 'workflows that carry this tag; given more than once: all of them' }),
  q: z.string(once).max(1_000).optional().meta({ description: 'part of the id, name or description, any letter case' }),
  from: listTimeSchema.optional().meta({ description: 'created at this time or later; a day is its beginning, UTC' }),
  to: listTimeSchema.optional().meta({ description: 'created before this time' }),
  template: z.string(once).min(1).max(128).optional().meta({ description: 'made from this template' }),
  parent: z.string(once).min(1).max(64).optional().meta({ description: 'branches of this workflow' }),
});

/** What the schema reads is text, whatever it makes of it. */
export function asText({ jsonSchema }: ZodOpenApiOverrideMetaContext): void {
  for (const key of Object.keys(jsonSchema)) if (key !== 'description') delete jsonSchema[key as 'type'];
  jsonSchema.type = 'string';
}

export const listQuerySchema = pageQuerySchema.extend(listFilterSchema.shape).extend({
  sort: z
    .enum(listSorts)
    .optional()
    .meta({ description: '`updated`, the default; `created`, `duration`, `cost`: the largest first' }),
  cursor: z
    .string(once)
    .max(200)
    .transform((text, context) => {
      const cursor = readCursorText(text);
      if (cursor === null) context.addIssue('is none: take the one in the X-Next-Cursor of the page before');
      return cursor ?? z.NEVER;
    })
    .optional()
    .meta({
      description:
        'in place of an offset: what comes after the page with this X-Next-Cursor, though rows may have moved',
      override: asText,
    }),
  view: z
    .enum(['full', 'summary'])
    .optional()
    .meta({ description: '`full`, the default: whole workflows; `summary`: without their steps' }),
});

export const eventsQuerySchema = z.object({
  lastEventId: wholeNumberText(
    { min: 0, max: 999_999_999_999_999 },
    'like the Last-Event-ID header, for clients that cannot set it',
  ).optional(),
  ticket: z
    .string('must be given once')
    .max(100)
    .optional()
    .meta({ description: 'of POST /api/tickets, for clients that cannot send the token' }),
});

const someWorkflows = (most: number) =>
  z
    .union([z.string(), z.array(z.string())])
    .transform((given) => [...new Set([given].flat())])
    .refine((ids) => ids.every((id) => workflowIdSchema.safeParse(id).success), 'must be the id of a workflow, a UUID')
    .refine((ids) => ids.length <= most, `may be given ${most} times at most`)
    .optional();
const manyIds = ({ jsonSchema }: ZodOpenApiOverrideMetaContext) => {
  for (const key of Object.keys(jsonSchema)) if (key !== 'description') delete jsonSchema[key as 'type'];
  Object.assign(jsonSchema, { type: 'array', items: { type: 'string', format: 'uuid' } });
};

/** Of the common stream. */
export const streamQuerySchema = eventsQuerySchema.extend({
  workflow: someWorkflows(limits.streamWorkflowsMax).meta({
    description: 'only the events of this workflow; may be given more than once',
    override: manyIds,
  }),
  tokens: someWorkflows(limits.streamTextsMax).meta({
    description: 'also the texts that running steps of this workflow make; may be given more than once',
    override: manyIds,
  }),
});

const idempotencyKeyMessage = `must be 1 to ${limits.idempotencyKeyLengthMax} visible ASCII characters`;
export const idempotencyHeaderSchema = z.object({
  'Idempotency-Key': z
    .string()
    .regex(/^[\x21-\x7e]+$/, idempotencyKeyMessage)
    .max(limits.idempotencyKeyLengthMax, idempotencyKeyMessage)
    .optional()
    .meta({
      description:
        'the same key gives the same answer and one effect, as long as the workflow exists; the same request with its fields in another order is the same request, another one is 422',
    }),
});

const eventIdMessage = 'must be the id of an event, a whole number';
export const lastEventIdHeaderSchema = z.object({
  'Last-Event-ID': z
    .string()
    .regex(/^\d{1,15}$/, eventIdMessage)
    .optional()
    .meta({ description: 'continue after this event' }),
});

/**
 * Under `/api` a parameter that the route does not know is refused, with all others of its kind: `?dry_run=1` would
 * otherwise run a workflow. What a route takes is what its page of the documentation says.
 */
export function refuseUnknownQuery(ctx: Context, { operation, takesAnyQuery }: Route): void {
  if (operation === null || takesAnyQuery) return;
  const known = namesOf(operation.requestParams?.query);
  const errors = Object.keys(ctx.query)
    .filter((name) => !known.includes(name))
    .slice(0, unknownNamedMax)
    .map((name) => {
      const takes = known.length === 0 ? 'this call takes none' : `this call takes ${known.join(', ')}`;
      return {
        path: quoted(name) || '""',
        message: `is no parameter of this call; ${takes}${didYouMean(name, known)}`,
      };
    });
  if (errors.length > 0) throw invalid('The query is not valid', errors);
}

/** An answer names at most so many. */
const unknownNamedMax = 20;

function namesOf(query: unknown): string[] {
  return query instanceof z.ZodObject ? Object.keys(query.shape) : [];
}

export function readQuery<Schema extends z.ZodType>(ctx: Context, schema: Schema): z.output<Schema> {
  return validate(schema, { ...ctx.query }, 'The query');
}

export function readCallOptions(ctx: Context): CallOptions {
  const given = ctx.req.headers['idempotency-key'];
  const headers = validate(idempotencyHeaderSchema, { 'Idempotency-Key': given }, 'A header');
  const key = toKeyOf(ctx, headers['Idempotency-Key']);
  return { room: holdOf(ctx).room, ...(key === undefined ? {} : { idempotencyKey: key }) };
}

export function toWaitOptions(ctx: Context, seconds: number | undefined, openRequests: OpenRequests): WaitOptions {
  if (seconds === undefined || seconds === 0) return {};
  return { waitMs: Math.round(seconds * 1000), signal: openRequests.signalForWait(ctx.res) };
}

/** The header wins over the query; an empty one counts as none, as browsers send it before the first event. */
export function readLastEventId(ctx: Context, query: z.output<typeof eventsQuerySchema>): number | undefined {
  const given = ctx.req.headers['last-event-id'];
  if (given === undefined || given === '') return query.lastEventId;
  const header = validate(lastEventIdHeaderSchema, { 'Last-Event-ID': given }, 'A header')['Last-Event-ID'];
  return Number(header);
}
