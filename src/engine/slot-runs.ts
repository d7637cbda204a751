/**
 * Makes the workflow of a slot, once, and minds those of the same schedule that are not finished.
 *
 * Rules, numbered for tests:
 *   SL1  one slot, one workflow: its key is that of the slot, and is looked for before anything is made;
 *   SL2  what refuses a slot for now (busy, a full disk) leaves it undecided; any other refusal lets it pass.
 */
import type { CoordinatorPort } from '../contract/coordinator.ts';
import { Refusal, type RefusalCode } from '../contract/failures.ts';
import { type ScheduleRecord, scheduleKeyPrefix, type TemplateSchedule } from '../contract/schedule.ts';
import { bindSlot } from '../core/due-slots.ts';
import { toIso } from '../core/time.ts';
import { withPassed } from './schedule-book.ts';

const forNow: ReadonlySet<RefusalCode> = new Set(['BUSY', 'DISK_FULL', 'TOO_MANY', 'REQUEST_TIMEOUT']);
const detailLengthMax = 500;

/** A slot (ISO 8601); one that a client has asked for has a name of its own. */
export type SlotEntry = ScheduleRecord['queued'][number];

export interface SlotRunsParts {
  coordinator: Pick<CoordinatorPort, 'call'>;
  /** Runs a template under a key that no client can have. */
  submit(template: string, params: Record<string, unknown>, key: string): Promise<{ readonly id: string }>;
  stop(workflowId: string): Promise<unknown>;
}

export type Admitted =
  | { readonly record: ScheduleRecord; readonly how: 'begun' | 'queued' | 'refused' }
  | { readonly record: ScheduleRecord; readonly how: 'overlap'; readonly unfinished: string };

export class SlotRuns {
  readonly #parts: SlotRunsParts;

  constructor(parts: SlotRunsParts) {
    this.#parts = parts;
  }

  /** The workflows of slots, null where there is none, and those of the schedule that are not finished. */
  find(template: string, entries: readonly SlotEntry[]): Promise<{ owners: (string | null)[]; unfinished: string[] }> {
    const keys = entries.map((entry) => toKey(template, entry));
    return this.#parts.coordinator.call('keyedWorkflows', { keys, prefix: scheduleKeyPrefix(template) });
  }

  /** What `overlap` says of a slot that is due. `isOneOfAll`: a missed one, for which it waits in any case. */
  async admit(
    template: string,
    { overlap = 'skip', params = {} }: Pick<TemplateSchedule, 'overlap' | 'params'>,
    record: ScheduleRecord,
    { entry, now, isOneOfAll = false }: { entry: SlotEntry; now: number; isOneOfAll?: boolean },
  ): Promise<Admitted> {
    const { unfinished } = await this.find(template, []);
    const waits = overlap === 'skip' || overlap === 'queue';
    const isTaken = unfinished.length > 0 || record.queued.length > 0;
    if (waits && isTaken) {
      if (isOneOfAll || (overlap === 'queue' && record.queued.length === 0)) {
        return { record: { ...record, queued: [...record.queued, entry] }, how: 'queued' };
      }
      const passed = { slot: entry.slot, why: 'overlap', at: toIso(now) } as const;
      return { record: withPassed(record, [passed]), how: 'overlap', unfinished: unfinished[0] ?? 'one that waits' };
    }
    if (overlap === 'replace') for (const id of unfinished) await this.#stop(id);
    return this.begin(template, params, record, { entry, now });
  }

  /** SL1, SL2. */
  async begin(
    template: string,
    params: Record<string, unknown>,
    record: ScheduleRecord,
    { entry, now }: { entry: SlotEntry; now: number },
  ): Promise<Admitted> {
    const { slot } = entry;
    const { owners } = await this.find(template, [entry]);
    try {
      const made = owners[0] ?? (await this.#parts.submit(template, bindSlot(params, slot), toKey(template, entry))).id;
      return { record: { ...record, last: { slot, workflow_id: made } }, how: 'begun' };
    } catch (error) {
      if (!(error instanceof Refusal) || forNow.has(error.code)) throw error;
      if (entry.trigger !== undefined && !record.queued.includes(entry)) throw error;
      const detail = error.message.slice(0, detailLengthMax);
      const passed = { slot, why: 'refused', at: toIso(now), detail } as const;
      return { record: withPassed(record, [passed]), how: 'refused' };
    }
  }

  async #stop(id: string): Promise<void> {
    try {
      await this.#parts.stop(id);
    } catch (error) {
      // It has finished, or is gone: nothing is in the way.
      if (!(error instanceof Refusal) || forNow.has(error.code)) throw error;
    }
  }
}

function toKey(template: string, { slot, trigger }: SlotEntry): string {
  return `${scheduleKeyPrefix(template)}${trigger === undefined ? slot : `trigger/${trigger}`}`;
}
