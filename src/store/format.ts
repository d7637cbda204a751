/** `.engine/format.json`: which version of the files this directory holds, checked before anything else is believed. */
import { StartError } from '../contract/store.ts';
import type { Disk } from './disk.ts';
import { isAbsent } from './disk-error.ts';
import { replaceFileSync } from './durable-file.ts';
import type { Finding } from './journal-reading.ts';

const formatVersion = 1;

interface FormatReading {
  /** False where the file has to be written: in a fresh directory, or over a damaged one. */
  isWhole: boolean;
  findings: Finding[];
}

/** Throws StartError for a directory that a newer version has written. */
export function readFormat(disk: Disk, file: string): FormatReading {
  let bytes: Buffer;
  try {
    bytes = disk.readFileSync(file);
  } catch (error) {
    if (isAbsent(error)) return { isWhole: false, findings: [] };
    throw error;
  }
  const version = parseVersion(bytes);
  if (version !== null && version > formatVersion) {
    const text = `${file} has format ${version}, this version of the engine knows format ${formatVersion}`;
    throw new StartError(`${text}; start the version that wrote it, or a newer one`, 1);
  }
  if (version === formatVersion) return { isWhole: true, findings: [] };
  const message = 'format.json is damaged; it is written anew, and the other files are checked one by one';
  return { isWhole: false, findings: [{ notice: { kind: 'damage', message }, keep: { name: 'format.json', bytes } }] };
}

export function writeFormat(disk: Disk, file: string, now: Date): void {
  const text = `${JSON.stringify({ format: formatVersion, createdAt: now.toISOString() })}\n`;
  replaceFileSync(disk, file, Buffer.from(text), { durable: true });
}

function parseVersion(bytes: Buffer): number | null {
  try {
    const value: unknown = JSON.parse(bytes.toString());
    if (typeof value !== 'object' || value === null || !('format' in value)) return null;
    return Number.isInteger(value.format) ? Number(value.format) : null;
  } catch {
    return null; // Reported by the caller, with the bytes.
  }
}
