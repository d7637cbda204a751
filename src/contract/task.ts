/**
 * What an action is: its name, its lane, the schema of its params, and the code that runs it inside a pool thread or
 * a child process. A new action is one file in `src/tasks` that exports a `Task`, and one line in
 * `src/tasks/registry.ts`.
 */

import type { z } from 'zod';
import type { CodePieces, CodeText } from './code-text.ts';
import type { FailureCode, FieldError } from './failures.ts';
import type { JsonObject } from './json.ts';
import type { Prices } from './prices.ts';
import type { EngineSettings, ProxyRules } from './settings.ts';

/**
 * `io`: many attempts share a thread; a signal ends one of them. `cpu`: one attempt has a thread or a child process
 * to itself; ending that ends the attempt. `none`: the step is completed from outside.
 */
export type Lane = 'io' | 'cpu' | 'none';

export interface TaskContext {
  /** Aborted at the deadline and when the step is stopped; an `io` task must end soon after. */
  readonly signal: AbortSignal;
  /** Milliseconds that the attempt may take in all. */
  readonly timeoutMs: number;
  /**
   * The same for every attempt of a step: `<workflow id>/<step id>`. Send it along where a remote side can use it.
   */
  readonly idempotencyKey: string;
  readonly workflowId: string;
  readonly stepId: string;
  readonly attempt: number;
  /** Values of the secrets that the task declares, by name. A secret that is not set is absent. */
  readonly secrets: Readonly<Record<string, string>>;
  readonly network: NetworkRules;
  /** The prices of PRICES_FILE. They extend or replace the known prices of models. */
  readonly prices?: Prices | undefined;
  /** Absent for an action that takes no secrets of the store, and in a dry run. */
  readonly sentSecrets?: SentSecrets | undefined;
  /** Each param of `Task.code` whose text holds references, with their values. */
  readonly code?: Readonly<Record<string, CodeText>> | undefined;
  /** Takes secrets out of a text. Needed before a part of it is cut off: half a secret is found by nobody. */
  redact?(text: string): string;
  /** Adds a line to the step's logs. */
  log(line: string): void;
  /**
   * Sends the next piece of the text that will be `outputs.content` to the followers of the workflow. Only tasks of
   * the I/O lane are heard. The pieces are stored nowhere: the outputs hold the whole text.
   */
  say(text: string): void;
  /**
   * Records what the attempt has used so far, in the form of `TaskResult.metrics`, in place of the last record. It is
   * kept however the attempt ends: a model call that was answered costs money even when the attempt then fails or is
   * cancelled.
   */
  account(metrics: Record<string, unknown>): void;
}

/** The secrets of the store that an attempt sends. They are in its params by now; the address has been checked. */
export interface SentSecrets {
  /** The value of a secret that a param names by itself. Throws `TaskFailure`: MISSING_SECRET. */
  valueOf(name: string): string;
  /** Keys that lead to each text of the params that holds one. */
  readonly paths: readonly (readonly (string | number)[])[];
  /** True where a text holds one of them, in any form in which secrets travel. */
  isIn(text: string): boolean;
}

/** Where an action takes secrets of the store, and where it sends them. */
export interface SecretTaking {
  /** The param that is the address. The engine checks it before the task runs; what follows, the task checks. */
  readonly address: string;
  /** Secrets that params name outside of texts, with their places. The params may not fit the schema. */
  named(params: JsonObject): { readonly path: readonly string[]; readonly name: string }[];
}

/** Where tasks may connect to. */
export interface NetworkRules {
  /** `host` or `host:port` entries of HTTP_ALLOW_HOSTS: private or loopback targets that tasks may connect to. */
  readonly allowHosts: readonly string[];
  /**
   * The engine's own listening port. On loopback it is refused whatever allowHosts says. null when the engine does
   * not listen.
   */
  readonly ownPort: number | null;
  /** Absent: every connection is direct. */
  readonly proxies?: ProxyRules | undefined;
}

export interface TaskResult {
  /** Plain JSON data; `content` holds the main text. */
  outputs: Record<string, unknown>;
  metadata?: Record<string, unknown> | undefined;
  /** Becomes the step's execution_metrics: {tokens, cost, model, …}. */
  metrics?: Record<string, unknown> | undefined;
}

/** The model call that an attempt will make, as far as it is known before the attempt begins. */
export interface PlannedCall {
  /** As the step's metadata will name it; a server without a name is named by its host and port. */
  readonly provider: string;
  readonly model: string;
  /** The address of the call. It decides whose prices apply. */
  readonly baseUrl: string;
  /** The provider whose prices a server at this address has, where the price list does not know the address. */
  readonly gatewayOf?: string | undefined;
  /** Estimated as one token for each four characters. */
  readonly inputTokens: number;
  /** The most tokens that the params allow, or an assumption where they set no limit. */
  readonly outputTokens: number;
}

export interface Task<Params = unknown> {
  readonly action: string;
  readonly lane: Lane;
  readonly description: string;
  readonly params: z.ZodType<Params>;
  /**
   * True when the input decides how much memory the task asks for at once: an expression, a template, a page of half
   * a million paragraphs. Such a task of the CPU lane runs in a child process, because V8 ends the whole process when
   * one allocation does not fit a thread's heap. It connects nowhere, and stands in the list of
   * `src/tasks/isolated.ts`.
   */
  readonly isolated?: true;
  /** Names of the secrets (settings such as OPENAI_API_KEY) that run() may see. */
  readonly secrets?: readonly string[];
  /**
   * Names of params that are code: an expression, a template. References in them are not replaced in their text; run()
   * gets their values beside it (`TaskContext.code`) and binds them as data. Default: none.
   */
  readonly code?: readonly string[];
  /**
   * Names of params that are addresses. A value in place of a reference is encoded for where it stands: in the path segment
   * by segment, in the query as a whole; before the path it is taken as it is. Default: none.
   */
  readonly addresses?: readonly string[];
  /** True for a task that calls other machines. Default: false. */
  readonly goesOut?: boolean;
  /** Present: params may hold `{{secrets.NAME}}`. Only for a task of the I/O lane that goes out and calls no model. */
  readonly takesSecrets?: SecretTaking;
  /**
   * True when these params (bound, not validated) make no network call. Default: a task with `goesOut` always makes
   * one.
   */
  staysHome?(params: JsonObject, secrets: Readonly<Record<string, string>>): boolean;
  /** Used when the step gives no timeoutMs. */
  readonly timeoutMs: number;
  /** Default: 1. Raise it when the task's answers change: cached answers of another version are not used. */
  readonly version?: number;
  /**
   * For an action that calls a model: the call that these params ask for. The params may not fit the schema, and may
   * hold references that are not bound yet. Returns `unread` when a reference decides which model is called, and null
   * when the call cannot be known. `secrets` are those that the task declares.
   */
  callsModel?(params: JsonObject, secrets: Readonly<Record<string, string>>): PlannedCall | 'unread' | null;
  /**
   * Names the faults of expressions and templates in these params, by field. Fields that hold references are absent
   * from the params, but for code: that is there as it is written, and `code` has it taken apart. Called before a run,
   * where time matters little: it imports the action's libraries.
   */
  findFaults?(params: JsonObject, code?: Readonly<Record<string, CodePieces>>): Promise<FieldError[]>;
  /** Import heavy libraries inside run(): a thread that never runs the action then never loads them. */
  run(params: Params, context: TaskContext): Promise<TaskResult> | TaskResult;
  /**
   * Replaces run() in a dry run: connects nowhere, takes no time and returns outputs of the same shape.
   * `metadata.rehearsal` says what run() would have done, see rehearsal.ts. Every task with `goesOut` has one.
   */
  rehearse?(params: Params, context: TaskContext): Promise<TaskResult> | TaskResult;
}

/** A task that runs in a child process. */
export interface IsolatedTask<Params = unknown> extends Task<Params> {
  readonly lane: 'cpu';
  readonly isolated: true;
}

/** A task throws it to name the failure's code. Anything else that a task throws becomes TASK_ERROR. */
export class TaskFailure extends Error {
  readonly code: FailureCode;
  readonly retryAfterMs: number | undefined;
  /** Plain JSON data of at most 64 KiB. Becomes the metadata of a step that fails with it. */
  readonly metadata: Record<string, unknown> | undefined;
  /**
   * True: the attempt is repeated only where its step says `retry.attemptsMax`. For a failure that repeating cannot cure
   * in this case, or whose request may have been carried out.
   */
  readonly onlyIfAsked: boolean;

  constructor(
    code: FailureCode,
    message: string,
    options: {
      retryAfterMs?: number | undefined;
      onlyIfAsked?: boolean;
      cause?: unknown;
      metadata?: Record<string, unknown> | undefined;
    } = {},
  ) {
    super(message, { cause: options.cause });
    this.name = 'TaskFailure';
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.metadata = options.metadata;
    this.onlyIfAsked = options.onlyIfAsked === true;
  }
}

/** What the rest of the engine knows of an action. */
export interface ActionInfo {
  readonly action: string;
  readonly lane: Lane;
  readonly description: string;
  readonly params: z.ZodType;
  /** True for a task that runs in a child process. */
  readonly isolated?: true | undefined;
  readonly secrets: readonly string[];
  readonly timeoutMs: number;
  /** Names of params that are code, and of those that are addresses. */
  readonly code?: readonly string[] | undefined;
  readonly addresses?: readonly string[] | undefined;
  /** True for a task that calls other machines. */
  readonly goesOut?: boolean | undefined;
  readonly takesSecrets?: SecretTaking | undefined;
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
