/** A schedule as clients see it, and why it does not run. */
import type { ScheduleRecord, ScheduleView } from '../contract/schedule.ts';
import { nextSlot } from '../core/cron.ts';
import { toIso } from '../core/time.ts';

/** Why there is no template: its file cannot be used, or there is none. */
export type Missing = 'faulty' | 'gone';

/** Clocks are corrected by less. */
const aheadMsMax = 60_000;

export function toView(template: string, record: ScheduleRecord, missing: Missing | null, now: number): ScheduleView {
  const { cron, timezone, enabled, cursor, pausedAt, last, queued, passed } = record;
  const paused = pausedAt !== null || missing !== null;
  const next = paused || !enabled ? null : nextSlot(record, Math.max(now, Date.parse(cursor)));
  const notice = toNotice(template, record, missing, now);
  return {
    template,
    cron,
    timezone,
    enabled,
    paused,
    next: next === null ? null : toIso(next),
    last,
    queued: queued.map(({ slot }) => slot),
    passed: passed.toReversed(),
    ...(notice === undefined ? {} : { notice }),
  };
}

/** undefined where it runs as it should, or a person has paused it. */
export function toNotice(
  template: string,
  { cursor, last, passed }: ScheduleRecord,
  missing: Missing | null,
  now: number,
): string | undefined {
  const what = `The schedule of template "${template}"`;
  if (missing === 'faulty') return `${what} is paused: the template's file has a fault`;
  if (missing === 'gone') return `${what} is paused: the template's file is gone`;
  if (Date.parse(cursor) - now > aheadMsMax) {
    return `${what} has decided all slots up to ${cursor} and waits until then: the clock was ahead`;
  }
  const latest = passed.at(-1);
  const isRefused = latest?.why === 'refused' && (last === null || last.slot < latest.slot);
  return isRefused ? `${what}: slot ${latest.slot} was refused: ${latest.detail ?? ''}` : undefined;
}
