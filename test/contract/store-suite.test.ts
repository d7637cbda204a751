/**
 * Goal: the suite of stores can fail. Method: the store on the disk that loses power, with one bug at a time below or in front
 * of it; the named check must notice. That all checks pass without a bug is shown by store.test.ts.
 */
import { expect, it } from 'vitest';
import type { StorePort } from '../../src/contract/store.ts';
import type { Disk } from '../../src/store/disk.ts';
import { runStoreCheck, storeChecks } from './store.suite.ts';
import { powerCutStore, startPowerCutStand } from './store-stands.ts';

interface PlantedBug {
  readonly bug: string;
  /** The check that must fail. */
  readonly check: string;
  readonly disk?: (disk: Disk) => Partial<Disk>;
  readonly store?: (store: StorePort) => Partial<StorePort>;
}

const nothing = (): void => undefined;
const nothingLater = async (): Promise<void> => undefined;

const bugs: PlantedBug[] = [
  {
    bug: 'append() returns before its records are durable',
    check: 'J1: what append()',
    disk: () => ({ fdatasyncSync: nothing }),
  },
  {
    bug: 'records are written in another order',
    check: 'J1: what append()',
    store: (store) => ({ append: (payloads) => store.append([...payloads].reverse()) }),
  },
  {
    bug: 'of a batch the first record alone is written',
    check: 'J1: what append()',
    store: (store) => ({
      append: (payloads) => store.append(payloads.slice(0, 1)),
    }),
  },
  {
    bug: 'a life begins without the records of the last one',
    check: 'J2: what one life appended',
    store: (store) => ({ found: { ...store.found, records: [] } }),
  },
  {
    bug: 'a torn tail is not reported',
    check: 'J2: a torn tail',
    store: (store) => ({ found: { ...store.found, notices: [] } }),
  },
  {
    bug: 'damage passes for a torn tail',
    check: 'J3: a bad record',
    store: (store) => ({ found: { ...store.found, damaged: false } }),
  },
  {
    bug: 'files are written in place',
    check: 'V1: at each operation',
    disk: (disk) => ({ rename: (from, to) => writeInPlace(disk, from, to) }),
  },
  {
    bug: 'a durable state.json is not synced',
    check: 'V1: after a death at any operation of a durable write, state.json',
    disk: () => ({ fsync: nothingLater }),
  },
  {
    bug: 'the directory of the queue file is not synced',
    check: 'V1: after a death at any operation of a durable write, the queue file',
    disk: () => ({ fsyncDirectory: nothingLater }),
  },
  {
    bug: 'a blob is not synced',
    check: 'V2: a blob is named',
    disk: () => ({ fsync: nothingLater, fsyncSync: nothing }),
  },
  {
    bug: 'the bytes of a blob are not held against its name',
    check: 'V2: a blob that is damaged',
    store: () => ({ readBlob: async () => Buffer.from('whatever lies there') }),
  },
  {
    bug: 'segments go before the manifest is durable',
    check: 'C1: after a death',
    disk: (disk) => ({
      fsyncDirectory: async (path) => (path.endsWith('.engine') ? undefined : disk.fsyncDirectory(path)),
    }),
  },
  {
    bug: 'a checkpoint lets no segment go',
    check: 'C1: a checkpoint that is confirmed',
    disk: () => ({ unlinkSync: nothing }),
  },
];

async function writeInPlace(disk: Disk, from: string, to: string): Promise<void> {
  const bytes = disk.readFileSync(from);
  if (disk.lstatSync(to) === null) return disk.rename(from, to);
  const fd = disk.openSync(to, 'r+');
  disk.truncateSync(fd, 0);
  disk.writeSync(fd, bytes, 0, bytes.length, 0);
  disk.closeSync(fd);
  disk.unlinkSync(from);
}

/** The same object but for these methods. */
function withBug<T extends object>(whole: T, bug: Partial<T>): T {
  return new Proxy(whole, {
    get(target, property) {
      const value: unknown = Reflect.get(property in bug ? bug : target, property);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

it.each(bugs.map((planted) => [planted.bug, planted] as const))('notices that %s', async (_bug, planted) => {
  const { disk = () => ({}), store = () => ({}) } = planted;
  const asked = storeChecks.filter(({ name }) => name.startsWith(planted.check));
  expect(asked).toHaveLength(1);
  const start = (round: number) =>
    startPowerCutStand(round, {
      wrapDisk: (whole) => withBug(whole, disk(whole)),
      wrapStore: (whole) => withBug(whole, store(whole)),
    });
  await expect(runStoreCheck(asked[0]!, { ...powerCutStore, start })).rejects.toThrow(/^round \d+: /);
});
