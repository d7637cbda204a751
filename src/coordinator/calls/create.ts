/**
 * The calls that create a workflow: from a definition (`submit`), or as a branch of another workflow (`branch`). The
 * new state.json exists before the answer. Blobs that a branch takes over from its parent are copied before the event
 * that names them.
 */
import type { Call, CallHandlers, IdempotencyClaim, WorkflowText } from '../../contract/coordinator.ts';
import type { BranchRequest, Template, WorkflowDefinition } from '../../contract/definition.ts';
import { type FieldError, invalid, Refusal } from '../../contract/failures.ts';
import type { JournalEvent } from '../../contract/journal-event.ts';
import type { JsonObject } from '../../contract/json.ts';
import { isLostNumberLine } from '../../contract/lost-numbers.ts';
import type { EngineSettings } from '../../contract/settings.ts';
import { DiskFailedError, DiskFullError, OutOfHandlesError, type StorePort } from '../../contract/store.ts';
import type { ActionCatalogue } from '../../contract/task.ts';
import { decideBranched, decideCreate, decideWaiting, listBlobs } from '../../core/decide.ts';
import { decideBranch } from '../../core/decide-branch.ts';
import { listNamedParams } from '../../core/named-params.ts';
import { createSecretSearch, findSecretParams } from '../../core/secret-params.ts';
import type { WorkflowState } from '../../core/state.ts';
import { workflowAction } from '../../core/step-state.ts';
import { stepsWithin } from '../../core/steps-within.ts';
import { validateStepParams, warningsOf } from '../../core/validate.ts';
import type { Chance, Clock } from '../clock.ts';
import type { StateFiles } from '../files/state-files.ts';
import type { Recorder } from '../recorder.ts';
import type { Batch } from '../turns.ts';
import { encode, type Live, toText, type Workflows } from '../workflows.ts';
import { type KeyedCalls, type KeyInUse, keyInUse } from './keyed-calls.ts';
import type { Reader } from './read.ts';

const errorsShownMax = 100;

export interface CreateParts {
  settings: EngineSettings;
  store: StorePort;
  catalogue: ActionCatalogue;
  clock: Clock;
  chance: Chance;
  workflows: Workflows;
  views: StateFiles;
  recorder: Recorder;
}

type CreatedEvent = Extract<JournalEvent, { kind: 'workflow.created' }>;

interface Created {
  live: Live;
  text: WorkflowText;
}

/** Resolves once the workflow's state.json exists. */
async function toShown(views: CreateParts['views'], created: Created | KeyInUse): Promise<WorkflowText | KeyInUse> {
  if (created === keyInUse) return keyInUse;
  await views.hasFile(created.live);
  return created.text;
}

export function createCreateCalls(
  parts: CreateParts,
  keyed: KeyedCalls,
  reader: Reader,
): CallHandlers<'submit' | 'branch'> {
  const { store, clock, chance, workflows, views, recorder } = parts;

  const create = (batch: Batch, event: CreatedEvent, claim: IdempotencyClaim | undefined): Created => {
    const { live, replyJson } = recorder.record(batch, event, claim, encode);
    const text = toText(live, replyJson);
    const parent = event.parent && workflows.live.get(event.parent.id);
    if (parent) recorder.record(batch, decideBranched(parent.state, clock.now()));
    // The caller's answer shows the workflow as PENDING. When that is not its real status, one more event says so.
    const waiting = decideWaiting(live.state, clock.now());
    if (waiting) recorder.record(batch, waiting);
    return { live, text };
  };

  const show = (created: Created | KeyInUse) => toShown(views, created);

  const submit: Call<'submit'> = async (args, signal) => {
    const { definition, warnings, templateId, templates, claim } = args;
    refuseSecrets(definition, parts.settings);
    for (const [id, each] of Object.entries(templates ?? {})) refuseSecrets(each, parts.settings, ['templates', id]);
    const text = await keyed.keyed(claim, async () => {
      const id = chance.workflowId();
      const toEvent = () => decideCreate({ id, definition, warnings, templateId, templates, now: clock.now() });
      const size = () => JSON.stringify([definition, templates]).length;
      return show(await keyed.inTurn(claim, (batch) => create(batch, toEvent(), claim), size));
    });
    return reader.waited(text, args, signal);
  };

  const branch: Call<'branch'> = async (args, signal) => {
    const { id: parentId, request, told, claim } = args;
    const params = request.params as JsonObject | undefined;
    const text = await keyed.keyed(claim, () =>
      keyed.pinned(parentId, async (live) => {
        const { state: parent } = live;
        if (params) checkBranchParams(parts, parent, request.stepId, params);
        const id = chance.workflowId();
        const decide = () => {
          const event = decideBranch(parent, { id, stepId: request.stepId, params, now: clock.now() });
          return withWarnings(parts, event, { parent, request, told });
        };
        // Blobs are durable before the event that names them. A result recorded during the copying may name more
        // blobs: then copy those as well.
        const copied = new Set<string>();
        for (;;) {
          const wanted = blobsOf(parent, decide()).filter((name) => !copied.has(name));
          if (wanted.length > 0) await copyBlobs(store, parentId, id, wanted);
          for (const name of wanted) copied.add(name);
          const run = (batch: Batch) => {
            const event = decide();
            return blobsOf(parent, event).every((name) => copied.has(name)) ? create(batch, event, claim) : null;
          };
          // It takes the parent's steps with it.
          const created = await keyed.inTurnOf(live, claim, run, () => JSON.stringify(decide()).length);
          if (created !== null) return show(created);
        }
      }),
    );
    return reader.waited(text, args, signal);
  };

  return { submit, branch };
}

interface Branching {
  readonly parent: WorkflowState;
  readonly request: BranchRequest;
  readonly told: readonly string[] | undefined;
}

/**
 * A branch is warned of what its own steps hold: the parent's lines may be about params that are replaced. Of numbers
 * that could not be held only the parent's lines know.
 */
function withWarnings({ catalogue, settings }: CreateParts, event: CreatedEvent, branching: Branching): CreatedEvent {
  const { parent, request, told = [] } = branching;
  const place = `steps[${parent.steps.findIndex(({ id }) => id === request.stepId)}].`;
  const isReplaced = (line: string) => request.params !== undefined && line.startsWith(`${place}params`);
  const inherited = parent.header.warnings.filter((line) => isLostNumberLine(line) && !isReplaced(line));
  const warnings = warningsOf(event.workflow as unknown as WorkflowDefinition, {
    catalogue,
    unknownActions: settings.unknownActions,
    told: [...told.map((line) => `${place}${line}`), ...inherited],
  });
  return warnings.length === 0 ? event : { ...event, workflow: { ...event.workflow, warnings } };
}

/** Fields of a step that may hold any text. */
const storedFields = ['id', 'name', 'action', 'params', 'forEach', 'output', 'label', 'when', 'repeat'];

/** Here, where the settings are: neither the journal nor a file ever holds them. */
function refuseSecrets(
  definition: WorkflowDefinition | Template,
  { secrets, secretStore }: EngineSettings,
  at: readonly string[] = [],
): void {
  const search = createSecretSearch(secrets, secretStore);
  const { name, description, tags, params } = definition;
  const errors = [
    ...Object.entries({ name, description, tags, params }).flatMap(([field, value]) => search(value, [...at, field])),
    ...[...stepsWithin(definition)].flatMap(({ step, path }) =>
      storedFields.flatMap((field) => search(step[field], [...at, ...path, field])),
    ),
  ].slice(0, errorsShownMax);
  if (errors.length > 0) throw invalid('The workflow definition is not valid', errors);
}

function checkBranchParams(
  { catalogue, settings }: CreateParts,
  state: WorkflowState,
  stepId: string,
  params: JsonObject,
): void {
  const { unknownActions, secretStore = {} } = settings;
  const options = { catalogue, unknownActions, secretStore, declaredParams: listNamedParams(state.steps) };
  const errors = [
    ...findTemplateFaults(state, stepId, params),
    ...validateStepParams(state.steps, stepId, params, state.header.params, options),
    ...findSecretParams(params, ['params'], settings.secrets, secretStore),
  ];
  if (errors.length > 0) throw invalid(`The params for step "${stepId}" are not valid`, errors);
}

/** A branch has the templates of its original. */
function findTemplateFaults({ header, ...state }: WorkflowState, stepId: string, params: JsonObject): FieldError[] {
  const step = state.steps.find(({ id }) => id === stepId);
  const known = Object.keys(header.templates ?? {});
  if (step?.action !== workflowAction || known.includes(String(params.template))) return [];
  return [{ path: 'params.template', message: `a branch can name the templates of its original: ${known.join(', ')}` }];
}

async function copyBlobs(store: StorePort, fromId: string, toId: string, names: readonly string[]): Promise<void> {
  try {
    await store.copyBlobs(fromId, toId, names);
  } catch (error) {
    const isOfDisk = error instanceof DiskFullError || error instanceof DiskFailedError;
    if (isOfDisk || error instanceof OutOfHandlesError) throw error;
    const detail = `Outputs of workflow ${fromId} cannot be taken over: ${(error as Error).message}; branch from the step that makes them`;
    throw new Refusal({ code: 'SET_ASIDE', detail });
  }
}

/** The blobs of the steps whose outputs a branch takes over. */
function blobsOf(parent: WorkflowState, event: { workflow: JsonObject }): string[] {
  const steps = event.workflow.steps as { id: string; outputs?: unknown }[];
  const taken = new Set(steps.filter(({ outputs }) => (outputs ?? null) !== null).map(({ id }) => id));
  return listBlobs(parent.steps.filter(({ id }) => taken.has(id)));
}
