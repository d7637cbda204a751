/**
 * The times of a cron expression in a time zone, by croner and the zone data of the runtime.
 *
 * Rules, numbered for tests:
 *   CR1  a time that the clocks leave out comes once, at the end of the gap; one that they repeat comes once, the first
 *        time; what comes every so many minutes or hours goes on in elapsed time;
 *   CR2  the work is bounded: nothing is looked for that lies more than five years ahead.
 */
import { Cron } from 'croner';
import { didYouMean } from '../contract/nearest.ts';
import type { TemplateSchedule } from '../contract/schedule.ts';

export type CronTimes = Pick<TemplateSchedule, 'cron' | 'timezone'>;

const aheadMsMax = 5 * 366 * 86_400_000;
/** Any time will do to find out whether there is a slot at all: this one is a few weeks before a 29 February. */
const anyTime = Date.UTC(2024, 0, 1);

const fields = [
  { name: 'minute', range: '0 to 59' },
  { name: 'hour', range: '0 to 23' },
  { name: 'day of month', range: '1 to 31' },
  { name: 'month', range: '1 to 12, or JAN to DEC' },
  { name: 'day of week', range: '0 to 7 with Sunday as 0 and 7, or SUN to SAT' },
];

/** The first slot after a time (milliseconds since 1970); null when none comes within five years. */
export function nextSlot(times: CronTimes, after: number): number | null {
  const next = toCron(times).nextRun(new Date(after))?.getTime() ?? null;
  return next !== null && next - after <= aheadMsMax ? next : null;
}

/** The slots after one time and up to another, the second included, oldest first; of more than `max` the latest. */
export function slotsBetween(times: CronTimes, after: number, until: number, max: number): number[] {
  const cron = toCron(times);
  const slots: number[] = [];
  for (let at = after; slots.length <= max; ) {
    const next = cron.nextRun(new Date(at))?.getTime();
    if (next === undefined || next > until) return slots;
    slots.push(next);
    at = next;
  }
  // More than may be used: counted back from the end, the first ones are never looked at. One second is croner's unit.
  const back = cron.previousRuns(max + 1, new Date(until + 1_000)).map((date) => date.getTime());
  return back
    .filter((slot) => slot <= until)
    .slice(0, max)
    .reverse();
}

/** What is wrong with an expression, or null. */
export function findCronFault(cron: string): string | null {
  const parts = cron.trim().split(/\s+/);
  if (parts.length !== fields.length) {
    const names = fields.map(({ name }) => name).join(', ');
    return `"${cron}" has ${parts.length === 1 ? '1 field' : `${parts.length} fields`}; a schedule has five: ${names}, as in "0 7 * * 1-5"`;
  }
  for (const [i, { name, range }] of fields.entries()) {
    const alone = fields.map((_, other) => (other === i ? parts[i] : '*')).join(' ');
    if (!isReadable(alone)) {
      return `"${parts[i]}" is no ${name}: ${range}, as in "5", "1-5", "1,3" or "*/2"`;
    }
  }
  if (nextSlot({ cron, timezone: 'UTC' }, anyTime) === null) return `"${cron}" never comes: there is no such day`;
  return null;
}

/** What is wrong with the name of a time zone, or null. */
export function findZoneFault(timezone: string): string | null {
  const wayOut = 'name one of the IANA list, such as Europe/Berlin or UTC';
  // Newer runtimes take +02:00, which has no summer time and is seldom meant.
  if (/^[+-]|^\s*$/.test(timezone)) return `"${timezone}" is no time zone; ${wayOut}`;
  try {
    new Intl.DateTimeFormat('en', { timeZone: timezone });
    return null;
  } catch {
    const guess = didYouMean(timezone, Intl.supportedValuesOf('timeZone'));
    return `"${timezone}" is no time zone; ${wayOut}${guess}`;
  }
}

function toCron({ cron, timezone }: CronTimes): Cron {
  return new Cron(cron.trim(), { timezone, mode: '5-part' });
}

function isReadable(cron: string): boolean {
  try {
    toCron({ cron, timezone: 'UTC' });
    return true;
  } catch {
    return false;
  }
}
