/** What clients are told as it happens: one event per durable change. */
import { z } from 'zod';
import { outcomeSchema } from './flow.ts';
import { eventKinds } from './journal-event.ts';
import { isoTimeSchema, jobStatusSchema, stepCountsSchema, stepErrorCodeSchema } from './workflow.ts';

export const eventKindSchema = z.enum(eventKinds);
export type EventKind = z.infer<typeof eventKindSchema>;

/** The step of an event after it, as far as a list or a graph shows it. */
export const eventStepSchema = z
  .object({
    status: jobStatusSchema,
    attempt: z.int(),
    queuedAt: isoTimeSchema.nullable(),
    startTime: isoTimeSchema.nullable(),
    endTime: isoTimeSchema.nullable(),
    cost: z.number().nullable().meta({ description: 'US dollars of all its attempts; null: not known' }).optional(),
    tokens: z.number().optional().meta({ description: 'absent, like cost, where it has called nobody' }),
    errorCode: stepErrorCodeSchema.nullable(),
    outcome: outcomeSchema.optional(),
  })
  .meta({ id: 'EventStep' });
export type EventStep = z.infer<typeof eventStepSchema>;

export const engineEventSchema = z
  .object({
    seq: z.int().meta({ description: 'sequence number over all workflows; the `id:` of the server-sent event' }),
    kind: eventKindSchema,
    workflow_id: z.string(),
    step_id: z.string().optional(),
    at: isoTimeSchema,
    status: jobStatusSchema.meta({ description: 'of the workflow, after the change' }),
    step_status: jobStatusSchema.optional(),
    step: eventStepSchema.optional().meta({ description: 'the step of step_id, after the change' }),
    progress: z.int().optional(),
    steps_total: z.int().optional(),
    step_counts: stepCountsSchema.optional(),
    skipped: z.int().optional().meta({ description: 'how many of the completed steps were skipped; absent: none' }),
    tolerated: z.int().optional().meta({ description: 'and of how many the failure is tolerated' }),
    total_cost: z.number().optional().meta({ description: 'US dollars, of the workflow after the change' }),
    total_tokens: z.number().optional(),
    cost_is_floor: z.boolean().optional().meta({ description: 'true when a price was not known' }),
    queued_steps: z
      .array(z.string())
      .optional()
      .meta({ description: 'steps that became PENDING with it, at most 100' }),
    stopped_steps: z
      .array(z.string())
      .optional()
      .meta({ description: 'steps that became STOPPED with it, at most 100' }),
    completed_steps: z.array(z.string()).optional().meta({
      description: 'other steps that it has completed: groups, skipped steps, data kept for them; at most 100',
    }),
    skipped_steps: z
      .array(z.string())
      .optional()
      .meta({ description: 'those of completed_steps that were skipped, at most 100' }),
    failed_steps: z.array(z.string()).optional().meta({ description: 'groups that it has failed, at most 100' }),
    count: z.int().optional().meta({ description: 'of step.mapped: the steps of so many items are there now' }),
    round: z.int().optional().meta({ description: 'of step.repeated: the round that begins, counted from 0' }),
    child_id: z
      .string()
      .optional()
      .meta({ description: 'of a `workflow` step: the workflow that it has started; its events name themselves' }),
    parent_id: z
      .string()
      .optional()
      .meta({ description: 'of workflow.created: the workflow whose step has started it' }),
    parent_step_id: z.string().optional().meta({ description: 'that step' }),
    steps_cut: z.literal(true).optional().meta({ description: 'there were more: read the workflow' }),
    version: z.int(),
  })
  .meta({ id: 'EngineEvent' });
export type EngineEvent = z.infer<typeof engineEventSchema>;

/**
 * A piece of the text that a running step makes, while it makes it. No durable fact: it has no number, is not told again
 * after a restart, and counts for nothing once the attempt has ended; the whole text is in the outputs then.
 */
export const tokenEventSchema = z
  .object({
    kind: z.literal('step.tokens'),
    workflow_id: z.string(),
    step_id: z.string(),
    attempt: z.int().meta({ description: 'a new attempt begins its text anew' }),
    offset: z.int().min(0).meta({
      description: 'how many characters (UTF-16 units) of the text come before; 0 replaces what was told of it',
    }),
    text: z.string(),
    cut: z.literal(true).optional().meta({
      description: 'nothing more of this text is told here: read the outputs when the step has ended',
    }),
  })
  .meta({ id: 'TokenEvent' });
export type TokenEvent = z.infer<typeof tokenEventSchema>;

/** Sent instead of a backlog that is no longer held: reload, then go on from `oldest`. */
export const eventGapSchema = z.object({
  kind: z.literal('gap'),
  /** The id the client asked to continue from. */
  after: z.int(),
  /** The oldest sequence number still held. */
  oldest: z.int(),
});
export type EventGap = z.infer<typeof eventGapSchema>;
