/** What is kept of schedules: read once, and each change durable before it counts. */
import type { CoordinatorPort } from '../contract/coordinator.ts';
import { limits } from '../contract/limits.ts';
import type { PassedSlot, ScheduleRecord, TemplateSchedule } from '../contract/schedule.ts';
import { slotsBetween } from '../core/cron.ts';
import { toIso } from '../core/time.ts';

export class ScheduleBook {
  readonly #coordinator: Pick<CoordinatorPort, 'call'>;
  #records: Map<string, ScheduleRecord> | null = null;
  #loading: Promise<Map<string, ScheduleRecord>> | null = null;

  constructor(coordinator: Pick<CoordinatorPort, 'call'>) {
    this.#coordinator = coordinator;
  }

  get isRead(): boolean {
    return this.#records !== null;
  }

  /** By template. Rejects with a Refusal where the file cannot be read now; the next call tries again. */
  async records(): Promise<ReadonlyMap<string, ScheduleRecord>> {
    if (this.#records !== null) return this.#records;
    this.#loading ??= this.#coordinator
      .call('readSchedules', {})
      .then(({ schedules }) => new Map(Object.entries(schedules)))
      .finally(() => {
        this.#loading = null;
      });
    this.#records = await this.#loading;
    return this.#records;
  }

  /** Keeps or, with null, forgets one. Where it rejects nothing has changed. */
  async put(template: string, record: ScheduleRecord | null): Promise<void> {
    const next = new Map(await this.records());
    if (record === null) next.delete(template);
    else next.set(template, record);
    await this.#coordinator.call('writeSchedules', { version: 1, schedules: Object.fromEntries(next) });
    this.#records = next;
  }
}

/** Of a schedule as its file has it now: a new or changed one begins at `now`, and the cursor never falls. */
export function toCurrent(known: ScheduleRecord | undefined, schedule: TemplateSchedule, now: number): ScheduleRecord {
  const { cron, timezone, enabled = true } = schedule;
  const isSame = known?.cron === cron && known.timezone === timezone && known.enabled === enabled;
  if (known !== undefined && isSame && known.goneSince === null) return known;
  const cursor = known === undefined ? now : isSame ? toMs(known.cursor) : Math.max(now, toMs(known.cursor));
  const fresh = { pausedAt: null, last: null, queued: [], calls: [], passed: [] };
  return { ...fresh, ...known, cron, timezone, enabled, cursor: toIso(cursor), goneSince: null };
}

/** Slots up to now pass, and so does what waits, but for what a client has asked for. */
export function passPaused(record: ScheduleRecord, now: number): ScheduleRecord {
  const slots = slotsBetween(record, toMs(record.cursor), now, limits.passedSlotsMax).map(toIso);
  const waiting = record.queued.filter(({ trigger }) => trigger === undefined).map(({ slot }) => slot);
  const queued = waiting.length === 0 ? record.queued : record.queued.filter(({ trigger }) => trigger !== undefined);
  const why = 'paused';
  const passed = [...waiting, ...slots].map((slot) => ({ slot, why, at: toIso(now) }) as const);
  if (passed.length === 0) return record;
  return withPassed({ ...record, queued, cursor: slots.at(-1) ?? record.cursor }, passed);
}

export function withPassed(record: ScheduleRecord, slots: readonly PassedSlot[]): ScheduleRecord {
  return { ...record, passed: [...record.passed, ...slots].slice(-limits.passedSlotsMax) };
}

export function toMs(iso: string): number {
  return Date.parse(iso);
}
