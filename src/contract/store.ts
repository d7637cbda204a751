/**
 * The store's port: everything the coordinator keeps on disk, and what each completion means after a crash.
 *
 * Rules, numbered for tests:
 *   J1  when append() returns, its records survive kill -9 and power loss;
 *   J2  what is found at the next start is a prefix of what was appended: a torn tail is dropped, kept aside and reported;
 *   J3  a bad record before the tail is damage: reported with its offset, kept aside, never guessed at;
 *   V1  a reader of state.json or of the queue file sees one whole document, old or new;
 *   V2  a blob is durable before writeBlob() resolves, and readBlob() gives those bytes or rejects;
 *   C1  segments go only after all that they cover is durable elsewhere.
 */
import { z } from 'zod';
import { reservationSchema, spendingRowSchema } from './ledger.ts';
import type { LostNumbers } from './lost-numbers.ts';
import { workflowSummarySchema } from './workflow.ts';

/** One atomic transition, as it stands in the journal: JSON text of a `JournalEvent`. */
export interface JournalRecord {
  readonly seq: number;
  readonly json: string;
}

/** A finished workflow's line in the index: enough to list it, find its keys, and check its file, without opening it. */
export const finishedEntrySchema = z.object({
  id: z.string(),
  /** Sequence number of the last event that changed it. */
  seq: z.int(),
  /** SHA-256 (hex) of its state.json, byte for byte. */
  sha256: z.string(),
  summary: workflowSummarySchema,
  /** Idempotency keys whose answers its state.json holds. */
  keys: z.array(z.string()),
  /** What its steps have used, where they have called models. */
  spending: z.array(spendingRowSchema).readonly().optional(),
  /** The workflows that its steps have started. */
  children: z.array(z.string()).readonly().optional(),
});
export type FinishedEntry = z.infer<typeof finishedEntrySchema>;

/** What a workflow has used, told at one event: what attempts that had ended have used, and what others had reserved. */
const tallySchema = z
  .object({
    seq: z.int(),
    spending: z.array(spendingRowSchema).readonly(),
    /** By step. */
    reserved: z.record(z.string(), reservationSchema),
  })
  .readonly();
export type Tally = z.infer<typeof tallySchema>;

export const manifestSchema = z.object({
  /** Every event up to this one is in the views listed here, in the finished index, or of a deleted workflow. */
  seq: z.int(),
  /** First segment that is still needed. */
  segment: z.int(),
  /**
   * Workflows not in the finished index: the event their durable state.json stands at, and its SHA-256 at that time. What
   * they have spent is for the case that the file is damaged later.
   */
  live: z.record(z.string(), z.object({ seq: z.int(), sha256: z.string(), tally: tallySchema.optional() })),
  /** Workflows whose files were set aside, and why. */
  setAside: z.record(z.string(), z.string()),
  /** Deleted workflows whose directories could not be removed yet; what is left of them is nobody's. */
  deleted: z.array(z.string()).optional(),
  /** What the steps of workflows have used that are deleted, or set aside. */
  spent: z.record(z.string(), z.array(spendingRowSchema).readonly()).optional(),
  /** Deliveries of webhooks whose workflows are deleted: the workflow by key, and when it was deleted (milliseconds since 1970). */
  delivered: z.record(z.string(), z.tuple([z.string(), z.number()])).optional(),
  /** Mean time of steps in milliseconds by `<action>\n<name>`, for scheduling. */
  durations: z.record(z.string(), z.object({ count: z.number(), meanMs: z.number() })),
  /** Written when the engine was stopped in good order: whatever is RUNNING has not taken it down. */
  stopped: z.literal(true).optional(),
});
export type Manifest = z.infer<typeof manifestSchema>;

/** Something recovery met that a person should know of. */
export interface Notice {
  /** `tail` dropped, `damage`, `quarantine` (a file was set aside), `info`. */
  kind: 'tail' | 'damage' | 'quarantine' | 'info';
  message: string;
}

/** What the last life left behind. */
export interface FoundData {
  /** null when there is none yet, or it was damaged (then a notice says so). */
  readonly manifest: Manifest | null;
  /** Last entry by id; deleted and revived ones are not in it. */
  readonly finished: ReadonlyMap<string, FinishedEntry>;
  /** Events after and around the manifest, in order, without gaps within a segment; none any more after begin(). */
  readonly records: readonly JournalRecord[];
  /** True when acknowledged records are known to be missing (J3). */
  readonly damaged: boolean;
  /** Directories below WORKFLOWS_DIR whose name is a UUID, without those that the manifest calls deleted. */
  readonly workflowIds: readonly string[];
  /** Items of the queue file as found; `[]` when it is absent or unreadable. */
  readonly queueItems: readonly unknown[];
  readonly notices: readonly Notice[];
}

/** `_meta` of a state.json: what the engine needs and the contract does not show. */
export const stateMetaSchema = z.looseObject({
  /** The event this file stands at. */
  seq: z.int(),
  /** SHA-256 (hex) of every byte before the `_meta` field. */
  sha256: z.string(),
  /** The format of the file, 1 where it is left out. */
  format: z.int().min(1).optional(),
  /** The journal that `seq` belongs to; not there in files of engines before 0.2. */
  journal: z.string().optional(),
});
export type StateMeta = z.infer<typeof stateMetaSchema>;

/** JSON text in one string, or in pieces that follow each other: a long text need not be joined only to be written. */
export type JsonText = string | readonly string[];

export type StateFile =
  /** The engine wrote these bytes. `text` is the workflow's JSON without `_meta`. */
  | { kind: 'intact'; text: string; value: Record<string, unknown>; meta: StateMeta; sha256: string }
  /** JSON, but not the bytes the engine wrote: copied in, or edited. `_meta` is taken out of value. */
  | { kind: 'foreign'; value: unknown; sha256: string; lost?: LostNumbers }
  | { kind: 'unreadable'; reason: string }
  | { kind: 'absent' };

/** What the cache holds under a key: JSON text as it was written. `damaged` has been set aside. */
export type CacheReading = { kind: 'whole'; json: string } | { kind: 'absent' } | { kind: 'damaged'; reason: string };

/** One job of the queue file. */
export interface QueueItem {
  workflow_id: string;
  node_id: string;
  action: string;
  status: 'PENDING' | 'RUNNING';
  attempt: number;
  queued_at: string;
}

export interface StoredBlob {
  readonly name: string;
  readonly bytes: number;
}

export interface JournalStats {
  batches: number;
  records: number;
  bytes: number;
  syncs: number;
}

export interface StorePort {
  readonly found: FoundData;
  /** What `_meta.journal` says in each state.json that this store writes. */
  readonly journalId: string;
  /** Sequence number the next appended record will get; consecutive over the whole directory, first is 1. */
  readonly nextSeq: number;
  /** Bytes appended since the segment that the last cut() began. */
  readonly bytesSinceCut: number;
  readonly journalStats: JournalStats;
  /** Bytes that the journal's disk still takes; Infinity where nobody can say. */
  freeBytes(): number;

  /**
   * Ends recovery: writes the records of `found` and then `payloads` into a new segment, fsyncs file and directory,
   * and only then removes the segments they came from. Recovery never relies on what may be in the page cache alone.
   */
  begin(payloads: readonly string[]): void;
  /**
   * One batch: one write (looped until complete), one fdatasync (J1). Throws `DiskFullError` with the journal cut back to
   * where it was, or `DiskFailedError`, after which nothing more may be acknowledged. Without payloads it writes a marker,
   * unless one is there already: the marker shows that the batch before it was complete.
   */
  append(payloads: readonly string[]): void;
  /** Starts a new segment and returns its number: everything appended before lies in segments below it. */
  cut(): number;
  /**
   * Makes the manifest durable, then removes segments below `manifest.segment` (keeping the newest of them as a second
   * chance), then fsyncs the journal directory. The caller has made durable what the manifest says (C1).
   */
  checkpoint(manifest: Manifest): Promise<void>;
  /** Appends lines to the finished index and fsyncs it. `{id, removed: true}` takes one out (deleted, or running again). */
  indexFinished(entries: readonly (FinishedEntry | { id: string; removed: true })[]): Promise<void>;

  /**
   * Another text when a state.json was written since, or is another file; got without reading it. Two writes of the same
   * length in one millisecond may look alike: what the engine wrote itself is told by its version. null: there is no file.
   */
  stampState(id: string): Promise<string | null>;
  /** Reads and judges a state.json without changing anything. */
  readState(id: string): Promise<StateFile>;
  readStateSync(id: string): StateFile;
  /**
   * Before begin(): the sums of a state.json that the engine wrote for this workflow, where the store has looked at it
   * while it was opened. null says nothing of the file; read it.
   */
  foundSums(id: string): { meta: StateMeta; sha256: string } | null;
  /**
   * Replaces state.json: `text` (a JSON object's text that ends in "\n}") with `_meta` added as its last field. `durable`:
   * fsynced, directory too, before it takes the old one's place. Returns SHA-256 of the file's bytes.
   *
   * All work that occupies the caller's thread (bytes, sums) is done when the promise is returned; what is left waits for
   * the disk. So a caller can measure what a write costs, and may change the pieces of the text again at once.
   */
  writeState(
    id: string,
    text: JsonText,
    meta: Record<string, unknown> & { seq: number },
    options: { durable: boolean },
  ): Promise<string>;
  /** fsyncs state.json files written without `durable`, and their directories. */
  syncStates(ids: readonly string[]): Promise<void>;
  /** Moves a workflow's state.json to quarantine with a reason file; its directory and blobs stay. */
  setAsideState(id: string, reason: string): void;
  /** Copies a file's bytes to quarantine with a reason file and leaves it where it is. */
  copyAsideState(id: string, reason: string): void;
  /** Keeps the journal's events of a workflow in quarantine, where the journal will forget them: lines of text. */
  keepEvents(id: string, lines: string, reason: string): void;
  /** Removes a workflow's directory, durably. */
  removeWorkflow(id: string): Promise<void>;

  /** Durable before it resolves; the name is the SHA-256 (hex) of the bytes. */
  writeBlob(id: string, bytes: Uint8Array): Promise<string>;
  writeBlobSync(id: string, bytes: Uint8Array): string;
  /** The bytes, checked against their name. Rejects when absent or damaged. */
  readBlob(id: string, sha256: string): Promise<Uint8Array>;
  /** The bytes as they lie there; the caller checks them against the name, on another thread. Rejects when absent. */
  readBlobUnchecked(id: string, sha256: string): Promise<Uint8Array>;
  /** Takes blobs over into another workflow's directory, durably. */
  copyBlobs(fromId: string, toId: string, names: readonly string[]): Promise<void>;

  /** Those of a workflow that were written before a time (milliseconds since 1970). Throws when they cannot be read. */
  listBlobs(id: string, before: number): StoredBlob[];
  /** Takes blobs off the disk that nothing names. Not durably: one that comes back is found again. */
  removeBlobs(id: string, names: readonly string[]): void;

  /** What is kept under a key (SHA-256, hex) in the cache of answers. Rejects with `OutOfHandlesError` alone, or a failed disk. */
  readCached(key: string): Promise<CacheReading>;
  /** Keeps a JSON object's text under a key, in place of what was there; durable before it resolves. */
  writeCached(key: string, json: string): Promise<void>;

  /** Replaces the queue file through lowdb; `durable` as above, and so is what is done when the promise is returned. */
  writeQueue(items: readonly QueueItem[], options: { durable: boolean }): Promise<void>;

  /** The text of schedules.json; null where there is none. */
  readSchedules(): Promise<string | null>;
  /** Replaces it; durable before it resolves. A crash in between leaves the old text. */
  writeSchedules(json: string): Promise<void>;
  /** Moves a schedules.json that cannot be read to quarantine, and returns where it is. */
  setAsideSchedules(reason: string): string;
  /** The same of clients.json. */
  readClients(): Promise<string | null>;
  writeClients(json: string): Promise<void>;
  setAsideClients(reason: string): string;

  /** Closes the journal and gives up the lock. Writes nothing. */
  close(): Promise<void>;
}

/** No space; nothing was changed. */
export class DiskFullError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DiskFullError';
  }
}

/** No file handle is free; nothing was changed, and it may be tried again at once. */
export class OutOfHandlesError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'OutOfHandlesError';
  }
}

/** The disk failed us: the process ends with status 74 and the next start recovers. */
export class DiskFailedError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DiskFailedError';
  }
}

/** The engine cannot start on this data; one line that a person can act on, and the exit status. */
export class StartError extends Error {
  readonly exitStatus: 1 | 74 | 75 | 77;

  constructor(message: string, exitStatus: 1 | 74 | 75 | 77, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StartError';
    this.exitStatus = exitStatus;
  }
}
