/**
 * Reads the data that the last life has left on the disk. Each part is checked against the parts read before it:
 * format, manifest, finished index, directories, journal, queue file. Changes nothing.
 */
import { readEventJson } from '../contract/journal-event.ts';
import type { JsonObject } from '../contract/json.ts';
import type { FinishedEntry, FoundData, Manifest, StateMeta } from '../contract/store.ts';
import { readCheckpoint } from './checkpoint.ts';
import type { Disk } from './disk.ts';
import { type FinishedReading, readFinishedIndex } from './finished-index.ts';
import { type Format, type FormatReading, readFormat, releasedFormat } from './format.ts';
import { type Finding, type JournalContext, type JournalReading, readJournal } from './journal-reading.ts';
import { isWorkflowId, type Layout, stateFileOf } from './layout.ts';
import { readQueueFile } from './queue-file.ts';
import { checkStateFileSync, readStateFileSync, type StateSums } from './state-bytes.ts';

export interface Found {
  /** Its notices are the notices of `findings`. */
  data: FoundData;
  findings: readonly Finding[];
  format: FormatReading;
  finished: FinishedReading;
  journal: JournalReading;
  queueIsAbsent: boolean;
  /** null when neither format.json nor any file names one. */
  journalId: string | null;
  /** By workflow id: the checksums of the state files that were checked and that the engine wrote. */
  sums: ReadonlyMap<string, StateSums>;
}

export function readFound(disk: Disk, layout: Layout, known: Format = releasedFormat): Found {
  const format = readFormat(disk, layout.formatFile, known);
  const { from } = format;
  const isOlder = from < known.number;
  const findings: Finding[] = [...format.findings];
  const checkpoint = readCheckpoint(disk, layout.checkpointFile, known);
  if (checkpoint.kind === 'damaged') {
    const message = `checkpoint.json is damaged (${checkpoint.reason}); state files and journal are read without it`;
    findings.push({ notice: { kind: 'damage', message }, keep: { name: 'checkpoint.json', bytes: checkpoint.bytes } });
  }
  const manifest = checkpoint.kind === 'whole' ? checkpoint.manifest : null;
  const acknowledgedSeq = checkpoint.kind === 'damaged' ? undefined : (manifest?.seq ?? 0);
  const upgradeLine = (line: FinishedEntry) =>
    known.upgrade('finished', line as unknown as JsonObject, from) as unknown as FinishedEntry;
  const finished = readFinishedIndex(disk, layout.finishedFile, acknowledgedSeq, isOlder ? upgradeLine : undefined);
  for (const finding of finished.findings) findings.push(finding);
  const workflowIds = listWorkflows(disk, layout, findings);
  const context: JournalContext = {
    covered: manifest,
    coverLost: checkpoint.kind === 'damaged',
    seqKnown: highestSeq(manifest, finished),
    upgrade: isOlder ? (json) => known.upgradeEvent(json, from) : undefined,
  };
  let journal = readJournal(disk, layout.journalDir, context);
  // A state.json is written after its event is durable. So a file that is ahead of the journal proves that
  // acknowledged events are lost: the tail was not torn but damaged, or the journal ends too early. The numbers of
  // those events stay used. After a tail, any file may be of a workflow whose events were lost. Without a tail, files
  // of workflows that neither the journal nor the manifest names were copied in.
  const isTorn = journal.findings.some((finding) => finding.notice.kind === 'tail');
  // An engine has been here and every start makes a segment: without any, the journal was taken away.
  const isGone = format.journalId !== null && journal.lastNumber === 0;
  const looked = isTorn || isGone ? workflowIds : knownWorkflows(workflowIds, manifest, journal);
  const sums = checkViews(disk, layout, known, looked, finished);
  // Where format.json was lost, most of the known files say which journal they belong to.
  const journalId = format.journalId ?? findJournalId(sums);
  let seqKnown = 0;
  let isMissed = false;
  for (const [id, { meta }] of sums) {
    if (isGone ? meta.journal !== journalId : isOther(meta, journalId)) continue;
    isMissed = isGone;
    const isAhead = meta.seq > Math.max(seqKnown, journal.lastSeq);
    if (isAhead && !isOfAnotherJournal(disk, stateFileOf(layout, id), known, id, journal)) seqKnown = meta.seq;
  }
  if (seqKnown > journal.lastSeq) journal = readJournal(disk, layout.journalDir, { ...context, seqKnown });
  if (isMissed && manifest === null) findings.push(journalIsGone(layout));
  for (const finding of journal.findings) findings.push(finding);
  const queue = readQueueFile(disk, layout.queueFile);
  for (const finding of queue.findings) findings.push(finding);
  return {
    data: {
      manifest,
      finished: finished.entries,
      records: journal.records,
      damaged: journal.damaged,
      workflowIds,
      queueItems: queue.items,
      notices: findings.map((finding) => finding.notice),
    },
    findings,
    format,
    finished,
    journal,
    queueIsAbsent: queue.isAbsent,
    journalId,
    sums,
  };
}

/** True for a file that another directory's engine has written. An engine before 0.2 named no journal. */
export function isOther({ journal }: StateMeta, journalId: string | null): boolean {
  return journalId !== null && journal !== undefined && journal !== journalId;
}

function findJournalId(sums: ReadonlyMap<string, StateSums>): string | null {
  const counts = new Map<string, number>();
  for (const { meta } of sums.values()) {
    if (meta.journal !== undefined) counts.set(meta.journal, (counts.get(meta.journal) ?? 0) + 1);
  }
  return [...counts].reduce<[string | null, number]>((most, each) => (each[1] > most[1] ? each : most), [null, 0])[0];
}

function journalIsGone({ journalDir }: Layout): Finding {
  const message =
    `there is no journal in ${journalDir}, although state files of this engine are there: workflows are taken as their ` +
    'files show them, and what was acknowledged after a file was written is lost';
  return { notice: { kind: 'damage', message }, keep: null };
}

function highestSeq(manifest: Manifest | null, finished: FinishedReading): number {
  let highest = finished.seqMax;
  for (const view of Object.values(manifest?.live ?? {})) highest = Math.max(highest, view.seq);
  return highest;
}

function checkViews(
  disk: Disk,
  layout: Layout,
  format: Format,
  ids: readonly string[],
  finished: FinishedReading,
): Map<string, StateSums> {
  const checked = new Map<string, StateSums>();
  for (const id of ids) {
    if (finished.entries.has(id)) continue;
    const sums = checkStateFileSync(disk, stateFileOf(layout, id), format);
    if (sums !== null) checked.set(id, sums);
  }
  return checked;
}

/** The ids that the manifest or an event names. */
function knownWorkflows(ids: readonly string[], manifest: Manifest | null, journal: JournalReading): string[] {
  const known = new Set(Object.keys(manifest?.live ?? {}));
  for (const { json } of journal.records) {
    const id = workflowIdOf(json);
    if (id !== undefined) known.add(id);
  }
  return ids.filter((id) => known.has(id));
}

/** `workflowId` is among the first fields of an event, before any text of users: the first match is the right one. */
function workflowIdOf(json: string): string | undefined {
  return /"workflowId":"([^"]*)"/.exec(json)?.[1];
}

/**
 * For a file that is ahead of the journal. True when the journal holds a later version of the workflow all the same:
 * then the file was copied in from another directory and adopted, and this journal has never given the sequence number
 * in it.
 */
function isOfAnotherJournal(
  disk: Disk,
  stateFile: string,
  format: Format,
  id: string,
  journal: JournalReading,
): boolean {
  const last = journal.records.findLast(({ json }) => workflowIdOf(json) === id);
  if (last === undefined) return false;
  const file = readStateFileSync(disk, stateFile, format);
  const version = file.kind === 'intact' ? file.value.version : null;
  return typeof version === 'number' && version < readEventJson(last.json).version;
}

function listWorkflows(disk: Disk, layout: Layout, findings: Finding[]): string[] {
  const ids: string[] = [];
  for (const { name, kind } of disk.readDirectorySync(layout.workflowsDir)) {
    if (!isWorkflowId(name)) continue;
    if (kind === 'directory') {
      ids.push(name);
    } else {
      const message = `${name} in WORKFLOWS_DIR is named like a workflow but is no directory; it is left alone`;
      findings.push({ notice: { kind: 'info', message }, keep: null });
    }
  }
  return ids;
}
