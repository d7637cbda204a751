/**
 * The manifest in `checkpoint.json`: how far the views cover the journal. Replaced whole and durably; it carries a SHA-256
 * over its own text, so a damaged one is known as such and never half believed, and the number of its format.
 */
import { createHash } from 'node:crypto';
import type { JsonObject } from '../contract/json.ts';
import { type Manifest, manifestSchema } from '../contract/store.ts';
import type { Disk } from './disk.ts';
import { isAbsent } from './disk-error.ts';
import { replaceFile } from './durable-file.ts';
import { type Format, isFormatNumber, releasedFormat } from './format.ts';

/** The file is `{"sha256":"<64 hex>",\n"manifest":<text>}\n`; the sum is over <text>. */
const beforeSum = '{"sha256":"';
const beforeManifest = '",\n"manifest":';
const end = '}\n';

type CheckpointReading =
  | { kind: 'whole'; manifest: Manifest }
  | { kind: 'absent' }
  | { kind: 'damaged'; bytes: Buffer; reason: string };

/** Throws StartError for a manifest of a newer format. */
export function readCheckpoint(disk: Disk, file: string, format: Format = releasedFormat): CheckpointReading {
  let bytes: Buffer;
  try {
    bytes = disk.readFileSync(file);
  } catch (error) {
    if (isAbsent(error)) return { kind: 'absent' };
    throw error;
  }
  const textAt = beforeSum.length + 64 + beforeManifest.length;
  const body = bytes.subarray(textAt, -end.length);
  const expected = encode(body, createHash('sha256').update(body).digest('hex'));
  if (!expected.equals(bytes)) return { kind: 'damaged', bytes, reason: 'its checksum does not match its text' };
  const { format: number, ...found } = { ...(JSON.parse(body.toString()) as JsonObject) };
  if (!isFormatNumber(number)) return { kind: 'damaged', bytes, reason: 'it names no format' };
  format.refuseNewer(file, number);
  const parsed = manifestSchema.safeParse(format.upgrade('manifest', found, number));
  if (!parsed.success) return { kind: 'damaged', bytes, reason: `not a manifest: ${parsed.error.message}` };
  return { kind: 'whole', manifest: parsed.data };
}

export async function writeCheckpoint(
  disk: Disk,
  file: string,
  manifest: Manifest,
  { number }: Format = releasedFormat,
): Promise<void> {
  const body = Buffer.from(JSON.stringify({ format: number, ...manifest }));
  await replaceFile(disk, file, encode(body, createHash('sha256').update(body).digest('hex')), { durable: true });
}

function encode(body: Buffer, sum: string): Buffer {
  return Buffer.concat([Buffer.from(beforeSum + sum + beforeManifest), body, Buffer.from(end)]);
}
