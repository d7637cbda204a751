/** G3: nothing that was shown is undone, and one version is one document, wherever and whenever it is seen. */
import type { EngineEvent, EventGap } from '../../../src/contract/event.ts';
import type { Workflow, WorkflowSummary } from '../../../src/contract/workflow.ts';
import { type Check, type DocumentSource, type SentCall, Violation } from '../check.ts';

export class ShownCheck implements Check {
  /** Workflow → version → document. */
  readonly #documents = new Map<string, Map<number, string>>();
  readonly #statuses = new Map<string, Map<number, string>>();
  /** Highest version of each workflow seen so far, through calls and events. */
  readonly #highest = new Map<string, number>();
  readonly #inFiles = new Map<string, number>();
  /** What was seen when a call was made: its answer must not be older. */
  readonly #floors = new Map<number, ReadonlyMap<string, number>>();
  #lastSeq = 0;

  sent(call: SentCall): void {
    const ids = call.id === null ? [...this.#highest.keys()] : [call.id];
    this.#floors.set(call.number, new Map(ids.map((id) => [id, this.#highest.get(id) ?? 0])));
  }

  document({ id, version, status }: Workflow, text: string, source: DocumentSource, call: SentCall | null): void {
    const versions = this.#documents.get(id) ?? new Map<number, string>();
    this.#documents.set(id, versions);
    const known = versions.get(version);
    if (known !== undefined && known !== text)
      throw new Violation('G3', `version ${version} of ${id} was\n${known}\nand is (${source})\n${text}`);
    versions.set(version, text);
    this.#status(id, version, status);
    if (source === 'replay') return;
    if (source === 'file') {
      const before = this.#inFiles.get(id) ?? 0;
      if (version < before)
        throw new Violation('G3', `the file of ${id} was at version ${before} and is at ${version}`);
      this.#inFiles.set(id, version);
    }
    if (call) this.#notBelow(id, version, call);
    this.#rise(id, version);
  }

  summaries(items: readonly WorkflowSummary[], call: SentCall): void {
    for (const { id, version, status } of items) {
      this.#notBelow(id, version, call);
      this.#status(id, version, status);
      this.#rise(id, version);
    }
  }

  event({ seq, kind, workflow_id: id, version, status }: EngineEvent): void {
    if (seq <= this.#lastSeq) throw new Violation('G3', `event ${seq} comes after ${this.#lastSeq}`);
    this.#lastSeq = seq;
    if (kind !== 'workflow.deleted') this.#status(id, version, status);
    // Files and lists may have told of it before the event came, but never of another one.
    this.#rise(id, version);
  }

  gap({ oldest }: EventGap): void {
    if (oldest <= this.#lastSeq) throw new Violation('G3', `a gap from ${oldest}, after event ${this.#lastSeq}`);
    this.#lastSeq = oldest - 1;
  }

  lifeBegan({ lastSeq }: { lastSeq: number }): void {
    if (lastSeq < this.#lastSeq)
      throw new Violation('G3', `event ${this.#lastSeq} was published, and the engine knows of ${lastSeq} only`);
  }

  #notBelow(id: string, version: number, call: SentCall): void {
    const floor = this.#floors.get(call.number)?.get(id) ?? 0;
    if (version < floor)
      throw new Violation(
        'G3',
        `${id} was at version ${floor} before ${call.kind} ${call.number}, which shows ${version}`,
      );
  }

  #status(id: string, version: number, status: string): void {
    const versions = this.#statuses.get(id) ?? new Map<number, string>();
    this.#statuses.set(id, versions);
    const known = versions.get(version);
    if (known !== undefined && known !== status)
      throw new Violation('G3', `version ${version} of ${id} was ${known} and is ${status}`);
    versions.set(version, status);
  }

  #rise(id: string, version: number): void {
    this.#highest.set(id, Math.max(version, this.#highest.get(id) ?? 0));
  }
}
