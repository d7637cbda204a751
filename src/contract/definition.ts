/**
 * What a client writes: an inline workflow definition, a template file, and the bodies of the calls that change a
 * workflow. Shapes only; what needs the whole graph (cycles, references) is checked by `core/validate.ts`.
 */
import { z } from 'zod';
import { budgetSchema } from './budget.ts';
import { conditionSchema, forEachSchema, joinSchema, repeatSchema, tolerateSchema } from './flow.ts';
import { limits } from './limits.ts';
import { scheduleSchema } from './schedule.ts';
import { acceptsSchema, webhookSchema } from './webhook.ts';
import { failurePolicySchema, type RetryPolicy, retryPolicySchema, stepIdSchema } from './workflow.ts';

const nameSchema = z.string().min(1).max(limits.nameLengthMax);
const tagsSchema = z.array(z.string().min(1).max(128)).max(limits.tagsMax);
const paramsSchema = z.record(z.string(), z.unknown());
const cacheSchema = z.boolean().optional();
const cacheOfStepsSchema = cacheSchema.meta({ description: '`cache` of the steps that do not say themselves' });

/** What a step says of when and how often it runs. */
const flowFields = {
  when: conditionSchema.optional().meta({ description: 'CEL: false skips the step' }),
  join: joinSchema.optional(),
  tolerate: tolerateSchema.optional(),
  forEach: forEachSchema.optional(),
  concurrency: z
    .int()
    .min(1)
    .max(limits.stepsMax)
    .optional()
    .meta({ description: 'with forEach: how many items are under way at once; all when absent' }),
  batch: z
    .int()
    .min(1)
    .max(10_000)
    .optional()
    .meta({ description: 'with forEach: an item is a list of up to so many' }),
  label: z
    .string()
    .min(1)
    .max(limits.labelLengthMax)
    .optional()
    .meta({ description: 'with forEach: what an item is called, references allowed' }),
  repeat: repeatSchema.optional(),
  output: z.unknown().optional().meta({ description: 'with forEach: what stands for an item in `outputs.items`' }),
};

export interface StepDefinition extends FlowDefinition {
  id: string;
  name?: string | undefined;
  /** Absent where there are inner steps. */
  action?: string | undefined;
  dependencies?: string[] | undefined;
  params?: Record<string, unknown> | undefined;
  timeoutMs?: number | undefined;
  retry?: RetryPolicy | undefined;
  cache?: boolean | undefined;
  steps?: StepDefinition[] | undefined;
}

type FlowDefinition = { [K in keyof typeof flowFields]?: z.infer<(typeof flowFields)[K]> | undefined };

export const stepDefinitionSchema: z.ZodType<StepDefinition> = z
  .strictObject({
    id: stepIdSchema,
    name: nameSchema.optional().meta({ description: 'the id when absent' }),
    action: z.string().min(1).max(128).optional().meta({ description: 'absent where there are `steps`' }),
    dependencies: z.array(z.string()).max(limits.stepsMax).optional(),
    params: paramsSchema
      .optional()
      .meta({ description: 'strings may hold `{{params.x}}` and `{{steps.<id>.outputs.<path>}}`' }),
    timeoutMs: z.int().min(1).max(limits.timeoutMsMax).optional(),
    retry: retryPolicySchema.optional(),
    cache: cacheSchema.meta({
      description:
        'true: where a step has asked the same before (action and bound params), its result is taken and nothing is called',
    }),
    ...flowFields,
    get steps(): z.ZodOptional<z.ZodArray<z.ZodType<StepDefinition>>> {
      return innerStepsSchema.optional();
    },
  })
  .refine(({ action, steps }) => action !== undefined || steps !== undefined, {
    path: ['action'],
    error: 'is missing; a step has an action, or `steps` of its own',
    // Also where other fields are wrong, so that all faults are named at once.
    when: ({ value }) => typeof value === 'object' && value !== null && !Array.isArray(value),
  })
  .meta({ id: 'StepDefinition' });

const innerStepsSchema: z.ZodArray<z.ZodType<StepDefinition>> = z
  .array(stepDefinitionSchema)
  .min(1, 'a step with `steps` needs at least one')
  .max(limits.innerStepsMax, `there can be at most ${limits.innerStepsMax} inner steps`);

const finallySchema = z
  .array(stepDefinitionSchema)
  .max(limits.innerStepsMax)
  .optional()
  .meta({ description: 'steps that begin when all others have ended, however they ended' });

export const workflowDefinitionSchema = z
  .strictObject({
    name: nameSchema,
    description: z.string().max(10_000).optional(),
    tags: tagsSchema.optional(),
    params: paramsSchema.optional().meta({ description: 'values that `{{params.x}}` refers to' }),
    failurePolicy: failurePolicySchema.optional(),
    cache: cacheOfStepsSchema,
    budget: budgetSchema
      .optional()
      .meta({ description: 'what calls of models may use; without room left the workflow waits' }),
    steps: z
      .array(stepDefinitionSchema)
      .min(1, 'a workflow needs at least one step')
      .max(limits.stepsMax, `there can be at most ${limits.stepsMax} steps`),
    finally: finallySchema,
  })
  .meta({ id: 'WorkflowDefinition' });
export type WorkflowDefinition = z.infer<typeof workflowDefinitionSchema>;

export const templateIdSchema = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, 'a template id is 1 to 128 letters, digits, ".", "_" or "-"');

/** A template file, YAML or JSON. `params` is a JSON Schema of what a run takes. */
export const templateSchema = z
  .strictObject({
    id: templateIdSchema,
    name: nameSchema,
    description: z.string().max(10_000).optional(),
    tags: tagsSchema.optional(),
    params: paramsSchema.optional().meta({ description: 'JSON Schema of the params a run takes' }),
    failurePolicy: failurePolicySchema.optional(),
    cache: cacheOfStepsSchema,
    budget: budgetSchema
      .optional()
      .meta({ description: 'what calls of models may use; without room left the workflow waits' }),
    steps: z
      .array(stepDefinitionSchema)
      .min(1, 'a template needs at least one step')
      .max(limits.stepsMax, `there can be at most ${limits.stepsMax} steps`),
    finally: finallySchema,
    schedule: scheduleSchema.optional().meta({ description: 'when it runs by itself, under `serve`' }),
    webhook: webhookSchema.optional().meta({ description: 'how another program starts it: `POST /hooks/<id>`' }),
    accepts: acceptsSchema.optional(),
  })
  .meta({ id: 'Template' });
export type Template = z.infer<typeof templateSchema>;

/** A fault of a template file. */
export const templateProblemSchema = z
  .object({
    file: z.string().meta({ description: 'name of the file; empty when the directory itself is at fault' }),
    ids: z.array(z.string()).meta({ description: 'ids under which the template would be asked for' }),
    path: z.string().meta({ description: 'the field, as in `steps[3].dependencies[0]`; empty for the whole' }),
    message: z.string(),
    line: z.int().nullable(),
    column: z.int().nullable(),
  })
  .meta({ id: 'TemplateProblem' });
export type TemplateProblem = z.infer<typeof templateProblemSchema>;

export const fromTemplateBodySchema = z
  .strictObject({ template_id: templateIdSchema, params: paramsSchema.optional() })
  .meta({ id: 'FromTemplateRequest' });

export const branchRequestSchema = z
  .strictObject({ stepId: stepIdSchema, params: paramsSchema.optional() })
  .meta({ id: 'BranchRequest' });
export type BranchRequest = z.infer<typeof branchRequestSchema>;

export const externalDataRequestSchema = z
  .strictObject({
    content: z.string(),
    source_url: z
      .url({ protocol: /^https?$/ })
      .max(8_192)
      .nullish(),
    content_type: z.string().max(255).default('text'),
    metadata: z
      .record(z.string(), z.unknown())
      .refine(
        (value) => JSON.stringify(value).length <= limits.metadataBytesMax,
        `metadata takes at most ${limits.metadataBytesMax} bytes of JSON; what is larger belongs into content`,
      )
      .nullish(),
    step_name: nameSchema.nullish().meta({ description: 'the name of a step that waits, or of the new one' }),
    action_type: z.string().min(1).max(128).default('external_data'),
    step_id: stepIdSchema.nullish().meta({
      description: 'the step that the data is for; an id that no step has is that of a new one',
    }),
    add: z.boolean().nullish().meta({ description: 'true: add a new step, whatever waits' }),
  })
  .meta({ id: 'ExternalDataRequest' });
export type ExternalDataRequest = z.input<typeof externalDataRequestSchema>;

export const externalDataReplySchema = z
  .object({
    step_id: z.string(),
    workflow_id: z.string(),
    queued_dependents: z.int().min(0),
    status: z.literal('success'),
    held: z
      .literal(true)
      .optional()
      .meta({ description: "the step's own dependencies are not complete; the data completes it when they are" }),
    added: z.literal(true).optional().meta({ description: 'a new step was made for the data' }),
    waiting: z
      .array(z.string())
      .optional()
      .meta({ description: 'where a step was added: the steps that still wait for data, at most 100' }),
    warnings: z
      .array(z.string())
      .optional()
      .meta({ description: 'numbers of `metadata` that cannot be held, each with its path and its text' }),
  })
  .meta({ id: 'ExternalDataReply' });
export type ExternalDataReply = z.infer<typeof externalDataReplySchema>;
