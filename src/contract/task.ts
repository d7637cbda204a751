/**
 * What an action is: its name, its lane, the schema of its params, and the code that runs it inside a pool thread or a child process.
 * A new action is one file in `src/tasks` that exports a `Task`, and one line in `src/tasks/registry.ts`.
 */

import type { z } from 'zod';
import type { FailureCode, FieldError } from './failures.ts';
import type { JsonObject } from './json.ts';
import type { Prices } from './prices.ts';
import type { EngineSettings } from './settings.ts';

/** `io`: many attempts share a thread, cancelled by signal. `cpu`: one attempt has a thread or a child process to itself, cancelled by ending that. `none`: completed from outside. */
export type Lane = 'io' | 'cpu' | 'none';

export interface TaskContext {
  /** Aborted at the deadline and when the step is stopped; an `io` task must end soon after. */
  readonly signal: AbortSignal;
  /** Milliseconds the attempt was given in all. */
  readonly timeoutMs: number;
  /** The same for every attempt of a step: `<workflow id>/<step id>`. Send it along where a remote side can use it. */
  readonly idempotencyKey: string;
  readonly workflowId: string;
  readonly stepId: string;
  readonly attempt: number;
  /** Values of the secrets that the task declares, by name; those not set are absent. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly network: NetworkRules;
  /** What PRICES_FILE adds to the prices of models, or puts in their place. */
  readonly prices?: Prices | undefined;
  /** Adds a line to the step's logs. */
  log(line: string): void;
  /**
   * The next piece of the text that will be `outputs.content`, for those who follow the workflow. Heard in the I/O lane
   * alone, and kept nowhere: the outputs hold the whole of it.
   */
  say(text: string): void;
  /**
   * What the attempt has used so far, in the form of `TaskResult.metrics`; replaces what was said before. It is kept
   * however the attempt ends: a call that fails or is cancelled after it was answered has been paid for all the same.
   */
  account(metrics: Record<string, unknown>): void;
}

/** Where tasks may connect to. */
export interface NetworkRules {
  /** `host` or `host:port` entries of HTTP_ALLOW_HOSTS: private or loopback targets that are allowed all the same. */
  readonly allowHosts: readonly string[];
  /** The engine's own listening port: refused on loopback whatever allowHosts says. null when it does not listen. */
  readonly ownPort: number | null;
}

export interface TaskResult {
  /** Plain JSON data; `content` holds the main text. */
  outputs: Record<string, unknown>;
  metadata?: Record<string, unknown> | undefined;
  /** Becomes the step's execution_metrics: {tokens, cost, model, …}. */
  metrics?: Record<string, unknown> | undefined;
}

/** The call of a model that an attempt will make, as far as it is known before the attempt begins. */
export interface PlannedCall {
  /** The one that the step's metadata will name; a server without a name of its own by its host and port. */
  readonly provider: string;
  readonly model: string;
  /** Where it goes: whose prices apply. */
  readonly baseUrl: string;
  /** An estimate, four characters a token. */
  readonly inputTokens: number;
  /** The most that was asked for, or an assumption where nothing was said. */
  readonly outputTokens: number;
}

export interface Task<Params = unknown> {
  readonly action: string;
  readonly lane: Lane;
  readonly description: string;
  readonly params: z.ZodType<Params>;
  /**
   * True when the input decides how much memory the task asks for at once: an expression, a template, a page of half a
   * million paragraphs. Such a task of the CPU lane runs in a child process, because V8 ends the whole process when one
   * allocation does not fit a thread's heap. It connects nowhere, and stands in the list of `src/tasks/isolated.ts`.
   */
  readonly isolated?: true;
  /** Names of the secrets (settings such as OPENAI_API_KEY) that run() may see. */
  readonly secrets?: readonly string[];
  /** Whether it calls other machines. Left out, it does not. */
  readonly goesOut?: boolean;
  /** Whether it goes out to nobody with these params, bound but not checked. Left out, whoever may go out does. */
  staysHome?(params: JsonObject, secrets: Readonly<Record<string, string>>): boolean;
  /** Used when the step gives no timeoutMs. */
  readonly timeoutMs: number;
  /** 1 when not given. Another one makes what the cache holds of the action count no more: raise it when answers change. */
  readonly version?: number;
  /**
   * Of an action that calls a model: the call that these params ask for. They may not fit the schema, and may hold references
   * that are not bound yet: `unread` where who is asked hangs on one. null where nothing can be told. `secrets` are those
   * that the task declares.
   */
  callsModel?(params: JsonObject, secrets: Readonly<Record<string, string>>): PlannedCall | 'unread' | null;
  /**
   * What is wrong with expressions and templates in these params, by field; fields that hold references are left out of
   * them. Asked before a run by who has the time: it imports the action's libraries.
   */
  findFaults?(params: JsonObject): Promise<FieldError[]>;
  /** Heavy libraries are imported inside, so that threads which never run the action never load them. */
  run(params: Params, context: TaskContext): Promise<TaskResult> | TaskResult;
  /**
   * Stands in for run() in a dry run: connects nowhere, takes no time and gives outputs of the same shape. What would have
   * been done stands in `metadata.rehearsal`, see rehearsal.ts. Whoever goes out has one.
   */
  rehearse?(params: Params, context: TaskContext): Promise<TaskResult> | TaskResult;
}

/** A task that runs in a child process. */
export interface IsolatedTask<Params = unknown> extends Task<Params> {
  readonly lane: 'cpu';
  readonly isolated: true;
}

/** How a task says what went wrong. Anything else that it throws counts as TASK_ERROR. */
export class TaskFailure extends Error {
  readonly code: FailureCode;
  readonly retryAfterMs: number | undefined;

  constructor(code: FailureCode, message: string, options: { retryAfterMs?: number; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.name = 'TaskFailure';
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** What the rest of the engine may know of an action without loading its code. */
export interface ActionInfo {
  readonly action: string;
  readonly lane: Lane;
  readonly description: string;
  readonly params: z.ZodType;
  /** True for a task that runs in a child process. */
  readonly isolated?: true | undefined;
  readonly secrets: readonly string[];
  readonly timeoutMs: number;
  /** Whether it calls other machines. */
  readonly goesOut?: boolean | undefined;
  readonly staysHome?: Task['staysHome'];
  readonly version?: number | undefined;
  readonly callsModel?: Task['callsModel'];
}

export type ActionCatalogue = ReadonlyMap<string, ActionInfo>;

export function pickSecrets(info: ActionInfo | undefined, { secrets }: EngineSettings): Record<string, string> {
  const entries = (info?.secrets ?? []).flatMap((name) => {
    const value = secrets[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  return Object.fromEntries(entries);
}
