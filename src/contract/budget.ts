/** What calls of models may use together: those of a workflow, or those of a day. */
import { z } from 'zod';

const shape = {
  /** More than this no double holds to the picodollar. */
  usd: z.number().min(0).max(2_000).optional().meta({ description: 'US dollars' }),
  tokens: z.int().min(0).optional().meta({ description: 'input and output together' }),
  calls: z.int().min(0).optional(),
};

export const budgetSchema = z
  .strictObject(shape)
  .refine(({ usd, tokens, calls }) => (usd ?? tokens ?? calls) !== undefined, 'needs usd, tokens or calls')
  .meta({ id: 'Budget' });
export type Budget = z.infer<typeof budgetSchema>;

const amounts = { usd: z.number(), tokens: z.int(), calls: z.int() };

export const budgetViewSchema = z
  .object({
    ...shape,
    spent: z.object(amounts).meta({
      description: 'a call whose use or price is not known counts as what had been reserved for it',
    }),
    reserved: z.object(amounts).meta({ description: 'set aside for calls in flight' }),
  })
  .meta({ id: 'BudgetView' });

export const resumeRequestSchema = z
  .strictObject({
    budget: budgetSchema.optional().meta({
      description: 'of usd, tokens and calls, what is given takes the place of what the budget says; the rest stays',
    }),
  })
  .meta({ id: 'ResumeRequest' });
export type ResumeRequest = z.infer<typeof resumeRequestSchema>;
