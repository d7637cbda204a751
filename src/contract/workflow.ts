/**
 * What a workflow looks like to everyone outside: over REST, in `state.json`, in the library. Field names mix camelCase
 * and snake_case because the frontend's contract does.
 */
import { z } from 'zod';
import { budgetViewSchema } from './budget.ts';
import { forEachSchema, joinSchema, ofSchema, outcomeSchema, repeatSchema, tolerateSchema } from './flow.ts';
import { limits } from './limits.ts';

export const jobStatusSchema = z
  .enum(['PENDING', 'RUNNING', 'COMPLETED', 'FAILED', 'WAITING_FOR_DEPENDENCY', 'STOPPED'])
  .meta({
    id: 'JobStatus',
    description:
      'PENDING: ready, queued, waiting for a thread. WAITING_FOR_DEPENDENCY: a dependency, external data or an approval is still missing, or a budget is used up.',
  });
export type JobStatus = z.infer<typeof jobStatusSchema>;

/** A status that only an explicit call (retry, resume, branch) can leave behind. */
export function isTerminal(status: JobStatus): boolean {
  return status === 'COMPLETED' || status === 'FAILED' || status === 'STOPPED';
}

/** At rest: finished, or nothing can move until something comes from outside. */
export function isAtRest(status: JobStatus): boolean {
  return isTerminal(status) || status === 'WAITING_FOR_DEPENDENCY';
}

export const stepIdSchema = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/,
    'a step id is 1 to 128 letters, digits, ".", "_" or "-", and starts with a letter or digit',
  );

export const workflowIdSchema = z
  .string()
  .regex(/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i, 'a workflow id is a UUID');

/** ISO 8601, UTC, milliseconds: `2026-01-31T12:00:00.000Z`. */
export const isoTimeSchema = z.string().meta({ format: 'date-time', description: 'ISO 8601, UTC' });

export const retryPolicySchema = z
  .strictObject({
    attemptsMax: z
      .int()
      .min(1)
      .max(limits.attemptsMax)
      .optional()
      .meta({ description: 'tries in all, the first included' }),
    backoffMs: z
      .int()
      .min(0)
      .max(limits.timeoutMsMax)
      .optional()
      .meta({ description: 'wait before the second attempt; doubles each time' }),
    backoffMsMax: z.int().min(0).max(limits.timeoutMsMax).optional(),
  })
  .meta({ id: 'RetryPolicy' });
export type RetryPolicy = z.infer<typeof retryPolicySchema>;

const openObject = z.record(z.string(), z.unknown());

/** A code of the table of failures, or of a state file that was written by hand. */
export const stepErrorCodeSchema = z.string().max(64).meta({ description: 'as in `RATE_LIMITED`: docs/tasks.md' });

/** A try of a step that has ended. */
export const stepAttemptSchema = z
  .object({
    attempt: z.int(),
    startTime: isoTimeSchema.nullable(),
    endTime: isoTimeSchema.nullable(),
    errorCode: stepErrorCodeSchema.nullable().meta({ description: 'null where it was successful' }),
    error: z.string().nullable().meta({ description: 'up to 300 characters' }),
    cost: z.number().nullable().meta({ description: 'US dollars of this attempt; null: none, or not known' }),
    waitedMs: z.int().nullable().meta({ description: 'how long the step was ready before it started' }),
  })
  .meta({ id: 'StepAttempt' });
export type StepAttempt = z.infer<typeof stepAttemptSchema>;

export const workflowStepSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    action: z.string(),
    status: jobStatusSchema,
    dependencies: z.array(z.string()),
    params: openObject.meta({ description: 'as written, references unbound' }),
    params_bound: openObject.optional().meta({
      description:
        'in GET of the step with `bound=1`: the params with references replaced; secrets stay as their names',
    }),
    params_unbound: z.array(z.string()).optional().meta({
      description: 'with it: why references stay as they are written, where some do',
    }),
    outputs: openObject.nullable().meta({
      description:
        'the result; `content` holds the main text. `{truncated, bytes}` stands for outputs an answer has no room for',
    }),
    error: z.string().nullable(),
    errorCode: stepErrorCodeSchema.optional().meta({ description: 'of the failure that `error` tells' }),
    reason: z.string().optional().meta({
      description: 'why a step whose dependencies are complete waits: a budget is used up, a decision is due',
    }),
    message: z
      .string()
      .optional()
      .meta({ description: 'of an approval, in GET of the step: what is to be decided, references bound' }),
    waits: z
      .object({
        for: z.enum(['budget', 'decision', 'data', 'time', 'workflow']),
        until: isoTimeSchema.optional(),
        atRest: z.literal(true).optional().meta({
          description: 'of a wait for a workflow: that workflow waits itself for something from outside',
        }),
      })
      .optional()
      .meta({ description: 'the same for programs' }),
    queuedAt: isoTimeSchema.optional().meta({ description: 'when it last became ready: PENDING, in the queue' }),
    startTime: isoTimeSchema.nullable(),
    endTime: isoTimeSchema.nullable().meta({ description: 'startTime plus the monotonic time taken' }),
    duration: z.string().nullable().meta({ description: '`5 sec`, `1 min 30 sec`, `2 hr 15 min`; rounded down' }),
    logs: z.array(z.string()),
    metadata: openObject.nullable(),
    execution_metrics: openObject
      .nullable()
      .meta({ description: '{tokens, cost, model, …}; a cost that is not known is null' }),
    attempt: z.int().meta({ description: 'number of the last attempt that started, 0 before the first' }),
    attempts: z.array(stepAttemptSchema).optional().meta({
      description:
        'its tries that have ended, the last 20; absent where the only one was successful, of which the step itself tells',
    }),
    timeoutMs: z.int().nullable(),
    retry: retryPolicySchema.nullable(),
    cache: z.literal(true).optional().meta({ description: 'there where the step may be answered from the cache' }),
    when: z.string().optional(),
    join: joinSchema.optional(),
    tolerate: tolerateSchema.optional(),
    forEach: forEachSchema.optional(),
    concurrency: z.int().optional(),
    batch: z.int().optional(),
    label: z.string().optional(),
    repeat: repeatSchema.optional(),
    body: z.array(z.unknown()).optional().meta({ description: 'the inner steps of a group, as written' }),
    output: z.unknown().optional(),
    final: z.literal(true).optional().meta({ description: 'a step of `finally`' }),
    of: ofSchema.optional().meta({
      description:
        'the group that has made the step, and for which item or round; it shows params, timeoutMs and retry',
    }),
    count: z.int().optional().meta({ description: 'of a group: its items, or the rounds that have begun' }),
    child: z.string().optional().meta({ description: 'of a `workflow` step: the id of the workflow that it runs' }),
    outcome: outcomeSchema.optional().meta({
      description: 'of a COMPLETED step that has done nothing: it was skipped, or its failure is tolerated',
    }),
  })
  .meta({ id: 'WorkflowStep' });
export type WorkflowStep = z.infer<typeof workflowStepSchema>;

export const failurePolicySchema = z.enum(['continue', 'fail-fast']);
export type FailurePolicy = z.infer<typeof failurePolicySchema>;

export const branchSchema = z.object({ id: z.string(), stepId: z.string(), createdAt: isoTimeSchema });

/** A workflow that a step has started. */
export const childSchema = z.object({ id: z.string(), stepId: z.string(), createdAt: isoTimeSchema });

export const workflowMetricsSchema = z.looseObject({
  total_tokens: z.number(),
  total_cost: z.number().meta({ description: 'US dollars; the sum of the steps and of cost_breakdown' }),
  completed_steps: z.int(),
  failed_steps: z.int(),
  skipped_steps: z.int().optional().meta({ description: 'of the completed ones; absent where there are none' }),
  tolerated_steps: z.int().optional().meta({ description: 'of the completed ones; absent where there are none' }),
  total_steps: z.int(),
  cost_is_floor: z.boolean().meta({ description: 'true when a price was not known' }),
});

const workflowFields = {
  id: z.string(),
  name: z.string(),
  status: jobStatusSchema,
  createdAt: isoTimeSchema,
  updatedAt: isoTimeSchema,
  description: z.string(),
  tags: z.array(z.string()),
  progress: z.int().min(0).max(100),
  parentId: z.string().nullable().meta({ description: 'the workflow that this one is a branch or a child of' }),
  parentStepId: z
    .string()
    .optional()
    .meta({ description: 'the step of `parentId` that this workflow runs for; only a child has one' }),
  templateId: z.string().nullable(),
  failurePolicy: failurePolicySchema,
  version: z.int().meta({ description: 'grows with every change, never shrinks' }),
  warnings: z.array(z.string()).meta({
    description:
      'what is seldom meant, each line with its place: braces without a reference, a number that cannot be held',
  }),
  metrics: workflowMetricsSchema,
};

/** How many steps have each status; a status that none has is left out. */
export const stepCountsSchema = z
  .partialRecord(jobStatusSchema, z.int())
  .meta({ id: 'StepCounts', description: 'steps by status; a status that none has is left out' });
export type StepCounts = z.infer<typeof stepCountsSchema>;

export const workflowSummarySchema = z
  .object({
    ...workflowFields,
    steps_total: z.int(),
    step_counts: stepCountsSchema.optional(),
    needs: z
      .array(z.object({ step_id: z.string(), name: z.string(), for: z.enum(['decision', 'data']) }))
      .optional()
      .meta({ description: 'steps that wait for a decision or for data, at most 5; absent where none does' }),
  })
  .meta({ id: 'WorkflowSummary' });
export type WorkflowSummary = z.infer<typeof workflowSummarySchema>;

export const workflowSchema = z
  .object({
    ...workflowFields,
    steps: z.array(workflowStepSchema),
    branches: z.array(branchSchema),
    children: z
      .array(childSchema)
      .optional()
      .meta({ description: 'the workflows that its `workflow` steps have started' }),
    templates: z
      .record(z.string(), openObject)
      .optional()
      .meta({ description: 'the templates that its `workflow` steps can reach, as they were when it was created' }),
    cost_breakdown: z.record(z.string(), z.number()).meta({ description: 'model → US dollars' }),
    params: openObject,
    budget: budgetViewSchema.optional().meta({ description: 'only where one is set' }),
  })
  .meta({ id: 'Workflow' });
export type Workflow = z.infer<typeof workflowSchema>;
