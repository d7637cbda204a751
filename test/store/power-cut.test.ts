// Goal: J1, J2, V2, C1 and CF1 over power cuts. Method: seeded histories of several lives on a disk that loses all it was not
// asked to keep; what was confirmed must be found by the next life, whichever way the last one ended.
import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import type { FinishedEntry, StorePort } from '../../src/contract/store.ts';
import type { Lock } from '../../src/store/lock.ts';
import { openStore } from '../../src/store/store.ts';
import { emptyManifest } from './data-dir.ts';
import { createRandom, PowerCutDisk, type Random } from './power-cut-disk.ts';

const seeds = 60;
const ids = [1, 2, 3].map((number) => `0190a1b2-0000-7000-8000-00000000000${number}`);
const noLock = (): Promise<Lock> => Promise.resolve({ isHeld: () => true, release: () => Promise.resolve() });

/** What the store has confirmed, and so owes. */
class Owed {
  readonly events = new Map<number, string>();
  readonly states = new Map<string, number>();
  readonly blobs = new Map<string, string>();
  readonly finished = new Set<string>();
  /** Answers in the cache, also those whose writing was not confirmed. */
  readonly cached = new Map<string, { json: string; isConfirmed: boolean }>();
  manifestSeq = 0;

  /** Checks a store that has just been opened, and takes over what survived without having been confirmed. */
  async check(store: StorePort): Promise<void> {
    const { found } = store;
    expect(found.damaged).toBe(false);
    expect(found.notices.filter((notice) => notice.kind === 'damage')).toEqual([]);
    const covered = found.manifest?.seq ?? 0;
    expect(covered).toBeGreaterThanOrEqual(this.manifestSeq);
    const records = new Map(found.records.map((record) => [record.seq, record.json]));
    for (const [seq, json] of this.events) if (seq > covered) expect(records.get(seq)).toBe(json);
    for (const [seq, json] of records) expect(this.events.get(seq) ?? json).toBe(json);
    for (const [id, seq] of this.states) {
      const state = store.readStateSync(id);
      expect(state.kind).toBe('intact');
      if (state.kind === 'intact') expect(state.meta.seq).toBeGreaterThanOrEqual(seq);
    }
    for (const [name, id] of this.blobs)
      expect(Buffer.from(await store.readBlob(id, name)).toString()).toContain('blob');
    for (const id of this.finished) expect(found.finished.has(id)).toBe(true);
    for (const [key, { json, isConfirmed }] of this.cached) {
      const reading = await store.readCached(key);
      if (isConfirmed || reading.kind !== 'absent') expect(reading).toEqual({ kind: 'whole', json });
    }
  }
}

function finishedEntry(id: string, seq: number): FinishedEntry {
  return { id, seq, sha256: 'a'.repeat(64), summary: { id } as never, keys: [] };
}

async function live(store: StorePort, owed: Owed, random: Random): Promise<void> {
  const pick = (): string => ids[Math.floor(random() * ids.length)] ?? '';
  const append = (write: (payloads: string[]) => void): void => {
    const seq = store.nextSeq;
    const payloads = Array.from({ length: Math.floor(random() * 4) }, () => JSON.stringify('x'.repeat(random() * 900)));
    write(payloads);
    for (const [index, json] of payloads.entries()) owed.events.set(seq + index, json);
  };
  append((payloads) => store.begin(payloads));
  for (const record of store.found.records) owed.events.set(record.seq, record.json);
  for (let step = 0; step < 25; step += 1) {
    const choice = random();
    const seq = store.nextSeq - 1;
    const id = pick();
    if (choice < 0.5) {
      append((payloads) => store.append(payloads));
    } else if (choice < 0.62) {
      await store.writeState(id, JSON.stringify({ id, step }, null, 2), { seq }, { durable: true });
      owed.states.set(id, seq);
    } else if (choice < 0.7) {
      owed.states.delete(id); // A plain write may leave the old file, the new one, or after a power cut neither.
      await store.writeState(id, JSON.stringify({ id, step }, null, 2), { seq }, { durable: false });
      if (random() < 0.5) {
        await store.syncStates([id]);
        owed.states.set(id, seq);
      }
    } else if (choice < 0.78) {
      owed.blobs.set(await store.writeBlob(id, Buffer.from(`blob ${random()}`)), id);
    } else if (choice < 0.81) {
      const key = createHash('sha256').update(`${seq} ${random()}`).digest('hex');
      const answer = { json: JSON.stringify('y'.repeat(random() * 900)), isConfirmed: false };
      owed.cached.set(key, answer);
      await store.writeCached(key, answer.json);
      answer.isConfirmed = true;
    } else if (choice < 0.84) {
      owed.blobs.set(store.writeBlobSync(id, Buffer.from(`blob ${random()}`)), id);
    } else if (choice < 0.9) {
      await store.indexFinished([finishedEntry(`finished-${seq}-${step}`, seq)]);
      owed.finished.add(`finished-${seq}-${step}`);
    } else if (choice < 0.93) {
      store.cut();
    } else {
      const segment = store.cut();
      await store.checkpoint({ ...emptyManifest, seq, segment });
      owed.manifestSeq = seq;
    }
  }
}

test.each([
  ['a power cut', 1],
  ['a kill', 0],
  ['either', 0.5],
])(`after %s, at any moment of any life, ${seeds} seeds`, async (_what, powerShare) => {
  let deaths = 0;
  for (let seed = 1; seed <= seeds; seed += 1) {
    const random = createRandom(seed);
    const disk = new PowerCutDisk(random);
    const owed = new Owed();
    try {
      for (let life = 1; life <= 4; life += 1) {
        disk.operationsLeft = 1 + Math.floor(random() * 260);
        try {
          const store = await openStore({
            workflowsDir: '/w',
            queueStateFile: '/q.json',
            disk: disk.port,
            takeLock: noLock,
          });
          await live(store, owed, random);
          await store.close();
        } catch (error) {
          if (!disk.isDead) throw error;
          deaths += 1;
        }
        disk.restart({ power: random() < powerShare });
        const next = await openStore({
          workflowsDir: '/w',
          queueStateFile: '/q.json',
          disk: disk.port,
          takeLock: noLock,
        });
        await owed.check(next);
        await next.close();
        disk.restart({ power: false });
      }
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    }
  }
  expect(deaths).toBeGreaterThan(seeds);
});

const options = (disk: PowerCutDisk) => ({
  workflowsDir: '/w',
  queueStateFile: '/q.json',
  disk: disk.port,
  takeLock: noLock,
});

/** The same for the same seed: a life with events in two segments, a view and an index, ended by a kill. */
async function earlierLife(seed: number): Promise<PowerCutDisk> {
  const disk = new PowerCutDisk(createRandom(seed));
  const store = await openStore(options(disk));
  store.begin(['1', '2']);
  store.cut();
  store.append(['3', '4']);
  disk.restart({ power: false });
  return disk;
}

test('a power cut at any operation of a start takes nothing, and is not mistaken for damage', async () => {
  // Longer than the sector that a cut can spoil, so that what stands behind it remains to be seen.
  const begun = [5, 6, 7].map((number) => JSON.stringify(String(number).repeat(700)));
  for (let deathAt = 1; ; deathAt += 1) {
    let died = false;
    for (let seed = 1; seed <= 30; seed += 1) {
      const disk = await earlierLife(seed * 1_000 + deathAt);
      disk.operationsLeft = deathAt;
      try {
        (await openStore(options(disk))).begin(begun);
      } catch (error) {
        if (!disk.isDead) throw error;
        died = true;
      }
      disk.restart({ power: true });
      const { found } = await openStore(options(disk));
      const records = found.records.map((record) => record.json);
      expect(records).toEqual(['1', '2', '3', '4', ...begun].slice(0, Math.max(4, records.length)));
      expect(found.damaged).toBe(false);
      expect(found.notices.filter((notice) => notice.kind === 'damage')).toEqual([]);
    }
    if (!died) break;
  }
});

test('what an earlier life left in the page cache is made durable before anything builds on it', async () => {
  const [id = ''] = ids;
  const text = JSON.stringify({ id }, null, 2);
  for (let seed = 1; seed <= 20; seed += 1) {
    const disk = await earlierLife(seed);
    const second = await openStore(options(disk));
    second.begin([]);
    await second.writeState(id, text, { seq: 4 }, { durable: false });
    disk.operationsLeft = 2; // The lines are written, and the process dies before their sync.
    await expect(second.indexFinished([finishedEntry('f', 4)])).rejects.toThrow('dead');
    disk.restart({ power: false });

    const third = await openStore(options(disk));
    expect(third.found.finished.has('f')).toBe(true);
    third.begin([]);
    await third.writeState(id, text, { seq: 4 }, { durable: true });
    disk.restart({ power: true });

    const fourth = await openStore(options(disk));
    expect(fourth.found.finished.has('f')).toBe(true);
    expect(fourth.readStateSync(id).kind).toBe('intact');
  }
});

test('a directory that a killed start has made is durable before anything in it is', async () => {
  for (let deathAt = 1; ; deathAt += 1) {
    let died = false;
    for (let seed = 1; seed <= 10; seed += 1) {
      const disk = new PowerCutDisk(createRandom(seed * 1_000 + deathAt));
      disk.operationsLeft = deathAt;
      try {
        await openStore(options(disk));
      } catch (error) {
        if (!disk.isDead) throw error;
        died = true;
      }
      disk.restart({ power: false });
      (await openStore(options(disk))).begin(['1']);
      disk.restart({ power: true });
      const { found } = await openStore(options(disk));
      expect(found.records.map((record) => record.json)).toEqual(['1']);
    }
    if (!died) break;
  }
});
