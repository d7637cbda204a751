/**
 * The directories the engine needs before it can lock them: made where absent, refused with a line that names the setting,
 * the path and what is needed where they cannot be used.
 */
import path from 'node:path';
import { DiskFailedError, DiskFullError, StartError } from '../contract/store.ts';
import type { Disk } from './disk.ts';
import { errorCode, isAbsent, isOutOfHandles, toSyncError } from './disk-error.ts';
import { isTempName, syncDirectorySync } from './durable-file.ts';
import type { Layout } from './layout.ts';

type PathSetting = 'WORKFLOWS_DIR' | 'QUEUE_STATE_FILE';

/** Creates what is missing of WORKFLOWS_DIR; returns its real path. */
export function prepareWorkflowsDir(disk: Disk, directory: string): string {
  return asStart('WORKFLOWS_DIR', directory, () => {
    const real = prepareDirectory(disk, directory);
    disk.accessDirectorySync(real);
    return real;
  });
}

/** Creates what is missing of the queue file's directory; returns the file's path with links followed. */
export function prepareQueueFile(disk: Disk, file: string): string {
  return asStart('QUEUE_STATE_FILE', file, () => {
    const directory = prepareDirectory(disk, path.dirname(file));
    disk.accessDirectorySync(directory);
    const own = path.join(directory, path.basename(file));
    const stat = disk.lstatSync(own);
    if (stat === null || stat.kind === 'file') return own;
    const real = disk.realpathSync(own);
    if (disk.lstatSync(real)?.kind !== 'file') {
      throw new StartError(`QUEUE_STATE_FILE ${file} is not a file: name a file, or a path where one can be made`, 1);
    }
    disk.accessDirectorySync(path.dirname(real));
    return real;
  });
}

export function prepareEngineDirs(disk: Disk, layout: Layout): void {
  asStart('WORKFLOWS_DIR', layout.workflowsDir, () => {
    for (const directory of [layout.engineDir, layout.journalDir]) {
      if (disk.lstatSync(directory) === null) makeDirectory(disk, directory);
      disk.accessDirectorySync(directory);
    }
    for (const directory of [layout.quarantineDir, layout.cacheDir]) {
      if (disk.lstatSync(directory)?.kind === 'directory') disk.accessDirectorySync(directory);
    }
  });
}

/** Removes temp files that dead processes left in a directory. With `of`, only those of that file. */
export function removeTempFiles(disk: Disk, directory: string, of?: string): void {
  if (disk.lstatSync(directory)?.kind !== 'directory') return;
  for (const { name, kind } of disk.readDirectorySync(directory)) {
    if (kind !== 'file' || !isTempName(name)) continue;
    if (of === undefined || name.startsWith(`.${of}.`)) disk.unlinkSync(path.join(directory, name));
  }
}

/** Turns what the file system says at the start into a line that a person can act on. */
function asStart<T>(setting: PathSetting, value: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw toStartError(setting, value, error);
  }
}

export function toStartError(setting: PathSetting, value: string, error: unknown): unknown {
  if (error instanceof StartError) return error;
  const cause = { cause: error };
  if (error instanceof DiskFailedError) return new StartError(`${setting} ${value}: ${error.message}`, 74, cause);
  if (error instanceof DiskFullError) {
    return new StartError(`${setting} ${value}: ${error.message}; free some space and start again`, 1, cause);
  }
  if (isOutOfHandles(error)) {
    const wayOut = 'close some, or raise the limit (ulimit -n), and start again';
    return new StartError(`${setting} ${value}: too many open files on this machine; ${wayOut}`, 1, cause);
  }
  const code = errorCode(error);
  if (code === undefined) return error;
  const at = error instanceof Error && 'path' in error && error.path !== value ? ` (at ${String(error.path)})` : '';
  const text = `${setting} ${value} cannot be used: ${code}${at}`;
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return new StartError(`${text}; this user must be allowed to list, read and write it`, 77, cause);
    case 'EIO':
      return new StartError(`${text}; the disk does not read or write`, 74, cause);
    case 'EROFS':
      return new StartError(`${text}; the file system is read-only, name a place that can be written`, 1, cause);
    case 'ENOSPC':
    case 'EDQUOT':
      return new StartError(`${text}; free some space and start again`, 1, cause);
    default:
      return new StartError(
        `${text}; name a directory that exists or can be made, and can be read and written`,
        1,
        cause,
      );
  }
}

function prepareDirectory(disk: Disk, directory: string): string {
  let real: string;
  try {
    real = disk.realpathSync(directory);
    syncFoundName(disk, real);
  } catch (error) {
    if (!isAbsent(error)) throw error;
    real = path.join(prepareDirectory(disk, path.dirname(directory)), path.basename(directory));
    makeDirectory(disk, real);
  }
  if (disk.lstatSync(real)?.kind !== 'directory') throw Object.assign(new Error(real), { code: 'ENOTDIR', path: real });
  return real;
}

/** An earlier life may have made the directory and died before its name was durable: all that lies in it would go with it. */
function syncFoundName(disk: Disk, directory: string): void {
  const parent = path.dirname(directory);
  // Where something is mounted, the name is not ours.
  if (disk.lstatSync(parent)?.dev !== disk.lstatSync(directory)?.dev) return;
  try {
    disk.fsyncDirectorySync(parent);
  } catch (error) {
    // A directory in a place that this user may not list was made by someone else.
    const code = errorCode(error);
    if (code !== 'EACCES' && code !== 'EPERM') throw toSyncError(error, directory);
  }
}

function makeDirectory(disk: Disk, directory: string): void {
  try {
    disk.mkdirSync(directory);
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error; // Made by an engine that starts at the same moment.
  }
  syncDirectorySync(disk, path.dirname(directory));
}
