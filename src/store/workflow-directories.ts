/**
 * The directories of workflows: `<WORKFLOWS_DIR>/<id>/state.json` and `blobs/`. Calls for one workflow run in the
 * order of the calls, calls for different workflows in parallel. A directory is created on first use; its name is
 * durable before any file in it counts as durable.
 */
import path from 'node:path';
import type { JsonText, StateFile, StoredBlob } from '../contract/store.ts';
import {
  listBlobFiles,
  readBlobBytes,
  readBlobFile,
  removeBlobFiles,
  writeBlobFile,
  writeBlobFileSync,
} from './blobs.ts';
import type { Disk } from './disk.ts';
import { errorCode, isAbsent, toDiskError, toSyncError } from './disk-error.ts';
import { type ReplaceOptions, replaceFile, syncDirectory, syncDirectorySync } from './durable-file.ts';
import { FileBuffers } from './file-buffers.ts';
import type { ForeignEntries } from './foreign-entries.ts';
import type { Format } from './format.ts';
import { KeyedQueue } from './keyed-queue.ts';
import { type Layout, stateFileOf, workflowDirectoryOf } from './layout.ts';
import { composeState, readStateFile, sizeOfState } from './state-bytes.ts';

/** State files must leave enough file handles for connections. */
const openFilesMax = 8;

interface DirectoriesParts {
  disk: Disk;
  layout: Layout;
  format: Format;
  journalId: string;
  foreign: ForeignEntries;
}

export class WorkflowDirectories {
  readonly #disk: Disk;
  readonly #layout: Layout;
  readonly #format: Format;
  readonly #journalId: string;
  readonly #foreign: ForeignEntries;
  readonly #queue = new KeyedQueue(openFilesMax);
  /** Reads have their own places, so that they do not wait for the fsync of a write. */
  readonly #reads = new KeyedQueue(openFilesMax);
  readonly #buffers = new FileBuffers();
  /** Ids of workflows whose directory exists. */
  readonly #present: Set<string>;
  /** Ids of workflows whose directory exists, but whose directory's name is not durable yet. */
  readonly #unsynced = new Set<string>();
  /** Ids of workflows whose `blobs` directory exists durably. */
  readonly #withBlobs = new Set<string>();

  /** `ids`: workflows whose directories exist durably. */
  constructor({ disk, layout, format, journalId, foreign }: DirectoriesParts, ids: readonly string[]) {
    this.#journalId = journalId;
    this.#foreign = foreign;
    this.#disk = disk;
    this.#layout = layout;
    this.#format = format;
    this.#present = new Set(ids);
  }

  writeState(
    id: string,
    text: JsonText,
    meta: Record<string, unknown> & { seq: number },
    options: ReplaceOptions,
  ): Promise<string> {
    const own = { ...meta, journal: this.#journalId };
    const named = this.#format.number > 1 ? { ...own, format: this.#format.number } : own;
    const buffer = this.#buffers.take(sizeOfState(text, named));
    const { bytes, sha256 } = composeState(text, named, buffer);
    return this.#queue
      .run(id, async () => {
        await this.#ensure(id);
        await this.#replaceState(id, bytes, options);
        if (options.durable) await this.#syncName(id);
        return sha256;
      })
      .finally(() => this.#buffers.giveBack(buffer));
  }

  async #replaceState(id: string, bytes: Uint8Array, options: ReplaceOptions): Promise<void> {
    const file = stateFileOf(this.#layout, id);
    try {
      await replaceFile(this.#disk, file, bytes, options);
    } catch (error) {
      if (!isAbsent(error)) throw error;
      // A user has removed the directory: create it and write the file again.
      this.forget(id);
      await this.#ensure(id);
      await replaceFile(this.#disk, file, bytes, options);
    }
  }

  readState(id: string): Promise<StateFile> {
    const file = stateFileOf(this.#layout, id);
    return this.#reads.inPlace(async () => {
      try {
        return await readStateFile(this.#disk, file, this.#format);
      } catch (error) {
        throw toDiskError(error, file);
      }
    });
  }

  async stampState(id: string): Promise<string | null> {
    const file = stateFileOf(this.#layout, id);
    try {
      const stat = await this.#disk.lstat(file);
      return stat === null ? null : `${stat.dev} ${stat.ino} ${stat.bytes} ${stat.writtenAt}`;
    } catch (error) {
      throw toDiskError(error, file);
    }
  }

  async syncStates(ids: readonly string[]): Promise<void> {
    await Promise.all(ids.map((id) => this.#queue.run(id, () => this.#syncState(id))));
  }

  remove(id: string): Promise<void> {
    const directory = workflowDirectoryOf(this.#layout, id);
    return this.#queue.run(id, async () => {
      try {
        const stat = await this.#disk.lstat(directory);
        // A link is removed as a link: its target does not belong to the engine.
        if (stat?.kind === 'directory') await this.#disk.removeTree(directory);
        else if (stat !== null) await this.#disk.unlink(directory);
      } catch (error) {
        throw toDiskError(error, directory);
      }
      this.forget(id);
      await syncDirectory(this.#disk, this.#layout.workflowsDir);
    });
  }

  writeBlob(id: string, bytes: Uint8Array): Promise<string> {
    return this.#queue.run(id, async () => writeBlobFile(this.#disk, await this.#ensureBlobs(id), bytes));
  }

  writeBlobSync(id: string, bytes: Uint8Array): string {
    const directory = workflowDirectoryOf(this.#layout, id);
    const blobs = path.join(directory, 'blobs');
    if (!this.#withBlobs.has(id)) {
      this.#makeSync(directory);
      this.#foreign.setAsideBlobs(id);
      this.#makeSync(blobs);
      syncDirectorySync(this.#disk, directory);
      syncDirectorySync(this.#disk, this.#layout.workflowsDir);
      this.#present.add(id);
      this.#withBlobs.add(id);
    }
    return writeBlobFileSync(this.#disk, blobs, bytes);
  }

  readBlob(id: string, sha256: string): Promise<Uint8Array> {
    return this.#reads.inPlace(() => readBlobFile(this.#disk, this.#blobsOf(id), sha256));
  }

  readBlobUnchecked(id: string, sha256: string): Promise<Uint8Array> {
    return this.#reads.inPlace(() => readBlobBytes(this.#disk, this.#blobsOf(id), sha256));
  }

  listBlobs(id: string, before: number): StoredBlob[] {
    return listBlobFiles(this.#disk, this.#blobsOf(id), before);
  }

  removeBlobs(id: string, names: readonly string[]): void {
    removeBlobFiles(this.#disk, this.#blobsOf(id), names);
  }

  async copyBlobs(fromId: string, toId: string, names: readonly string[]): Promise<void> {
    for (const name of new Set(names)) {
      const bytes = await this.readBlob(fromId, name);
      await this.writeBlob(toId, bytes);
    }
  }

  idle(): Promise<void> {
    return this.#queue.idle();
  }

  async #syncState(id: string): Promise<void> {
    const file = stateFileOf(this.#layout, id);
    let fd: number;
    try {
      fd = await this.#disk.open(file, 'r');
    } catch (error) {
      if (isAbsent(error)) return; // Removed meanwhile: there is nothing to sync.
      throw toDiskError(error, file);
    }
    try {
      await this.#disk.fsync(fd).catch((error) => Promise.reject(toSyncError(error, file)));
    } finally {
      await this.#disk.close(fd);
    }
    await syncDirectory(this.#disk, path.dirname(file));
    await this.#syncName(id);
  }

  async #ensure(id: string): Promise<string> {
    const directory = workflowDirectoryOf(this.#layout, id);
    if (this.#present.has(id)) return directory;
    await this.#make(directory);
    this.#present.add(id);
    this.#unsynced.add(id);
    return directory;
  }

  async #syncName(id: string): Promise<void> {
    if (!this.#unsynced.has(id)) return;
    await syncDirectory(this.#disk, this.#layout.workflowsDir);
    this.#unsynced.delete(id);
  }

  async #ensureBlobs(id: string): Promise<string> {
    const blobs = this.#blobsOf(id);
    if (this.#withBlobs.has(id)) return blobs;
    const directory = await this.#ensure(id);
    this.#foreign.setAsideBlobs(id);
    await this.#make(blobs);
    await syncDirectory(this.#disk, directory);
    await this.#syncName(id);
    this.#withBlobs.add(id);
    return blobs;
  }

  #blobsOf(id: string): string {
    return path.join(workflowDirectoryOf(this.#layout, id), 'blobs');
  }

  /** The workflow's directory is gone, or another's: the next write makes one. */
  forget(id: string): void {
    this.#present.delete(id);
    this.#unsynced.delete(id);
    this.#withBlobs.delete(id);
  }

  async #make(directory: string): Promise<void> {
    try {
      await this.#disk.mkdir(directory);
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw toDiskError(error, directory);
    }
  }

  #makeSync(directory: string): void {
    try {
      this.#disk.mkdirSync(directory);
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw toDiskError(error, directory);
    }
  }
}
