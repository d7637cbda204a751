// Goal: what the store does beyond the suite that it passes on every disk (test/contract/store.test.ts): its files, what it
// refuses, the order of its operations on the disk, and that a death at any of its operations loses nothing
// that was acknowledged. Method: the disk "dies" at the n-th operation, for every n; then a healthy store opens the same
// directory. A half-done write is part of each death.
import fs from 'node:fs';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { type FinishedEntry, StartError, type StorePort } from '../../src/contract/store.ts';
import type { Lock } from '../../src/store/lock.ts';
import { openStore } from '../../src/store/store.ts';
import { createDataDir, type DataDir, emptyManifest, listQuarantine, open } from './data-dir.ts';
import { createFaultDisk, diskError, type FaultDisk } from './fault-disk.ts';

const id = '0190a1b2-0000-7000-8000-000000000001';
const otherId = '0190a1b2-0000-7000-8000-000000000002';

function stateText(workflowId: string, fill = 'x'): string {
  return JSON.stringify({ id: workflowId, steps: [{ id: 'a', fill }] }, null, 2);
}

function finishedEntry(workflowId: string, seq: number): FinishedEntry {
  return { id: workflowId, seq, sha256: 'a'.repeat(64), summary: { id: workflowId } as never, keys: [] };
}

/** The "dead" store of a test still has its lock in this process, so these tests go without. */
const noLock = (): Promise<Lock> => Promise.resolve({ isHeld: () => true, release: () => Promise.resolve() });

test('a fresh directory is made with format, queue file and nothing found', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  expect(store.found).toEqual({
    manifest: null,
    finished: new Map(),
    records: [],
    damaged: false,
    workflowIds: [],
    queueItems: [],
    notices: [],
  });
  expect(store.nextSeq).toBe(1);
  expect(fs.readFileSync(dir.queueStateFile, 'utf8')).toBe('[]\n');
  expect(JSON.parse(fs.readFileSync(path.join(dir.engineDir, 'format.json'), 'utf8')).format).toBe(2);
  expect(fs.statSync(dir.workflowsDir).mode & 0o777).toBe(0o700);
  expect(fs.statSync(dir.engineDir).mode & 0o777).toBe(0o700);
  expect(fs.statSync(path.join(dir.engineDir, 'format.json')).mode & 0o777).toBe(0o600);
});

test('a directory with workflows but no engine directory is a fresh one whose workflows are found', async () => {
  const dir = createDataDir();
  fs.mkdirSync(path.join(dir.workflowsDir, id), { recursive: true });
  fs.mkdirSync(path.join(dir.workflowsDir, 'templates'));
  fs.writeFileSync(path.join(dir.workflowsDir, id, 'state.json'), stateText(id));
  fs.symlinkSync(path.join(dir.workflowsDir, id), path.join(dir.workflowsDir, otherId));
  const store = await open(dir);
  expect(store.found.workflowIds).toEqual([id]);
  expect(store.found.notices.map((notice) => notice.kind)).toEqual(['info']);
  expect((await store.readState(id)).kind).toBe('foreign');
});

test('however many lives a journal has had, it is one segment', async () => {
  const dir = createDataDir();
  for (let life = 1; life <= 3; life += 1) {
    const store = await open(dir);
    store.begin([`"begun ${life}"`]);
    await store.close();
    expect(fs.readdirSync(dir.journalDir)).toHaveLength(1);
  }
});

test('C1: segments go after the manifest is durable, name and all, and the newest of them stays as a second chance', async () => {
  const dir = createDataDir();
  const { disk, operations } = createFaultDisk(() => undefined);
  const store = await open(dir, { disk });
  store.begin(['1']);
  store.cut();
  store.append(['2']);
  const segment = store.cut();
  store.append(['3']);
  operations.length = 0;
  await store.checkpoint({ ...emptyManifest, seq: 2, segment });
  const steps = operations.map((operation) => `${operation.name} ${path.basename(operation.path)}`);
  const order = ['fsync', 'rename', 'fsyncDirectory .engine', 'unlinkSync 000001.hj', 'fsyncDirectorySync journal'];
  const positions = order.map((step) => steps.findIndex((each) => each.startsWith(step)));
  expect(positions).not.toContain(-1);
  expect(positions).toEqual([...positions].sort((a, b) => a - b));
  expect(fs.readdirSync(dir.journalDir)).toEqual(['000002.hj', '000003.hj']);
});

test('C1: a checkpoint that fails removes nothing', async () => {
  const dir = createDataDir();
  let failing = '';
  const { disk } = createFaultDisk((operation) => {
    if (operation.name === failing) throw diskError('EIO');
    return undefined;
  });
  const store = await open(dir, { disk });
  store.begin(['1']);
  store.cut();
  const segment = store.cut();
  failing = 'rename';
  await expect(store.checkpoint({ ...emptyManifest, seq: 1, segment })).rejects.toThrow('EIO');
  expect(fs.readdirSync(dir.journalDir)).toEqual(['000001.hj', '000002.hj', '000003.hj']);
  failing = '';
  expect(() => store.append(['2'])).toThrow('EIO');
});

test('a manifest that claims more than the journal holds is refused', async () => {
  const store = await open(createDataDir());
  store.begin(['1']);
  await expect(store.checkpoint({ ...emptyManifest, seq: 2, segment: 1 })).rejects.toThrow('not come that far');
  await expect(store.checkpoint({ ...emptyManifest, seq: 1, segment: 2 })).rejects.toThrow('not come that far');
});

test('the second chance is found, but restarts do not drag it along', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  store.begin(['1', '2']);
  const segment = store.cut();
  store.append(['3']);
  await store.checkpoint({ ...emptyManifest, seq: 2, segment });
  await store.close();
  for (let life = 1; life <= 3; life += 1) {
    const again = await open(dir);
    expect(again.found.records.map((record) => record.json)).toEqual(['1', '2', '3']);
    expect(again.found.notices).toEqual([]);
    expect(again.found.damaged).toBe(false);
    again.begin([]);
    expect(fs.readdirSync(dir.journalDir)).toHaveLength(2);
    await again.close();
  }
  const last = await open(dir);
  last.begin([]);
  await last.checkpoint({ ...emptyManifest, seq: 3, segment: last.cut() });
  await last.close();
  expect((await open(dir)).found.records.map((record) => record.json)).toEqual(['3']);
});

test('bytes since the cut begin anew with each cut', async () => {
  const store = await open(createDataDir());
  store.begin([]);
  store.append(['1']);
  expect(store.bytesSinceCut).toBeGreaterThan(0);
  store.cut();
  expect(store.bytesSinceCut).toBe(0);
  store.append(['1']);
  expect(store.bytesSinceCut).toBe(55);
});

test('J3: a view that stands at an event which the journal has lost tells damage from a torn tail', async () => {
  for (const viewSeq of [2, 3]) {
    const dir = createDataDir();
    const first = await open(dir);
    first.begin([]);
    first.append(['1', '2', '3']);
    await first.writeState(id, stateText(id), { seq: viewSeq }, { durable: true });
    await first.close();
    const segment = path.join(dir.journalDir, '000001.hj');
    fs.truncateSync(segment, fs.statSync(segment).size - 10);

    const second = await open(dir);
    expect(second.found.damaged).toBe(viewSeq === 3);
    expect(second.found.notices.map((notice) => notice.kind)).toEqual([viewSeq === 3 ? 'damage' : 'tail']);
    // The number of a lost event that somebody was told of is not given again, however often its file is read.
    expect(second.nextSeq).toBe(viewSeq + 1);
    second.readStateSync(id);
    second.begin(['"new"']);
    expect(second.nextSeq).toBe(viewSeq + 2);
    await second.close();
    expect((await open(dir)).found.records.at(-1)).toEqual({ seq: viewSeq + 1, json: '"new"' });
  }
});

test('an engine-written state.json that is copied in does not change the numbers of events', async () => {
  const from = createDataDir();
  const store = await open(from);
  await store.writeState(id, stateText(id), { seq: 1_000 }, { durable: true });
  await store.close();
  const dir = createDataDir();
  await (await open(dir)).close();
  fs.cpSync(path.join(from.workflowsDir, id), path.join(dir.workflowsDir, id), { recursive: true });
  const next = await open(dir);
  expect(next.nextSeq).toBe(1);
  expect(next.readStateSync(id)).toMatchObject({ kind: 'intact', meta: { seq: 1_000 } });
  expect(next.nextSeq).toBe(1);
});

test('every state.json names the journal of its directory, which stays the same over starts and a lost format.json', async () => {
  const dir = createDataDir();
  const formatFile = path.join(dir.engineDir, 'format.json');
  const named = () => JSON.parse(fs.readFileSync(formatFile, 'utf8')).journal;
  const store = await open(dir);
  store.begin([`{"workflowId":"${id}"}`]);
  await store.writeState(id, stateText(id), { seq: 1 }, { durable: true });
  const { journalId } = store;
  expect(journalId).toMatch(/^[0-9a-f-]{36}$/);
  expect(store.readStateSync(id)).toMatchObject({ kind: 'intact', meta: { seq: 1, journal: journalId } });
  expect(named()).toBe(journalId);
  await store.close();
  // An engine before 0.2 wrote none; a lost file is no other.
  for (const change of [() => fs.rmSync(formatFile), () => fs.writeFileSync(formatFile, '{"format":1}')]) {
    change();
    const next = await open(dir);
    expect(next.journalId).toBe(journalId);
    expect(named()).toBe(journalId);
    next.begin([]);
    await next.close();
  }
  expect((await open(createDataDir())).journalId).not.toBe(journalId);
});

test('V1: a reader who never stops looking sees whole documents only, each as it was written', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  store.begin([]);
  await store.writeState(id, stateText(id), { seq: 1 }, { durable: false });
  const file = path.join(dir.workflowsDir, id, 'state.json');
  const reader = new Worker(
    `const fs = require('node:fs');
     const { parentPort, workerData } = require('node:worker_threads');
     let stop = false; let reads = 0; const bad = [];
     parentPort.once('message', () => { stop = true; });
     const look = () => {
       for (const file of workerData) {
         try {
           const value = JSON.parse(fs.readFileSync(file, 'utf8'));
           if (!Array.isArray(value) && new Set(value.steps[0].fill).size > 1) bad.push('mixed');
         } catch (error) { bad.push(String(error)); }
         reads += 1;
       }
       if (stop) parentPort.postMessage({ reads, bad }); else setImmediate(look);
     };
     look();
     parentPort.postMessage('looking');`,
    { eval: true, workerData: [file, dir.queueStateFile] },
  );
  const nextMessage = () => new Promise<unknown>((resolve) => reader.once('message', resolve));
  await nextMessage();
  for (let round = 0; round < 150; round += 1) {
    const fill = String.fromCharCode(97 + (round % 26)).repeat(1 + ((round * 997) % 60_000));
    await store.writeState(id, stateText(id, fill), { seq: 1 }, { durable: round % 10 === 0 });
    const item = { workflow_id: id, node_id: fill.slice(0, 5_000), action: 'noop', attempt: 1, queued_at: 'now' };
    await store.writeQueue(Array(round % 7).fill({ ...item, status: 'PENDING' }), { durable: false });
  }
  const result = nextMessage();
  reader.postMessage('stop');
  const { reads, bad } = (await result) as { reads: number; bad: string[] };
  await reader.terminate();
  expect(bad).toEqual([]);
  expect(reads).toBeGreaterThan(50);
});

test('V2: a blob is durable, name and directories too, before the write resolves', async () => {
  const dir = createDataDir();
  const { disk, operations } = createFaultDisk(() => undefined);
  const store = await open(dir, { disk });
  store.begin([]);
  const ways = [
    { owner: id, write: () => store.writeBlob(id, Buffer.from('bytes')) },
    { owner: otherId, write: async () => store.writeBlobSync(otherId, Buffer.from('bytes')) },
  ];
  for (const { owner, write } of ways) {
    operations.length = 0;
    const name = await write();
    const synced = operations
      .filter((operation) => operation.name.startsWith('fsync'))
      .map(({ path: synced }) => synced);
    const workflowDir = path.join(dir.workflowsDir, owner);
    expect(synced).toContain(dir.workflowsDir);
    expect(synced).toContain(workflowDir);
    expect(synced.at(-1)).toBe(path.join(workflowDir, 'blobs'));
    expect(synced.some((each) => each.endsWith('.tmp'))).toBe(true);
    expect(Buffer.from(await store.readBlob(owner, name)).toString()).toBe('bytes');
  }
});

/** From the n-th operation on nothing reaches the disk; a write that is the n-th is done in part. */
function createMortalDisk(deathAt: number, onDeath: () => void): FaultDisk {
  return createFaultDisk(
    (operation, index) => {
      if (deathAt < 0 || index < deathAt) return undefined;
      if (index === deathAt) {
        onDeath();
        if (operation.name === 'write' || operation.name === 'writeSync') return 30;
      }
      throw new Error('the process is dead');
    },
    { syncs: false },
  );
}

/** Events acknowledged before the disk died, and what one more life must find of them. */
async function liveUntilDeath(
  dir: DataDir,
  deathAt: number,
): Promise<{ acked: string[]; died: boolean; count: number }> {
  let isDead = false;
  const { disk, operations } = createMortalDisk(deathAt, () => {
    isDead = true;
  });
  const acked: string[] = [];
  const append = (store: StorePort, payloads: string[]): void => {
    store.append(payloads);
    acked.push(...payloads);
  };
  try {
    const store = await openStore({ ...dir, disk, takeLock: noLock });
    const seq = store.nextSeq;
    const begun = [`"begun at ${seq}"`];
    store.begin(begun);
    acked.push(...begun);
    append(store, ['"one"', '"two"']);
    await store.writeState(id, stateText(id), { seq: store.nextSeq - 1 }, { durable: true });
    store.writeBlobSync(id, Buffer.from('blob'));
    const segment = store.cut();
    const covered = store.nextSeq - 1;
    append(store, ['"three"']);
    await store.indexFinished([finishedEntry(otherId, covered)]);
    await store.checkpoint({ ...emptyManifest, seq: covered, segment, live: { [id]: { seq: covered, sha256: 'x' } } });
    append(store, ['"four"']);
    await store.writeQueue([], { durable: true });
    append(store, ['"five"', '"six"']);
    await store.close();
  } catch (error) {
    if (!isDead) throw error;
  }
  return { acked, died: isDead, count: operations.length };
}

async function expectFound(dir: DataDir, acked: readonly string[]): Promise<void> {
  const { disk } = createFaultDisk(() => undefined, { syncs: false });
  const store = await openStore({ ...dir, disk, takeLock: noLock });
  const found = store.found;
  expect(found.damaged).toBe(false);
  expect(found.notices.filter((notice) => notice.kind === 'damage')).toEqual([]);
  const seqs = found.records.map((record) => record.seq);
  expect(seqs).toEqual(seqs.map((_, index) => (seqs[0] ?? 1) + index));
  const covered = found.manifest?.seq ?? 0;
  expect(seqs[0] ?? 1).toBeLessThanOrEqual(covered + 1);
  // Nothing acknowledged is missing: all above the manifest is there, with the payload it was given, at most one batch more.
  const above = found.records.filter((record) => record.seq > covered).map((record) => record.json);
  expect(above.slice(0, Math.max(0, acked.length - covered))).toEqual(acked.slice(covered));
  expect(store.nextSeq - 1).toBeGreaterThanOrEqual(acked.length);
  expect(store.nextSeq - 1).toBeLessThanOrEqual(acked.length + 2);
  await store.close();
}

test('a death at any operation of a whole life loses no acknowledged event', async () => {
  const { count, died } = await liveUntilDeath(createDataDir(), -1);
  expect(died).toBe(false);
  expect(count).toBeGreaterThan(60);
  for (let deathAt = 0; deathAt < count; deathAt += 1) {
    const dir = createDataDir();
    const { acked } = await liveUntilDeath(dir, deathAt);
    await expectFound(dir, acked);
  }
});

test('a death at any operation of a start is as safe, and what it leaves is no obstacle to the next', async () => {
  const base = createDataDir();
  const { acked } = await liveUntilDeath(base, -1);
  fs.appendFileSync(path.join(base.journalDir, '000002.hj'), 'torn');
  fs.appendFileSync(path.join(base.engineDir, 'finished.jsonl'), 'torn');
  fs.writeFileSync(base.queueStateFile, '[{');
  for (let deathAt = 0; ; deathAt += 1) {
    const dir = createDataDir();
    fs.cpSync(base.root, dir.root, { recursive: true });
    let isDead = false;
    const { disk } = createMortalDisk(deathAt, () => {
      isDead = true;
    });
    try {
      const store = await openStore({ ...dir, disk, takeLock: noLock });
      store.begin([]);
    } catch (error) {
      if (!isDead) throw error;
    }
    await expectFound(dir, acked);
    if (!isDead) break;
    expect(deathAt).toBeLessThan(500);
  }
});

test('leftover temp files of dead processes are removed, files of others are not', async () => {
  const dir = createDataDir();
  const workflowDir = path.join(dir.workflowsDir, id);
  fs.mkdirSync(path.join(workflowDir, 'blobs'), { recursive: true });
  fs.mkdirSync(dir.engineDir);
  const ours = [
    path.join(dir.root, '.queue-state.json.123.4.tmp'),
    path.join(dir.engineDir, '.checkpoint.json.123.4.tmp'),
    path.join(workflowDir, '.state.json.123.4.tmp'),
    path.join(workflowDir, 'blobs', '.abc.123.4.tmp'),
  ];
  const others = [path.join(dir.root, '.other.json.123.4.tmp'), path.join(workflowDir, '.state.json.swp')];
  for (const file of [...ours, ...others]) fs.writeFileSync(file, 'x');
  await open(dir);
  expect(ours.filter((file) => fs.existsSync(file))).toEqual([]);
  expect(others.filter((file) => fs.existsSync(file))).toEqual(others);
});

test('removing a workflow takes its directory away durably, and spares what a link leads to', async () => {
  const dir = createDataDir();
  const outside = path.join(dir.root, 'outside');
  fs.mkdirSync(outside);
  fs.writeFileSync(path.join(outside, 'precious'), 'x');
  const { disk, operations } = createFaultDisk(() => undefined);
  const store = await open(dir, { disk });
  store.begin([]);
  await store.writeState(id, stateText(id), { seq: 1 }, { durable: false });
  await store.writeBlob(id, Buffer.from('x'));
  fs.symlinkSync(outside, path.join(dir.workflowsDir, id, 'link'));
  fs.symlinkSync(outside, path.join(dir.workflowsDir, otherId));
  operations.length = 0;
  await store.removeWorkflow(id);
  await store.removeWorkflow(otherId);
  await store.removeWorkflow(id);
  expect(operations.at(-1)).toEqual({ name: 'fsyncDirectory', path: dir.workflowsDir });
  expect(fs.readdirSync(dir.workflowsDir)).toEqual(['.engine']);
  expect(fs.readFileSync(path.join(outside, 'precious'), 'utf8')).toBe('x');
  await store.writeState(id, stateText(id), { seq: 2 }, { durable: true });
  expect((await store.readState(id)).kind).toBe('intact');
});

test('an id that is no UUID leads nowhere', async () => {
  const store = await open(createDataDir());
  await expect(store.readState('../outside')).rejects.toThrow('not a workflow id');
  await expect(store.writeState('..', '{\n}', { seq: 1 }, { durable: false })).rejects.toThrow('not a workflow id');
  await expect(store.removeWorkflow('.engine')).rejects.toThrow('not a workflow id');
  expect(() => store.writeBlobSync('a/b', Buffer.from(''))).toThrow('not a workflow id');
});

test('a state.json is set aside with its reason, or copied and left', async () => {
  const dir = createDataDir();
  const store = await open(dir, { now: () => new Date(0) });
  await store.writeState(id, stateText(id), { seq: 1 }, { durable: false });
  await store.writeBlob(id, Buffer.from('kept'));
  store.copyAsideState(id, 'odd');
  expect((await store.readState(id)).kind).toBe('intact');
  store.setAsideState(id, 'damaged');
  expect((await store.readState(id)).kind).toBe('absent');
  expect(fs.existsSync(path.join(dir.workflowsDir, id, 'blobs'))).toBe(true);
  expect(listQuarantine(dir)).toEqual([
    `1970-01-01T00-00-00.000Z-${id}-state.json`,
    `1970-01-01T00-00-00.000Z-2-${id}-state.json`,
  ]);
});

test('after close nothing is written', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  store.begin([]);
  const before = store.writeState(id, stateText(id), { seq: 1 }, { durable: false });
  await store.close();
  await before;
  await expect(store.writeQueue([], { durable: false })).rejects.toThrow('closed');
  await store.close();
});

test.each([
  ['EACCES', 77],
  ['EROFS', 1],
  ['EIO', 74],
  ['ENOSPC', 1],
] as const)(
  'a directory that gives %s stops the start with status %i and a line that names setting and path',
  async (code, exitStatus) => {
    const dir = createDataDir();
    const { disk } = createFaultDisk((operation) => {
      if (operation.path.startsWith(dir.workflowsDir) && operation.name === 'mkdirSync') throw diskError(code);
      return undefined;
    });
    const error = await openStore({ ...dir, disk }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StartError);
    expect(error).toMatchObject({ exitStatus });
    expect(String(error)).toMatch(new RegExp(`WORKFLOWS_DIR ${dir.workflowsDir} .*${code}.*;`));
  },
);

test('a WORKFLOWS_DIR that is a file, and a queue file that is a directory, are named in the refusal', async () => {
  const dir = createDataDir();
  fs.writeFileSync(dir.workflowsDir, '');
  await expect(openStore(dir)).rejects.toThrow(`WORKFLOWS_DIR ${dir.workflowsDir}`);
  fs.rmSync(dir.workflowsDir);
  fs.mkdirSync(dir.queueStateFile);
  await expect(openStore(dir)).rejects.toThrow(`QUEUE_STATE_FILE ${dir.queueStateFile} is not a file`);
});

test('a failed start leaves nothing held', async () => {
  const dir = createDataDir();
  let failing = true;
  const { disk } = createFaultDisk((operation) => {
    if (failing && operation.path.endsWith('finished.jsonl')) throw diskError('EIO');
    return undefined;
  });
  await expect(openStore({ ...dir, disk })).rejects.toMatchObject({ exitStatus: 74 });
  expect(fs.existsSync(path.join(dir.engineDir, 'lock'))).toBe(false);
  failing = false;
  await open(dir, { disk });
});

test('what recovery needed of the journal leaves memory once it has begun anew', async () => {
  const dir = createDataDir();
  const first = await open(dir);
  first.begin(['"recovered"']);
  await first.close();
  const second = await open(dir);
  expect(second.found.records).toHaveLength(1);
  second.begin([]);
  expect(second.found.records).toEqual([]);
});
