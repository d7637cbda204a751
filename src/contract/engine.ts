/**
 * The engine's port: what the server, the command line and programs use. Every call that changes something resolves
 * after the change is on disk; a call the engine will not carry out rejects with a `Refusal`.
 */
import type { ResumeRequest } from './budget.ts';
import type { BulkRequest, BulkResult } from './bulk.ts';
import type { DecisionAnswer, DecisionRequest, WaitingQuery, WaitingReply } from './decision.ts';
import type { BranchRequest, ExternalDataReply, ExternalDataRequest, Template, TemplateProblem } from './definition.ts';
import type { DryRunReply, ValidationReply } from './dry-run.ts';
import type { EnginePageParts } from './engine-page.ts';
import type { EngineEvent, EventGap, TokenEvent } from './event.ts';
import type { CostsQuery, CostsReply } from './ledger.ts';
import type { ListFilter, ListQuery } from './list-query.ts';
import type { KeptClients } from './pairing.ts';
import type { DefinitionBack, Facets, Lineage, LogReply, SearchPlace, SearchReply } from './run-view.ts';
import type { Replayable, ScheduleView, TriggerReply } from './schedule.ts';
import type { Lane } from './task.ts';
import type { Delivery, HookAnswer } from './webhook.ts';
import type { JobStatus, Workflow, WorkflowStep, WorkflowSummary } from './workflow.ts';

/** A workflow at one version. `json` is the text that REST answers carry; `workflow` parses it when first asked. */
export class WorkflowReply {
  readonly id: string;
  readonly version: number;
  readonly status: JobStatus;
  readonly json: string;
  /** True when an Idempotency-Key met an earlier call and its answer was given again. */
  readonly replayed: boolean;
  #workflow: Workflow | undefined;

  constructor(fields: { id: string; version: number; status: JobStatus; json: string; replayed?: boolean }) {
    this.id = fields.id;
    this.version = fields.version;
    this.status = fields.status;
    this.json = fields.json;
    this.replayed = fields.replayed ?? false;
  }

  get workflow(): Workflow {
    this.#workflow ??= JSON.parse(this.json) as Workflow;
    return this.#workflow;
  }
}

/**
 * Asks for room in memory for an answer of so many bytes, before it is built; what was asked for before is part of it.
 * Resolves when there is room. Rejects with a `Refusal`, with which the call ends without an effect. `isPatient`: the
 * call has had its effect, so that it is not refused any more and waits.
 */
export type AskRoom = (bytes: number, isPatient?: boolean) => Promise<void>;

export interface AnswerOptions {
  /** Left out: answers take what they need. */
  room?: AskRoom;
}

export interface CallOptions extends AnswerOptions {
  /** The same key gives the same answer and one effect, over restarts, as long as the workflow exists. */
  idempotencyKey?: string;
}

export interface WaitOptions extends AnswerOptions {
  /** Answer when the workflow has come to rest, or after this long. 0 answers at once. */
  waitMs?: number;
  /** Ends the wait early; the call then answers at once. */
  signal?: AbortSignal;
}

/** For calls that make a workflow. */
export interface ToldOptions {
  /**
   * What the caller has found out about the text that it read the arguments from, for the workflow's `warnings`. A line
   * begins with its place in them: `steps[0].params.id: …`, and `params.id: …` for a branch.
   */
  told?: readonly string[];
}

export interface SubmitOptions extends CallOptions, WaitOptions, ToldOptions {
  /** Params that the definition does not have and that `??` may stand in for. Default: none. */
  declaredParams?: readonly string[];
}

export interface GetOptions extends WaitOptions {
  /** Outputs that are stored as blobs (over 64 KiB) come as `{truncated: true, bytes}`. */
  withoutBlobs?: boolean;
}

export interface GetStepOptions extends AnswerOptions {
  /** With `params_bound`: the params as the step gets them, up to `limits.boundParamsBytesMax`; secrets stay as names. */
  bound?: boolean;
}

export interface SearchOptions extends AnswerOptions {
  /** Where to look; everywhere when absent. */
  places?: readonly SearchPlace[];
  /** Hits; default 100, at most `limits.searchHitsMax`. */
  limit?: number;
}

export interface LogOptions extends AnswerOptions {
  /** Only lines after this time; ISO 8601. */
  after?: string;
  /** About so many; lines of one time are never split. Default and most: `limits.mergedLinesMax`. */
  limit?: number;
}

export interface GraphOptions extends WaitOptions {
  /** Only the steps that have changed since this version; rejects with CONFLICT where that is no longer known. */
  since?: number;
}

export interface ListReply {
  /** How many workflows match, before limit, offset and cursor. */
  total: number;
  /** How many of them come after these. */
  rest: number;
  /** In the order of `sort`. */
  items: WorkflowSummary[];
}

/** Ready steps that wait for something else than a slot, by what that is. */
export interface HeldSteps {
  /** As in `requests a minute of openai/gpt-4o`. */
  waits_for: string;
  /** When the first of them may start; null where that hangs on how others end. */
  until: string | null;
  steps: number;
  /** Of them those that have been ready longest, a few. */
  first: { workflow_id: string; step_id: string }[];
}

export interface QueueStats {
  depth: number;
  running: number;
  max_parallel_nodes: number;
  oldest_wait_ms: number;
  held: HeldSteps[];
}

/** Counts since the engine started, and what it holds now. */
export interface EngineStats {
  queue: QueueStats;
  workflows: Record<JobStatus, number>;
  active_in_memory: number;
  events: number;
  journal_batches: number;
  journal_records: number;
  journal_bytes: number;
  journal_syncs: number;
  checkpoints: number;
  state_files_written: number;
  queue_files_written: number;
  steps_started: number;
  steps_completed: number;
  steps_failed: number;
  steps_retried: number;
  pool_threads: number;
  set_aside: number;
  last_seq: number;
}

export interface EngineHealth {
  status: 'healthy' | 'degraded';
  /** Why it is degraded, one line each; also what recovery set aside. */
  notices: string[];
  /** Faults of template files; absent where they could not be looked for in time. */
  problems?: TemplateProblem[];
}

export interface ActionDescription {
  action: string;
  lane: Lane;
  description: string;
  /** JSON Schema. */
  params: Record<string, unknown>;
  secrets: string[];
}

/** A secret that steps can send. Its value is never told. */
export interface SecretDescription {
  name: string;
}

export interface EventsOptions {
  /** Continue after this sequence number; only new events when absent. */
  after?: number;
  workflowId?: string;
  signal?: AbortSignal;
}

export interface StreamOptions extends Pick<EventsOptions, 'after' | 'signal'> {
  /** Only events of these; of all workflows when absent. */
  workflows?: readonly string[];
  /** The workflows whose running steps tell their texts as well. */
  texts?: readonly string[];
}

/** `replayed`: its key met an earlier call. It is not enumerable: the reply is the same, word for word. */
export type ExternalDataAnswer = ExternalDataReply & { readonly replayed?: boolean };

export interface Engine {
  /** Checks an inline definition and starts it. The reply shows it as created, or at rest when waited for. */
  submit(definition: unknown, options?: SubmitOptions): Promise<WorkflowReply>;
  submitTemplate(
    templateId: string,
    params: Record<string, unknown>,
    options?: CallOptions & WaitOptions & ToldOptions,
  ): Promise<WorkflowReply>;
  /**
   * A delivery of a webhook: makes one workflow of the template, whoever sends it how often. Rejects with NOT_FOUND where no
   * webhook is ready, UNAUTHORIZED where the signature is not right, INVALID where the template cannot take it.
   */
  receive(template: string, delivery: Delivery): Promise<HookAnswer>;
  /** What a run would do: on an engine of its own that calls nobody and keeps nothing. Refuses like `submit`. */
  dryRun(definition: unknown): Promise<DryRunReply>;
  dryRunTemplate(templateId: string, params: Record<string, unknown>): Promise<DryRunReply>;
  /** Every fault of a text, YAML or JSON, of a definition or a template. */
  validate(text: string): Promise<ValidationReply>;
  get(id: string, options?: GetOptions): Promise<WorkflowReply>;
  /** The run as columns, without params, outputs and logs: the JSON of a `GraphView`, with `since` of a `ChangesView`. */
  graph(id: string, options?: GraphOptions): Promise<WorkflowReply>;
  /** What the run was made from; its params apart. */
  definition(id: string, options?: AnswerOptions): Promise<DefinitionBack>;
  /** The lines of all steps, by time. */
  logs(id: string, options?: LogOptions): Promise<LogReply>;
  /** Where a text stands in names, errors, log lines and outputs; letter case does not count. */
  search(id: string, q: string, options?: SearchOptions): Promise<SearchReply>;
  /** The workflows that it was branched from, and all branches of these; `cut` beyond `limits.lineageMax`. */
  lineage(id: string): Promise<Lineage>;
  /** Version and status without the document: what an ETag check needs. */
  peek(id: string): Promise<{ version: number; status: JobStatus }>;
  /** Whole: also what a group has gathered, up to `limits.answerBytesMax`, and the message of an approval. */
  getStep(id: string, stepId: string, options?: GetStepOptions): Promise<WorkflowStep>;
  list(query?: ListQuery): Promise<ListReply>;
  /** How many workflows there are by status, tag and template; each counts without its own field of the filter. */
  facets(filter?: ListFilter): Promise<Facets>;
  /** Waits, without a bound, until the workflow is COMPLETED, FAILED or STOPPED. */
  finished(id: string, options?: { signal?: AbortSignal }): Promise<WorkflowReply>;
  stop(id: string, options?: CallOptions): Promise<WorkflowReply>;
  /** Of one that is STOPPED, or has steps that a budget has paused. */
  resume(id: string, options?: CallOptions & ResumeRequest): Promise<WorkflowReply>;
  retry(id: string, options?: CallOptions): Promise<WorkflowReply>;
  branch(id: string, request: BranchRequest, options?: CallOptions & WaitOptions & ToldOptions): Promise<WorkflowReply>;
  /** With `version`: refused with CONFLICT unless the workflow is finished, and unchanged since it had this version. */
  delete(id: string, options?: { version?: number | undefined }): Promise<void>;
  /** The same change to many workflows, each by itself; with a key each has a record under `key/id`. */
  bulk(request: BulkRequest, options?: CallOptions): Promise<BulkResult[]>;
  externalData(id: string, request: ExternalDataRequest, options?: CallOptions): Promise<ExternalDataAnswer>;
  /**
   * A person's decision about an `approval` that waits. Rejects with CONFLICT where none is due (also the second of two),
   * with INVALID where `data` does not fit the step's schema.
   */
  decide(id: string, stepId: string, request: DecisionRequest, options?: CallOptions): Promise<DecisionAnswer>;
  /** The steps of all workflows that wait for a decision or for data. */
  waiting(query?: WaitingQuery): Promise<WaitingReply>;
  /** Outputs whole, up to `limits.answerBytesMax` in all; beyond it they become `{truncated, bytes, href}`. */
  externalSteps(id: string, options?: AnswerOptions): Promise<WorkflowStep[]>;
  /** Every durable change as it happens. Ends when the signal aborts or the engine closes. */
  events(options?: EventsOptions): AsyncIterable<EngineEvent | EventGap>;
  /** Every durable change of one workflow, and the texts that its running steps make, piece by piece. Ends as `events` does. */
  follow(
    id: string,
    options?: Pick<EventsOptions, 'after' | 'signal'>,
  ): AsyncIterable<EngineEvent | EventGap | TokenEvent>;
  /** One stream for a whole app: the events of some or all workflows, and the texts of some. Ends as `events` does. */
  stream(options?: StreamOptions): AsyncIterable<EngineEvent | EventGap | TokenEvent>;
  templates(): Promise<Template[]>;
  template(id: string): Promise<Template>;
  /** What is wrong with template files, at most 1,000 entries; a template with a fault is in no list. */
  templateProblems(): Promise<TemplateProblem[]>;
  /** The templates that have a schedule, by id. */
  schedules(): Promise<ScheduleView[]>;
  /** No slot runs until it is resumed. Both reject with NOT_FOUND where the template has no schedule. */
  pauseSchedule(template: string, options?: CallOptions): Promise<Replayable<ScheduleView>>;
  /** The next slot runs again; those that passed meanwhile do not. */
  resumeSchedule(template: string, options?: CallOptions): Promise<Replayable<ScheduleView>>;
  /** Runs it now. Rejects with CONFLICT where its `overlap` leaves that out. */
  triggerSchedule(template: string, options?: CallOptions): Promise<Replayable<TriggerReply>>;
  /** What a server has kept of the clients that were paired with it; nobody at first. */
  readClients(): Promise<KeptClients>;
  /** Replaces it; durable when it resolves. */
  writeClients(kept: KeptClients): Promise<void>;
  /** Whether a call with an Idempotency-Key of this prefix made the workflow or changed it. */
  holdsKey(id: string, prefix: string): Promise<boolean>;
  actions(): Promise<ActionDescription[]>;
  /** The secrets that definitions can name as `{{secrets.NAME}}`, by name. */
  secrets(): Promise<SecretDescription[]>;
  /** What calls of models have used and cost, of all workflows, also of deleted ones. */
  costs(query?: Partial<CostsQuery>): Promise<CostsReply>;
  stats(): Promise<EngineStats>;
  /** Settings, providers, limits, disk and cache, for the one who runs it; no secrets. */
  page(): Promise<EnginePageParts>;
  health(): Promise<EngineHealth>;
  /** Takes no new work, gives running steps up to 10 s, writes everything out. */
  close(): Promise<void>;
}
