/** What an error of the disk means to the store: no space (nothing changed, try later), or a disk that cannot be trusted. */
import { DiskFailedError, DiskFullError, OutOfHandlesError } from '../contract/store.ts';

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

export function isAbsent(error: unknown): boolean {
  return errorCode(error) === 'ENOENT';
}

export function isFull(error: unknown): boolean {
  const code = errorCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT';
}

/** Too many files are open in this process or on this machine: it says nothing of the disk. */
export function isOutOfHandles(error: unknown): boolean {
  if (error instanceof OutOfHandlesError) return true;
  const code = errorCode(error);
  return code === 'EMFILE' || code === 'ENFILE';
}

/**
 * Of anything but fsync: no space is DiskFullError, a broken or read-only disk DiskFailedError, no file handle
 * OutOfHandlesError, the rest stays as it is.
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
 * Of fsync, fdatasync and directory fsync: DiskFailedError, whatever the code, ENOSPC too. The kernel has dropped the
 * pages it could not write and forgets the error, so a second call would report success for data that is gone. Only a
 * directory that found no handle to be opened with was not synced at all: OutOfHandlesError, and it may be tried again.
 */
export function toSyncError(error: unknown, what: string): DiskFailedError | OutOfHandlesError {
  if (isOutOfHandles(error)) return toOutOfHandles(error, what);
  return new DiskFailedError(`${what}: the disk did not take what was written (${errorCode(error) ?? String(error)})`, {
    cause: error,
  });
}

/** A write that keeps returning 0 has no room; reported as the system would have done. */
export function noProgress(): Error {
  return Object.assign(new Error('write returned 0 twice'), { code: 'ENOSPC' });
}
