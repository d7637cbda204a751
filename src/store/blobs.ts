/**
 * Blobs: bytes too large for a journal record, in `<workflow>/blobs/<sha256>`, named by their own SHA-256. Durable before
 * the write resolves, so that a record may name them; checked against their name whenever they are read (V2).
 */
import { createHash } from 'node:crypto';
import path from 'node:path';
import type { Disk } from './disk.ts';
import { isAbsent, isOutOfHandles, toDiskError } from './disk-error.ts';
import { replaceFile, replaceFileSync } from './durable-file.ts';

function blobNameOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** `directory` exists durably. Returns the name. */
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

export async function readBlobFile(disk: Disk, directory: string, name: string): Promise<Uint8Array> {
  if (!/^[0-9a-f]{64}$/.test(name)) throw new Error(`"${name}" is not a blob's name (64 hex digits)`);
  const file = path.join(directory, name);
  let bytes: Buffer;
  try {
    bytes = await disk.readFile(file);
  } catch (error) {
    if (isOutOfHandles(error)) throw toDiskError(error, file);
    const problem = isAbsent(error) ? 'is missing' : 'cannot be read';
    throw new Error(`Blob ${name} of ${path.basename(path.dirname(directory))} ${problem}`, { cause: error });
  }
  if (blobNameOf(bytes) !== name) {
    throw new Error(
      `Blob ${name} of ${path.basename(path.dirname(directory))} is damaged: its bytes have another SHA-256`,
    );
  }
  return bytes;
}
