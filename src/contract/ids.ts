/**
 * The ids of workflows and steps. Both are strings; the mark, which exists for the compiler alone, keeps one from being
 * passed for the other. A string without a mark is taken for either, so that ids from outside need no cast: they are checked
 * by `workflowIdSchema`, and steps are looked up.
 */
import type { z } from 'zod';

declare const idOf: unique symbol;

export type WorkflowId = string & { readonly [idOf]?: 'workflow' };
export type StepId = string & { readonly [idOf]?: 'step' };

/** The same schema, for a value that is such an id. */
export const workflowIdOf = (schema: z.ZodString) => schema as unknown as z.ZodType<WorkflowId, WorkflowId>;
export const stepIdOf = (schema: z.ZodString) => schema as unknown as z.ZodType<StepId, StepId>;
