/**
 * Holds whatever anybody was shown against what is shown later: versions never shrink, a recorded result never changes, a
 * recorded step never runs again (G2 to G4), and each file is a whole document whenever it is read (G8).
 */
import fs from 'node:fs';
import type { EngineEvent, EventGap } from '../../src/contract/event.ts';
import type { Workflow, WorkflowStep } from '../../src/contract/workflow.ts';
import type { EngineDir } from '../fixtures/engine-dir.ts';

export class Witness {
  readonly violations: string[] = [];
  readonly #dir: EngineDir;
  readonly #versions = new Map<string, number>();
  readonly #fileVersions = new Map<string, number>();
  /** By workflow and step: when its result was recorded, and what of it must stay. */
  readonly #completed = new Map<
    string,
    { seq: number | null; shown: string | null; outputs: string | null; fileOutputs: string | null }
  >();
  #isReading = true;
  filesRead = 0;
  /** Recoveries that had something to queue anew, by their event. */
  readonly recoveries = new Set<number>();
  /** Those of them that found steps which had been seen complete. */
  readonly resumptions = new Set<number>();
  #seqMax = 0;
  #wakes: (() => void)[] = [];

  constructor(dir: EngineDir) {
    this.#dir = dir;
  }

  /** From a reply. What it says must not be older than what was known when the call was made. */
  reply({ id, version, json }: { id: string; version: number; json: string }, knownVersion: number): void {
    if (version < knownVersion) this.violations.push(`${id}: reply of version ${version} after ${knownVersion}`);
    this.#raise(id, version);
    for (const step of (JSON.parse(json) as Workflow).steps) this.#step(id, step, 'outputs');
  }

  knownVersion(id: string): number {
    return this.#versions.get(id) ?? 0;
  }

  event(event: EngineEvent | EventGap): void {
    if (event.kind === 'gap') return;
    const { workflow_id: id, step_id: stepId, seq } = event;
    this.#raise(id, event.version);
    this.#seqMax = Math.max(this.#seqMax, seq);
    for (const wake of this.#wakes.splice(0)) wake();
    if (event.kind === 'workflow.recovered') {
      this.recoveries.add(seq);
      if ([...this.#completed.keys()].some((key) => key.startsWith(id))) this.resumptions.add(seq);
    }
    const key = `${id}/${stepId}`;
    const done = this.#completed.get(key);
    // After a restart the same events are told again, under the same numbers.
    if (event.kind === 'step.started' && done?.seq != null && seq > done.seq)
      this.violations.push(`${key} was started by event ${seq} after it was completed by ${done.seq}`);
    if (event.kind === 'step.completed') {
      if (done?.seq != null && done.seq !== seq) this.violations.push(`${key} completed twice: ${done.seq}, ${seq}`);
      this.#completed.set(key, { ...(done ?? { shown: null, outputs: null, fileOutputs: null }), seq });
    }
  }

  /** Resolves when the events have gone on by so many. */
  async progress(events: number): Promise<void> {
    const goal = this.#seqMax + events;
    while (this.#seqMax < goal) await new Promise<void>((resolve) => this.#wakes.push(resolve));
  }

  #raise(id: string, version: number): void {
    this.#versions.set(id, Math.max(version, this.knownVersion(id)));
  }

  #step(id: string, step: WorkflowStep, from: 'outputs' | 'fileOutputs'): void {
    const key = `${id}/${step.id}`;
    const before = this.#completed.get(key);
    if (step.status !== 'COMPLETED') {
      // A file may lag behind what events have told; what it has shown itself stays.
      if (before?.[from] != null) this.violations.push(`${key} was COMPLETED and is ${step.status} (${from})`);
      return;
    }
    const shown = JSON.stringify([step.attempt, step.startTime, step.endTime, step.logs]);
    const outputs = JSON.stringify(step.outputs);
    if (before?.shown != null && before.shown !== shown)
      this.violations.push(`${key}: ${before.shown} became ${shown}`);
    if (before?.[from] != null && before[from] !== outputs) this.violations.push(`${key}: its ${from} changed`);
    this.#completed.set(key, {
      ...(before ?? { seq: null, outputs: null, fileOutputs: null }),
      shown,
      [from]: outputs,
    });
  }

  /** Reads every state.json and the queue file, over and over, until `stop`. */
  async readFiles(): Promise<void> {
    while (this.#isReading) {
      for (const id of fs.existsSync(this.#dir.workflowsDir) ? fs.readdirSync(this.#dir.workflowsDir) : []) {
        if (/^[0-9a-f-]{36}$/.test(id)) this.#file(id);
      }
      const queue = this.#parse(this.#dir.queueStateFile);
      if (queue !== undefined && !Array.isArray(queue)) this.violations.push('the queue file is no array');
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  stop(): void {
    this.#isReading = false;
  }

  #file(id: string): void {
    const workflow = this.#parse(this.#dir.stateFile(id)) as Workflow | undefined;
    if (workflow === undefined) return;
    const before = this.#fileVersions.get(id) ?? 0;
    if (workflow.version < before)
      this.violations.push(`${id}: its file went from version ${before} to ${workflow.version}`);
    if (workflow.version === before) return;
    this.#fileVersions.set(id, workflow.version);
    this.#raise(id, workflow.version);
    for (const step of workflow.steps) this.#step(id, step, 'fileOutputs');
  }

  #parse(file: string): unknown {
    let text: string;
    try {
      text = fs.readFileSync(file, 'utf8');
    } catch {
      return undefined; // Not there yet: its first version is on its way.
    }
    this.filesRead += 1;
    try {
      return JSON.parse(text);
    } catch (error) {
      this.violations.push(`${file} is no JSON (${text.length} characters): ${(error as Error).message}`);
      return undefined;
    }
  }
}
