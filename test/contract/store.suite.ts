/**
 * What every store owes its coordinator, J1 to J3, V1, V2 and C1 of `src/contract/store.ts`, as checks that know neither files
 * nor their format. `store.test.ts` runs them over each disk there is; `store-suite.test.ts` shows that they fail where a
 * store or its disk breaks the rule.
 *
 * Each check lives on several stands, one after the other: a disk that loses at random may keep by luck what it should.
 */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Manifest, QueueItem, StorePort } from '../../src/contract/store.ts';

export interface StoreStand {
  /** Begins a life on the data as it lies there. */
  open(): Promise<StorePort>;
  /** Ends the life without a word, the harshest way that this stand has: a kill, or a power cut. */
  crash(): void;
  /** The life dies at its n-th operation from now, 0 for the next one. */
  dieAfter(operations: number): void;
  /** Whether it has died of that. */
  readonly isDead: boolean;
  /** Called before each operation of the disk. */
  onOperation: (() => void) | null;
  /** Cuts the file that holds this text off in the middle of it. */
  tear(text: string): void;
  /** Changes one byte of this text where it lies. */
  spoil(text: string): void;
  /** Removes what the stand has put on a disk. */
  remove(): void;
}

export interface StoreSubject {
  /** How often each check is run; `round` chooses what is lost. */
  readonly rounds: number;
  start(round: number): StoreStand;
}

export interface StoreCheck {
  readonly name: string;
  run(start: () => StoreStand): Promise<void>;
}

const id = '0190a1b2-0000-7000-8000-000000000001';
const stateText = (fill: string) => JSON.stringify({ id, steps: [{ id: 'a', fill }] }, null, 2);
const jsonsOf = (store: StorePort) => store.found.records.map(({ json }) => json);
const kindsOf = (store: StorePort) => store.found.notices.map(({ kind }) => kind);
const emptyManifest = { live: {}, setAside: {}, durations: {} } as const;
const toItem = (node_id: string): QueueItem => {
  return { workflow_id: id, node_id, action: 'noop', status: 'PENDING', attempt: 1, queued_at: 'now' };
};

/** Runs what may die, once for each operation at which it can, on a stand of its own each time. */
async function dieAtEach(
  start: () => StoreStand,
  work: (stand: StoreStand) => Promise<void>,
  judge: (stand: StoreStand) => Promise<void>,
): Promise<void> {
  for (let operations = 0; ; operations += 1) {
    const stand = start();
    try {
      await work({ ...stand, dieAfter: () => stand.dieAfter(operations) });
    } catch (error) {
      if (!stand.isDead) throw error;
    }
    const { isDead } = stand;
    stand.crash();
    await judge(stand);
    if (isDead) continue;
    expect(operations).toBeGreaterThan(0);
    return;
  }
}

const journalChecks: StoreCheck[] = [
  {
    name: 'J1: what append() and begin() have confirmed is found after a crash, in order and with its numbers',
    async run(start) {
      const stand = start();
      const first = await stand.open();
      first.begin(['"begun"']);
      first.append(['"a"', '"b"']);
      first.append(['"c"']);
      stand.crash();
      const second = await stand.open();
      const confirmed = ['"begun"', '"a"', '"b"', '"c"'];
      expect(jsonsOf(second)).toEqual(confirmed);
      second.begin(['"begun again"']);
      stand.crash();
      const third = await stand.open();
      expect(third.found.records).toEqual([...confirmed, '"begun again"'].map((json, i) => ({ seq: i + 1, json })));
      expect(third.found.damaged).toBe(false);
      expect(third.nextSeq).toBe(6);
    },
  },
  {
    name: 'J1, J2: after a death at any operation of an append, what is found is a prefix that holds all that was confirmed',
    async run(start) {
      let confirmed: string[] = [];
      await dieAtEach(
        start,
        async (stand) => {
          confirmed = [];
          const store = await stand.open();
          store.begin(['"1"']);
          confirmed.push('"1"');
          stand.dieAfter(0);
          for (const batch of [['"2"', '"3"'], ['"4"']]) {
            store.append(batch);
            confirmed.push(...batch);
          }
        },
        async (stand) => {
          const store = await stand.open();
          const found = jsonsOf(store);
          expect(found).toEqual(['"1"', '"2"', '"3"', '"4"'].slice(0, found.length));
          expect(found.length).toBeGreaterThanOrEqual(confirmed.length);
          expect(store.found.damaged).toBe(false);
        },
      );
    },
  },
  {
    name: 'J2: what one life appended, the next ones find, over any number of restarts',
    async run(start) {
      const stand = start();
      for (let life = 1; life <= 4; life += 1) {
        const store = await stand.open();
        const seqs = Array.from({ length: 3 * (life - 1) }, (_, i) => i + 1);
        expect(store.found.records.map(({ seq }) => seq)).toEqual(seqs);
        store.begin([`"begun ${life}"`]);
        store.append([`"a ${life}"`, `"b ${life}"`]);
        expect(store.nextSeq).toBe(3 * life + 1);
        await store.close();
      }
    },
  },
  {
    name: 'J2: a torn tail is dropped and reported, and what stands before it is found',
    async run(start) {
      const stand = start();
      const first = await stand.open();
      first.begin(['"whole"']);
      first.append(['"the last one of this life"']);
      stand.crash();
      stand.tear('the last one of this life');
      const second = await stand.open();
      expect(jsonsOf(second)).toEqual(['"whole"']);
      // What was not asked to be durable may be damaged as well, and is set aside then.
      expect(kindsOf(second).filter((kind) => kind !== 'quarantine')).toEqual(['tail']);
      expect(second.found.damaged).toBe(false);
    },
  },
  {
    name: 'J3: a bad record before the tail is reported as damage with its offset, and nothing is made of it',
    async run(start) {
      const stand = start();
      const first = await stand.open();
      first.begin(['"whole"']);
      first.append(['"spoiled by somebody"']);
      first.append(['"behind it"']);
      first.append(['"further behind"']);
      stand.crash();
      stand.spoil('spoiled by somebody');
      const second = await stand.open();
      expect(jsonsOf(second)).toEqual(['"whole"']);
      expect(second.found.damaged).toBe(true);
      const damage = second.found.notices.filter(({ kind }) => kind === 'damage');
      expect(damage).toHaveLength(1);
      expect(damage[0]?.message).toMatch(/offset \d+|byte \d+/);
    },
  },
];

const viewChecks: StoreCheck[] = [
  {
    name: 'the stamp of a state.json is another one after each write, and there is none before the first',
    async run(start) {
      const store = await start().open();
      store.begin([]);
      const stamps = [await store.stampState(id)];
      // Of different lengths: a disk's clock may stand still between two writes.
      for (const text of ['1', '22', '333']) {
        await store.writeState(id, stateText(text), { seq: 1 }, { durable: false });
        stamps.push(await store.stampState(id), await store.stampState(id));
      }
      expect(stamps[0]).toBeNull();
      expect(new Set(stamps).size).toBe(4);
      expect([stamps[1], stamps[3], stamps[5]]).toEqual([stamps[2], stamps[4], stamps[6]]);
    },
  },
  {
    name: 'V1: at each operation of a write, a reader of state.json sees the old document or the new one, whole',
    async run(start) {
      const stand = start();
      const store = await stand.open();
      store.begin([]);
      await store.writeState(id, stateText('old'), { seq: 1 }, { durable: false });
      const seen = new Set<unknown>();
      stand.onOperation = () => {
        stand.onOperation = null;
        const state = store.readStateSync(id);
        seen.add(state.kind === 'intact' ? state.text : state);
        stand.onOperation = look;
      };
      const look = stand.onOperation;
      await store.writeState(id, stateText('new'), { seq: 2 }, { durable: true });
      stand.onOperation = null;
      expect([...seen]).toEqual([stateText('old'), stateText('new')]);
    },
  },
  {
    name: 'V1: after a death at any operation of a durable write, state.json is the old document or the new one, whole',
    async run(start) {
      let seqMin = 0;
      await dieAtEach(
        start,
        async (stand) => {
          seqMin = 0;
          const store = await stand.open();
          store.begin(['"1"', '"2"']);
          await store.writeState(id, stateText('old'), { seq: 1 }, { durable: true });
          seqMin = 1;
          stand.dieAfter(0);
          await store.writeState(id, stateText('new'), { seq: 2 }, { durable: true });
          seqMin = 2;
        },
        async (stand) => {
          const state = (await stand.open()).readStateSync(id);
          if (state.kind !== 'intact') throw new Error(`state.json is ${state.kind}`);
          expect(state.meta.seq).toBeGreaterThanOrEqual(seqMin);
          expect(state.text).toBe(stateText(state.meta.seq === 1 ? 'old' : 'new'));
        },
      );
    },
  },
  {
    name: 'V1: after a death at any operation of a durable write, the queue file holds the old jobs or the new ones',
    async run(start) {
      const before = [toItem('a')];
      const after = [toItem('b'), toItem('c')];
      let isWritten = false;
      await dieAtEach(
        start,
        async (stand) => {
          isWritten = false;
          const store = await stand.open();
          store.begin([]);
          await store.writeQueue(before, { durable: true });
          stand.dieAfter(0);
          await store.writeQueue(after, { durable: true });
          isWritten = true;
        },
        async (stand) => {
          const { queueItems } = (await stand.open()).found;
          expect(isWritten ? [after] : [before, after]).toContainEqual(queueItems);
        },
      );
    },
  },
  {
    name: 'V2: a blob is named by its SHA-256, read back byte for byte, and still there after a crash',
    async run(start) {
      const stand = start();
      const store = await stand.open();
      store.begin([]);
      const blobs = ['written in between', 'written at once'].map((text) => Buffer.from(text));
      const [slow, fast] = blobs as [Buffer, Buffer];
      const names = [await store.writeBlob(id, slow), store.writeBlobSync(id, fast)];
      expect(names).toEqual(blobs.map((bytes) => createHash('sha256').update(bytes).digest('hex')));
      expect(await store.writeBlob(id, fast)).toBe(names[1]);
      stand.crash();
      const next = await stand.open();
      for (const [i, bytes] of blobs.entries()) expect(bytes.equals(await next.readBlob(id, names[i]!))).toBe(true);
    },
  },
  {
    name: 'V2: a blob that is damaged or absent is refused, never given',
    async run(start) {
      const stand = start();
      const store = await stand.open();
      store.begin([]);
      const name = await store.writeBlob(id, Buffer.from('kept for later'));
      stand.spoil('kept for later');
      await expect(store.readBlob(id, name)).rejects.toThrow(name);
      await expect(store.readBlob(id, name.replace(/./g, '0'))).rejects.toThrow('missing');
    },
  },
];

const checkpointChecks: StoreCheck[] = [
  {
    name: 'C1: after a death at any operation of a checkpoint, each confirmed event is in the journal, or a durable manifest covers it',
    async run(start) {
      let manifest: Manifest | null = null;
      await dieAtEach(
        start,
        async (stand) => {
          manifest = null;
          const store = await stand.open();
          store.begin(['"1"']);
          store.cut();
          store.append(['"2"']);
          const sha256 = await store.writeState(id, stateText('at 2'), { seq: 2 }, { durable: true });
          const segment = store.cut();
          store.append(['"3"']);
          stand.dieAfter(0);
          const written = { ...emptyManifest, seq: 2, segment, live: { [id]: { seq: 2, sha256 } } };
          await store.checkpoint(written);
          manifest = written;
        },
        async (stand) => {
          const store = await stand.open();
          const { found } = store;
          if (manifest !== null) expect(found.manifest).toEqual(manifest);
          const covered = found.manifest?.seq ?? 0;
          const seqs = new Set(found.records.map(({ seq }) => seq));
          expect([1, 2, 3].filter((seq) => seq > covered && !seqs.has(seq))).toEqual([]);
          expect(found.damaged).toBe(false);
          expect(store.readStateSync(id)).toMatchObject({ kind: 'intact', meta: { seq: 2 } });
        },
      );
    },
  },
  {
    name: 'C1: a checkpoint that is confirmed lets the segments below it go, the newest of them later than the others',
    async run(start) {
      const stand = start();
      const store = await stand.open();
      store.begin(['"1"']);
      store.cut();
      store.append(['"2"']);
      const segment = store.cut();
      store.append(['"3"']);
      await store.checkpoint({ ...emptyManifest, seq: 2, segment });
      stand.crash();
      const next = await stand.open();
      expect(next.found.manifest).toMatchObject({ seq: 2, segment });
      expect(jsonsOf(next)).toEqual(['"2"', '"3"']);
    },
  },
];

export const storeChecks: readonly StoreCheck[] = [...journalChecks, ...viewChecks, ...checkpointChecks];

/** Runs a check on as many stands as its subject wants; rejects with the number of the round that failed. */
export async function runStoreCheck(check: StoreCheck, subject: StoreSubject): Promise<void> {
  for (let round = 1; round <= subject.rounds; round += 1) {
    const stands: StoreStand[] = [];
    const start = (): StoreStand => {
      const stand = subject.start(round * 1_000 + stands.length);
      stands.push(stand);
      return stand;
    };
    try {
      await check.run(start);
    } catch (error) {
      throw new Error(`round ${round}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    } finally {
      for (const stand of stands) stand.remove();
    }
  }
}

export function describeStore(name: string, subject: StoreSubject): void {
  describe(name, () => {
    for (const check of storeChecks) it(check.name, () => runStoreCheck(check, subject));
  });
}
