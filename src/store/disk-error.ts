/**
 * Sorts disk errors into three: disk full (nothing has changed, try later; `turns.ts` handles it, T3), no file handle
 * (try again), and disk failed (the engine ends).
 */
import { DiskFailedError, DiskFullError, OutOfHandlesError } from '../contract/store.ts';

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

export function isAbsent(error: unknown): boolean {
  return errorCode(error) === 'ENOENT';
}

/** The entry belongs to another user, or its rights keep this process out. */
export function isForbidden(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'EACCES' || code === 'EPERM';
}

export function isFull(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** Too many files are open in this process or on this machine. The disk itself may be fine. */
export function isOutOfHandles(error: unknown): boolean {
  if (error instanceof OutOfHandlesError) return true;
  const code = errorCode(error);
  return code === 'EMFILE' || code === 'ENFILE';
}

/**
 * Converts the error of any operation but fsync. No space: DiskFullError. A broken or read-only disk: DiskFailedError.
 * No file handle: OutOfHandlesError. Any other error is returned unchanged.
 */
export function toDiskError(error: unknown, what: string): unknown {
  if (error instanceof OutOfHandlesError) return error;
  if (isFull(error)) return new DiskFullError(`${what}: no space left (${errorCode(error)})`, { cause: error });
  if (isOutOfHandles(error)) return toOutOfHandles(error, what);
  const code = errorCode(error);
  if (code === 'EIO' || code === 'EROFS') return new DiskFailedError(`${what}: ${code}`, { cause: error });
  return error;
}

export function toOutOfHandles(error: unknown, what: string): OutOfHandlesError {
  if (error instanceof OutOfHandlesError) return error;
  return new OutOfHandlesError(`${what}: too many open files (${errorCode(error)})`, { cause: error });
}

/**
 * Converts the error of an fsync, fdatasync or directory fsync to DiskFailedError, whatever its code, ENOSPC included.
 * The kernel has dropped the pages that it could not write and forgets the error, so a second call would report
 * success for data that is gone. One exception: a directory that could not be opened for want of a file handle was not
 * synced at all. That is OutOfHandlesError, and the sync may be tried again.
 */
export function toSyncError(error: unknown, what: string): DiskFailedError | OutOfHandlesError {
  if (isOutOfHandles(error)) return toOutOfHandles(error, what);
  return new DiskFailedError(`${what}: the disk did not take what was written (${errorCode(error) ?? String(error)})`, {
    cause: error,
  });
}

/**
 * The error for a write that keeps returning 0: it has no room, so the error has the code that the system uses for
 * that.
 */
export function noProgress(): Error {
  return Object.assign(new Error('write returned 0 twice'), { code: 'ENOSPC' });
}
