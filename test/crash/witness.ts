/**
 * Holds whatever anybody was shown against what is shown later: what was acknowledged is there, versions never shrink, a
 * recorded result never changes, a recorded step never runs again, an event keeps its number and its content (G1 to G4),
 * and each file is a whole document whenever it is read (G8).
 *
 * It keeps digests, not documents: a run may last for thousands of lives.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { EngineEvent, EventGap } from '../../src/contract/event.ts';
import type { Workflow, WorkflowStep } from '../../src/contract/workflow.ts';
import type { EngineDir } from '../fixtures/engine-dir.ts';

type Fault = 'lostAcknowledged' | 'changedResults' | 'repeatedSteps' | 'unreadableFiles';

interface Completed {
  /** The event that recorded its result. */
  seq: number | null;
  /** Digests of what must stay. */
  shown: string | null;
  outputs: string | null;
  fileOutputs: string | null;
  /** The lowest version of the workflow in which anybody was shown it complete. */
  version: number;
}

const isId = /^[0-9a-f-]{36}$/;
const violationsKept = 50;
/** After a restart so many of the latest events are told again and compared. */
const eventsCompared = 300;
/** Between two rounds over the files: a reader that never pauses would take the processor from what it watches. */
const fileRoundMs = 5;

export class Witness {
  readonly counts: Record<Fault, number> = {
    lostAcknowledged: 0,
    changedResults: 0,
    repeatedSteps: 0,
    unreadableFiles: 0,
  };
  readonly violations: string[] = [];
  readonly #dir: EngineDir;
  readonly #versions = new Map<string, number>();
  readonly #fileVersions = new Map<string, number>();
  /** What tells apart the files that are read all the time: each new text comes with a new inode, size or time. */
  readonly #fileStamps = new Map<string, string>();
  /** By workflow, by step. */
  readonly #completed = new Map<string, Map<string, Completed>>();
  readonly #events = new Map<number, string>();
  /** The latest event that each life has told. */
  readonly #toldBy = new Map<object, number>();
  /** Workflows at their end; their files are read now and then only. */
  readonly #ended = new Set<string>();
  #isReading = true;
  filesRead = 0;
  replies = 0;
  /** Recoveries that had something to queue anew, by their event. */
  readonly recoveries = new Set<number>();
  /** Those of them that found steps which had been seen complete. */
  readonly resumptions = new Set<number>();
  seqMax = 0;
  #wakes: (() => void)[] = [];

  constructor(dir: EngineDir) {
    this.#dir = dir;
  }

  fault(kind: Fault, text: string): void {
    this.counts[kind] += 1;
    if (this.violations.length < violationsKept) this.violations.push(`${kind}: ${text}`);
  }

  /** From a reply. What it says must not be older than what was known when the call was made. */
  reply({ id, version, json }: { id: string; version: number; json: string }, knownVersion: number): void {
    this.replies += 1;
    if (version < knownVersion)
      this.fault('lostAcknowledged', `${id}: reply of version ${version} after ${knownVersion}`);
    this.#raise(id, version);
    for (const step of (JSON.parse(json) as Workflow).steps) this.#step(id, version, step, 'outputs');
  }

  knownVersion(id: string): number {
    return this.#versions.get(id) ?? 0;
  }

  ended(id: string): void {
    this.#ended.add(id);
    this.#fileStamps.delete(this.#dir.stateFile(id));
  }

  /** Where a new life should begin to tell its events. */
  get eventsAfter(): number {
    return Math.max(0, this.seqMax - eventsCompared);
  }

  /**
   * A new life has come up; it must know of everything that others had told. What it tells itself does not count: its own
   * events may overtake the answer in which it says which was the last.
   */
  begun(lastSeq: number, life: object): void {
    for (const [other, seq] of this.#toldBy)
      if (other !== life && lastSeq < seq)
        this.fault('lostAcknowledged', `event ${seq} was told, the last is ${lastSeq}`);
  }

  event(event: EngineEvent | EventGap, life: object): void {
    if (event.kind === 'gap') return;
    this.#toldBy.set(life, Math.max(this.#toldBy.get(life) ?? 0, event.seq));
    const { workflow_id: id, step_id: stepId, seq } = event;
    this.#remember(seq, JSON.stringify(event));
    this.#raise(id, event.version);
    this.seqMax = Math.max(this.seqMax, seq);
    for (const wake of this.#wakes.splice(0)) wake();
    if (event.kind === 'workflow.recovered') {
      this.recoveries.add(seq);
      if (this.#completed.has(id)) this.resumptions.add(seq);
    }
    if (stepId === undefined) return;
    const done = this.#completed.get(id)?.get(stepId);
    const what = `${id}/${stepId}`;
    // After a restart the same events are told again, under the same numbers.
    if (event.kind === 'step.started' && done?.seq != null && seq > done.seq)
      this.fault('repeatedSteps', `${what} was started by event ${seq} after it was completed by ${done.seq}`);
    if (event.kind === 'step.completed') {
      if (done?.seq != null && done.seq !== seq)
        this.fault('repeatedSteps', `${what} was completed twice: by ${done.seq} and ${seq}`);
      this.#keep(id, stepId, { seq });
    }
  }

  /** Resolves when the events have gone on by so many. */
  async progress(events: number): Promise<void> {
    const goal = this.seqMax + events;
    while (this.seqMax < goal) await new Promise<void>((resolve) => this.#wakes.push(resolve));
  }

  /** Reads the state.json files and the queue file, over and over, until `stop`. */
  async readFiles(): Promise<void> {
    for (let round = 0; this.#isReading; round += 1) {
      const { workflowsDir } = this.#dir;
      const ids = fs.existsSync(workflowsDir) ? fs.readdirSync(workflowsDir).filter((name) => isId.test(name)) : [];
      ids.forEach((id, i) => {
        if (!this.#ended.has(id) || i === round % ids.length) this.#file(id);
      });
      this.#queueFile();
      await delay(fileRoundMs);
    }
  }

  /** Reads the file of every workflow that anybody was shown; each must be there. */
  readFilesOnce(): void {
    for (const id of this.#versions.keys()) {
      if (this.#dir.hasState(id)) this.#file(id);
      else this.fault('lostAcknowledged', `${id}: it has no state.json`);
    }
    this.#queueFile();
  }

  stop(): void {
    this.#isReading = false;
  }

  #remember(seq: number, told: string): void {
    const before = this.#events.get(seq);
    if (before !== undefined && before !== told)
      this.fault('lostAcknowledged', `event ${seq} was ${before} and is now ${told}`);
    this.#events.set(seq, told);
    this.#events.delete(seq - 2 * eventsCompared);
  }

  #raise(id: string, version: number): void {
    this.#versions.set(id, Math.max(version, this.knownVersion(id)));
  }

  #keep(id: string, stepId: string, part: Partial<Completed>): void {
    let steps = this.#completed.get(id);
    if (steps === undefined) {
      steps = new Map();
      this.#completed.set(id, steps);
    }
    const none = { seq: null, shown: null, outputs: null, fileOutputs: null, version: Number.POSITIVE_INFINITY };
    steps.set(stepId, { ...none, ...steps.get(stepId), ...part });
  }

  #step(id: string, version: number, step: WorkflowStep, from: 'outputs' | 'fileOutputs'): void {
    const what = `${id}/${step.id}`;
    const before = this.#completed.get(id)?.get(step.id);
    if (step.status !== 'COMPLETED') {
      // A file may lag behind what events have told, and of two calls at a time the later answer may be the older one.
      if (before && version >= before.version)
        this.fault('lostAcknowledged', `${what} was COMPLETED and is ${step.status} (${from})`);
      return;
    }
    const shown = digest([step.attempt, step.startTime, step.endTime, step.logs]);
    const outputs = digest(step.outputs);
    if (before?.shown != null && before.shown !== shown) this.fault('changedResults', `${what}: its record changed`);
    if (before?.[from] != null && before[from] !== outputs)
      this.fault('changedResults', `${what}: its ${from} changed`);
    const lowest = Math.min(version, before?.version ?? version);
    this.#keep(id, step.id, { shown, [from]: outputs, version: lowest });
  }

  #file(id: string): void {
    const workflow = this.#parse(this.#dir.stateFile(id), !this.#ended.has(id)) as Workflow | undefined;
    if (workflow === undefined) return;
    const before = this.#fileVersions.get(id) ?? 0;
    if (workflow.version < before)
      this.fault('lostAcknowledged', `${id}: its file went from version ${before} to ${workflow.version}`);
    this.#fileVersions.set(id, workflow.version);
    this.#raise(id, workflow.version);
    for (const step of workflow.steps) this.#step(id, workflow.version, step, 'fileOutputs');
  }

  #queueFile(): void {
    const queue = this.#parse(this.#dir.queueStateFile, true);
    if (queue !== undefined && !Array.isArray(queue)) this.fault('unreadableFiles', 'the queue file is no array');
  }

  /** undefined where the file is not there, is not whole, or has not changed since it was read last. */
  #parse(file: string, isReadOften: boolean): unknown {
    let text: string;
    try {
      const { ino, size, mtimeNs } = fs.statSync(file, { bigint: true });
      const stamp = `${ino} ${size} ${mtimeNs}`;
      if (this.#fileStamps.get(file) === stamp) return undefined;
      text = fs.readFileSync(file, 'utf8');
      // Taken before the text: one that has changed in between is read once more.
      if (isReadOften) this.#fileStamps.set(file, stamp);
    } catch {
      return undefined; // Not there yet: its first version is on its way.
    }
    this.filesRead += 1;
    try {
      return JSON.parse(text);
    } catch (error) {
      this.fault('unreadableFiles', `${file} is no JSON (${text.length} characters): ${(error as Error).message}`);
      return undefined;
    }
  }
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('base64').slice(0, 22);
}
