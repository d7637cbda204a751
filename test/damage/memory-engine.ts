/**
 * The real engine, coordinator and store on a disk in memory, with a pool that remembers every attempt it was given: what
 * an engine shows as a result can be held against what was really run.
 */
import { z } from 'zod';
import type { Engine } from '../../src/contract/engine.ts';
import type { Job, Outcome, PoolOptions, PoolPort } from '../../src/contract/job.ts';
import type { EngineSettings } from '../../src/contract/settings.ts';
import type { FoundData } from '../../src/contract/store.ts';
import type { ActionInfo } from '../../src/contract/task.ts';
import { assemble } from '../../src/coordinator/assemble.ts';
import type { Coordinator } from '../../src/coordinator/coordinator.ts';
import { CoordinatedEngine } from '../../src/engine/engine.ts';
import { type Lock, takeLock } from '../../src/store/lock.ts';
import { openStore } from '../../src/store/store.ts';
import { createActionCatalogue } from '../../src/tasks/registry.ts';
import { findDataSchemaFaults } from '../../src/templates/data-schema-faults.ts';
import { inlineReader } from '../fixtures/inline-reader.ts';
import type { MemoryDisk } from './memory-disk.ts';
import { StillClock } from './still-clock.ts';

export const root = '/data';
export const workflowsDir = `${root}/workflows`;
export const engineDir = `${workflowsDir}/.engine`;
export const queueStateFile = `${root}/queue-state.json`;

/** Attempts that were run, over all lives of a history: `<workflow>/<step>` → what each gave, as JSON text. */
export class Runs {
  readonly #outputs = new Map<string, string[]>();
  #count = 0;

  constructor(earlier?: Runs) {
    if (earlier === undefined) return;
    for (const [key, outputs] of earlier.#outputs) this.#outputs.set(key, [...outputs]);
    this.#count = earlier.#count;
  }

  /** No two attempts give the same, so that a result tells which of them it is from. */
  run({ workflowId, stepId, paramsJson }: Job): string {
    this.#count += 1;
    const { bytes = 0 } = JSON.parse(paramsJson) as { bytes?: number };
    const key = `${workflowId}/${stepId}`;
    const outputsJson = JSON.stringify({ content: `${stepId} run ${this.#count}${'.'.repeat(bytes)}` });
    this.#outputs.set(key, [...this.of(workflowId, stepId), outputsJson]);
    return outputsJson;
  }

  of(workflowId: string, stepId: string): readonly string[] {
    return this.#outputs.get(`${workflowId}/${stepId}`) ?? [];
  }
}

const anyParams = z.looseObject({});
const catalogue = new Map<string, ActionInfo>([
  ...createActionCatalogue(),
  ...['stamp', 'hold'].map((action): [string, ActionInfo] => [
    action,
    { action, lane: 'io', description: action, params: anyParams, secrets: [], timeoutMs: 60_000 },
  ]),
]);

/** A `stamp` ends at once; a `hold` only where holds end, or when it is cancelled. Time stands still: no deadline comes. */
export function createMemoryPool({ onOutcomes }: PoolOptions, runs: Runs, holdsEnd: boolean): PoolPort {
  const base = { logs: [], metadata: null, metrics: null };
  const running = new Set<number>();
  let isClosed = false;
  const deliverSoon = (outcomes: Outcome[]): void => {
    setImmediate(() => {
      const first = outcomes.filter(({ jobId }) => running.delete(jobId));
      if (first.length > 0 && !isClosed) onOutcomes(first);
    });
  };
  return {
    capacity: () => ({ attemptsMax: Number.POSITIVE_INFINITY, cpuAttemptsMax: 4 }),
    dispatch: (jobs) => {
      for (const { jobId } of jobs) running.add(jobId);
      const ending = jobs.filter(({ action }) => action !== 'hold' || holdsEnd);
      deliverSoon(ending.map((job) => ({ ...base, jobId: job.jobId, kind: 'completed', outputsJson: runs.run(job) })));
    },
    cancel: (jobIds) => {
      const failed = { ...base, kind: 'failed', code: 'CANCELLED', message: 'cancelled', retryAfterMs: null } as const;
      deliverSoon(jobIds.map((jobId) => ({ ...failed, jobId })));
    },
    stats: () => ({ threads: 0, running: running.size }),
    close: async () => {
      isClosed = true;
    },
  };
}

export interface MemoryEngine {
  engine: Engine;
  coordinator: Coordinator;
  /** What the store found before recovery made anything of it. */
  found: FoundData;
  clock: StillClock;
  runs: Runs;
  log: string[];
  fatal: string[];
}

export interface MemoryEngineOptions {
  runs?: Runs;
  clock?: StillClock;
  holdsEnd?: boolean;
  /** Takes the lock as a real start does. Without it nothing asks the machine for processes and sockets. */
  withLock?: boolean;
}

const settings: EngineSettings = {
  workflowsDir,
  queueStateFile,
  templatesDir: `${root}/templates`,
  maxParallelNodes: 4,
  poolThreads: 4,
  logLevel: 'info',
  unknownActions: 'reject',
  simulationMs: 0,
  httpAllowHosts: [],
  ownPort: null,
  secrets: {},
};

const noLock = (): Promise<Lock> => Promise.resolve({ isHeld: () => true, release: () => Promise.resolve() });

/** Ids are numbered, so that the same history has the same bytes. */
function numberedId(number: number): string {
  return `0190a1b2-0000-7000-8000-${String(number).padStart(12, '0')}`;
}

export async function openMemoryEngine(disk: MemoryDisk, options: MemoryEngineOptions = {}): Promise<MemoryEngine> {
  const { runs = new Runs(), clock = new StillClock(), holdsEnd = false, withLock = false } = options;
  const log: string[] = [];
  const fatal: string[] = [];
  const write = (level: string) => (_fields: object, message: string) => void log.push(`${level} ${message}`);
  const now = () => new Date(clock.now());
  const store = await openStore({
    workflowsDir,
    queueStateFile,
    disk: disk.port,
    now,
    newJournalId: () => 'memory',
    takeLock: withLock ? takeLock : noLock,
  });
  let ids = store.nextSeq * 100;
  const nextId = (): string => {
    ids += 1;
    return numberedId(ids);
  };
  try {
    const coordinator = assemble({
      settings,
      store,
      catalogue,
      instantiation: {
        instantiate: () => Promise.reject(new Error('there are no templates here')),
        close: async () => undefined,
      },
      loadPricer: async () => () => null,
      reader: inlineReader,
      createPool: async (poolOptions) => createMemoryPool(poolOptions, runs, holdsEnd),
      clock,
      chance: { random: () => 0.5, workflowId: nextId, hex: (digits) => nextId().slice(-digits) },
      log: { info: write('info'), warn: write('warn'), error: write('error') },
      onFatal: (message) => fatal.push(message),
    });
    await coordinator.start();
    const engine = new CoordinatedEngine({
      coordinator,
      settings,
      catalogue,
      unknownActions: 'reject',
      checkData: async (_, data) => ({ data, errors: [] }),
      findDataSchemaFaults,
      templates: {
        list: async () => [],
        problems: async () => [],
        find: async () => undefined,
        instantiate: () => {
          throw new Error('there are no templates here');
        },
        close: async () => undefined,
      },
    });
    return { engine, coordinator, found: store.found, clock, runs, log, fatal };
  } catch (error) {
    await store.close();
    throw error;
  }
}
