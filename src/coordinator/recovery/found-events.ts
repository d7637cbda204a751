/** The events that a start finds in the journal, by the workflows they are about, and what their versions tell. */
import { type JournalEvent, readEventJson } from '../../contract/journal-event.ts';
import type { JournalRecord } from '../../contract/store.ts';

export interface Entry {
  readonly seq: number;
  readonly event: JournalEvent;
}

export class FoundEvents {
  readonly #entries = new Map<string, Entry[]>();

  constructor(records: readonly JournalRecord[]) {
    for (const { seq, json } of records) this.#sort({ seq, event: readEventJson(json) });
  }

  /** Every workflow that an event is about. */
  ids(): Iterable<string> {
    return this.#entries.keys();
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  /** Those of a workflow in order, with the creation of its branches among them. */
  of(id: string): readonly Entry[] {
    return this.#entries.get(id) ?? [];
  }

  #sort(entry: Entry): void {
    const { event } = entry;
    this.#add(event.workflowId, entry);
    if (event.kind === 'workflow.created' && event.parent) this.#add(event.parent.id, entry);
  }

  #add(id: string, entry: Entry): void {
    const entries = this.#entries.get(id);
    if (entries) entries.push(entry);
    else this.#entries.set(id, [entry]);
  }
}

/** From a workflow's last beginning on; nothing where the journal no longer holds that. */
export function lifeOf(id: string, entries: readonly Entry[]): readonly Entry[] {
  const from = entries.findLastIndex(({ event }) => 'workflow' in event && event.workflowId === id);
  return from === -1 ? [] : entries.slice(from);
}

/** The version that an event gives a workflow, be it the event's own or its parent. */
export function versionFor(event: JournalEvent, id: string): number {
  return event.kind === 'workflow.created' && event.workflowId !== id ? (event.parent?.version ?? 0) : event.version;
}

/** Whether each event gives the version after the one before: then none between them is lost. */
export function isUnbroken(entries: readonly Entry[], id: string, version: number): boolean {
  return entries.every(({ event }, i) => versionFor(event, id) === version + 1 + i);
}
