/** Settings that are paths: what is there is of the right kind and can be used. Nothing is created. */
import { accessSync, constants, statSync } from 'node:fs';
import { errorCode, refuse } from './refusal.ts';

export function readDirectory(
  name: string,
  path: string,
  needed: 'readable' | 'writable',
): { path: string; exists: boolean } {
  const allowed = `a ${needed} directory`;
  let isDirectory: boolean;
  try {
    isDirectory = statSync(path).isDirectory();
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return { path, exists: false };
    throw refuse(name, path, `${allowed} (${errorCode(cause)})`, cause);
  }
  if (!isDirectory) throw refuse(name, path, allowed);
  checkAccess(name, path, needed, allowed, constants.X_OK);
  return { path, exists: true };
}

export function readQueueStateFile(path: string): string {
  const allowed = 'the path of a writable file, which is created when absent';
  let isFile: boolean;
  try {
    isFile = statSync(path).isFile();
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return path;
    throw refuse('QUEUE_STATE_FILE', path, `${allowed} (${errorCode(cause)})`, cause);
  }
  if (!isFile) throw refuse('QUEUE_STATE_FILE', path, allowed);
  checkAccess('QUEUE_STATE_FILE', path, 'writable', allowed, 0);
  return path;
}

export function checkAccess(
  name: string,
  path: string,
  needed: 'readable' | 'writable',
  allowed: string,
  extraMode: number,
): void {
  try {
    accessSync(path, constants.R_OK | extraMode | (needed === 'writable' ? constants.W_OK : 0));
  } catch (cause) {
    throw refuse(name, path, `${allowed} (${errorCode(cause)})`, cause);
  }
}
