/**
 * `doctor`: what a data directory holds and what is wrong with it. Nothing is created or changed, unless `--repair` asks
 * for what a start would do: recovery, which sets aside what it cannot vouch for and never deletes it.
 */

import { readSettings } from '../config.ts';
import { findEventFault } from '../contract/journal-event.ts';
import type { FoundData, StateFile } from '../contract/store.ts';
import { jobStatusSchema } from '../contract/workflow.ts';
import { judgeFile } from '../coordinator/foreign-file.ts';
import { counted } from '../core/duration.ts';
import { type Inspection, inspectStore } from '../store/inspect.ts';
import type { CliContext } from './context.ts';
import { type DataPaths, openLocalEngine, toDataPaths } from './engine-access.ts';
import { exits } from './exit.ts';
import { printable } from './printable.ts';

export interface DoctorOptions {
  data?: string;
  repair?: boolean;
  json?: boolean;
}

/** A journal of another version may be wrong in every line. */
const eventFaultsMax = 20;

interface Diagnosis {
  workflowsDir: string;
  workflows: number;
  /** How many state files tell each status; `unreadable` and `absent` for those that tell none. */
  statuses: Record<string, number>;
  /** Events that the last checkpoint does not cover yet. */
  eventsToApply: number;
  queued: number;
  /** Answers that steps with `cache` can be given. */
  cached: number;
  problems: string[];
  /** Worth knowing, and no harm: a start deals with them. */
  notes: string[];
}

export async function doctor(options: DoctorOptions, context: CliContext): Promise<number> {
  const settings = readSettings(context.env, context.cwd).engine;
  const paths = options.data === undefined ? settings : toDataPaths(options.data, context.cwd);
  // Before a repair too: recovery of a directory that is not there would only make an empty one.
  let diagnosis = await diagnose(paths);
  let repairs: string[] | undefined;
  if (options.repair) {
    repairs = await repair(paths, context);
    diagnosis = await diagnose(paths);
  }
  const { stdout } = context;
  if (options.json) stdout.write(`${JSON.stringify({ ...diagnosis, ...(repairs ? { repairs } : {}) }, null, 2)}\n`);
  else for (const line of toLines(diagnosis, repairs)) stdout.write(`${printable(line)}\n`);
  return diagnosis.problems.length === 0 ? exits.done : exits.failed;
}

async function repair(paths: DataPaths, context: CliContext): Promise<string[]> {
  const { workflowsDir, queueStateFile } = paths;
  const access = await openLocalEngine(context, { workflowsDir, queueStateFile });
  try {
    return (await access.engine.health()).notices;
  } finally {
    await access.close();
  }
}

async function diagnose({ workflowsDir, queueStateFile }: DataPaths): Promise<Diagnosis> {
  const inspection = inspectStore({ workflowsDir, queueStateFile });
  const { found } = inspection;
  const coveredSeq = found.manifest?.seq ?? 0;
  const problems: string[] = [];
  const notes: string[] = [];
  for (const { kind, message } of found.notices) {
    (kind === 'damage' || kind === 'quarantine' ? problems : notes).push(message);
  }
  for (const [id, reason] of Object.entries(found.manifest?.setAside ?? {})) {
    problems.push(`workflow ${id} is set aside: ${reason}`);
  }
  for (const problem of judgeEvents(inspection)) problems.push(problem);
  const statuses = await judgeStates(inspection, problems, notes);
  const cached = await judgeCache(inspection, notes);
  return {
    workflowsDir,
    workflows: found.workflowIds.length,
    statuses,
    eventsToApply: found.records.filter((record) => record.seq > coveredSeq).length,
    queued: found.queueItems.length,
    cached,
    problems,
    notes,
  };
}

/** Of each event that a start would not understand, the first wrong field. */
function judgeEvents({ found }: Inspection): string[] {
  const faults = found.records.flatMap(({ seq, json }) => {
    const fault = findEventFault(json);
    return fault === null ? [] : [`journal: event ${seq} is not one that this engine writes: ${fault}`];
  });
  if (faults.length <= eventFaultsMax) return faults;
  return [...faults.slice(0, eventFaultsMax), `journal: ${faults.length - eventFaultsMax} more events like these`];
}

/** A start does not read the files of finished workflows. */
const remedyOfFinished = 'it is taken over if it is valid, else set aside, when it is next asked for';
const missingOfFinished =
  'state.json is missing though the workflow had finished; a call that asks for it is answered that it was set aside';

/** One file after the other: a directory may hold a hundred thousand. */
async function judgeStates(
  { found, readState }: Inspection,
  problems: string[],
  notes: string[],
): Promise<Record<string, number>> {
  const lastSeqs = toLastSeqs(found.records);
  const present = new Set(found.workflowIds);
  const statuses = new Map<string, number>();
  for (const id of found.workflowIds) {
    const file = await readState(id);
    const status = toStatus(file);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    const lastSeq = lastSeqs.get(id);
    const finished = findFinished(id, found, lastSeq);
    const remedy = finished
      ? remedyOfFinished
      : lastSeq !== undefined
        ? 'a start rebuilds it where the journal still holds it'
        : 'a start takes it over or sets it aside';
    if (file.kind === 'unreadable') {
      problems.push(`workflow ${id}: state.json cannot be used (${file.reason}); ${remedy}`);
    } else if (file.kind === 'foreign') {
      const isKnown = found.finished.has(id) || found.manifest?.live[id] !== undefined || lastSeq !== undefined;
      // A file that was copied in may have been adopted as it stood, and be finished.
      if (isKnown && finished?.sha256 !== file.sha256)
        problems.push(`workflow ${id}: state.json was not written by the engine; ${remedy}`);
      else if (!isKnown) judgeUnknown(id, file, problems, notes);
    } else if (file.kind === 'absent') {
      if (finished) problems.push(`workflow ${id}: ${missingOfFinished}`);
      else if (lastSeq === undefined) notes.push(`workflow ${id}: has a directory and no state.json`);
    } else if (finished && finished.sha256 !== file.sha256) {
      problems.push(
        `workflow ${id}: state.json is another version than the one that was recorded when it finished; ${remedyOfFinished}`,
      );
    }
  }
  for (const id of found.finished.keys()) {
    if (!present.has(id) && findFinished(id, found, lastSeqs.get(id)))
      problems.push(`workflow ${id}: its directory is missing; a start forgets it`);
  }
  return Object.fromEntries([...statuses].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Its entry in the index, unless later events or a checkpoint say that it runs again: a start then reads its file. */
function findFinished(id: string, { finished, manifest }: FoundData, lastSeq: number | undefined) {
  const entry = finished.get(id);
  return entry && Math.max(lastSeq ?? 0, manifest?.live[id]?.seq ?? 0) <= entry.seq ? entry : undefined;
}

/** By workflow, the number of the last event that is about it. The creation of a branch is about its parent too. */
function toLastSeqs(records: Inspection['found']['records']): Map<string, number> {
  const seqs = new Map<string, number>();
  for (const { seq, json } of records) for (const id of workflowIdsIn(json)) seqs.set(id, seq);
  return seqs;
}

/** None for a record that is no event; `judgeEvents` names those. */
function workflowIdsIn(json: string): string[] {
  try {
    const event = JSON.parse(json) as { workflowId?: unknown; parent?: { id?: unknown } };
    return [event.workflowId, event.parent?.id].filter((id) => typeof id === 'string');
  } catch {
    return [];
  }
}

/** The file of a workflow that was copied in: judged as a start does. */
function judgeUnknown(id: string, file: StateFile, problems: string[], notes: string[]): void {
  const judged = judgeFile(id, file);
  if (judged.isSound) notes.push(`workflow ${id}: unknown here, a start adopts it`);
  else problems.push(`workflow ${id}: unknown here, a start sets it aside: ${judged.reason}`);
}

/** How many answers are whole. One that is not costs a call, and no more. */
async function judgeCache({ cachedKeys, readCached }: Inspection, notes: string[]): Promise<number> {
  let whole = 0;
  for (const key of cachedKeys) {
    const reading = await readCached(key);
    if (reading.kind === 'whole') whole += 1;
    if (reading.kind === 'damaged') notes.push(`${reading.reason}; it is set aside when a step asks for it`);
  }
  return whole;
}

function toStatus(file: StateFile): string {
  if (file.kind === 'absent' || file.kind === 'unreadable') return file.kind;
  const status = jobStatusSchema.safeParse((file.value as { status?: unknown } | null)?.status);
  return status.success ? status.data : 'unreadable';
}

function toLines(diagnosis: Diagnosis, repairs: string[] | undefined): string[] {
  const { workflowsDir, workflows, statuses, eventsToApply, queued, cached, problems, notes } = diagnosis;
  const verdict =
    problems.length === 0
      ? 'sound'
      : `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}${repairs ? ' left' : ''}`;
  return [
    ...(repairs ?? []).map((line) => `repair: ${line}`),
    `directory  ${workflowsDir}`,
    `workflows  ${[workflows, ...Object.entries(statuses).map(([status, count]) => `${count} ${status}`)].join(', ')}`,
    `journal    ${eventsToApply} events since the last checkpoint`,
    `queue      ${counted(queued, 'step')}`,
    ...(cached > 0 ? [`cache      ${cached} ${cached === 1 ? 'answer' : 'answers'}`] : []),
    ...notes.map((line) => `note: ${line}`),
    ...problems.map((line) => `problem: ${line}`),
    verdict,
  ];
}
