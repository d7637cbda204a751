/**
 * Reads the journal of an earlier life and judges it (J2, J3). Changes nothing.
 *
 * Segments are read in order, each up to its first bad record. The records lost there were acknowledged if one of
 * these says so: the `acked` of a record after the bad one, the header of a later segment, or a sequence number known
 * from another file. Then the loss is damage; otherwise it is the torn tail of a batch that was never acknowledged.
 * Blind spot: damage to the very last batch looks like a torn tail, until a marker or a later batch follows it.
 *
 * `begin()` of the journal writes the records it found into a new segment, and then removes the old segments. A crash
 * in between leaves both. A `begins` segment with its marker replaces the segments below it. A `begins` segment
 * without its marker adds nothing that the old segments do not hold: its copies of records already read are skipped.
 */
import path from 'node:path';
import type { JournalRecord, Notice } from '../contract/store.ts';
import type { Disk } from './disk.ts';
import { crcMatches, createRecordHead, readHeadFields, readRecordHead, recordHeadBytes } from './record.ts';
import {
  readSegmentHeader,
  type SegmentHeader,
  segmentHeaderBytes,
  segmentName,
  segmentNumberOf,
} from './segment-header.ts';

/** Facts about the journal from other files. */
export interface JournalContext {
  /** The last event and the first needed segment, by the manifest; null when there is no manifest. */
  covered: { seq: number; segment: number } | null;
  /** True when a manifest exists but cannot be read: how far it covered the journal is not known. */
  coverLost: boolean;
  /** Highest sequence number that any other file names. */
  seqKnown: number;
  /** Given for a journal of an older format: returns an event's JSON text in this engine's format. */
  upgrade?: ((json: string) => string) | undefined;
}

/** A notice, and the bytes that it is about, for the quarantine to keep. */
export interface Finding {
  notice: Notice;
  keep: { name: string; bytes: Buffer } | null;
}

/**
 * A record inside the bytes of its segment. The segment stays in memory until `begin()` of the journal has copied it.
 */
export class FoundRecord implements JournalRecord {
  readonly seq: number;
  readonly json: string;
  readonly #segment: Buffer;
  readonly #at: number;
  readonly #length: number;

  /** `at`: the offset of the payload in the segment. */
  constructor(segment: Buffer, at: number, { seq, length }: { seq: number; length: number }) {
    this.seq = seq;
    this.json = segment.toString('utf8', at, at + length);
    this.#segment = segment;
    this.#at = at;
    this.#length = length;
  }

  upgraded(upgrade: (json: string) => string): FoundRecord {
    const payload = Buffer.from(upgrade(this.json));
    return new FoundRecord(payload, 0, { seq: this.seq, length: payload.length });
  }

  /** The payload's bytes as they were read, for `begin()` of the journal to copy. */
  get payload(): Uint8Array {
    return this.#segment.subarray(this.#at, this.#at + this.#length);
  }
}

export interface JournalReading {
  records: FoundRecord[];
  /** How many of the first records come from segments that the manifest does not need. */
  secondChances: number;
  damaged: boolean;
  findings: Finding[];
  /** Highest sequence number that was used or may have been used: it must not be given to another event. */
  lastSeq: number;
  lastBatch: number;
  /** Numbers of the files that are segments of this journal, ascending. */
  segments: number[];
  /** Highest number of any file in the directory that is named like a segment, of this journal or not. */
  lastNumber: number;
}

interface Segment {
  number: number;
  name: string;
  bytes: Buffer;
  header: SegmentHeader | null;
  records: FoundRecord[];
  sealed: boolean;
  /** Sequence number of the last good record or marker; the header's `after` when there is none. */
  endSeq: number;
  /** Offset of the first bad record; null when the segment is good to its end. */
  badAt: number | null;
  /** Highest `acked`, `seq` and `batch` of all self-consistent records, those after the bad one included. */
  ackedMax: number;
  seqMax: number;
  batchMax: number;
}

interface Loss {
  from: number;
  to: number;
}

export function readJournal(disk: Disk, directory: string, context: JournalContext): JournalReading {
  const findings: Finding[] = [];
  const listed = listSegments(disk, directory, findings);
  const all = listed.map(({ number, name }) =>
    readSegment(number, name, disk.readFileSync(path.join(directory, name)), context.upgrade),
  );
  const own = all.filter((segment) => isOwn(segment, findings));
  const coveredSegment = context.covered?.segment ?? 0;
  const replacedBelow = own.findLast((segment) => segment.sealed && segment.number >= coveredSegment)?.number ?? 0;
  const used = own.filter((segment) => segment.number < coveredSegment || segment.number >= replacedBelow);

  const joined = joinSegments(used, context, findings);
  const acked = own.reduce((most, segment) => Math.max(most, segment.ackedMax), context.seqKnown);
  const coveredSeq = context.covered?.seq ?? 0;
  let damaged = joined.gaps.some((gap) => gap.to > coveredSeq);
  for (const [index, segment] of used.entries()) {
    // A segment that was begun after damage has a flag for it. The flag counts until a manifest covers the segment.
    if (segment.header?.damaged && segment.number >= coveredSegment) damaged = true;
    const badAt = segment.badAt;
    if (badAt === null) continue;
    const lost = (segment.header === null ? joined.lastSeqBefore(segment.number) : segment.endSeq) + 1;
    if (lost > acked || joined.holds(lost)) {
      findings.push(tornTail(segment, badAt));
    } else {
      const to = Math.max(lost, segment.seqMax, used[index + 1]?.header?.after ?? acked);
      findings.push(damage(segment, badAt, { from: lost, to }, coveredSeq));
      if (to > coveredSeq) damaged = true;
    }
  }
  if (context.covered !== null && !own.some((segment) => segment.number >= coveredSegment)) {
    damaged = true;
    const text = `journal/${segmentName(coveredSegment)}, which the checkpoint needs, is missing`;
    findings.push(notice('damage', `${text}, and whatever was recorded after event ${coveredSeq} with it`));
  }
  if (!damaged && joined.lastSeq < context.seqKnown && context.seqKnown > coveredSeq) {
    damaged = true;
    const text = `the journal ends at event ${joined.lastSeq}, but other files name event ${context.seqKnown}`;
    findings.push(notice('damage', text));
  }
  // When acknowledged records are lost, every number that may have been given to one of them stays used.
  const seqSeen = damaged ? own.reduce((most, segment) => Math.max(most, segment.seqMax), acked) : acked;
  return {
    records: joined.records,
    secondChances: joined.secondChances,
    damaged,
    findings,
    lastSeq: Math.max(joined.lastSeq, seqSeen, coveredSeq),
    lastBatch: own.reduce((most, segment) => Math.max(most, segment.batchMax), 0),
    segments: own.map((segment) => segment.number),
    lastNumber: Math.max(coveredSegment, listed.at(-1)?.number ?? 0),
  };
}

function listSegments(disk: Disk, directory: string, findings: Finding[]): { number: number; name: string }[] {
  if (disk.lstatSync(directory) === null) return [];
  const segments: { number: number; name: string }[] = [];
  for (const { name, kind } of disk.readDirectorySync(directory)) {
    const number = segmentNumberOf(name);
    if (number !== null && kind === 'file') segments.push({ number, name });
    else findings.push(notice('info', `journal/${name} is not a journal segment; it is left alone`));
  }
  return segments.sort((a, b) => a.number - b.number);
}

/**
 * False for a segment with a valid header that names another number: it is a copy of that segment under a wrong name.
 */
function isOwn(segment: Segment, findings: Finding[]): boolean {
  if (segment.header === null || segment.header.number === segment.number) return true;
  const text = `journal/${segment.name} is a copy of segment ${segmentName(segment.header.number)}; it is left alone`;
  findings.push(notice('info', text));
  return false;
}

function readSegment(number: number, name: string, bytes: Buffer, upgrade: JournalContext['upgrade']): Segment {
  const header = readSegmentHeader(bytes);
  const segment: Segment = {
    number,
    name,
    bytes,
    header,
    records: [],
    sealed: false,
    endSeq: header?.after ?? 0,
    badAt: null,
    ackedMax: header?.after ?? 0,
    seqMax: header?.after ?? 0,
    batchMax: header?.batch ?? 0,
  };
  if (header === null) {
    segment.badAt = 0;
    searchBehind(segment, 0);
    return segment;
  }
  const head = createRecordHead();
  let at = segmentHeaderBytes;
  let crc = header.crc;
  while (at < bytes.length) {
    const good = readRecordHead(bytes, at, head) && crcMatches(bytes, at, head, crc);
    if (!good || head.seq < segment.endSeq || (head.seq === segment.endSeq && head.length > 0)) {
      segment.badAt = at;
      searchBehind(segment, at);
      return segment;
    }
    const end = at + recordHeadBytes + head.length;
    if (head.length > 0) {
      const record = new FoundRecord(bytes, at + recordHeadBytes, head);
      segment.records.push(upgrade === undefined ? record : record.upgraded(upgrade));
    } else if (header.begins) {
      segment.sealed = true;
    }
    countHead(segment, head);
    segment.endSeq = head.seq;
    crc = head.crc;
    at = end + 1;
  }
  return segment;
}

function countHead(segment: Segment, head: { acked: number; seq: number; batch: number }): void {
  segment.ackedMax = Math.max(segment.ackedMax, head.acked);
  segment.seqMax = Math.max(segment.seqMax, head.seq);
  segment.batchMax = Math.max(segment.batchMax, head.batch);
}

/**
 * Records after a bad one are not used as events, but a self-consistent one is evidence of what was written and
 * acknowledged. The head of the bad record itself is no evidence.
 */
function searchBehind(segment: Segment, badAt: number): void {
  const head = createRecordHead();
  // If the bad byte is the record's line break, the search below cannot find the record that follows it.
  if (readHeadFields(segment.bytes, badAt, head)) {
    const end = badAt + recordHeadBytes + head.length;
    if (readRecordHead(segment.bytes, end + 1, head)) countHead(segment, head);
  }
  let at = segment.bytes.indexOf('\nHJ1 ', badAt, 'latin1');
  while (at !== -1) {
    if (readRecordHead(segment.bytes, at + 1, head)) countHead(segment, head);
    at = segment.bytes.indexOf('\nHJ1 ', at + 1, 'latin1');
  }
}

interface Joined {
  records: FoundRecord[];
  gaps: Loss[];
  secondChances: number;
  lastSeq: number;
  holds(seq: number): boolean;
  lastSeqBefore(segmentNumber: number): number;
}

function joinSegments(segments: readonly Segment[], context: JournalContext, findings: Finding[]): Joined {
  const records: FoundRecord[] = [];
  const gaps: Loss[] = [];
  const lastSeqs: { number: number; seq: number }[] = [];
  let last: number | null = context.covered === null ? (context.coverLost ? null : 0) : null;
  let badBefore = false;
  let secondChances = 0;
  for (const segment of segments) {
    lastSeqs.push({ number: segment.number, seq: last ?? context.covered?.seq ?? 0 });
    const after = segment.header?.after ?? last ?? 0;
    // Events before the first segment are not missing if the manifest covers them.
    const from: number = last ?? (context.covered === null ? after : Math.min(after, context.covered.seq));
    if (after > from) {
      gaps.push({ from: from + 1, to: after });
      const text = `${namesOf({ from: from + 1, to: after })} missing before journal/${segment.name}`;
      const isCovered = context.covered !== null && after <= context.covered.seq;
      // A gap after a bad record is reported with that record. A gap among segments that the manifest does not need is
      // normal: a power cut during their removal may leave any of them.
      const isLeftOver = isCovered && segment.number <= (context.covered?.segment ?? 0);
      if (!badBefore && !isLeftOver) findings.push(notice('damage', isCovered ? `${text}; ${coveredText}` : text));
    }
    badBefore = segment.badAt !== null;
    last = Math.max(from, after);
    for (const record of segment.records) {
      if (record.seq > last) {
        records.push(record);
        last = record.seq;
      } else if (findRecord(records, record.seq)?.json !== record.json && record.seq > (context.covered?.seq ?? 0)) {
        gaps.push({ from: record.seq, to: record.seq });
        findings.push(
          notice('damage', `journal/${segment.name} holds another event ${record.seq} than a segment before`),
        );
      }
    }
    last = Math.max(last, segment.endSeq);
    if (segment.number < (context.covered?.segment ?? 0)) secondChances = records.length;
  }
  return {
    records,
    gaps,
    secondChances,
    lastSeq: last ?? context.covered?.seq ?? 0,
    holds: (seq) => findRecord(records, seq) !== undefined,
    lastSeqBefore: (number) => lastSeqs.find((entry) => entry.number === number)?.seq ?? 0,
  };
}

function findRecord(records: readonly JournalRecord[], seq: number): JournalRecord | undefined {
  let low = 0;
  let high = records.length - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const record = records[middle];
    if (record === undefined || record.seq === seq) return record;
    if (record.seq < seq) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}

function tornTail(segment: Segment, badAt: number): Finding {
  const count = segment.bytes.length - badAt;
  if (count === 0) return notice('info', `journal/${segment.name} is empty: it was made, but never used`);
  const message = `journal/${segment.name}: the last ${count} bytes, from offset ${badAt}, are of a batch that was never acknowledged; dropped`;
  return {
    notice: { kind: 'tail', message },
    keep: { name: `${segment.name}-tail`, bytes: segment.bytes.subarray(badAt) },
  };
}

function damage(segment: Segment, badAt: number, lost: Loss, coveredSeq: number): Finding {
  const outcome = lost.to <= coveredSeq ? coveredText : 'acknowledged data is missing';
  const message = `journal/${segment.name}: bad record at offset ${badAt}; ${namesOf(lost)} unreadable; ${outcome}`;
  return { notice: { kind: 'damage', message }, keep: { name: segment.name, bytes: segment.bytes } };
}

const coveredText = 'the checkpoint covers what is missing, nothing is lost';

function namesOf({ from, to }: Loss): string {
  return to > from ? `events ${from} to ${to} are` : `event ${from} is`;
}

function notice(kind: Notice['kind'], message: string): Finding {
  return { notice: { kind, message }, keep: null };
}
