/**
 * Replaces a file as a whole: at any moment a reader of the path sees the old document or the new one (V1).
 *
 *   unique temp name (`wx`, 0600) → full write → fsync when durable → rename → directory fsync when durable
 *
 * These are the only renames of the engine, besides the moves into quarantine. After a durable replace the new bytes
 * survive a power cut; after a plain one they survive the death of the process. After an error the old file is still
 * there. ENOSPC is DiskFullError, any failed fsync is DiskFailedError. OutOfHandlesError may also come after the
 * rename, when the new file is in place and its name is not durable yet; a second try writes the file once more.
 */
import path from 'node:path';
import { DiskFailedError } from '../contract/store.ts';
import type { Disk } from './disk.ts';
import { errorCode, noProgress, toDiskError, toSyncError } from './disk-error.ts';

export interface ReplaceOptions {
  durable: boolean;
}

let tempCount = 0;

function tempPathOf(target: string): string {
  tempCount += 1;
  return path.join(path.dirname(target), `.${path.basename(target)}.${process.pid}.${tempCount}.tmp`);
}

/** Names of temp files. A dead process may have left some; only the owner of the directory may remove them. */
export function isTempName(name: string): boolean {
  return /^\..+\.\d+\.\d+\.tmp$/.test(name);
}

export async function replaceFile(
  disk: Disk,
  target: string,
  bytes: Uint8Array,
  { durable }: ReplaceOptions,
): Promise<void> {
  const temp = tempPathOf(target);
  try {
    const fd = await disk.open(temp, 'wx');
    try {
      await writeWhole(disk, fd, bytes, 0);
      if (durable) await disk.fsync(fd).catch((error) => Promise.reject(toSyncError(error, target)));
    } finally {
      await disk.close(fd);
    }
    await disk.rename(temp, target);
  } catch (error) {
    await disk.unlink(temp).catch(() => undefined); // Best effort: the next start removes it.
    throw toDiskError(error, target);
  }
  if (durable) await syncDirectory(disk, path.dirname(target));
}

export function replaceFileSync(disk: Disk, target: string, bytes: Uint8Array, { durable }: ReplaceOptions): void {
  const temp = tempPathOf(target);
  try {
    const fd = disk.openSync(temp, 'wx');
    try {
      writeWholeSync(disk, fd, bytes, 0);
      if (durable) syncFileSync(disk, fd, target);
    } finally {
      disk.closeSync(fd);
    }
    disk.renameSync(temp, target);
  } catch (error) {
    try {
      disk.unlinkSync(temp);
    } catch {
      // Best effort: the next start removes it.
    }
    throw toDiskError(error, target);
  }
  if (durable) syncDirectorySync(disk, path.dirname(target));
}

/** Writes all bytes. A write that takes only a part is no error: the loop writes the rest. */
export async function writeWhole(disk: Disk, fd: number, bytes: Uint8Array, position: number): Promise<void> {
  let done = 0;
  let zeros = 0;
  while (done < bytes.length) {
    const count = await disk.write(fd, bytes, done, bytes.length - done, position + done);
    zeros = count === 0 ? zeros + 1 : 0;
    if (zeros === 2) throw noProgress();
    done += count;
  }
}

export function writeWholeSync(
  disk: Disk,
  fd: number,
  bytes: Uint8Array,
  position: number,
  length: number = bytes.length,
): void {
  let done = 0;
  let zeros = 0;
  while (done < length) {
    const count = disk.writeSync(fd, bytes, done, length - done, position + done);
    zeros = count === 0 ? zeros + 1 : 0;
    if (zeros === 2) throw noProgress();
    done += count;
  }
}

export function syncFileSync(disk: Disk, fd: number, what: string): void {
  try {
    disk.fsyncSync(fd);
  } catch (error) {
    throw toSyncError(error, what);
  }
}

export async function syncDirectory(disk: Disk, directory: string): Promise<void> {
  try {
    await disk.fsyncDirectory(directory);
  } catch (error) {
    throw toSyncError(error, directory);
  }
}

export function syncDirectorySync(disk: Disk, directory: string): void {
  try {
    disk.fsyncDirectorySync(directory);
  } catch (error) {
    throw toSyncError(error, directory);
  }
}

/**
 * What stands under a path at this moment, for `checkNamed`. While a file is open no other one gets its number.
 */
export function identify(disk: Disk, file: string): string | null {
  const stat = disk.lstatSync(file);
  return stat === null ? null : `${stat.dev}:${stat.ino}`;
}

/**
 * Throws DiskFailedError unless the path still names the file that was opened there. One that was deleted, moved away or
 * replaced takes writes as before, but no start would ever read them.
 */
export function checkNamed(disk: Disk, file: string, identity: string | null): void {
  let found: string | null;
  try {
    found = identify(disk, file);
  } catch (error) {
    throw new DiskFailedError(`${file} cannot be looked at (${errorCode(error) ?? String(error)})`, { cause: error });
  }
  if (found !== null && found === identity) return;
  const what = found === null ? 'is gone' : 'is another file by now';
  throw new DiskFailedError(
    `${file} ${what}: this engine no longer owns the data, and no start would find its records`,
  );
}
