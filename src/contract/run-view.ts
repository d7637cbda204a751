/**
 * What a screen needs of a run besides the workflow itself: its graph as columns, what has changed since a version, its
 * log, what a search finds in it, and its relatives.
 *
 * In columns a step is named by its place: the `i` of `id[i]`. Maps by place have an entry only where there is something
 * to say; their keys are places as text, as JSON has them.
 */
import { z } from 'zod';
import { limits } from './limits.ts';
import {
  branchSchema,
  childSchema,
  isoTimeSchema,
  jobStatusSchema,
  stepErrorCodeSchema,
  workflowSummarySchema,
} from './workflow.ts';

/** A character of `status`: the place of the status in `JobStatus`. */
export const statusDigits = jobStatusSchema.options;

const place = z.int().min(0);
function byPlace<T extends z.ZodType>(value: T) {
  return z.record(z.string().regex(/^\d+$/), value);
}

/** The columns of steps; all arrays are of one length, and `status` has as many characters. */
const columnFields = {
  id: z.array(z.string()),
  name: z.array(z.string()),
  action: z.array(place).meta({ description: 'places in `actions`' }),
  deps: z.array(z.array(z.int())).meta({ description: 'places of the steps that it waits for; -1 for an unknown id' }),
  status: z.string().meta({ description: 'a digit for each step: its place in the list of JobStatus, from 0' }),
  queued: z.array(z.int()).meta({ description: 'ms since `createdAt` when it last became ready; -1: never' }),
  start: z.array(z.int()).meta({ description: 'ms since `createdAt` when it started; -1: not yet' }),
  ms: z.array(z.int()).meta({ description: 'how long it took; -1 while it has not ended' }),
  attempt: z.array(z.int().min(0)),
  cost: z.array(z.number().nullable()).meta({ description: 'US dollars; null: not known; -1: it has called nobody' }),
  tokens: z.array(z.number()).meta({ description: '-1: it has called nobody' }),
  error: byPlace(stepErrorCodeSchema).meta({ description: 'codes of failures; of those without a code, ""' }),
  waits: byPlace(z.enum(['budget', 'decision', 'data', 'time', 'workflow'])).meta({
    description: 'what a step whose dependencies are complete waits for',
  }),
  outcome: byPlace(z.enum(['s', 't'])).meta({ description: 's: skipped; t: its failure is tolerated' }),
  of: byPlace(z.tuple([place, z.int().min(0)]).meta({ items: { type: 'integer' } })).meta({
    description: 'of a step that a group has made: the place of the group, and which item or round',
  }),
  group: byPlace(z.enum(['map', 'loop'])).meta({ description: 'groups, also those whose list is not known yet' }),
  count: byPlace(z.int().min(0)).meta({ description: 'of a group: its items, or the rounds that have begun' }),
  child: byPlace(z.string()).meta({ description: 'of a `workflow` step: the id of the workflow that it runs' }),
  final: z.array(place).meta({ description: 'the steps of `finally`' }),
};

const graphHead = {
  version: z.int(),
  seq: z.int().meta({ description: 'number of the last event in it; events up to it are to be dropped' }),
  actions: z.array(z.string()),
};

export const graphViewSchema = workflowSummarySchema
  .extend({
    branches: z.array(branchSchema),
    children: z.array(childSchema).optional(),
    ...graphHead,
    steps: z.object(columnFields),
  })
  .meta({ id: 'GraphView', description: 'a run without params, outputs and logs: the steps as columns' });
export type GraphView = z.infer<typeof graphViewSchema>;
export type GraphColumns = GraphView['steps'];

/** Places are those of the whole run: entry k of each column is about the step at `at[k]`; maps go by that place too. */
export const changesViewSchema = workflowSummarySchema
  .extend({
    branches: z.array(branchSchema),
    children: z.array(childSchema).optional(),
    ...graphHead,
    since: z.int(),
    at: z.array(place).meta({ description: 'places of the steps that have changed, ascending; new steps come last' }),
    steps: z.object(columnFields),
  })
  .meta({ id: 'ChangesView', description: 'the columns of the steps that have changed since a version' });
export type ChangesView = z.infer<typeof changesViewSchema>;

export const logLevelSchema = z.enum(['info', 'warn', 'error']);
export const logLineSchema = z
  .object({
    at: isoTimeSchema.nullable().meta({ description: 'null where nobody knows: before the step first started' }),
    level: logLevelSchema,
    step_id: z.string(),
    line: z.int().min(0).meta({ description: 'its place in the `logs` of the step, from 0' }),
    text: z.string(),
  })
  .meta({ id: 'LogLine' });
export type LogLine = z.infer<typeof logLineSchema>;

export const logReplySchema = z
  .object({
    lines: z.array(logLineSchema).meta({ description: 'of all steps, by time' }),
    more: z.boolean().meta({ description: 'there are later lines: ask again with `after` = `next`' }),
    next: isoTimeSchema.nullable().meta({ description: 'the time of the last line' }),
  })
  .meta({ id: 'RunLog' });
export type LogReply = z.infer<typeof logReplySchema>;

export const searchPlaces = ['names', 'errors', 'logs', 'outputs'] as const;
export type SearchPlace = (typeof searchPlaces)[number];
export const searchHitSchema = z
  .object({
    step_id: z.string(),
    in: z.enum(searchPlaces),
    line: z.int().optional().meta({ description: 'of logs: place in the `logs` of the step, from 0' }),
    pointer: z.string().optional().meta({ description: 'of outputs: a JSON pointer (RFC 6901)' }),
    before: z.string().meta({ description: 'up to 60 characters' }),
    match: z.string(),
    after: z.string().meta({ description: 'up to 60 characters' }),
  })
  .meta({ id: 'SearchHit' });
export type SearchHit = z.infer<typeof searchHitSchema>;

export const searchReplySchema = z
  .object({
    hits: z.array(searchHitSchema),
    cut: z.boolean().meta({ description: 'there are more than were asked for' }),
    unread: z
      .array(z.string())
      .meta({ description: 'ids of steps whose outputs are too large to look into, at most 100' }),
  })
  .meta({ id: 'SearchReply' });
export type SearchReply = z.infer<typeof searchReplySchema>;

export const lineageSchema = z
  .object({
    root: z.string().meta({ description: 'id of the eldest that is there' }),
    nodes: z.array(workflowSummarySchema).max(limits.lineageMax),
    edges: z.array(
      z.object({
        parent: z.string(),
        child: z.string(),
        kind: z.enum(['branch', 'step']).meta({ description: 'step: a `workflow` step of the parent runs the child' }),
        stepId: z.string().nullable().meta({ description: 'null where the parent does not say' }),
      }),
    ),
    cut: z.boolean().meta({ description: `there are more than ${limits.lineageMax}` }),
  })
  .meta({ id: 'Lineage' });
export type Lineage = z.infer<typeof lineageSchema>;

export const facetsSchema = z
  .object({
    total: z.int(),
    status: z.array(z.object({ value: jobStatusSchema, count: z.int() })),
    tag: z
      .array(z.object({ value: z.string(), count: z.int() }))
      .meta({ description: 'the most frequent, at most 100' }),
    template: z
      .array(z.object({ value: z.string(), count: z.int() }))
      .meta({ description: 'by templateId, the most frequent, at most 100' }),
  })
  .meta({ id: 'Facets' });
export type Facets = z.infer<typeof facetsSchema>;

/** A part of a step's outputs. */
export const outputPartSchema = z
  .object({
    pointer: z.string(),
    type: z.enum(['object', 'array', 'string', 'number', 'boolean', 'null']),
    bytes: z.int().meta({ description: 'of the whole part as JSON, of a text in UTF-8' }),
    cut: z.boolean(),
    value: z.unknown().optional().meta({ description: 'there where the part is no text and is not cut' }),
    text: z
      .string()
      .optional()
      .meta({ description: 'a text, or the beginning of a cut part: of a text, or of its JSON' }),
    children: z.int().optional().meta({ description: 'of an object or an array: how many entries it has' }),
    keys: z
      .array(z.string())
      .optional()
      .meta({ description: 'of a cut object: its first keys, at most 1,000; each can be asked for by its pointer' }),
  })
  .meta({ id: 'OutputPart' });
export type OutputPart = z.infer<typeof outputPartSchema>;

export const definitionBackSchema = z
  .object({
    definition: z
      .record(z.string(), z.unknown())
      .meta({ description: 'as it can be given to POST /api/workflows again, but for its params' }),
    params: z.record(z.string(), z.unknown()),
    templateId: z.string().nullable(),
  })
  .meta({ id: 'DefinitionBack' });
export type DefinitionBack = z.infer<typeof definitionBackSchema>;
