/** When a template runs by itself: what its file says, what is kept of it on disk, and what clients are told. */
import { z } from 'zod';
import { durationSchema } from './flow.ts';
import { limits } from './limits.ts';
import { isoTimeSchema } from './workflow.ts';

export const scheduleSchema = z
  .strictObject({
    cron: z
      .string()
      .min(1)
      .max(256)
      .meta({ description: 'minute, hour, day of month, month, day of week, as in `0 7 * * 1-5`' }),
    timezone: z.string().min(1).max(64).meta({ description: 'IANA name, as in `Europe/Berlin` or `UTC`' }),
    params: z
      .record(z.string(), z.unknown())
      .optional()
      .meta({ description: 'the params of each run; `{{slot}}` is the time it is for, ISO 8601 in UTC' }),
    missed: z
      .enum(['skip', 'once', 'all'])
      .optional()
      .meta({ description: 'of slots that passed while nobody ran them: none, the latest (default), or all' }),
    window: durationSchema.optional().meta({ description: 'how late a missed slot may still run; default `1h`' }),
    overlap: z.enum(['skip', 'queue', 'allow', 'replace']).optional().meta({
      description:
        'while a workflow of this schedule is not finished: leave the slot out (default), keep one until it is, start beside it, or stop it first',
    }),
    enabled: z.boolean().optional().meta({ description: 'false: no slot runs, whatever clients say; default true' }),
  })
  .meta({ id: 'Schedule' });
export type TemplateSchedule = z.infer<typeof scheduleSchema>;

/** Why no workflow was made for a slot. */
export const passedWhySchema = z.enum(['missed', 'overlap', 'paused', 'refused']);

const passedSchema = z
  .object({
    slot: isoTimeSchema,
    why: passedWhySchema,
    at: isoTimeSchema.meta({ description: 'when that was decided' }),
    detail: z.string().optional().meta({ description: 'of a refused one: what was wrong' }),
  })
  .meta({ id: 'PassedSlot' });
export type PassedSlot = z.infer<typeof passedSchema>;

const lastSchema = z.object({ slot: isoTimeSchema, workflow_id: z.string() });

/** A schedule as `.engine/schedules.json` keeps it. */
const scheduleRecordSchema = z.object({
  cron: z.string(),
  timezone: z.string(),
  enabled: z.boolean(),
  /** Every slot up to this time is decided. It never falls. */
  cursor: isoTimeSchema,
  pausedAt: isoTimeSchema.nullable(),
  /** Since when the template's file is not there. */
  goneSince: isoTimeSchema.nullable(),
  last: lastSchema.nullable(),
  /** Slots that are due and wait for a workflow of this schedule to finish, oldest first. */
  queued: z.array(z.object({ slot: isoTimeSchema, trigger: z.string().optional() })).readonly(),
  /** The latest calls with an Idempotency-Key, at most `limits.passedSlotsMax`: SHA-256 (hex), and a trigger's answer. */
  calls: z
    .array(
      z.object({
        key: z.string(),
        reply: z.object({ slot: isoTimeSchema, workflow_id: z.string().nullable(), queued: z.boolean() }).nullable(),
      }),
    )
    .readonly(),
  /** The latest that made no workflow, at most `limits.passedSlotsMax`, oldest first. */
  passed: z.array(passedSchema).readonly(),
});
export type ScheduleRecord = Readonly<z.infer<typeof scheduleRecordSchema>>;

export const schedulesFileSchema = z.object({
  version: z.literal(1),
  /** By template. */
  schedules: z.record(z.string(), scheduleRecordSchema),
});
export type KeptSchedules = z.infer<typeof schedulesFileSchema>;

export const scheduleViewSchema = z
  .object({
    template: z.string(),
    cron: z.string(),
    timezone: z.string(),
    enabled: z.boolean().meta({ description: 'as the file says' }),
    paused: z.boolean().meta({ description: 'by a client, or because the file is gone or has a fault' }),
    next: isoTimeSchema.nullable().meta({ description: 'null while it is paused or not enabled' }),
    last: lastSchema.nullable().meta({ description: 'the latest slot with a workflow' }),
    queued: z.array(isoTimeSchema).meta({ description: 'slots that wait for a workflow to finish' }),
    passed: z
      .array(passedSchema)
      .meta({ description: `slots without a workflow, at most ${limits.passedSlotsMax}, newest first` }),
    notice: z.string().optional().meta({ description: 'why it does not run' }),
  })
  .meta({ id: 'ScheduleState' });
export type ScheduleView = z.infer<typeof scheduleViewSchema>;

export const triggerReplySchema = z
  .object({
    template: z.string(),
    slot: isoTimeSchema,
    workflow_id: z.string().nullable().meta({ description: 'null where it waits' }),
    queued: z.boolean().meta({ description: 'it begins when the workflow that runs has finished' }),
  })
  .meta({ id: 'TriggerReply' });
export type TriggerReply = z.infer<typeof triggerReplySchema>;

/** `replayed`: its key met an earlier call, and nothing has changed. It is not enumerable. */
export type Replayable<Reply> = Reply & { readonly replayed?: boolean };

/**
 * Keys of what a schedule makes begin with this. The blank is refused in the header of clients, so that none of them can
 * take a slot.
 */
export function scheduleKeyPrefix(template: string): string {
  return ` schedule/${template}/`;
}
