/**
 * The durable store: opens a data directory and implements `StorePort` (src/contract/store.ts). The other files of
 * this folder keep the port's rules J1 to J3, V1, V2 and C1.
 *
 * Opening changes only these: directories, the lock, `format.json`, an absent queue file, copies in quarantine,
 * leftover temp files, a compacted finished index. The journal is not touched before begin(), so a crash while opening
 * loses nothing. Any DiskFailedError also ends the journal: after the disk has failed once, nothing more is
 * acknowledged.
 */
import { randomUUID } from 'node:crypto';
import path from 'node:path';
import {
  type CacheReading,
  DiskFailedError,
  type FinishedEntry,
  type FoundData,
  type JournalStats,
  type JsonText,
  type Manifest,
  type QueueItem,
  type StateFile,
  type StateMeta,
  type StoredBlob,
  type StorePort,
} from '../contract/store.ts';
import { CacheFiles } from './cache-files.ts';
import { writeCheckpoint } from './checkpoint.ts';
import {
  prepareEngineDirs,
  prepareQueueFile,
  prepareWorkflowsDir,
  removeTempFiles,
  toStartError,
} from './data-directory.ts';
import { createNodeDisk, type Disk } from './disk.ts';
import { isAbsent } from './disk-error.ts';
import { replaceFileSync, syncDirectorySync } from './durable-file.ts';
import { FinishedIndex } from './finished-index.ts';
import { ForeignEntries } from './foreign-entries.ts';
import { Format, releasedFormat, writeFormat } from './format.ts';
import { Journal } from './journal.ts';
import { type Found, readFound } from './last-life.ts';
import { type Layout, layoutOf, stateFileOf, workflowDirectoryOf } from './layout.ts';
import { type Lock, takeLock as takeMachineLock } from './lock.ts';
import { createPatientDisk } from './patient-disk.ts';
import { Quarantine } from './quarantine.ts';
import { QueueFile } from './queue-file.ts';
import { readStateFileSync } from './state-bytes.ts';
import type { Upgrade } from './upgrades.ts';
import { WholeFile } from './whole-file.ts';
import { WorkflowDirectories } from './workflow-directories.ts';

export interface StoreOptions {
  workflowsDir: string;
  queueStateFile: string;
  disk?: Disk;
  now?: () => Date;
  /** For tests: the upgrades of an engine of another format. Default: the released ones. */
  upgrades?: readonly Upgrade[];
  /** Names the journal of a fresh directory. Default: a random UUID. */
  newJournalId?: () => string;
  takeLock?: (disk: Disk, workflowsDir: string, lockFile: string, queueFile: string) => Promise<Lock>;
}

/**
 * Rejects with StartError when the directory cannot be used, has a newer format, or has an owner; then it holds no
 * lock.
 */
export async function openStore(options: StoreOptions): Promise<StorePort> {
  const { now = () => new Date(), takeLock = takeMachineLock, newJournalId = randomUUID, upgrades } = options;
  const format = upgrades === undefined ? releasedFormat : new Format(upgrades);
  const disk = createPatientDisk(options.disk ?? createNodeDisk());
  const given = path.resolve(options.workflowsDir);
  const workflowsDir = prepareWorkflowsDir(disk, given);
  const layout = layoutOf(workflowsDir, prepareQueueFile(disk, path.resolve(options.queueStateFile)));
  prepareEngineDirs(disk, layout);
  let lock: Lock | null = null;
  try {
    lock = await takeLock(disk, workflowsDir, layout.lockFile, layout.queueFile);
    return new Store({ disk, layout, format, lock, now, newJournalId });
  } catch (error) {
    await lock?.release();
    throw toStartError('WORKFLOWS_DIR', given, error);
  }
}

interface StoreParts {
  disk: Disk;
  layout: Layout;
  format: Format;
  lock: Lock;
  now: () => Date;
  newJournalId: () => string;
}

class Store implements StorePort {
  readonly journalId: string;
  #found: FoundData;
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #format: Format;
  readonly #lock: Lock;
  readonly #journal: Journal;
  readonly #directories: WorkflowDirectories;
  readonly #finished: FinishedIndex;
  readonly #queue: QueueFile;
  readonly #quarantine: Quarantine;
  readonly #cache: CacheFiles;
  readonly #schedules: WholeFile;
  readonly #clients: WholeFile;
  readonly #foreign: ForeignEntries;
  /** Checksums of state files, read when the store was opened; empty after begin(). */
  #sums: Found['sums'];
  readonly #replacedFrom: number;
  #copies: Found['journal']['records'];
  /** Until begin(), where the directory is of an older format. */
  #upgrading: { createdAt: string } | null;
  #checkpointTurn: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor({ disk, layout, format, lock, now, newJournalId }: StoreParts) {
    const found = readFound(disk, layout, format);
    this.#found = withoutDeleted(found.data);
    this.#disk = disk;
    this.#layout = layout;
    this.#format = format;
    this.#lock = lock;
    this.#quarantine = new Quarantine(disk, layout.quarantineDir, now);
    this.#cache = new CacheFiles(disk, layout.cacheDir, this.#quarantine);
    this.#schedules = new WholeFile(disk, layout.schedulesFile, this.#quarantine);
    this.#clients = new WholeFile(disk, layout.clientsFile, this.#quarantine);
    this.#foreign = new ForeignEntries(disk, layout, this.#quarantine, (message) => {
      this.#found = { ...this.#found, notices: [...this.#found.notices, { kind: 'quarantine', message }] };
    });
    this.#keepAside(found);
    const { from } = found.format;
    const createdAt = found.format.createdAt ?? now().toISOString();
    this.journalId = found.journalId ?? newJournalId();
    if (!found.format.isCurrent) {
      const { journalId } = this;
      writeFormat(disk, layout.formatFile, { number: format.number, from, createdAt, journalId });
    }
    const isOlder = from < format.number;
    this.#upgrading = isOlder ? { createdAt } : null;
    this.#removeTempFiles();
    if (found.queueIsAbsent) replaceFileSync(disk, layout.queueFile, Buffer.from('[]\n'), { durable: false });
    // An earlier life may have left names in the page cache only: make them durable before relying on them.
    syncDirectorySync(disk, layout.engineDir);
    syncDirectorySync(disk, layout.workflowsDir);
    this.#journal = new Journal(disk, layout.journalDir, found.journal);
    // Of an older format no segment may stay: nothing in it says so.
    this.#copies = found.journal.records.slice(isOlder ? 0 : found.journal.secondChances);
    this.#sums = found.sums;
    this.#replacedFrom = isOlder ? 0 : (found.data.manifest?.segment ?? 0);
    this.#directories = new WorkflowDirectories(
      { disk, layout, format, journalId: this.journalId, foreign: this.#foreign },
      this.found.workflowIds,
    );
    this.#queue = new QueueFile(disk, layout.queueFile);
    this.#finished = new FinishedIndex(disk, layout.finishedFile, found.finished);
  }

  get found(): FoundData {
    return this.#found;
  }

  get nextSeq(): number {
    return this.#journal.lastSeq + 1;
  }

  get bytesSinceCut(): number {
    return this.#journal.bytesSinceCut;
  }

  get journalStats(): JournalStats {
    return { ...this.#journal.stats };
  }

  freeBytes(): number {
    try {
      return this.#disk.freeBytesSync(this.#layout.journalDir);
    } catch {
      return Number.POSITIVE_INFINITY; // The write that comes next meets whatever is wrong, and says it.
    }
  }

  begin(payloads: readonly string[]): void {
    this.#journal.begin(this.#copies, payloads, this.#replacedFrom);
    this.#endUpgrade();
    // Frees the journal that was read, which may have many megabytes.
    this.#sums = new Map();
    this.#copies = [];
    this.#found = { ...this.#found, records: [] };
  }

  append(payloads: readonly string[]): void {
    // A marker is written when work pauses: check the lock then. If the directory was moved away, the journal went
    // with it.
    if (payloads.length === 0) this.#checkOwned();
    this.#journal.append(payloads);
    // An engine that was suspended may have lost the data meanwhile: nothing of this batch is acknowledged then.
    if (this.#lock.isFileOnly) this.#checkOwned();
  }

  cut(): number {
    return this.#journal.cut();
  }

  checkpoint(manifest: Manifest): Promise<void> {
    const done = this.#checkpointTurn.then(() => this.#guard(() => this.#checkpoint(manifest)));
    this.#checkpointTurn = done.catch(() => undefined); // The caller gets the error.
    return done;
  }

  indexFinished(entries: readonly (FinishedEntry | { id: string; removed: true })[]): Promise<void> {
    return this.#guard(() => this.#finished.append(entries));
  }

  async readState(id: string): Promise<StateFile> {
    return this.#directories.readState(id);
  }

  async stampState(id: string): Promise<string | null> {
    return this.#directories.stampState(id);
  }

  readStateSync(id: string): StateFile {
    return readStateFileSync(this.#disk, stateFileOf(this.#layout, id), this.#format);
  }

  foundSums(id: string): { meta: StateMeta; sha256: string } | null {
    const sums = this.#sums.get(id);
    return sums?.id === id ? sums : null;
  }

  writeState(
    id: string,
    text: JsonText,
    meta: Record<string, unknown> & { seq: number },
    options: { durable: boolean },
  ): Promise<string> {
    return this.#guard(() => this.#directories.writeState(id, text, meta, options));
  }

  syncStates(ids: readonly string[]): Promise<void> {
    return this.#guard(() => this.#directories.syncStates(ids));
  }

  setAsideState(id: string, reason: string): void {
    this.#guardSync(() => {
      if (this.#foreign.setAsideState(id, reason) === 'directory') this.#directories.forget(id);
    });
  }

  copyAsideState(id: string, reason: string): void {
    this.#guardSync(() => {
      const bytes = this.#disk.readFileSync(stateFileOf(this.#layout, id));
      this.#quarantine.keep(`${id}-state.json`, bytes, reason);
    });
  }

  keepEvents(id: string, lines: string, reason: string): void {
    this.#guardSync(() => this.#quarantine.keep(`${id}-events.jsonl`, Buffer.from(lines), reason));
  }

  removeWorkflow(id: string): Promise<void> {
    return this.#guard(() => this.#directories.remove(id));
  }

  writeBlob(id: string, bytes: Uint8Array): Promise<string> {
    return this.#guard(() => this.#directories.writeBlob(id, bytes));
  }

  writeBlobSync(id: string, bytes: Uint8Array): string {
    return this.#guardSync(() => this.#directories.writeBlobSync(id, bytes));
  }

  readBlob(id: string, sha256: string): Promise<Uint8Array> {
    return this.#directories.readBlob(id, sha256);
  }

  readBlobUnchecked(id: string, sha256: string): Promise<Uint8Array> {
    return this.#directories.readBlobUnchecked(id, sha256);
  }

  copyBlobs(fromId: string, toId: string, names: readonly string[]): Promise<void> {
    return this.#guard(() => this.#directories.copyBlobs(fromId, toId, names));
  }

  listBlobs(id: string, before: number): StoredBlob[] {
    return this.#directories.listBlobs(id, before);
  }

  removeBlobs(id: string, names: readonly string[]): void {
    this.#guardSync(() => this.#directories.removeBlobs(id, names));
  }

  writeQueue(items: readonly QueueItem[], options: { durable: boolean }): Promise<void> {
    return this.#guard(() => this.#queue.write(items, options));
  }

  readCached(key: string): Promise<CacheReading> {
    return this.#guard(() => this.#cache.read(key));
  }

  writeCached(key: string, json: string): Promise<void> {
    return this.#guard(() => this.#cache.write(key, json));
  }

  readSchedules(): Promise<string | null> {
    return this.#guard(() => this.#schedules.read());
  }

  writeSchedules(json: string): Promise<void> {
    return this.#guard(() => this.#schedules.write(json));
  }

  setAsideSchedules(reason: string): string {
    return this.#guardSync(() => this.#schedules.setAside(reason));
  }

  readClients(): Promise<string | null> {
    return this.#guard(() => this.#clients.read());
  }

  writeClients(json: string): Promise<void> {
    return this.#guard(() => this.#clients.write(json));
  }

  setAsideClients(reason: string): string {
    return this.#guardSync(() => this.#clients.setAside(reason));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const turn = this.#checkpointTurn;
    const files = [this.#queue, this.#cache, this.#schedules, this.#clients].map((file) => file.idle());
    await Promise.all([this.#directories.idle(), ...files, turn]);
    this.#journal.close();
    await this.#finished.close();
    await this.#lock.release();
  }

  async #checkpoint(manifest: Manifest): Promise<void> {
    if (manifest.seq > this.#journal.lastSeq || manifest.segment > this.#journal.currentNumber) {
      throw new Error(
        `Manifest of event ${manifest.seq}, segment ${manifest.segment}: the journal has not come that far`,
      );
    }
    this.#checkOwned();
    await writeCheckpoint(this.#disk, this.#layout.checkpointFile, manifest, this.#format);
    this.#journal.removeBelow(manifest.segment);
  }

  /** Last of all: before, a crash has the next start upgrade again. */
  #endUpgrade(): void {
    if (this.#upgrading === null) return;
    const { number } = this.#format;
    const { createdAt } = this.#upgrading;
    writeFormat(this.#disk, this.#layout.formatFile, { number, from: number, createdAt, journalId: this.journalId });
    this.#upgrading = null;
  }

  #keepAside(found: Found): void {
    for (const { notice, keep } of found.findings) {
      if (keep === null) continue;
      const directory = this.#quarantine.keep(keep.name, keep.bytes, notice.message);
      notice.message += `; a copy is in ${directory}`;
    }
  }

  /** Skips the directories of finished workflows: a start must not read 100,000 of them. */
  #removeTempFiles(): void {
    removeTempFiles(this.#disk, this.#layout.engineDir);
    const queueFile = this.#layout.queueFile;
    removeTempFiles(this.#disk, path.dirname(queueFile), path.basename(queueFile));
    for (const id of this.found.workflowIds) {
      if (this.found.finished.has(id)) continue;
      const directory = workflowDirectoryOf(this.#layout, id);
      if (!this.#foreign.isOurs(directory)) continue; // Recovery sets it aside.
      this.#foreign.setAsideBlobs(id);
      removeTempFiles(this.#disk, directory);
      removeTempFiles(this.#disk, path.join(directory, 'blobs'));
    }
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    if (this.#isClosed) throw new Error('The store is closed');
    try {
      return await work();
    } catch (error) {
      if (error instanceof DiskFailedError) this.#journal.fail(error);
      if (isAbsent(error)) this.#checkOwned();
      throw error;
    }
  }

  /** A journal whose directory was moved away or deleted still takes records, but no start would find them. */
  #checkOwned(): void {
    if (this.#lock.isHeld()) return;
    const failure = new DiskFailedError(
      `${this.#layout.lockFile} is gone or another engine's: this one no longer owns the data`,
    );
    this.#journal.fail(failure);
    throw failure;
  }

  #guardSync<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof DiskFailedError) this.#journal.fail(error);
      throw error;
    }
  }
}

/** The rest of a deleted directory must not look like a workflow that a user has put there. */
function withoutDeleted(found: FoundData): FoundData {
  const deleted = new Set(found.manifest?.deleted);
  return { ...found, workflowIds: found.workflowIds.filter((id) => !deleted.has(id)) };
}
