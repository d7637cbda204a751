/** What a person decides about a step that waits for it, and which steps wait for the outside. */
import { z } from 'zod';
import { limits } from './limits.ts';
import { takeSchema } from './taking.ts';
import { isoTimeSchema, type WorkflowStep } from './workflow.ts';

export const decisionRequestSchema = z
  .strictObject({
    approved: z.boolean().meta({ description: 'other steps ask for it with `when`' }),
    by: z
      .string()
      .min(1)
      .max(limits.nameLengthMax)
      .nullish()
      .meta({ description: 'who decides, as the caller says; nobody checks it' }),
    comment: z.string().max(limits.commentLengthMax).nullish(),
    data: z
      .unknown()
      .refine(
        (value) => (JSON.stringify(value) ?? '').length <= limits.metadataBytesMax,
        `data takes at most ${limits.metadataBytesMax} bytes of JSON`,
      )
      .optional()
      .meta({
        description:
          'what the step asks for besides: it must fit the JSON Schema in its `params.data`. May be left out when `approved` is false',
      }),
  })
  .meta({ id: 'DecisionRequest' });
export type DecisionRequest = z.input<typeof decisionRequestSchema>;

/** `replayed`: its key met an earlier call. It is not enumerable: the reply is the same, word for word. */
export type DecisionAnswer = WorkflowStep & { readonly replayed?: boolean };

export const waitingStepSchema = z
  .object({
    workflow_id: z.string(),
    step_id: z.string(),
    name: z.string(),
    action: z.string(),
    for: z.enum(['decision', 'data']),
    message: z.string().optional().meta({ description: 'of an approval: what is to be decided, references bound' }),
    take: takeSchema.optional().meta({ description: 'of data: which are for it where no id and no name is given' }),
    collect: z.int().optional().meta({ description: 'of a step that collects: how many pieces it waits for in all' }),
    collected: z.int().optional().meta({ description: 'how many of them have come' }),
    until: isoTimeSchema.optional().meta({ description: 'when the wait ends by itself; absent where it does not' }),
    since: isoTimeSchema,
  })
  .meta({ id: 'WaitingStep' });
export type WaitingStep = z.infer<typeof waitingStepSchema>;

export interface WaitingQuery {
  /** At most so many; default `limits.listLimitDefault`. */
  limit?: number;
  offset?: number;
}

export interface WaitingReply {
  /** How many steps wait, before limit and offset. */
  total: number;
  /** The longest wait first. */
  items: WaitingStep[];
}
