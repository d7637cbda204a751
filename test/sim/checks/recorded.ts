/**
 * G2, G4, G10: a recorded result is some execution's own, to the byte, and stays so; what is recorded complete never runs
 * again; what has ended stays so until a user asks for more.
 */
import type { EngineEvent } from '../../../src/contract/event.ts';
import type { Outcome } from '../../../src/contract/job.ts';
import { isTerminal, type Workflow, type WorkflowStep } from '../../../src/contract/workflow.ts';
import { type Check, type DocumentSource, type Execution, type SentCall, Violation } from '../check.ts';
import type { Families } from '../families.ts';
import { hasRunAsWork, mayRunAgain } from '../flow-steps.ts';

interface Recorded {
  /** The lowest version that shows it. */
  version: number;
  text: string;
}

/** Reads a blob's text from the disk; null when it is not there. */
export type BlobReader = (id: string, name: string) => string | null;

export class RecordedCheck implements Check {
  readonly #readBlob: BlobReader;
  readonly #families: Families;
  readonly #removes: boolean;
  readonly #results = new Map<string, Recorded>();
  readonly #failures = new Map<string, Recorded>();
  readonly #terminal = new Map<string, Recorded>();
  readonly #parents = new Map<string, string>();
  readonly #outcomes = new Map<string, { execution: Execution; outputsJson: string }>();
  readonly #externals = new Set<string>();
  readonly #revived = new Set<string>();
  readonly #deleteSent = new Set<string>();
  readonly #completedEvents = new Set<string>();
  readonly #attempts = new Map<string, number>();
  readonly #statuses = new Map<string, EngineEvent['status']>();
  readonly #fragiles = new Set<string>();
  readonly #seen = new Set<string>();

  /** `removes`: the engine removes finished workflows by itself. */
  constructor(readBlob: BlobReader, families: Families, { removes = false }: { removes?: boolean } = {}) {
    this.#readBlob = readBlob;
    this.#families = families;
    this.#removes = removes;
  }

  sent(call: SentCall): void {
    if (call.kind === 'externalData') this.#externals.add(call.mark);
    if (call.kind === 'delete' && call.id !== null) this.#deleteSent.add(call.id);
    if ((call.kind === 'retry' || call.kind === 'resume') && call.id !== null) {
      this.#revived.add(call.id);
      if (call.kind === 'retry') this.#revived.add(`retry ${call.id}`);
    }
  }

  /** Or a workflow above it, which takes it along. */
  #isRetried(id: string): boolean {
    return this.#families.lineOf(id).some((each) => this.#revived.has(`retry ${each}`));
  }

  #isRevived(id: string): boolean {
    return this.#families.lineOf(id).some((each) => this.#revived.has(each));
  }

  #isDeleteSent(id: string): boolean {
    return this.#families.lineOf(id).some((each) => this.#deleteSent.has(each));
  }

  dispatched({ job }: Execution): void {
    const key = `${job.workflowId}/${job.stepId}`;
    const mayAgain = this.#isFragile(key) && this.#isRetried(job.workflowId);
    if (!mayAgain && (this.#results.has(key) || this.#completedEvents.has(key)))
      throw new Violation('G4', `${key} is recorded complete and runs again, as attempt ${job.attempt}`);
    const before = this.#attempts.get(key) ?? 0;
    if (job.attempt <= before) throw new Violation('G4', `attempt ${job.attempt} of ${key} comes after ${before}`);
    this.#attempts.set(key, job.attempt);
  }

  ended(execution: Execution, outcome: Outcome): void {
    if (outcome.kind === 'completed')
      this.#outcomes.set(execution.content, { execution, outputsJson: outcome.outputsJson });
  }

  event(event: EngineEvent): void {
    const { kind, workflow_id: id, step_id: stepId, status } = event;
    if (kind === 'step.completed' || kind === 'external_data.ingested') {
      const key = `${id}/${stepId}`;
      const mayAgain = this.#isFragile(key) && this.#isRetried(id);
      if (!mayAgain && this.#completedEvents.has(key)) throw new Violation('G4', `${key} is recorded complete twice`);
      this.#completedEvents.add(key);
    }
    const before = this.#statuses.get(id);
    this.#statuses.set(id, status);
    const isAsked = kind === 'workflow.resumed' || kind === 'workflow.retried';
    if (before && isTerminal(before) && status !== before && !isAsked && kind !== 'workflow.deleted')
      throw new Violation('G2', `${id} was ${before}, and ${kind} has made it ${status}`);
  }

  gap(): void {
    this.#statuses.clear();
  }

  document(workflow: Workflow, _: string, source: DocumentSource): void {
    const { id, version, status, parentId } = workflow;
    if (parentId !== null) this.#parents.set(id, parentId);
    const ended = this.#terminal.get(id);
    if (ended && version > ended.version && status !== ended.text && !this.#isRevived(id))
      throw new Violation('G2', `${id} was ${ended.text} and is ${status}`);
    if (isTerminal(status) && (!ended || version > ended.version)) this.#terminal.set(id, { version, text: status });
    // A file that is on its way out may be there longer than its blobs.
    if (this.#removes && source === 'file' && isTerminal(status)) this.#deleteSent.add(id);
    for (const step of workflow.steps) {
      this.#seen.add(`${id}/${step.id}`);
      if (mayRunAgain(step, workflow.steps)) this.#fragile(`${id}/${step.id}`, id);
      this.#checkResult(workflow, step, source);
      this.#checkFailure(workflow, step);
    }
  }

  /** Of a step that no document has shown nobody knows what it hangs on. */
  #isFragile(key: string): boolean {
    return this.#fragiles.has(key) || !this.#seen.has(key);
  }

  /** A retry may run it again although it was complete: it had run on the strength of a failure. */
  #fragile(key: string, id: string): void {
    this.#fragiles.add(key);
    if (!this.#isRetried(id)) return;
    this.#results.delete(key);
    this.#completedEvents.delete(key);
  }

  #checkResult({ id, version }: Workflow, step: WorkflowStep, source: DocumentSource): void {
    const key = `${id}/${step.id}`;
    if (this.#fragiles.has(key) && this.#isRetried(id)) return;
    const before = this.#results.get(key);
    if (step.status !== 'COMPLETED') {
      if (before && version >= before.version)
        throw new Violation('G2', `${key} was COMPLETED in version ${before.version}, is ${step.status} in ${version}`);
      return;
    }
    const text = JSON.stringify(step.outputs);
    if (before) {
      if (before.text !== text) throw new Violation('G2', `the result of ${key} was\n${before.text}\nand is\n${text}`);
      before.version = Math.min(before.version, version);
      if (source !== 'replay' && step.outputs?.blob !== undefined) this.#resolve(id, step);
      return;
    }
    this.#results.set(key, { version, text });
    const outputs = this.#resolve(id, step);
    if (outputs !== null && hasRunAsWork(step)) this.#checkOrigin(id, step, outputs);
  }

  /** The outputs' text, out of their blob where they lie in one; null where that may be gone. */
  #resolve(id: string, step: WorkflowStep): string | null {
    const { blob, bytes } = step.outputs ?? {};
    if (typeof blob !== 'string' || blob.length !== 64) return JSON.stringify(step.outputs);
    const text = this.#readBlob(id, blob);
    if (text === null && this.#isDeleteSent(id)) return null;
    if (text === null) throw new Violation('G2', `the blob ${blob} of ${id}/${step.id} is not whole on the disk`);
    if (text.length !== bytes) throw new Violation('G2', `the blob ${blob} of ${id}/${step.id} has not ${bytes} bytes`);
    return text;
  }

  /** G10. */
  #checkOrigin(id: string, step: WorkflowStep, text: string): void {
    const outputs = JSON.parse(text) as { content?: string; of?: string };
    if (outputs.of === undefined && outputs.content !== undefined && this.#externals.has(outputs.content)) return;
    const outcome = this.#outcomes.get(outputs.of ?? '');
    if (!outcome) throw new Violation('G10', `${id}/${step.id} shows what nothing has made: ${text.slice(0, 200)}`);
    const { job } = outcome.execution;
    if (outcome.outputsJson !== text)
      throw new Violation('G2', `${id}/${step.id} shows\n${text}\nwhere the attempt has made\n${outcome.outputsJson}`);
    if (job.stepId !== step.id || !this.#isAncestor(job.workflowId, id) || job.attempt !== step.attempt)
      throw new Violation('G10', `${id}/${step.id}, attempt ${step.attempt}, shows a result of ${outputs.of}`);
  }

  #isAncestor(ancestor: string, id: string): boolean {
    for (let at: string | undefined = id; at !== undefined; at = this.#parents.get(at))
      if (at === ancestor) return true;
    return false;
  }

  #checkFailure({ id, version }: Workflow, step: WorkflowStep): void {
    const key = `${id}/${step.id}`;
    const before = this.#failures.get(key);
    if (before && version > before.version && step.status !== 'FAILED' && !this.#isRetried(id))
      throw new Violation('G2', `${key} had failed and is ${step.status}`);
    if (step.status === 'FAILED' && (!before || version > before.version))
      this.#failures.set(key, { version, text: step.error ?? '' });
  }
}
