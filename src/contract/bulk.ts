/** One call for many workflows. Each of them has its own record, so that the same call finishes after a death. */
import { z } from 'zod';
import { limits } from './limits.ts';
import { isoTimeSchema, jobStatusSchema, workflowIdSchema } from './workflow.ts';

export const bulkFilterSchema = z
  .strictObject({
    status: z.array(jobStatusSchema).min(1).max(jobStatusSchema.options.length).optional(),
    tag: z.array(z.string().min(1).max(128)).min(1).max(16).optional().meta({ description: 'all of them' }),
    q: z.string().max(1_000).optional(),
    from: isoTimeSchema.optional(),
    to: isoTimeSchema.optional(),
    template: z.string().min(1).max(128).optional(),
    parent: z.string().max(64).optional(),
  })
  .refine((filter) => Object.keys(filter).length > 0, 'name at least one field, or list the workflows as ids')
  .meta({ id: 'BulkFilter' });

export const bulkRequestSchema = z
  .strictObject({
    action: z.enum(['stop', 'retry', 'resume', 'delete']),
    ids: z.array(workflowIdSchema).min(1).max(limits.bulkMax).optional(),
    filter: bulkFilterSchema
      .optional()
      .meta({ description: `in place of ids: those of GET /api/workflows, at most ${limits.bulkMax}` }),
  })
  .refine(({ ids, filter }) => (ids === undefined) !== (filter === undefined), {
    path: ['ids'],
    error: 'give either ids or a filter',
  })
  .meta({ id: 'BulkRequest' });
export type BulkRequest = z.infer<typeof bulkRequestSchema>;
export type BulkAction = BulkRequest['action'];

export const bulkResultSchema = z
  .object({
    id: z.string(),
    ok: z.boolean(),
    status: jobStatusSchema.nullable().meta({ description: 'after it; null where it is gone or was not found' }),
    code: z.string().nullable().meta({ description: 'of the refusal: NOT_FOUND, CONFLICT, …' }),
    detail: z.string().meta({ description: 'what was done, or why not' }),
  })
  .meta({ id: 'BulkResult' });
export type BulkResult = z.infer<typeof bulkResultSchema>;
