/** Builds the parts of a coordinator, in the order in which they need each other, and hands each only what it uses. */
import type { DataReader } from '../contract/inquiry.ts';
import type { PoolOptions, PoolPort } from '../contract/job.ts';
import { limits } from '../contract/limits.ts';
import type { EngineSettings } from '../contract/settings.ts';
import type { StorePort } from '../contract/store.ts';
import { type ActionCatalogue, pickSecrets } from '../contract/task.ts';
import { Durations } from '../core/critical-path.ts';
import { Attempts } from './attempts.ts';
import { createCallHandlers } from './calls/calls.ts';
import { takeOver } from './calls/take-over.ts';
import type { Chance, Clock } from './clock.ts';
import { Coordinator } from './coordinator.ts';
import { createPerform, type Effect, type Perform } from './effects.ts';
import { Checkpoints } from './files/checkpointing.ts';
import { OrphanBlobs } from './files/orphan-blobs.ts';
import { QueueView } from './files/queue-file.ts';
import { Removals } from './files/removals.ts';
import { StateFiles } from './files/state-files.ts';
import { EventWindow } from './followers/event-window.ts';
import { LiveTexts } from './followers/live-texts.ts';
import { Waits } from './followers/waits.ts';
import { Incidents } from './incidents.ts';
import type { Log } from './log.ts';
import { Recall } from './recall.ts';
import { Recorder } from './recorder.ts';
import { Budgets, type CallPricer } from './steps/budgets.ts';
import { ChildSteps, type ChildStepsOptions, type Instantiation } from './steps/child-steps.ts';
import { ControlSteps } from './steps/control-steps.ts';
import { FarLists } from './steps/far-lists.ts';
import { Flights } from './steps/flights.ts';
import { Inquiries } from './steps/inquiries.ts';
import { LatePool } from './steps/late-pool.ts';
import { Preparations } from './steps/preparations.ts';
import { ReadySteps } from './steps/ready-steps.ts';
import { StepCache } from './steps/step-cache.ts';
import { StepOutputs } from './steps/step-outputs.ts';
import { Turns } from './turns.ts';
import { Workflows } from './workflows.ts';

/** The settings of a coordinator, and its ports to everything outside. */
export interface CoordinatorOptions {
  settings: EngineSettings;
  store: StorePort;
  catalogue: ActionCatalogue;
  createPool(options: PoolOptions): Promise<PoolPort>;
  /** For workflows that steps start: from a template and bound params. */
  instantiation: Instantiation;
  /** Reads large data, so that the coordinator's thread does not. */
  reader: DataReader;
  /** Loads the prices of model calls, when a budget in dollars first needs them. */
  loadPricer(): Promise<CallPricer>;
  clock: Clock;
  chance: Chance;
  log: Log;
  /** The engine cannot go on and acknowledges nothing more. Status 74: the disk has failed. 70: a rule is broken. */
  onFatal(message: string, exitStatus: 70 | 74): void;
  /** The engine makes a checkpoint after this many bytes of journal; simulations set a small number. */
  checkpointBytes?: number;
  /** Called with the effects of each batch, before the coordinator performs them; simulations check them. */
  onEffects?(effects: readonly Effect[]): void;
}

const ioThreadsMax = 2;

/** Builds a coordinator. It has not read its data yet: its `start` does. */
export function assemble(options: CoordinatorOptions): Coordinator {
  const { settings, store, catalogue, clock, chance, log, loadPricer, checkpointBytes, onEffects } = options;
  const incidents = new Incidents({ log, onFatal: options.onFatal });
  const onFatal = (error: unknown) => incidents.fatal(error);
  const onFault = (error: unknown) => incidents.fault(error);
  const onNotice = (message: string) => incidents.warn(message);

  // Memory, and the loop that changes it.
  const workflows = new Workflows();
  const turns = new Turns({ store, clock, onFatal });
  const onReady = () => turns.arm();

  // Files.
  const queue = new QueueView(store, clock, () => !turns.isStuck, onFault);
  const views = new StateFiles({ store, workflows, clock, isDurable: (id) => turns.isDurable(id), onFault });
  const removals = new Removals({ store, views, onNotice });
  const durations = new Durations(store.found.manifest?.durations);
  const made = { store, clock, workflows, views, removals, durations, bytesMax: checkpointBytes };
  const checkpoints = new Checkpoints({ ...made, onFault });
  const noted = { onRemoved: (message: string) => log.info({}, message), onNotice, onFailed: onFatal };
  const orphanBlobs = new OrphanBlobs({ store, workflows, clock, ...noted });

  // Followers.
  const window = new EventWindow(limits.eventWindowMax, () => store.nextSeq - 1);
  const texts = new LiveTexts();
  const waits = new Waits(clock);

  // Steps.
  const budgets = new Budgets({ daily: settings.dailyBudget, workflows, clock, loadPricer, onReady, onFatal });
  const cache = new StepCache({ settings, store, clock, onNotice, onFatal });
  const outputs = new StepOutputs(store, clock);
  const { inquiries, preparations } = createReading(options, outputs, onFatal);
  const pool = createLatePool(options);
  const shared = { settings, clock, catalogue, cache, outputs };
  const readySteps = new ReadySteps({ ...shared, capacity: pool.capacity(), durations, budgets, onReady });
  const flights = new Flights({ ...shared, pool, readySteps, texts, onFatal });
  const { childSteps, controlSteps } = createControl(options, preparations, { outputs, workflows, turns, onFatal });

  // Events, and what follows from them.
  const recorded = { store, clock, workflows, views, queue, budgets, readySteps, flights };
  const recorder = new Recorder({ ...recorded, controlSteps, childSteps });
  const takeOverParts = { store, clock, incidents, workflows, turns, recorder };
  const recall = new Recall({
    store,
    workflows,
    views,
    takeOver: (id, content, version) => takeOver(takeOverParts, id, content, version),
    warn: onNotice,
  });
  childSteps.connectRecall(recall);
  const told = { clock, chance, log, workflows, turns, cache, budgets, durations, readySteps, flights };
  const attempts = new Attempts({ ...told, recorder, recall });
  flights.connect((ended) => attempts.onEnded(ended));
  const perform = createPerform({ log, window, cache, flights, waits, workflows, removals, checkpoints, onFault });
  turns.connect({
    startReady: (batch) => attempts.start(batch),
    perform: watched(perform, onEffects),
    onDiskFull: (isFull) => {
      incidents.diskFull(isFull);
      if (!isFull) views.resume();
    },
  });
  const files = { views, queue, removals, checkpoints, orphanBlobs };
  const followers = { window, texts, waits };
  const ready = { budgets, cache, outputs, readySteps, controlSteps, childSteps, flights, attempts, pool };
  const steps = { ...ready, inquiries, reader: options.reader };
  const parts = { settings, store, catalogue, clock, chance, log, incidents, workflows, turns, recorder, recall };
  const all = { ...parts, ...files, ...followers, ...steps };
  return new Coordinator(all, createCallHandlers(all));
}

function watched(perform: Perform, onEffects: CoordinatorOptions['onEffects']): Perform {
  return (effects) => {
    onEffects?.(effects);
    perform(effects);
  };
}

/** What steps need that takes time to read. */
function createReading(
  { reader, clock, settings: { dryRun } }: CoordinatorOptions,
  outputs: StepOutputs,
  onFatal: (error: unknown) => void,
): { inquiries: Inquiries; preparations: Preparations } {
  const inquiries = new Inquiries({ reader, outputs, clock, onFatal });
  const farLists = new FarLists({ inquiries, clock, readBlobs: (live, names) => outputs.readBlobs(live, names) });
  outputs.connect(farLists);
  return { inquiries, preparations: new Preparations({ inquiries, farLists, outputs, clock, dryRun }) };
}

/** Steps that need no slot. */
function createControl(
  { settings, catalogue, clock, chance, instantiation }: CoordinatorOptions,
  preparations: Preparations,
  shared: Pick<ChildStepsOptions, 'outputs' | 'workflows' | 'turns' | 'onFatal'>,
): { childSteps: ChildSteps; controlSteps: ControlSteps } {
  const childSteps = new ChildSteps({ ...shared, settings, catalogue, clock, chance, instantiation });
  return { childSteps, controlSteps: new ControlSteps({ ...shared, settings, clock, preparations, childSteps }) };
}

function createLatePool({ settings, catalogue, createPool, log }: CoordinatorOptions): LatePool {
  const cpuThreads = Math.min(settings.poolThreads, settings.maxParallelNodes);
  const expected = { attemptsMax: Number.POSITIVE_INFINITY, cpuAttemptsMax: cpuThreads };
  return new LatePool(expected, (hearer) =>
    createPool({
      cpuThreads,
      ioThreads: Math.min(cpuThreads, ioThreadsMax),
      network: { allowHosts: settings.httpAllowHosts, ownPort: settings.ownPort, proxies: settings.proxies },
      secretStore: settings.dryRun ? undefined : settings.secretStore,
      prices: settings.prices,
      secretsOf: ({ action }) => pickSecrets(catalogue.get(action), settings),
      onOutcomes: (outcomes) => hearer.onOutcomes(outcomes),
      onSaid: (said) => hearer.onSaid(said),
      onCapacity: () => hearer.onCapacity(),
      onFault: (message) => log.error({}, message),
    }),
  );
}
