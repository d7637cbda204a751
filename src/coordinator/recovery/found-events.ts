/** The events that a start finds in the journal, grouped by workflow; and checks of their version numbers. */
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

  /** The ids of all workflows that the events are about. */
  ids(): Iterable<string> {
    return this.#entries.keys();
  }

  has(id: string): boolean {
    return this.#entries.has(id);
  }

  /** The events of one workflow in order, the creations of its branches included. */
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

/**
 * The events since the workflow last began (was created, adopted or taken over); none when the journal does not hold
 * that.
 */
export function lifeOf(id: string, entries: readonly Entry[]): readonly Entry[] {
  const from = entries.findLastIndex(({ event }) => 'workflow' in event && event.workflowId === id);
  return from === -1 ? [] : entries.slice(from);
}

/**
 * The version that an event gives to workflow `id`: the event's own workflow, or the parent of the branch it creates.
 */
export function versionFor(event: JournalEvent, id: string): number {
  return event.kind === 'workflow.created' && event.workflowId !== id ? (event.parent?.version ?? 0) : event.version;
}

/** True when the versions of the events follow `version` one by one: then no event between them is lost. */
export function isUnbroken(entries: readonly Entry[], id: string, version: number): boolean {
  return entries.every(({ event }, i) => versionFor(event, id) === version + 1 + i);
}
