/** What clients are told as it happens: one event per durable change. */
import { z } from 'zod';
import { isoTimeSchema, jobStatusSchema } from './workflow.ts';

export const eventKindSchema = z.enum([
  'workflow.created',
  'workflow.adopted',
  'workflow.taken_over',
  'workflow.waiting',
  'workflow.stopped',
  'workflow.resumed',
  'workflow.retried',
  'workflow.branched',
  'workflow.recovered',
  'workflow.deleted',
  'step.started',
  'step.completed',
  'step.retrying',
  'step.failed',
  'step.spent',
  'external_data.ingested',
]);
export type EventKind = z.infer<typeof eventKindSchema>;

export const engineEventSchema = z
  .object({
    seq: z.int().meta({ description: 'sequence number over all workflows; the `id:` of the server-sent event' }),
    kind: eventKindSchema,
    workflow_id: z.string(),
    step_id: z.string().optional(),
    at: isoTimeSchema,
    status: jobStatusSchema.meta({ description: 'of the workflow, after the change' }),
    step_status: jobStatusSchema.optional(),
    queued_steps: z
      .array(z.string())
      .optional()
      .meta({ description: 'steps that became PENDING with it, at most 100' }),
    stopped_steps: z
      .array(z.string())
      .optional()
      .meta({ description: 'steps that became STOPPED with it, at most 100' }),
    steps_cut: z.literal(true).optional().meta({ description: 'there were more: read the workflow' }),
    version: z.int(),
  })
  .meta({ id: 'EngineEvent' });
export type EngineEvent = z.infer<typeof engineEventSchema>;

/** Sent instead of a backlog that is no longer held: reload, then go on from `oldest`. */
export interface EventGap {
  kind: 'gap';
  /** The id the client asked to continue from. */
  after: number;
  /** The oldest sequence number still held. */
  oldest: number;
}
