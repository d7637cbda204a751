/** What a dry run and a validation answer, over REST and from the command line. */
import { z } from 'zod';
import { rehearsalSchema } from './rehearsal.ts';
import { jobStatusSchema } from './workflow.ts';

export const dryStepSchema = z.object({
  wave: z.int().meta({ description: 'from 1: steps of a wave wait for none of each other' }),
  id: z.string(),
  action: z.string(),
  status: jobStatusSchema,
  error: z.string().nullable(),
  would: rehearsalSchema.nullable().meta({ description: 'what was left out: a call of a model, a request, a wait' }),
  when: z.string().nullable().meta({ description: 'its condition; a dry run takes it for true' }),
  times: z.int().meta({ description: 'at most so often: the rounds of the loops around it' }),
  group: z.literal(true).optional().meta({ description: 'a map or a loop: what it does, its steps do' }),
});
export type DryStep = z.infer<typeof dryStepSchema>;

export const dryRunReplySchema = z
  .object({
    name: z.string(),
    status: jobStatusSchema,
    waves: z.array(z.array(z.string())),
    max_parallel_nodes: z.int(),
    steps: z.array(dryStepSchema),
    after_failure: z
      .array(z.object({ id: z.string(), action: z.string(), when: z.string().nullable() }))
      .meta({ description: 'steps that run only when another has failed; not among `steps`, not in the sums' }),
    models: z.object({
      calls: z.int(),
      input_tokens: z.number(),
      output_tokens: z.number(),
      cost: z.number().nullable().meta({ description: 'US dollars; null when no price is known' }),
      cost_is_floor: z.boolean(),
    }),
    notes: z.array(z.string()),
  })
  .meta({ id: 'DryRun' });
export type DryRunReply = z.infer<typeof dryRunReplySchema>;

export const definitionFaultSchema = z
  .object({
    path: z.string().meta({ description: 'as in `steps[3].dependencies[0]`; empty for the whole' }),
    message: z.string(),
    line: z.int().optional().meta({ description: 'from 1; absent where the place in the text is not known' }),
    column: z.int().optional(),
  })
  .meta({ id: 'DefinitionFault' });

export const validationReplySchema = z
  .object({
    errors: z.array(definitionFaultSchema).meta({ description: 'empty: a run would take it' }),
    warnings: z.array(z.string()).meta({ description: 'what is seldom meant' }),
  })
  .meta({ id: 'ValidationReply' });
export type ValidationReply = z.infer<typeof validationReplySchema>;
