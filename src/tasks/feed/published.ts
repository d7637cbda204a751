/**
 * The dates of feeds: ISO 8601 (Atom, JSON Feed, Dublin Core) and RFC 822 (RSS) with the slips that feeds make. JavaScript's
 * own reader would take a date without a zone as local time, so that the same feed had other times on another machine.
 */

/** Offsets in minutes. RFC 822 names those of America; the others are seen in feeds and mean one thing. */
const zones: Readonly<Record<string, number>> = {
  ...{ z: 0, ut: 0, utc: 0, gmt: 0, wet: 0 },
  ...{ est: -300, edt: -240, cst: -360, cdt: -300, mst: -420, mdt: -360, pst: -480, pdt: -420, akst: -540, hst: -600 },
  ...{ west: 60, cet: 60, cest: 120, eet: 120, eest: 180, msk: 180, jst: 540, kst: 540, aest: 600, aedt: 660 },
};

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

const iso =
  /^(\d{4})-(\d\d)(?:-(\d\d)(?:[t ]{1,2}(\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?)?)? ?(z|[a-z]{2,4}|[+-]\d\d(?::?\d\d)?)?$/;
const rfc822 =
  /^(?:[a-z]{2,9}[.,]* )?(\d{1,2})[ -]([a-z]{3,9})[.,]?[ -](\d{4}|\d\d)(?:,? (\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)? ?([a-z]{1,4}|(?:gmt|utc)?[+-]\d\d:?\d\d)?$/;

/** ISO 8601 in UTC, or null for what is no date. Without a zone it is read as UTC, without a time as midnight. */
export function readDate(written: string): string | null {
  if (written.length > 100) return null;
  const text = written
    .trim()
    .replace(/\s+/g, ' ')
    .replace(/ \([^()]*\)$/, '')
    .toLowerCase();
  const [, year = '', month, day = '01', ...time] = iso.exec(text) ?? [];
  if (month !== undefined) return toIso(Number(year), Number(month) - 1, Number(day), time);
  const [, date, name = '', years = '', ...clock] = rfc822.exec(text) ?? [];
  if (date === undefined) return null;
  return toIso(toYear(years), months.indexOf(name.slice(0, 3)), Number(date), clock);
}

function toYear(written: string): number {
  const year = Number(written);
  if (written.length === 4) return year;
  return year < 50 ? 2_000 + year : 1_900 + year;
}

function toIso(year: number, month: number, day: number, time: readonly (string | undefined)[]): string | null {
  const [hours = '0', minutes = '0', seconds = '0', fraction = '0', zone = 'z'] = time;
  const offset = toOffset(zone);
  // A leap second is the one after it.
  if (offset === null || Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) > 60) return null;
  const midnight = new Date(0);
  midnight.setUTCFullYear(year, month, day);
  if (midnight.getUTCMonth() !== month || midnight.getUTCDate() !== day) return null;
  const ms = (Number(hours) * 60 + Number(minutes) - offset) * 60_000 + Number(seconds) * 1_000;
  return new Date(midnight.getTime() + ms + Math.floor(Number(`0.${fraction}`) * 1_000)).toISOString();
}

/** Minutes east of UTC. */
function toOffset(zone: string): number | null {
  const [, sign, hours = '', minutes = '0'] = /^(?:gmt|utc)?([+-])(\d\d):?(\d\d)?$/.exec(zone) ?? [];
  if (sign === undefined) return Object.hasOwn(zones, zone) ? (zones[zone] as number) : null;
  return (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
}
