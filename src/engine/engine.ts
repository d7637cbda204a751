/**
 * The `Engine` on the caller's thread, over a coordinator in this thread or another: it checks arguments before it
 * calls the coordinator, and turns the coordinator's answers into the replies that callers read.
 */
import { z } from 'zod';
import { type ResumeRequest, resumeRequestSchema } from '../contract/budget.ts';
import type { BulkRequest, BulkResult } from '../contract/bulk.ts';
import type { CoordinatorCalls, CoordinatorPort, IdempotencyClaim, WorkflowText } from '../contract/coordinator.ts';
import type { DecisionAnswer, DecisionRequest, WaitingQuery, WaitingReply } from '../contract/decision.ts';
import {
  type BranchRequest,
  branchRequestSchema,
  type ExternalDataReply,
  type ExternalDataRequest,
  externalDataRequestSchema,
  type Template,
  type TemplateProblem,
  templateIdSchema,
  type WorkflowDefinition,
} from '../contract/definition.ts';
import type { DryRunReply, ValidationReply } from '../contract/dry-run.ts';
import type {
  ActionDescription,
  AnswerOptions,
  AskRoom,
  CallOptions,
  Engine,
  EngineHealth,
  EngineStats,
  EventsOptions,
  ExternalDataAnswer,
  GetOptions,
  GetStepOptions,
  GraphOptions,
  ListReply,
  LogOptions,
  SearchOptions,
  SecretDescription,
  StreamOptions,
  SubmitOptions,
  ToldOptions,
  WaitOptions,
  WorkflowReply,
} from '../contract/engine.ts';
import type { EnginePageParts } from '../contract/engine-page.ts';
import type { EngineEvent, EventGap, TokenEvent } from '../contract/event.ts';
import { type FieldError, invalid, Refusal } from '../contract/failures.ts';
import { type CostsQuery, type CostsReply, costsQuerySchema } from '../contract/ledger.ts';
import type { ListFilter, ListQuery } from '../contract/list-query.ts';
import type { KeptClients } from '../contract/pairing.ts';
import type { DefinitionBack, Facets, Lineage, LogReply, SearchReply } from '../contract/run-view.ts';
import type { Replayable, ScheduleView, TriggerReply } from '../contract/schedule.ts';
import type { SecretHosts } from '../contract/secret-store.ts';
import type { EngineSettings } from '../contract/settings.ts';
import type { ActionCatalogue } from '../contract/task.ts';
import { type Delivery, type HookAnswer, isHookKey } from '../contract/webhook.ts';
import type { JobStatus, WorkflowStep } from '../contract/workflow.ts';
import { namedTemplates } from '../core/child.ts';
import { type Validation, type ValidationOptions, validateDefinition } from '../core/validate.ts';
import { check, checkId, toClaim } from './arguments.ts';
import { runBulk } from './bulk.ts';
import { readCalledTemplates } from './called-templates.ts';
import { EnginePages } from './engine-page.ts';
import { Followers } from './followers.ts';
import { healthWithin } from './health.ts';
import { Replies, toFirstWait } from './replies.ts';
import { RunSearches } from './run-searches.ts';
import { RunViews } from './run-views.ts';
import { type ScheduleClock, Schedules } from './schedules.ts';
import { type CheckData, StepCalls } from './step-calls.ts';
import { EngineTemplates, type TemplateSource } from './templates.ts';
import { Webhooks } from './webhooks.ts';
import { toWholeSteps } from './whole-outputs.ts';

/** Dry runs and validations (`src/rehearsal`). */
export interface RehearsalPort {
  dryRun(rehearsed: {
    definition: WorkflowDefinition;
    declaredParams?: readonly string[] | undefined;
  }): Promise<DryRunReply>;
  validate(text: string, secretStore: SecretHosts): Promise<ValidationReply>;
  close(): Promise<void>;
}

export interface CoordinatedEngineOptions extends ValidationOptions {
  coordinator: CoordinatorPort;
  settings: EngineSettings;
  catalogue: ActionCatalogue;
  templates: TemplateSource;
  checkData: CheckData;
  /** What is wrong with the JSON Schemas that approvals ask data by. */
  findDataSchemaFaults(definition: WorkflowDefinition): FieldError[];
  /** What a thread needs to run `searchThreadUrl`. */
  searchExecArgv?: string[] | undefined;
  /** Absent in an engine that is itself a dry run. */
  rehearsals?: RehearsalPort | undefined;
  /** Time for schedules; the system's when absent. */
  scheduleClock?: ScheduleClock;
  /** When the coordinator takes longer than this to answer `health`, the engine is degraded. */
  healthPatienceMs?: number;
}

/** A definition that has been checked, with what is said about it. */
type ValidDefinition = Extract<Validation, { ok: true }>;

export class CoordinatedEngine implements Engine {
  readonly #coordinator: CoordinatorPort;
  readonly #options: CoordinatedEngineOptions;
  readonly #templates: EngineTemplates;
  readonly #steps: StepCalls;
  readonly #replies: Replies;
  readonly #schedules: Schedules;
  readonly #webhooks: Webhooks;
  readonly #views: RunViews;
  readonly #page: EnginePages;
  readonly #searches: RunSearches;
  readonly #followers: Followers;
  #actions: ActionDescription[] | null = null;

  constructor(options: CoordinatedEngineOptions) {
    this.#coordinator = options.coordinator;
    this.#options = options;
    this.#templates = new EngineTemplates(options.templates, options);
    this.#followers = new Followers(options.coordinator);
    this.#replies = new Replies(options.coordinator);
    this.#steps = new StepCalls(options.coordinator, options.checkData);
    this.#views = new RunViews(options.coordinator);
    const readText = (id: string, room: AskRoom | undefined) => this.#replies.read(id, room ? { room } : {});
    this.#searches = new RunSearches(options.coordinator, readText, options.searchExecArgv);
    this.#page = new EnginePages(options.settings, options.coordinator);
    this.#schedules = new Schedules({
      coordinator: options.coordinator,
      templates: this.#templates,
      submit: (template, params, key) => this.#submitMade(template, params, key),
      stop: (id) => this.stop(id),
      finished: (id, signal) =>
        this.#coordinator.call('get', { id, waitMs: null, until: 'finished', textMax: 0 }, signal),
      clock: options.scheduleClock,
    });
    this.#webhooks = new Webhooks({
      coordinator: options.coordinator,
      templates: this.#templates,
      secretStore: options.settings.secretStore ?? {},
      submit: (template, params, { key, told }) => this.#submitMade(template, params, key, told),
      now: () => options.scheduleClock?.now() ?? Date.now(),
    });
  }

  receive(template: string, delivery: Delivery): Promise<HookAnswer> {
    return this.#webhooks.receive(template, delivery);
  }

  /** Runs the slots of schedules from now on. Resolves when those that passed before are decided. */
  runSchedules(): Promise<void> {
    return this.#schedules.run();
  }

  async submit(definition: unknown, options: SubmitOptions = {}): Promise<WorkflowReply> {
    const claim = toClaim('submit', definition, options);
    return this.#submit(this.#validate(definition, options), null, claim, options);
  }

  async submitTemplate(
    templateId: string,
    params: Record<string, unknown>,
    options: CallOptions & WaitOptions & ToldOptions = {},
  ): Promise<WorkflowReply> {
    check(templateIdSchema, templateId, 'template_id');
    const claim = toClaim('submitTemplate', [templateId, params], options);
    const { definition, told, declaredParams } = await this.#templates.toDefinition(templateId, params);
    const known = { told: [...(options.told ?? []), ...told], declaredParams };
    return this.#submit(this.#validate(definition, known), templateId, claim, options);
  }

  /** As `submitTemplate`, but an id that is no template's is refused. */
  async #submitMade(
    template: string,
    params: Record<string, unknown>,
    idempotencyKey: string | null,
    more: readonly string[] = [],
  ): Promise<WorkflowText> {
    // One key is one delivery or one slot, whatever it would make now.
    const known = idempotencyKey === null ? {} : { idempotencyKey };
    const isHook = idempotencyKey !== null && isHookKey(idempotencyKey);
    const claimed = toClaim('submitTemplate', isHook ? [template] : [template, params], known);
    const { definition, told, declaredParams } = await this.#templates.toRun(template, params);
    const valid = this.#validate(definition, { told: [...more, ...told], declaredParams });
    const args = { ...(await this.#withCalled(valid, template)), templateId: template, ...claimed };
    return this.#coordinator.call('submit', { ...args, waitMs: 0, until: 'rest', textMax: 0 });
  }

  #validate(
    definition: unknown,
    { told, declaredParams }: Pick<SubmitOptions, 'told' | 'declaredParams'>,
  ): ValidDefinition {
    const validation = validateDefinition(definition, { ...this.#options, told, declaredParams });
    const errors = validation.ok ? this.#options.findDataSchemaFaults(validation.definition) : validation.errors;
    if (validation.ok && errors.length === 0) return validation;
    throw invalid('The workflow definition is not valid', errors);
  }

  async #submit(
    valid: ValidDefinition,
    templateId: string | null,
    claim: { claim?: IdempotencyClaim },
    options: WaitOptions,
  ): Promise<WorkflowReply> {
    const called = await this.#withCalled(valid, templateId);
    const args = { ...called, templateId, ...claim, ...toFirstWait(options) };
    return this.#replies.toCreated(await this.#coordinator.call('submit', args, options.signal), options);
  }

  async dryRun(definition: unknown): Promise<DryRunReply> {
    return this.#rehearsals.dryRun({ definition: this.#validate(definition, {}).definition });
  }

  async dryRunTemplate(templateId: string, params: Record<string, unknown>): Promise<DryRunReply> {
    check(templateIdSchema, templateId, 'template_id');
    const { definition, declaredParams } = await this.#templates.toDefinition(templateId, params);
    const valid = this.#validate(definition, { declaredParams });
    return this.#rehearsals.dryRun({ definition: valid.definition, declaredParams });
  }

  async validate(text: string): Promise<ValidationReply> {
    return this.#rehearsals.validate(text, this.#options.secretStore ?? {});
  }

  get #rehearsals(): RehearsalPort {
    const { rehearsals } = this.#options;
    if (rehearsals === undefined) throw new Refusal({ code: 'CONFLICT', detail: 'This engine makes no dry runs' });
    return rehearsals;
  }

  /** The definition with the templates that its `workflow` steps can reach, as they are now. */
  async #withCalled({ definition, warnings }: ValidDefinition, templateId: string | null) {
    if (namedTemplates(definition).length === 0) return { definition, warnings };
    const { templates: source, findDataSchemaFaults } = this.#options;
    const options = { source, validation: this.#options, findDataSchemaFaults };
    const { templates, errors, told } = await readCalledTemplates(definition, templateId, options);
    if (errors.length > 0) throw invalid('The workflow definition is not valid', errors);
    return { definition, warnings: [...warnings, ...told], templates };
  }

  async get(id: string, { withoutBlobs = false, ...options }: GetOptions = {}): Promise<WorkflowReply> {
    checkId(id);
    return this.#replies.toReply(await this.#replies.read(id, options), options.room, { withoutBlobs });
  }

  async finished(id: string, { signal }: { signal?: AbortSignal } = {}): Promise<WorkflowReply> {
    checkId(id);
    return this.#replies.toReply(
      await this.#coordinator.call('get', { id, waitMs: null, until: 'finished' }, signal),
      undefined,
    );
  }

  definition(id: string, options: AnswerOptions = {}): Promise<DefinitionBack> {
    return this.#views.definition(id, options);
  }

  logs(id: string, options: LogOptions = {}): Promise<LogReply> {
    return this.#views.logs(id, options);
  }

  search(id: string, q: string, options: SearchOptions = {}): Promise<SearchReply> {
    return this.#searches.search(id, q, options);
  }

  lineage(id: string): Promise<Lineage> {
    return this.#views.lineage(id);
  }

  async graph(id: string, { since, ...options }: GraphOptions = {}): Promise<WorkflowReply> {
    checkId(id);
    const text = await this.#replies.read(id, options, { graph: since === undefined ? {} : { since } });
    return this.#replies.toReply(text, undefined);
  }

  async peek(id: string): Promise<{ version: number; status: JobStatus }> {
    checkId(id);
    return this.#coordinator.call('peek', { id });
  }

  async getStep(id: string, stepId: string, options: GetStepOptions = {}): Promise<WorkflowStep> {
    return this.#steps.get(id, stepId, options);
  }

  async decide(
    id: string,
    stepId: string,
    request: DecisionRequest,
    options: CallOptions = {},
  ): Promise<DecisionAnswer> {
    return this.#steps.decide(id, stepId, request, options);
  }

  async waiting(query: WaitingQuery = {}): Promise<WaitingReply> {
    return this.#steps.waiting(query);
  }

  async externalSteps(id: string, { room }: AnswerOptions = {}): Promise<WorkflowStep[]> {
    checkId(id);
    const text = await this.#replies.read(id, room ? { room } : {});
    const { steps } = JSON.parse(text.json) as { steps: WorkflowStep[] };
    const external = steps.filter(
      (step) => step.action === 'external_data' || step.params.source === 'browser_extension',
    );
    return toWholeSteps(id, external, {
      length: text.json.length,
      readBlob: (blob) => this.#replies.readBlob(id, blob),
      room,
    });
  }

  async list(query: ListQuery = {}): Promise<ListReply> {
    return this.#coordinator.call('list', query);
  }

  async facets(filter: ListFilter = {}): Promise<Facets> {
    return this.#coordinator.call('facets', filter);
  }

  async stop(id: string, options: CallOptions = {}): Promise<WorkflowReply> {
    checkId(id);
    return this.#steer('stop', { id, ...toClaim('stop', id, options) }, options);
  }

  async resume(id: string, { budget, ...options }: CallOptions & ResumeRequest = {}): Promise<WorkflowReply> {
    checkId(id);
    const request = check(resumeRequestSchema, budget === undefined ? {} : { budget }, 'The request to resume');
    const claim = toClaim('resume', budget === undefined ? id : [id, budget], options);
    const args = { id, ...(request.budget ? { budget: request.budget } : {}), ...claim };
    return this.#steer('resume', args, options);
  }

  async retry(id: string, options: CallOptions = {}): Promise<WorkflowReply> {
    checkId(id);
    return this.#steer('retry', { id, ...toClaim('retry', id, options) }, options);
  }

  async branch(
    id: string,
    request: BranchRequest,
    options: CallOptions & WaitOptions & ToldOptions = {},
  ): Promise<WorkflowReply> {
    checkId(id);
    const args = {
      id,
      request: check(branchRequestSchema, request, 'The branch request'),
      ...(options.told ? { told: options.told } : {}),
      ...toClaim('branch', [id, request], options),
      ...toFirstWait(options),
    };
    await this.#replies.makeRoom(id, options.room);
    return this.#replies.toCreated(await this.#coordinator.call('branch', args, options.signal), options);
  }

  async delete(id: string, { version }: { version?: number | undefined } = {}): Promise<void> {
    checkId(id);
    await this.#coordinator.call('delete', { id, ...(version === undefined ? {} : { version }) });
  }

  async bulk(request: BulkRequest, options: CallOptions = {}): Promise<BulkResult[]> {
    return runBulk(this.#coordinator, request, options);
  }

  async externalData(id: string, request: ExternalDataRequest, options: CallOptions = {}): Promise<ExternalDataAnswer> {
    checkId(id);
    const data = check(externalDataRequestSchema, request, 'The external data');
    const outputs = {
      content: data.content,
      source_url: data.source_url ?? null,
      content_type: data.content_type,
      captured_at: new Date().toISOString(),
    };
    const { json, replayed } = await this.#coordinator.call('externalData', {
      id,
      stepId: data.step_id ?? null,
      stepName: data.step_name ?? null,
      add: data.add ?? false,
      sourceUrl: data.source_url ?? null,
      contentType: data.content_type,
      action: data.action_type,
      outputsJson: JSON.stringify(outputs),
      metadata: data.metadata ?? {},
      ...toClaim('externalData', [id, request], options),
    });
    return Object.defineProperty(JSON.parse(json) as ExternalDataReply, 'replayed', { value: replayed });
  }

  events(options: EventsOptions = {}): AsyncGenerator<EngineEvent | EventGap> {
    return this.#followers.events(options);
  }

  follow(
    id: string,
    options: Pick<EventsOptions, 'after' | 'signal'> = {},
  ): AsyncGenerator<EngineEvent | EventGap | TokenEvent> {
    return this.#followers.follow(id, options);
  }

  stream(options: StreamOptions = {}): AsyncGenerator<EngineEvent | EventGap | TokenEvent> {
    return this.#followers.stream(options);
  }

  templates(): Promise<Template[]> {
    return this.#templates.list();
  }

  async template(id: string): Promise<Template> {
    return this.#templates.get(id);
  }

  async templateProblems(): Promise<TemplateProblem[]> {
    return this.#templates.problems();
  }

  readClients(): Promise<KeptClients> {
    return this.#coordinator.call('readClients', {});
  }

  async writeClients(kept: KeptClients): Promise<void> {
    await this.#coordinator.call('writeClients', kept);
  }

  async holdsKey(id: string, prefix: string): Promise<boolean> {
    checkId(id);
    return (await this.#coordinator.call('holdsKey', { id: id.toLowerCase(), prefix })).holds;
  }

  schedules(): Promise<ScheduleView[]> {
    return this.#schedules.list();
  }

  pauseSchedule(template: string, options: CallOptions = {}): Promise<Replayable<ScheduleView>> {
    return this.#schedules.pause(template, options);
  }

  resumeSchedule(template: string, options: CallOptions = {}): Promise<Replayable<ScheduleView>> {
    return this.#schedules.resume(template, options);
  }

  triggerSchedule(template: string, options: CallOptions = {}): Promise<Replayable<TriggerReply>> {
    return this.#schedules.trigger(template, options);
  }

  async actions(): Promise<ActionDescription[]> {
    // Their schemas take 10 ms to be written as JSON Schema, and do not change.
    this.#actions ??= [...this.#options.catalogue.values()].map(({ action, lane, description, params, secrets }) => ({
      action,
      lane,
      description,
      params: z.toJSONSchema(params, { io: 'input', unrepresentable: 'any' }) as Record<string, unknown>,
      secrets: [...secrets],
    }));
    return structuredClone(this.#actions);
  }

  async secrets(): Promise<SecretDescription[]> {
    return Object.keys(this.#options.secretStore ?? {})
      .sort()
      .map((name) => ({ name }));
  }

  async costs(query: Partial<CostsQuery> = {}): Promise<CostsReply> {
    return this.#coordinator.call('costs', check(costsQuerySchema, query, 'The question for costs'));
  }

  page(): Promise<EnginePageParts> {
    return this.#page.read();
  }

  stats(): Promise<EngineStats> {
    return this.#coordinator.call('stats', {});
  }

  health(): Promise<EngineHealth> {
    const notices = Promise.all([this.#schedules.notices(), this.#webhooks.notices()]);
    const calls = [this.#coordinator.call('health', {}), this.templateProblems(), notices] as const;
    const whole = Promise.all(calls).then(([health, problems, more]) => {
      return { ...health, notices: [...health.notices, ...more.flat()], problems };
    });
    return healthWithin(whole, this.#options.healthPatienceMs);
  }

  async close(): Promise<void> {
    this.#followers.end();
    await this.#schedules.close();
    const { rehearsals } = this.#options;
    await Promise.all([
      this.#coordinator.call('close', {}),
      this.#templates.close(),
      rehearsals?.close(),
      this.#searches.close(),
    ]);
  }

  async #steer<K extends 'stop' | 'resume' | 'retry'>(
    name: K,
    args: CoordinatorCalls[K]['args'],
    { room }: AnswerOptions,
  ): Promise<WorkflowReply> {
    await this.#replies.makeRoom(args.id, room);
    return this.#replies.toReply(await this.#coordinator.call(name, args), room, { isPatient: true });
  }
}
