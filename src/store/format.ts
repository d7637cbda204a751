/**
 * The format of a data directory, and `.engine/format.json`, which names it and is checked before anything else is
 * believed: a newer format is refused, an older one is upgraded in memory as its files are read.
 *
 * While an upgrade is under way the file says `{"format": 2, "from": 1}`: older engines refuse the directory already, and
 * a start after a crash upgrades again. `from` goes when nothing that relies on it is left: begin() of the store has
 * written the journal and the index anew. `journal` names the directory's journal; state files name it too, so that a file
 * of another engine is known as such. Manifests and state files carry a number of their own and may stay as they are.
 */
import { crc32 } from 'node:zlib';
import { readEventJson, toEventJson } from '../contract/journal-event.ts';
import type { JsonObject } from '../contract/json.ts';
import { StartError } from '../contract/store.ts';
import type { Disk } from './disk.ts';
import { isAbsent } from './disk-error.ts';
import { replaceFileSync } from './durable-file.ts';
import type { Finding } from './journal-reading.ts';
import { upgrades as releasedUpgrades, type Upgrade } from './upgrades.ts';

export class Format {
  readonly #upgrades: readonly Upgrade[];

  constructor(upgrades: readonly Upgrade[]) {
    this.#upgrades = upgrades;
  }

  /** The number of the format that is written. */
  get number(): number {
    return this.#upgrades.length + 1;
  }

  upgrade(kind: keyof Upgrade, value: JsonObject, from: number): JsonObject {
    return this.#upgrades.slice(from - 1).reduce((older, upgrade) => upgrade[kind]?.(older) ?? older, value);
  }

  /** Whether something of this kind has another meaning since format `from`; where nothing has, its text stays as it is. */
  changes(kind: keyof Upgrade, from: number): boolean {
    return this.#upgrades.slice(from - 1).some((upgrade) => upgrade[kind] !== undefined);
  }

  upgradeEvent(json: string, from: number): string {
    if (!this.changes('event', from)) return json;
    const event = readEventJson(json) as unknown as JsonObject;
    return toEventJson(this.upgrade('event', event, from) as unknown as Parameters<typeof toEventJson>[0]);
  }

  /** Throws StartError for the number of a newer format. */
  refuseNewer(file: string, number: number): void {
    if (number <= this.number) return;
    const text = `${file} has format ${number}, this version of the engine knows format ${this.number}`;
    throw new StartError(`${text}; start the version that wrote it, or a newer one. Nothing was changed`, 1);
  }
}

export const releasedFormat = new Format(releasedUpgrades);

export interface FormatReading {
  /** False where the file has to be written: in a fresh directory, over a damaged file, or for an upgrade. */
  isCurrent: boolean;
  /** The oldest format that the journal and the index may hold. */
  from: number;
  createdAt: string | null;
  /** Names the journal of this directory; null where the file has none yet, or is gone. */
  journalId: string | null;
  findings: Finding[];
}

/** Throws StartError for a directory that a newer version has written. */
export function readFormat(disk: Disk, file: string, format: Format): FormatReading {
  // Without a number all upgrades are tried: they leave later data alone.
  const unknown = { isCurrent: false, from: 1, createdAt: null, journalId: null };
  let bytes: Buffer;
  try {
    bytes = disk.readFileSync(file);
  } catch (error) {
    if (isAbsent(error)) return { ...unknown, findings: [] };
    throw error;
  }
  const found = parseFormat(bytes);
  if (found !== null) {
    format.refuseNewer(file, found.number);
    const { from, createdAt, journalId } = found;
    return { isCurrent: from === format.number && journalId !== null, from, createdAt, journalId, findings: [] };
  }
  const message = 'format.json is damaged; it is written anew, and the other files are checked one by one';
  return { ...unknown, findings: [{ notice: { kind: 'damage', message }, keep: { name: 'format.json', bytes } }] };
}

/** `from` an older format: the upgrade is under way. */
export function writeFormat(
  disk: Disk,
  file: string,
  { number, from, createdAt, journalId }: { number: number; from: number; createdAt: string; journalId: string },
): void {
  const fields = { format: number, ...(from < number ? { from } : {}), createdAt, journal: journalId };
  const text = `${JSON.stringify({ ...fields, crc: sumOf(fields) })}\n`;
  replaceFileSync(disk, file, Buffer.from(text), { durable: true });
}

export function isFormatNumber(value: unknown): value is number {
  return Number.isInteger(value) && Number(value) > 0;
}

/** CRC-32 of the other fields, in hex: one wrong letter in the name of the journal would make all its files foreign. */
function sumOf(fields: object): string {
  return crc32(JSON.stringify(fields)).toString(16).padStart(8, '0');
}

function parseFormat(
  bytes: Buffer,
): { number: number; from: number; createdAt: string | null; journalId: string | null } | null {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    return null; // Reported by the caller, with the bytes.
  }
  if (typeof value !== 'object' || value === null) return null;
  const { crc, ...fields } = value as Record<string, unknown>;
  const { format: number, from = number, createdAt, journal } = fields;
  if (!isFormatNumber(number) || !isFormatNumber(from) || from > number) return null;
  // A newer format may keep its sum in another way; its number alone is read.
  if (crc !== undefined && crc !== sumOf(fields) && number <= releasedFormat.number) return null;
  const toText = (field: unknown) => (typeof field === 'string' ? field : null);
  return { number, from, createdAt: toText(createdAt), journalId: crc === undefined ? null : toText(journal) };
}
