/** The store over every disk there is, as the suite of stores wants it. Each can be killed; the disks in memory lose power too. */
import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { StorePort } from '../../src/contract/store.ts';
import { createNodeDisk, type Disk } from '../../src/store/disk.ts';
import type { Lock } from '../../src/store/lock.ts';
import { openStore } from '../../src/store/store.ts';
import { MemoryDisk } from '../damage/memory-disk.ts';
import { Agenda } from '../sim/agenda.ts';
import { Dice } from '../sim/dice.ts';
import { createRandom, PowerCutDisk } from '../store/power-cut-disk.ts';
import type { StoreStand, StoreSubject } from './store.suite.ts';

export interface StoreStandOptions {
  readonly disk: Disk;
  /** A directory of the disk. */
  readonly root: string;
  /** What befalls the disk when the life has ended. */
  readonly onCrash?: () => void;
  readonly remove?: () => void;
  /** Stands between the store and its disk, and between the suite and the store. */
  readonly wrapDisk?: (disk: Disk) => Disk;
  readonly wrapStore?: (store: StorePort) => StorePort;
}

/** The dead life of a test still has its lock in this process, so these stores go without. */
const noLock = (): Promise<Lock> => Promise.resolve({ isHeld: () => true, release: () => Promise.resolve() });
const deadLife = () => new Error('the process is dead');

export function createStoreStand(options: StoreStandOptions): StoreStand {
  const { disk, root, onCrash, remove, wrapDisk = (same) => same, wrapStore = (same) => same } = options;
  let operationsLeft = Number.POSITIVE_INFINITY;
  let life = 0;
  const handles = new Set<number>();

  /** The disk of one life: it dies with it. */
  function diskOf(owner: number): Disk {
    const step = (): void => {
      if (owner !== life || operationsLeft <= 0) throw deadLife();
      stand.onOperation?.();
      operationsLeft -= 1;
    };
    const note = (name: string, fd: unknown, argument: unknown): unknown => {
      if (name.startsWith('open')) handles.add(fd as number);
      if (name.startsWith('close')) handles.delete(argument as number);
      return fd;
    };
    return new Proxy(disk, {
      get(_, property) {
        const name = property as keyof Disk;
        const run = (args: unknown[]): unknown => Reflect.apply(disk[name], disk, args);
        if (name.endsWith('Sync'))
          return (...args: unknown[]) => {
            step();
            return note(name, run(args), args[0]);
          };
        return async (...args: unknown[]) => {
          step();
          return note(name, await run(args), args[0]);
        };
      },
    });
  }

  /** The file below the root that holds the text, and where in it. */
  function find(text: string, directory = root): { file: string; at: number } | null {
    for (const { name, kind } of disk.readDirectorySync(directory)) {
      const path = join(directory, name);
      const at = kind === 'file' ? disk.readFileSync(path).lastIndexOf(text) : -1;
      const found = kind === 'directory' ? find(text, path) : at < 0 ? null : { file: path, at };
      if (found) return found;
    }
    return null;
  }

  function change(text: string, how: (fd: number, at: number) => void): void {
    const found = find(text);
    if (found === null) throw new Error(`no file holds "${text}"`);
    const fd = disk.openSync(found.file, 'r+');
    how(fd, found.at + Math.floor(text.length / 2));
    disk.fsyncSync(fd);
    disk.closeSync(fd);
  }

  const stand: StoreStand = {
    async open() {
      const workflowsDir = join(root, 'workflows');
      const queueStateFile = join(root, 'queue-state.json');
      const store = await openStore({ workflowsDir, queueStateFile, disk: wrapDisk(diskOf(life)), takeLock: noLock });
      return wrapStore(store);
    },
    crash() {
      life += 1;
      operationsLeft = Number.POSITIVE_INFINITY;
      for (const fd of handles) disk.closeSync(fd);
      handles.clear();
      onCrash?.();
    },
    dieAfter(operations) {
      operationsLeft = operations;
    },
    get isDead() {
      return operationsLeft <= 0;
    },
    onOperation: null,
    tear: (text) => change(text, (fd, at) => disk.truncateSync(fd, at)),
    spoil: (text) => change(text, (fd, at) => void disk.writeSync(fd, Buffer.from('#'), 0, 1, at)),
    remove: () => remove?.(),
  };
  return stand;
}

/** A directory of the machine. Its power cannot be cut, so a crash is a kill. */
export const directoryStore: StoreSubject = {
  rounds: 1,
  start() {
    const root = realpathSync(mkdtempSync(join(tmpdir(), 'store-suite-')));
    return createStoreStand({
      disk: createNodeDisk(),
      root,
      remove: () => rmSync(root, { recursive: true, force: true }),
    });
  },
};

export const memoryStore: StoreSubject = {
  rounds: 1,
  start() {
    const disk = new MemoryDisk();
    disk.port.mkdirSync('/data');
    return createStoreStand({ disk: disk.port, root: '/data' });
  },
};

/** The disk whose power is cut at each crash. The other options plant bugs. */
export function startPowerCutStand(round: number, bugs: Pick<StoreStandOptions, 'wrapDisk' | 'wrapStore'> = {}) {
  const disk = new PowerCutDisk(createRandom(round));
  const { port } = disk;
  port.mkdirSync('/data');
  port.fsyncDirectorySync('/');
  return createStoreStand({ disk: port, root: '/data', onCrash: () => disk.restart({ power: true }), ...bugs });
}

export const powerCutStore: StoreSubject = { rounds: 12, start: (round) => startPowerCutStand(round) };

/** That of the simulated world: writes are short, and what is asked for later happens in virtual time. */
export const worldStore: StoreSubject = {
  rounds: 6,
  start(round) {
    const agenda = new Agenda();
    const dice = new Dice(round);
    const owner = { isDead: false };
    const disk = new PowerCutDisk(dice.random, {
      later: (run) => {
        agenda.add(dice.random() * 20, owner, run);
        setImmediate(() => agenda.next());
      },
      onOperation: () => agenda.spend(0.1),
      shorten: (length) => (dice.chance(0.3) ? 1 + dice.below(length) : length),
    });
    const { port } = disk;
    port.mkdirSync('/data');
    port.fsyncDirectorySync('/');
    return createStoreStand({ disk: port, root: '/data', onCrash: () => disk.restart({ power: true }) });
  },
};
