/**
 * Blobs hold bytes that are too large for a journal record. Each is a file `<workflow>/blobs/<sha256>`, named by the
 * SHA-256 of its bytes. A blob is durable before its write resolves, so that a record may name it; every read checks
 * the bytes against the name (V2).
 */
import { createHash } from 'node:crypto';
import path from 'node:path';
import type { StoredBlob } from '../contract/store.ts';
import type { Disk } from './disk.ts';
import { isAbsent, isOutOfHandles, toDiskError } from './disk-error.ts';
import { replaceFile, replaceFileSync } from './durable-file.ts';

function blobNameOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Writes a blob and returns its name. `directory` must exist durably. */
export async function writeBlobFile(disk: Disk, directory: string, bytes: Uint8Array): Promise<string> {
  const name = blobNameOf(bytes);
  await replaceFile(disk, path.join(directory, name), bytes, { durable: true });
  return name;
}

export function writeBlobFileSync(disk: Disk, directory: string, bytes: Uint8Array): string {
  const name = blobNameOf(bytes);
  replaceFileSync(disk, path.join(directory, name), bytes, { durable: true });
  return name;
}

/** The blobs written before a time (milliseconds since 1970); none when the directory does not exist. */
export function listBlobFiles(disk: Disk, directory: string, before: number): StoredBlob[] {
  if (disk.lstatSync(directory)?.kind !== 'directory') return [];
  return disk.readDirectorySync(directory).flatMap(({ name, kind }) => {
    const stat = kind === 'file' && isBlobName(name) ? disk.lstatSync(path.join(directory, name)) : null;
    return stat !== null && stat.writtenAt < before ? [{ name, bytes: stat.bytes }] : [];
  });
}

export function removeBlobFiles(disk: Disk, directory: string, names: readonly string[]): void {
  for (const name of names) {
    try {
      disk.unlinkSync(path.join(directory, name));
    } catch (error) {
      if (!isAbsent(error)) throw toDiskError(error, path.join(directory, name));
    }
  }
}

function isBlobName(name: string): boolean {
  return /^[0-9a-f]{64}$/.test(name);
}

/** The bytes of the file, whatever they are. */
export async function readBlobBytes(disk: Disk, directory: string, name: string): Promise<Uint8Array> {
  if (!isBlobName(name)) throw new Error(`"${name}" is not a blob's name (64 hex digits)`);
  const file = path.join(directory, name);
  try {
    return await disk.readFile(file);
  } catch (error) {
    if (isOutOfHandles(error)) throw toDiskError(error, file);
    const problem = isAbsent(error) ? 'is missing' : 'cannot be read';
    throw new Error(`Blob ${name} of ${path.basename(path.dirname(directory))} ${problem}`, { cause: error });
  }
}

export async function readBlobFile(disk: Disk, directory: string, name: string): Promise<Uint8Array> {
  const bytes = await readBlobBytes(disk, directory, name);
  if (blobNameOf(bytes) !== name) {
    throw new Error(
      `Blob ${name} of ${path.basename(path.dirname(directory))} is damaged: its bytes have another SHA-256`,
    );
  }
  return bytes;
}
