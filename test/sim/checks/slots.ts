/** SD1, SL1: one workflow a slot, over deaths and jumps of the clock; each slot is decided one way, and the cursor never falls. */
import type { KeptSchedules } from '../../../src/contract/schedule.ts';
import type { Workflow } from '../../../src/contract/workflow.ts';
import { type Answer, type Check, type SentCall, Violation } from '../check.ts';
import { scheduledTemplate, slotEveryMs, slotPrefix } from '../slot-definitions.ts';

/** So many slots without a workflow are kept. */
const passedMax = 100;

export class SlotsCheck implements Check {
  /** The workflow of each slot. */
  readonly #made = new Map<string, string>();
  readonly #deleteSent = new Set<string>();
  /** Finished workflows go by themselves, also before anybody has seen them. */
  readonly #removes: boolean;
  /** Slots up to this time are not looked for. */
  #first: number | null = null;
  /** Slots that must have made a workflow by now. */
  readonly #decided = new Set<string>();
  #cursor = Number.NEGATIVE_INFINITY;

  constructor({ removes }: { removes: boolean }) {
    this.#removes = removes;
  }

  sent(call: SentCall): void {
    if (call.kind === 'delete' && call.id !== null) this.#deleteSent.add(call.id);
  }

  answered(call: SentCall, answer: Answer): void {
    if (call.kind === 'submit') this.#note(call.mark, (answer as { id: string }).id);
  }

  document({ id, name, parentId }: Workflow): void {
    if (parentId === null) this.#note(name, id);
  }

  #note(name: string, id: string): void {
    if (!name.startsWith(slotPrefix)) return;
    const slot = name.slice(slotPrefix.length);
    const before = this.#made.get(slot) ?? id;
    if (before !== id && !this.#removes && !this.#deleteSent.has(before))
      throw new Violation('SL1', `slot ${slot} has made both ${before} and ${id}`);
    this.#made.set(slot, id);
  }

  file(path: string, bytes: Buffer): void {
    if (!path.endsWith('/schedules.json')) return;
    const { schedules } = JSON.parse(bytes.toString()) as KeptSchedules;
    const record = schedules[scheduledTemplate];
    if (record === undefined) return;
    const cursor = Date.parse(record.cursor);
    if (cursor < this.#cursor) throw new Violation('SD1', `the cursor falls to ${record.cursor}`);
    const isFar = cursor - this.#cursor >= passedMax * slotEveryMs;
    this.#cursor = cursor;
    // Of slots that are further back nothing is kept.
    if (this.#first === null || isFar) this.#first = cursor;
    if (isFar) this.#decided.clear();
    const passed = new Set(record.passed.map(({ slot }) => slot));
    const both = [...passed].find((slot) => this.#made.has(slot));
    if (both !== undefined) throw new Violation('SL1', `slot ${both} has a workflow, and is said to have passed`);
    if (this.#removes || record.passed.length === passedMax) return;
    const queued = new Set(record.queued.map(({ slot }) => slot));
    for (let at = (Math.floor(this.#first / slotEveryMs) + 1) * slotEveryMs; at <= cursor; at += slotEveryMs) {
      const slot = new Date(at).toISOString();
      if (!passed.has(slot) && !queued.has(slot)) this.#decided.add(slot);
    }
  }

  /** All that is there has been shown. */
  calm(): void {
    const lost = [...this.#decided].find((slot) => !this.#made.has(slot));
    if (lost !== undefined) throw new Violation('SL1', `slot ${lost} is decided, and has neither run nor passed`);
  }
}
