/**
 * Wiring: an engine for programs (`createEngine`), and the engine with its server (`serve`). Nothing else in `src` knows
 * which store, which pool and which server there are. What this thread needs itself is imported once the coordinator's
 * thread is on its way, so that both load side by side.
 */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { Logger } from 'pino';
import { checkSettings, readSettings } from './config.ts';
import type { CoordinatorPort } from './contract/coordinator.ts';
import type { Engine } from './contract/engine.ts';
import type { EngineSettings } from './contract/settings.ts';
import type { CoordinatorThreadData } from './coordinator-main.ts';
import { startCoordinatorThread } from './engine/thread-client.ts';
import { isOutOfHandles, outOfHandlesLine } from './out-of-handles.ts';
import { toExecArgv } from './pool/source-loader.ts';
import { version } from './version.ts';
import { beatMs, createBeats, startHeartbeat } from './watchdog/heartbeat.ts';
import type { WatchdogThreadData } from './watchdog-main.ts';

export type { DecisionAnswer, DecisionRequest, WaitingStep } from './contract/decision.ts';
export type {
  BranchRequest,
  ExternalDataReply,
  ExternalDataRequest,
  Template,
  WorkflowDefinition,
} from './contract/definition.ts';
export { type Engine, type ListReply, WorkflowReply } from './contract/engine.ts';
export type { EngineEvent, EventGap, TokenEvent } from './contract/event.ts';
export { Refusal } from './contract/failures.ts';
export type { ListQuery } from './contract/list-query.ts';
export type { PassedSlot, ScheduleView, TriggerReply } from './contract/schedule.ts';
export type { EngineSettings } from './contract/settings.ts';
export { StartError } from './contract/store.ts';
export type { JobStatus, Workflow, WorkflowStep, WorkflowSummary } from './contract/workflow.ts';
export { version };

const threadUrl = new URL(`./coordinator-main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
const watchdogUrl = new URL(`./watchdog-main${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);
/** Far longer than any single piece of work of a thread, which bounds keep below a few seconds. */
const stuckAfterMs = 30_000;
const shippedTemplatesDir = fileURLToPath(new URL('../workflows/templates', import.meta.url));

export interface EngineOptions {
  /**
   * What is left out has the default of the setting of that name, but `logLevel`: that is `warn` here. Paths may be
   * relative.
   */
  settings?: Partial<EngineSettings>;
  /** False runs the coordinator in the caller's own thread: for tests, and for programs that have a thread to spare. */
  ownThread?: boolean;
  /** 1 standard output, 2 standard error (the default). */
  logFd?: 1 | 2;
  /** The engine cannot go on: 74 the disk failed, 70 a broken rule. Without it, the process ends with that status. */
  onFatal?: (message: string, exitStatus: 70 | 74) => void;
  /** True runs the slots of schedules, as `serve` does. False, the default, only lists and changes them. */
  runSchedules?: boolean;
  /** Called with what is wrong with template files: at the start if anything is, and whenever that has changed. */
  onTemplateProblems?: (lines: string[]) => void;
}

/** Recovers what the data directory holds and resolves when the engine takes work. Rejects with StartError. */
export async function createEngine(options: EngineOptions = {}): Promise<Engine> {
  return createWatchedEngine(options);
}

async function createWatchedEngine(options: EngineOptions, beats?: SharedArrayBuffer): Promise<Engine> {
  checkSettings(options.settings ?? {});
  const settings = toSettings(options.settings ?? {});
  const data: CoordinatorThreadData = { settings, logFd: options.logFd ?? 2, beats };
  const coming = startCoordination(data, options.ownThread ?? true, options.onFatal ?? endProcess);
  const [
    coordinator,
    { CoordinatedEngine },
    { createActionCatalogue },
    { createTemplateCatalogue },
    { findDataSchemaFaults },
    { ParamsChecker, paramsThreadUrl },
    { watchTemplates },
    { Rehearsals, checkThreadUrl },
    { searchThreadUrl },
  ] = await Promise.all([
    coming,
    import('./engine/engine.ts'),
    import('./tasks/registry.ts'),
    import('./templates/catalogue.ts'),
    import('./templates/data-schema-faults.ts'),
    import('./templates/params-checker.ts'),
    import('./templates/watch.ts'),
    import('./rehearsal/rehearsals.ts'),
    import('./engine/run-searches.ts'),
  ]);
  const templates = createTemplateCatalogue(settings.templatesDir);
  const checker = new ParamsChecker({ execArgv: toExecArgv(paramsThreadUrl) });
  const watch =
    options.onTemplateProblems && watchTemplates(settings.templatesDir, templates, options.onTemplateProblems);
  const engine = new CoordinatedEngine({
    coordinator,
    settings,
    catalogue: createActionCatalogue(),
    unknownActions: settings.unknownActions,
    checkData: (schema, data) => checker.checkData(schema, data),
    findDataSchemaFaults,
    secretStore: settings.secretStore ?? {},
    searchExecArgv: toExecArgv(searchThreadUrl),
    rehearsals:
      settings.dryRun === undefined
        ? new Rehearsals({
            settings,
            open: (dry) => createEngine({ settings: dry, onFatal: () => undefined }),
            execArgv: toExecArgv(checkThreadUrl),
          })
        : undefined,
    templates: {
      ...templates,
      instantiate: (template, params) => checker.instantiate(template, params),
      async close() {
        watch?.close();
        await checker.close();
      },
    },
  });
  // Not waited for: slots that have passed may be many, and the engine takes work meanwhile.
  if (options.runSchedules) void engine.runSchedules();
  return engine;
}

async function startCoordination(
  data: CoordinatorThreadData,
  ownThread: boolean,
  onFatal: (message: string, exitStatus: 70 | 74) => void,
): Promise<CoordinatorPort> {
  if (!ownThread) {
    const { startCoordinator } = await import('./coordinator-main.ts');
    return startCoordinator(data, onFatal);
  }
  // Tasks get their secrets one by one; nothing in a thread reads the environment.
  const worker = { workerData: data, execArgv: toExecArgv(threadUrl) ?? [], env: {} };
  return startCoordinatorThread({ url: threadUrl, worker, onFatal });
}

/** Ends the process with status 71 when a thread that has begun to beat does not answer any more. */
export function startWatchdog(data: WatchdogThreadData): void {
  new Worker(watchdogUrl, { workerData: data, execArgv: toExecArgv(watchdogUrl) ?? [], env: {} }).unref();
}

function endProcess(message: string, exitStatus: number): never {
  // The store waits for handles. What ends here is a module that could not be loaded, which happens only at the start.
  if (isOutOfHandles(message)) {
    process.stderr.write(`${outOfHandlesLine}\n`);
    process.exit(1);
  }
  process.stderr.write(`Hybrid Engine has to end (exit status ${exitStatus}): ${message}\n`);
  process.exit(exitStatus);
}

function toSettings(given: Partial<EngineSettings>): EngineSettings {
  return {
    maxParallelNodes: 4,
    poolThreads: availableParallelism(),
    logLevel: 'warn',
    unknownActions: 'simulate',
    simulationMs: 1_000,
    httpAllowHosts: [],
    ownPort: null,
    secrets: {},
    ...given,
    workflowsDir: resolve(given.workflowsDir ?? 'workflows'),
    templatesDir: resolve(given.templatesDir ?? shippedTemplatesDir),
    queueStateFile: resolve(given.queueStateFile ?? 'queue-state.json'),
  };
}

/** Runs the product until a signal ends it. Rejects with StartError when it cannot start. */
export async function serve(
  env: Readonly<Record<string, string | undefined>> = process.env,
  cwd: string = process.cwd(),
): Promise<void> {
  const settings = readSettings(env, cwd);
  process.on('uncaughtException', (error) => endProcess(error.stack ?? error.message, 70));
  process.on('unhandledRejection', (error) =>
    endProcess(error instanceof Error ? (error.stack ?? error.message) : String(error), 70),
  );
  const beats = createBeats();
  // The server's modules load while the coordinator's thread recovers what is on the disk.
  let log: Pick<Logger, 'warn' | 'info'> | undefined;
  let early: string[] | undefined;
  const tell = (lines: string[]) => {
    if (log === undefined) early = lines;
    else if (lines.length === 0) log.info('all template files are in order');
    else for (const line of lines) log.warn(`template ${line}`);
  };
  const [engine, { createServer }, { pino }] = await Promise.all([
    createWatchedEngine(
      { settings: settings.engine, logFd: 1, onFatal: endProcess, runSchedules: true, onTemplateProblems: tell },
      beats,
    ),
    import('./server/server.ts'),
    import('pino'),
  ]);
  const serverLog = pino({ level: settings.engine.logLevel, base: null });
  log = serverLog;
  for (const slip of settings.slips) serverLog.warn(slip);
  if (early) tell(early);
  const server = createServer({ engine, settings: settings.server, log: serverLog, version });
  let isStopping = false;
  const stop = (signal: NodeJS.Signals) => {
    // A second signal ends it at once, which is as safe as any crash.
    if (isStopping) process.exit(130);
    isStopping = true;
    serverLog.info(`${signal}: stopping; running steps get up to 10 s (once more to end at once)`);
    server
      .close()
      .then(() => engine.close())
      .then(
        () => process.exit(0),
        (error: unknown) => endProcess(String(error), 70),
      );
  };
  // Before the line that says it listens: whoever reads that may send a signal at once.
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  try {
    const { url } = await server.listen();
    startHeartbeat(beats, 'server');
    startWatchdog({ beats, lookMs: beatMs, patienceMs: stuckAfterMs });
    process.stdout.write(`Hybrid Engine ${version} listening on ${url}\n`);
  } catch (error) {
    await engine.close();
    throw error;
  }
}
