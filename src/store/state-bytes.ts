/**
 * The bytes of a state.json: the workflow's JSON with `_meta` as its last field. `_meta.sha256` is over every
 * byte before that field, `_meta.crc` over every byte before the crc, so that any change of the file shows. A file that
 * fails its sums and is JSON was written by someone else (`foreign`); a file that is no JSON is `unreadable`.
 */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import type { JsonObject } from '../contract/json.ts';
import { findLostNumbers, mayHoldInfinity, withoutInfinities } from '../contract/lost-numbers.ts';
import { type JsonText, type StateFile, type StateMeta, stateMetaSchema } from '../contract/store.ts';
import type { Disk, FileStat } from './disk.ts';
import { errorCode, isAbsent, isForbidden, isOutOfHandles } from './disk-error.ts';
import { type Format, releasedFormat } from './format.ts';
import { hex, readHex } from './record.ts';

/** A larger file is not ours: the engine keeps large outputs in blobs. */
const stateBytesMax = 256 * 1024 * 1024;

/** Enough for the first field, which is the workflow's id. */
const openingBytes = 64;
const metaField = '\n  "_meta": ';
const documentEnd = '\n}';
const crcField = ',"crc":"';
const crcDigits = 8;
const fileEnd = `"}${documentEnd}\n`;
/** The `_meta` field's name, both sums with theirs, and the end of the file. */
const sumsBytesMax = 256;

interface ComposedState {
  /** In the buffer that was given. */
  bytes: Buffer;
  /** Of all bytes. */
  sha256: string;
}

type Meta = Record<string, unknown> & { seq: number };

/** `_meta` without the sums of an earlier file. */
function toOwnMeta({ sha256: _sum, crc: _crc, ...own }: Meta): Record<string, unknown> {
  return own;
}

/** Bytes that suffice for the file. */
export function sizeOfState(text: JsonText, meta: Meta): number {
  let bytes = Buffer.byteLength(JSON.stringify(meta)) + sumsBytesMax;
  for (const piece of piecesOf(text)) bytes += Buffer.byteLength(piece);
  return bytes;
}

/** The file's bytes, written into `buffer`, which is as large as `sizeOfState` says. */
export function composeState(
  text: JsonText,
  meta: Meta,
  buffer: Buffer = Buffer.allocUnsafe(sizeOfState(text, meta)),
): ComposedState {
  const body = composeBody(piecesOf(text), buffer);
  const hash = createHash('sha256').update(body);
  const tail = composeTail(body, { ...toOwnMeta(meta), sha256: hash.copy().digest('hex') });
  const length = body.length + buffer.write(tail, body.length);
  const sha256 = hash.update(buffer.subarray(body.length, length)).digest('hex');
  return { bytes: buffer.subarray(0, length), sha256 };
}

function piecesOf(text: JsonText): readonly string[] {
  return typeof text === 'string' ? [text] : text;
}

/** The text without its end, which comes after `_meta`. */
function composeBody(pieces: readonly string[], buffer: Buffer): Buffer {
  if (!pieces[0]?.startsWith('{') || !pieces.at(-1)?.endsWith(documentEnd)) {
    throw new Error('The text of a state.json is an indented JSON object: it starts with "{" and ends in "\\n}"');
  }
  let length = 0;
  for (const piece of pieces) length += buffer.write(piece, length);
  return buffer.subarray(0, length - documentEnd.length);
}

/** From the comma after the body to the end of the file. */
function composeTail(body: Buffer, meta: Record<string, unknown>): string {
  const comma = body.length === 1 ? '' : ',';
  const unsummed = `${comma}${metaField}${JSON.stringify(meta).slice(0, -1)}${crcField}`;
  return `${unsummed}${hex(crc32(unsummed, crc32(body)), 8)}${fileEnd}`;
}

export function judgeState(bytes: Buffer, format: Format = releasedFormat): StateFile {
  let document: string;
  try {
    document = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return { kind: 'unreadable', reason: 'not UTF-8' };
  }
  const intact = judgeIntact(bytes, format);
  if (intact !== null) return intact;
  let value: unknown;
  try {
    value = JSON.parse(document);
  } catch (error) {
    return { kind: 'unreadable', reason: `not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  if (typeof value === 'object' && value !== null && '_meta' in value) delete value._meta;
  const lost = findLostNumbers(document);
  return {
    kind: 'foreign',
    value: mayHoldInfinity(lost) ? withoutInfinities(value) : value,
    sha256: createHash('sha256').update(bytes).digest('hex'),
    ...(lost.first.length > 0 ? { lost } : {}),
  };
}

function judgeIntact(bytes: Buffer, format: Format): StateFile | null {
  const sums = checkSums(bytes);
  if (sums === null) return null;
  const text = bytes.toString('utf8', 0, sums.bodyBytes) + documentEnd;
  const value = parseObject(text);
  if (value === null) return null;
  const { meta, sha256 } = sums;
  const from = formatOf(meta);
  if (from > format.number) {
    return {
      kind: 'unreadable',
      reason: `its state.json has format ${from}, this version of the engine knows format ${format.number}; upgrade the engine, then copy the file back`,
    };
  }
  if (!format.changes('state', from)) return { kind: 'intact', text, value, meta, sha256 };
  const { _meta, ...upgraded } = format.upgrade('state', { ...value, _meta: meta } as JsonObject, from);
  return { kind: 'intact', text: JSON.stringify(upgraded, null, 2), value: upgraded, meta: _meta as StateMeta, sha256 };
}

function formatOf(meta: StateMeta): number {
  return meta.format ?? 1;
}

function checkSums(bytes: Buffer): (StateSums & { bodyBytes: number }) | null {
  const found = findMeta(bytes);
  if (found === null) return null;
  const { meta, fieldAt } = found;
  const bodyBytes = fieldAt === 1 ? 1 : fieldAt - 1;
  const hash = createHash('sha256').update(bytes.subarray(0, bodyBytes));
  if (hash.copy().digest('hex') !== meta.sha256) return null;
  const sha256 = hash.update(bytes.subarray(bodyBytes)).digest('hex');
  const id = /^\{\n {2}"id": "([^"\\]*)"[,\n]/.exec(bytes.toString('latin1', 0, openingBytes))?.[1];
  return { id, meta, sha256, bodyBytes };
}

/** `_meta` and the offset of its field, when the crc says that the file is as it was written. */
function findMeta(bytes: Buffer): { meta: StateMeta; fieldAt: number } | null {
  const crcAt = bytes.length - fileEnd.length - crcDigits;
  const crcFieldAt = crcAt - crcField.length;
  if (crcFieldAt < 0 || bytes.toString('latin1', crcFieldAt, crcAt) !== crcField) return null;
  if (bytes.toString('latin1', crcAt + crcDigits) !== fileEnd) return null;
  if (readHex(bytes, crcAt, crcDigits) !== crc32(bytes.subarray(0, crcAt))) return null;
  const fieldAt = bytes.lastIndexOf(metaField);
  if (fieldAt < 1) return null;
  const meta = stateMetaSchema.safeParse(
    parseObject(`${bytes.toString('utf8', fieldAt + metaField.length, crcFieldAt)}}`),
  );
  return meta.success ? { meta: meta.data, fieldAt } : null;
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return null; // The sums hold over something that is no JSON; the file is judged as a whole.
  }
}

export async function readStateFile(disk: Disk, file: string, format?: Format): Promise<StateFile> {
  try {
    const refused = judgeStat(await disk.lstat(file));
    return refused ?? judgeState(await disk.readFile(file), format);
  } catch (error) {
    return judgeError(error);
  }
}

export function readStateFileSync(disk: Disk, file: string, format?: Format): StateFile {
  try {
    return judgeStat(disk.lstatSync(file)) ?? judgeDirectory(disk, file) ?? judgeState(disk.readFileSync(file), format);
  } catch (error) {
    return judgeError(error);
  }
}

/** `_meta` of a file whose sums are right, and the id that its text begins with. */
export interface StateSums {
  readonly id: string | undefined;
  readonly meta: StateMeta;
  /** Of all bytes. */
  readonly sha256: string;
}

/**
 * The sums of a file whose bytes are the engine's own, in a format that it knows; null for any other file. The text is
 * not decoded or parsed: that takes five times as long.
 */
export function checkStateFileSync(disk: Disk, file: string, format: Format = releasedFormat): StateSums | null {
  try {
    if (judgeStat(disk.lstatSync(file)) !== null || judgeDirectory(disk, file) !== null) return null;
    const sums = checkSums(disk.readFileSync(file));
    return sums !== null && formatOf(sums.meta) <= format.number ? sums : null;
  } catch (error) {
    judgeError(error);
    return null; // The caller that needs the content reads the file again, and reports what is wrong with it.
  }
}

/** Before it is opened: a link may lead anywhere, a pipe never ends. */
function judgeStat(stat: FileStat | null): StateFile | null {
  if (stat === null) return { kind: 'absent' };
  if (stat.kind !== 'file')
    return { kind: 'unreadable', reason: `a ${stat.kind === 'other' ? 'special file' : stat.kind}, not a file` };
  if (stat.bytes > stateBytesMax)
    return { kind: 'unreadable', reason: `${stat.bytes} bytes, at most ${stateBytesMax} are read` };
  return null;
}

/** A workflow whose files cannot be written could not go on; what it came to would be lost with the journal's records. */
function judgeDirectory(disk: Disk, file: string): StateFile | null {
  try {
    disk.accessDirectorySync(path.dirname(file));
    return null;
  } catch (error) {
    if (!isForbidden(error)) throw error;
    return { kind: 'unreadable', reason: `in a directory that this user may not change (${errorCode(error)})` };
  }
}

function judgeError(error: unknown): StateFile {
  if (isAbsent(error)) return { kind: 'absent' };
  const code = errorCode(error);
  // Out of file handles says nothing about the file; the caller has to wait and try again.
  if (code === undefined || isOutOfHandles(error)) throw error;
  return { kind: 'unreadable', reason: `cannot be read (${code})` };
}
