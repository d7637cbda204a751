/** One life of the engine: the real store, recovery and coordinator on the world's disk, clock, chance and pool. */
import { z } from 'zod';
import type { EngineSettings } from '../../src/contract/settings.ts';
import type { StorePort } from '../../src/contract/store.ts';
import type { ActionCatalogue, ActionInfo, Lane } from '../../src/contract/task.ts';
import { assemble } from '../../src/coordinator/assemble.ts';
import type { Coordinator } from '../../src/coordinator/coordinator.ts';
import { answerBatch } from '../../src/reader/answer.ts';
import type { Lock } from '../../src/store/lock.ts';
import { openStore } from '../../src/store/store.ts';
import { checkEvents } from '../fixtures/checked-store.ts';
import type { PowerCutDisk } from '../store/power-cut-disk.ts';
import type { Agenda, Owner } from './agenda.ts';
import type { Dice } from './dice.ts';
import type { History } from './history.ts';
import { SimPool } from './pool.ts';
import { callAction, callInfo, secretStore } from './secrets.ts';
import type { Swarm } from './swarm.ts';

export const workflowsDir = '/w';
export const queueStateFile = '/q.json';

const info = (action: string, lane: Lane): [string, ActionInfo] => [
  action,
  { action, lane, description: action, params: z.looseObject({}), secrets: [], timeoutMs: 30_000 },
];
const catalogue: ActionCatalogue = new Map([
  info('work', 'io'),
  info('crunch', 'cpu'),
  info('external_data', 'none'),
  info('workflow', 'none'),
  [callAction, callInfo],
]);

export interface LifeParts {
  readonly agenda: Agenda;
  readonly disk: PowerCutDisk;
  readonly dice: Dice;
  readonly swarm: Swarm;
  readonly history: History;
  readonly seed: number;
  readonly isCalm: () => boolean;
  readonly onKiller: () => void;
}

export class Life implements Owner {
  isDead = false;
  coordinator: Coordinator | null = null;
  store: StorePort | null = null;
  readonly #parts: LifeParts;

  constructor(parts: LifeParts) {
    this.#parts = parts;
  }

  async start(): Promise<void> {
    const { agenda, disk, dice, swarm, history, seed, isCalm, onKiller } = this.#parts;
    const clock = agenda.createClock(this);
    const settings: EngineSettings = {
      workflowsDir,
      queueStateFile,
      templatesDir: '/templates',
      maxParallelNodes: swarm.maxParallelNodes,
      poolThreads: swarm.poolThreads,
      logLevel: 'info',
      unknownActions: 'simulate',
      simulationMs: 100,
      httpAllowHosts: [],
      ownPort: null,
      secrets: {},
      secretStore,
      keepFinished: swarm.keepFinished ?? undefined,
    };
    const lock: Lock = { isHeld: () => !this.isDead, release: () => Promise.resolve() };
    const opened = await openStore({
      workflowsDir,
      queueStateFile,
      disk: disk.port,
      now: () => new Date(clock.now()),
      newJournalId: () => 'simulated',
      takeLock: () => Promise.resolve(lock),
    });
    const store = checkEvents(opened);
    this.store = store;
    if (store.found.damaged) history.broken('G2', 'the journal calls acknowledged records missing');
    for (const { kind, message } of store.found.notices) {
      history.note(() => `notice ${kind} ${message}`);
      if (kind === 'damage') history.broken('G1', `damage that nothing has done: ${message}`);
    }
    const coordinator = assemble({
      settings,
      store,
      catalogue,
      instantiation: {
        instantiate: async ({ id: _, params: __, schedule: ___, ...definition }, params) => ({ ...definition, params }),
        close: async () => undefined,
      },
      loadPricer: async () => () => null,
      reader: {
        read: (batch) =>
          new Promise((resolve) => {
            agenda.add(dice.random() * swarm.attemptMs, this, () => resolve(structuredClone(answerBatch(batch))));
          }),
        close: async () => undefined,
      },
      createPool: (options) =>
        Promise.resolve(
          new SimPool({ options, agenda, owner: this, history, swarm, dice: dice.fork(), seed, isCalm, onKiller }),
        ),
      clock,
      chance: { random: dice.random, workflowId: () => dice.uuid(), hex: (digits) => dice.hex(digits) },
      log: {
        info: (fields, message) => history.note(() => `log ${message} ${JSON.stringify(fields)}`),
        warn: (_, message) => history.note(() => `warn ${message}`),
        error: (_, message) => history.note(() => `error ${message}`),
      },
      onFatal: (message, exitStatus) => {
        if (!this.isDead && !disk.isDead) history.broken('G7', `the engine ended with ${exitStatus}: ${message}`);
      },
      checkpointBytes: swarm.checkpointBytes,
      onEffects: (effects) => history.tell((check) => check.effects?.(effects, store.nextSeq - 1)),
    });
    await coordinator.start();
    this.coordinator = coordinator;
  }
}
