/**
 * One attempt from job to outcome, inside a thread or a process of the pool.
 *
 * Guarantees:
 *   A1  it always resolves, with an outcome that is plain data. An error of the task never crosses a thread as an
 *       error, because it would lose its class, code and fields on the way;
 *   A2  neither the outcome nor a piece of text before it holds the value of a secret that came with the job. For an action
 *       that takes secrets of the store, the outcome holds none of all those that there are;
 *   A3  message, logs and outputs are within `limits`.
 */
import { inspect } from 'node:util';
import { parseBounded } from '../contract/bounded-parse.ts';
import { isCodeText, toWrittenCode } from '../contract/code-text.ts';
import { type FailureCode, failureTable } from '../contract/failures.ts';
import { toFieldErrors } from '../contract/field-errors.ts';
import type { Outcome, Said } from '../contract/job.ts';
import type { JsonObject } from '../contract/json.ts';
import { limits } from '../contract/limits.ts';
import { type AbortReason, describeAbort, type PlacedJob } from '../contract/pool-messages.ts';
import type { Prices } from '../contract/prices.ts';
import type { SecretStore } from '../contract/secret-store.ts';
import { type NetworkRules, type Task, type TaskContext, TaskFailure, type TaskResult } from '../contract/task.ts';
import { bindSecrets } from './bound-secrets.ts';
import { toJsonText } from './outputs.ts';
import { createRedaction, type Redact, redactCutJson, redactJson } from './redaction.ts';
import { createSpeech, type Speech } from './speech.ts';

export interface AttemptEnvironment {
  readonly tasks: ReadonlyMap<string, Task>;
  readonly network: NetworkRules;
  readonly prices?: Prices | undefined;
  /** Absent where a job sends none: in exclusive threads, in processes, in a dry run. */
  readonly secretStore?: SecretStore | undefined;
  readonly signal: AbortSignal;
  /** Absent where nobody reads the pieces of text that a task says. */
  readonly onSaid?: ((said: Said) => void) | undefined;
}

export async function runAttempt(job: PlacedJob, environment: AttemptEnvironment): Promise<Outcome> {
  const isTaker = environment.tasks.get(job.action)?.takesSecrets !== undefined;
  const store = isTaker ? environment.secretStore : undefined;
  const redact = createRedaction(job.secrets, store);
  const log = createLog(redact);
  let accounted: Record<string, unknown> | null = null;
  // Converted at once: metrics that no outcome can hold make the task fail here, and the earlier metrics stay.
  const account = (metrics: Record<string, unknown>) => {
    accounted = toRedactedRecord('metrics', metrics, redact);
  };
  let speech: Speech | undefined;
  let isWhole = false;
  const say = (text: string) => {
    const { onSaid } = environment;
    if (onSaid === undefined) return;
    speech ??= createSpeech(job.secrets, (piece) => onSaid({ jobId: job.jobId, ...piece }));
    speech.say(text);
  };
  try {
    throwIfAborted(job, environment.signal);
    // Types bind our own tasks only at compile time. The result is checked like any other input.
    const result: TaskResult | undefined = await runTask(job, environment, { redact, log: log.add, account, say });
    throwIfAborted(job, environment.signal);
    isWhole = true;
    return {
      jobId: job.jobId,
      kind: 'completed',
      outputsJson: redactJson(toJsonText('outputs', result?.outputs, limits.outputsBytesMax), redact),
      metadata: toRedactedRecord('metadata', result?.metadata, redact),
      metrics: toRedactedRecord('metrics', result?.metrics, redact) ?? accounted,
      logs: log.lines(),
    };
  } catch (error) {
    const failure = toFailure(job, environment.signal, error);
    return {
      jobId: job.jobId,
      kind: 'failed',
      code: failure.code,
      message: toMessage(redact(failure.message)),
      retryAfterMs: failure.retryAfterMs ?? null,
      ...(failure.onlyIfAsked ? { onlyIfAsked: true } : {}),
      metadata: toFailureMetadata(error, (text) => redactCutJson(text, job.secrets, store), log.add),
      metrics: accounted,
      logs: log.lines(),
    };
  } finally {
    speech?.end(isWhole);
  }
}

function runTask(
  job: PlacedJob,
  { tasks, network, prices, secretStore, signal }: AttemptEnvironment,
  told: Pick<TaskContext, 'redact' | 'log' | 'account' | 'say'>,
) {
  const task = tasks.get(job.action);
  if (task === undefined) {
    throw new TaskFailure(
      'UNKNOWN_ACTION',
      `no task implements the action "${job.action}"; GET /api/actions lists them`,
    );
  }
  const bound = bindSecrets(task, JSON.parse(job.paramsJson) as JsonObject, job.secretUse, secretStore);
  const { params, code } = parseParams(task, bound.params);
  return task.run(params, {
    signal,
    code,
    sentSecrets: bound.sent,
    timeoutMs: job.timeoutMs,
    idempotencyKey: `${job.workflowId}/${job.stepId}`,
    workflowId: job.workflowId,
    stepId: job.stepId,
    attempt: job.attempt,
    secrets: pickSecrets(task, job.secrets),
    network,
    prices,
    ...told,
  });
}

function parseParams(task: Task, bound: JsonObject): { params: unknown; code: TaskContext['code'] } {
  const { written, code } = takeCode(task, bound);
  const parsed = parseBounded(task.params, written);
  if (parsed.success) return { params: parsed.data, code };
  const fields = toFieldErrors(parsed.error.issues).map(({ path, message }) => `${path || 'params'}: ${message}`);
  throw new TaskFailure('BAD_PARAMS', `params do not fit the action "${task.action}": ${fields.join('; ')}`);
}

/** Code whose references are bound goes to the task beside its params; they have it as it was written. */
function takeCode(task: Task, bound: Record<string, unknown>): { written: unknown; code: TaskContext['code'] } {
  const texts = (task.code ?? []).flatMap((name) => {
    const value = bound[name];
    return isCodeText(value) ? [[name, value] as const] : [];
  });
  if (texts.length === 0) return { written: bound, code: undefined };
  const written = Object.fromEntries(texts.map(([name, text]) => [name, toWrittenCode(text)]));
  return { written: { ...bound, ...written }, code: Object.fromEntries(texts) };
}

function pickSecrets(task: Task, secrets: Readonly<Record<string, string>>): Record<string, string> {
  const declared = new Set(task.secrets ?? []);
  return Object.fromEntries(Object.entries(secrets).filter(([name]) => declared.has(name)));
}

function toRedactedRecord(what: string, value: TaskResult['metadata'], redact: Redact): Record<string, unknown> | null {
  if (value === undefined) return null;
  // Metadata is part of lists and events, so it has the bound of outputs that are stored inline.
  return JSON.parse(redactJson(toJsonText(what, value, limits.outputsInlineBytesMax), redact)) as Record<
    string,
    unknown
  >;
}

/** What the task kept of an attempt that failed, also where a deadline ended it. What cannot be kept is logged (A1). */
function toFailureMetadata(
  error: unknown,
  redactCut: Redact,
  log: (line: string) => void,
): Record<string, unknown> | null {
  if (!isTaskFailure(error) || error.metadata === undefined) return null;
  try {
    const text = toJsonText('metadata', error.metadata, limits.outputsInlineBytesMax);
    return JSON.parse(redactCut(text)) as Record<string, unknown>;
  } catch (cause) {
    log(`Warning: the failure's metadata could not be kept: ${cause instanceof Error ? cause.message : String(cause)}`);
    return null;
  }
}

function throwIfAborted(job: PlacedJob, signal: AbortSignal): void {
  if (signal.aborted) throw toAbortFailure(job, signal);
}

function toFailure(job: PlacedJob, signal: AbortSignal, error: unknown): TaskFailure {
  if (signal.aborted) {
    const failure = toAbortFailure(job, signal);
    // A deadline is a reason to repeat an attempt, unless the task has sent what must not be sent twice.
    const isOpen = failure.code === 'TIMEOUT' && isTaskFailure(error) && error.onlyIfAsked;
    return isOpen ? new TaskFailure('TIMEOUT', `${failure.message}. ${error.message}`, { onlyIfAsked: true }) : failure;
  }
  if (isTaskFailure(error)) return error;
  if (error instanceof Error) return new TaskFailure('TASK_ERROR', error.message || error.name);
  return new TaskFailure('TASK_ERROR', `the task threw ${inspect(error, { depth: 1 })}`);
}

function toAbortFailure(job: PlacedJob, signal: AbortSignal): TaskFailure {
  const code: AbortReason = signal.reason === 'CANCELLED' ? 'CANCELLED' : 'TIMEOUT';
  return new TaskFailure(code, describeAbort(code, job));
}

/** Compares the name, not the class: a module that a loader evaluates twice in one thread has its classes twice. */
function isTaskFailure(error: unknown): error is TaskFailure {
  return error instanceof Error && error.name === 'TaskFailure' && 'code' in error && isFailureCode(error.code);
}

function isFailureCode(code: unknown): code is FailureCode {
  return typeof code === 'string' && Object.hasOwn(failureTable, code);
}

function toMessage(text: string): string {
  return toWellFormed(text.length <= limits.errorLengthMax ? text : `${text.slice(0, limits.errorLengthMax - 1)}…`);
}

/** Replaces halves of surrogate pairs, from a cut or from the task: UTF-8 cannot hold them. */
function toWellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, '\ufffd');
}

function createLog(redact: Redact) {
  const kept: string[] = [];
  let dropped = 0;
  return {
    add(line: string): void {
      // The last line is for the number of dropped lines.
      if (kept.length >= limits.logLinesMax - 1) dropped += 1;
      else kept.push(toWellFormed(redact(String(line)).slice(0, limits.logLineLengthMax)));
    },
    lines(): string[] {
      return dropped === 0 ? [...kept] : [...kept, `${dropped} more lines were dropped`];
    },
  };
}
