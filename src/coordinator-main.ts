/** The coordinator thread: opens the store, wires the coordinator to it and to the pool, and serves its port. */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { destination, pino } from 'pino';
import type { FromCoordinator } from './contract/coordinator.ts';
import { secretLengthMin, shortSecretNames } from './contract/secret-values.ts';
import type { EngineSettings } from './contract/settings.ts';
import { DiskFailedError, DiskFullError, OutOfHandlesError, StartError } from './contract/store.ts';
import { assemble } from './coordinator/assemble.ts';
import { createChance, createClock } from './coordinator/clock.ts';
import type { Coordinator } from './coordinator/coordinator.ts';
import type { Instantiation } from './coordinator/steps/child-steps.ts';
import { serveCoordinator } from './coordinator/thread-host.ts';
import { toExecArgv } from './pool/source-loader.ts';
import { readerThreadUrl, ThreadReader } from './reader/thread-reader.ts';
import { toStartError as toDirectoryError } from './store/data-directory.ts';
import { openStore } from './store/store.ts';
import { loadCallPricer } from './tasks/llm/prices.ts';
import { createActionCatalogue } from './tasks/registry.ts';
import type { ParamsChecker } from './templates/params-checker.ts';
import { startHeartbeat } from './watchdog/heartbeat.ts';

export interface CoordinatorThreadData {
  settings: EngineSettings;
  /** 1 standard output, 2 standard error. */
  logFd: 1 | 2;
  /** Where the thread's heartbeat is told; without it nobody watches. */
  beats?: SharedArrayBuffer | undefined;
}

/** In this thread or in another's place: everything that a coordinator needs, from the settings. */
export async function startCoordinator(
  { settings, logFd }: CoordinatorThreadData,
  onFatal: (message: string, exitStatus: 70 | 74) => void,
): Promise<Coordinator> {
  const { dryRun } = settings;
  const output = destination({ fd: logFd, sync: false });
  const log = pino({ level: settings.logLevel, base: null }, output);
  const store = await openStore({ workflowsDir: settings.workflowsDir, queueStateFile: settings.queueStateFile });
  try {
    const coordinator = assemble({
      settings,
      store,
      catalogue: createActionCatalogue(),
      // Its modules load when the data has been recovered, as its threads do.
      createPool: async (options) => {
        if (dryRun === undefined) return (await import('./pool/pool.ts')).createPool(options);
        return (await import('./pool/dry-pool.ts')).createDryPool(options, dryRun);
      },
      instantiation: createInstantiation(),
      reader: new ThreadReader({ execArgv: toExecArgv(readerThreadUrl) }),
      loadPricer: () => loadCallPricer(settings.prices),
      clock: createClock(),
      chance: createChance(),
      log,
      onFatal: (message, exitStatus) => {
        log.fatal(message);
        output.flushSync();
        onFatal(message, exitStatus);
      },
    });
    await coordinator.start();
    warnOfShortSecrets(settings, log);
    return coordinator;
  } catch (error) {
    await store.close();
    throw toStartError(error, settings);
  }
}

/** Its modules load with the first workflow that a step starts. */
function createInstantiation(): Instantiation {
  let checker: Promise<ParamsChecker> | undefined;
  return {
    async instantiate(template, params) {
      checker ??= import('./templates/params-checker.ts').then(
        ({ ParamsChecker: Checker, paramsThreadUrl }) => new Checker({ execArgv: toExecArgv(paramsThreadUrl) }),
      );
      return (await checker).instantiate(template, params);
    },
    close: async () => (await checker)?.close(),
  };
}

function warnOfShortSecrets({ secrets, secretStore }: EngineSettings, log: { warn(message: string): void }): void {
  const names = shortSecretNames(secrets, secretStore);
  if (names.length === 0) return;
  const [are, they] = names.length === 1 ? ['is', 'it is'] : ['are', 'they are'];
  log.warn(
    `${names.join(', ')} ${are} shorter than ${secretLengthMin} characters: ${they} not searched for in texts, so nothing takes it out of outputs and logs`,
  );
}

/** What the disk did to recovery, as the line with which a start ends. */
function toStartError(error: unknown, { workflowsDir }: EngineSettings): unknown {
  if (error instanceof DiskFullError) {
    return new StartError(`WORKFLOWS_DIR=${workflowsDir}: the disk is full; recovery needs some space to write`, 1, {
      cause: error,
    });
  }
  if (error instanceof OutOfHandlesError) {
    const wayOut = 'close some, or raise the limit (ulimit -n), and start again';
    return new StartError(`WORKFLOWS_DIR=${workflowsDir}: too many open files on this machine; ${wayOut}`, 1, {
      cause: error,
    });
  }
  if (error instanceof DiskFailedError) return new StartError(error.message, 74, { cause: error });
  // A file of another user that could not be set aside, for one.
  return toDirectoryError('WORKFLOWS_DIR', workflowsDir, error);
}

async function serveThread(): Promise<void> {
  const port = parentPort!;
  const send = (message: FromCoordinator) => port.postMessage(message);
  const onFatal = (message: string, exitStatus: 70 | 74) => send({ kind: 'fatal', message, exitStatus });
  try {
    const coordinator = await startCoordinator(workerData as CoordinatorThreadData, onFatal);
    const { incidents } = coordinator.parts;
    const onFault = (error: unknown) => incidents.fatal(error);
    process.on('uncaughtException', onFault);
    process.on('unhandledRejection', onFault);
    serveCoordinator(coordinator, port, onFault);
    const { beats } = workerData as CoordinatorThreadData;
    if (beats !== undefined) startHeartbeat(beats, 'coordinator');
    send({ kind: 'ready', notices: incidents.notices });
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    send({ kind: 'unstartable', message: error.message, exitStatus: error.exitStatus });
  }
}

// Imported by the main thread for an engine without a thread of its own, run as a thread otherwise.
if (!isMainThread && (workerData as CoordinatorThreadData | null)?.settings) await serveThread();
