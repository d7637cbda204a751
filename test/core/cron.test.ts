/**
 * Goal: slots come when a person expects them, on the days when clocks change too. Method: a fake clock goes from slot to
 * slot; what it meets is compared with the local times of the zone, which the runtime's own formatter tells.
 */
import { describe, expect, test, vi } from 'vitest';
import { findCronFault, findZoneFault, nextSlot, slotsBetween } from '../../src/core/cron.ts';

vi.setConfig({ testTimeout: 60_000 });

const zones = [
  'Europe/Berlin',
  'America/New_York',
  'America/St_Johns',
  'America/Santiago',
  'Australia/Lord_Howe',
  'Pacific/Auckland',
  'Africa/Casablanca',
  'Asia/Beirut',
  'Asia/Kathmandu',
  'UTC',
];
// The zones are followed through years that are over: what governments decide next reaches each Node at another time.
const pastFrom = Date.UTC(2024, 0, 1);
const pastTo = Date.UTC(2026, 0, 1);
const from = Date.UTC(2026, 0, 1);
const to = Date.UTC(2028, 0, 1);
const minute = 60_000;

/** The clock goes to each slot in turn, as a scheduler's does. */
function drive(cron: string, timezone: string, start = pastFrom, end = pastTo): number[] {
  const slots: number[] = [];
  for (let now = nextSlot({ cron, timezone }, start); now !== null && now < end; ) {
    slots.push(now);
    now = nextSlot({ cron, timezone }, now);
  }
  return slots;
}

function localTimes(timezone: string): (ms: number) => { day: string; minuteOfDay: number } {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone: timezone,
    dateStyle: 'short',
    timeStyle: 'short',
    hourCycle: 'h23',
  });
  return (ms) => {
    const [day = '', time = ''] = format.format(ms).split(', ');
    const [hours, minutes] = time.split(':').map(Number);
    return { day, minuteOfDay: (hours ?? 0) * 60 + (minutes ?? 0) };
  };
}

function iso(slots: readonly number[]): string[] {
  return slots.map((slot) => new Date(slot).toISOString());
}

test.each(zones)('two years in %s: every day has its slot, once, at its time or at the end of a gap', (timezone) => {
  const local = localTimes(timezone);
  const wanted = 2 * 60 + 15;
  const slots = drive('15 2 * * *', timezone);
  const days = slots.map((slot) => local(slot).day);
  expect(new Set(days).size).toBe(days.length);
  expect(days.length).toBeGreaterThanOrEqual(729);
  for (const slot of slots) {
    const { day, minuteOfDay } = local(slot);
    const isChange = [-1440, 1440].some((away) => local(slot + away * minute).minuteOfDay !== minuteOfDay);
    if (!isChange) {
      expect(minuteOfDay).toBe(wanted);
      continue;
    }
    // No minute before it shows 02:15 on that day: of a time that is repeated it is the first.
    for (let at = slot - 180 * minute; at < slot; at += minute) {
      if (local(at).day === day) expect(local(at).minuteOfDay).not.toBe(wanted);
    }
    if (minuteOfDay === wanted) continue;
    // The clocks leave 02:15 out on this day: no minute after it shows it either, and it is the first after the gap.
    for (let at = slot; at < slot + 180 * minute; at += minute) expect(local(at).minuteOfDay).not.toBe(wanted);
    expect(local(slot - minute).minuteOfDay).toBeLessThan(wanted);
  }
});

test.each(zones)('every half hour in %s is half an hour of elapsed time, whatever the clocks do', (timezone) => {
  const local = localTimes(timezone);
  // The days on which the offset changes: from noon to noon, the minute of the day is another.
  const changes: number[] = [];
  for (let day = pastFrom; day < pastTo; day += 1440 * minute) {
    if (local(day).minuteOfDay !== local(day + 1440 * minute).minuteOfDay) changes.push(day);
  }
  if (timezone !== 'UTC' && timezone !== 'Asia/Kathmandu') expect(changes.length).toBeGreaterThanOrEqual(4);
  for (const day of [...changes.slice(0, 4), pastFrom]) {
    const slots = drive('*/30 * * * *', timezone, day - minute, day + 1440 * minute);
    for (const [i, slot] of slots.entries()) if (i > 0) expect(slot - (slots[i - 1] as number)).toBe(30 * minute);
  }
});

describe('CR1: where the clocks change', () => {
  test('a time in the gap comes once, at its end', () => {
    const slots = drive('30 2 * * *', 'Europe/Berlin', Date.UTC(2026, 2, 28, 12), Date.UTC(2026, 2, 30, 12));
    expect(iso(slots)).toEqual(['2026-03-29T01:00:00.000Z', '2026-03-30T00:30:00.000Z']);
  });

  test('a time that is repeated comes once, the first time', () => {
    const slots = drive('30 2 * * *', 'Europe/Berlin', Date.UTC(2026, 9, 24, 12), Date.UTC(2026, 9, 26, 12));
    expect(iso(slots)).toEqual(['2026-10-25T00:30:00.000Z', '2026-10-26T01:30:00.000Z']);
  });

  test('Lord Howe moves by half an hour', () => {
    const repeated = drive('45 1 * * *', 'Australia/Lord_Howe', Date.UTC(2026, 3, 4, 0), Date.UTC(2026, 3, 6, 0));
    expect(iso(repeated)).toEqual(['2026-04-04T14:45:00.000Z', '2026-04-05T15:15:00.000Z']);
    const gap = drive('15 2 * * *', 'Australia/Lord_Howe', Date.UTC(2026, 9, 3, 0), Date.UTC(2026, 9, 5, 0));
    expect(iso(gap)).toEqual(['2026-10-03T15:30:00.000Z', '2026-10-04T15:15:00.000Z']);
  });
});

test('CR2: a day that there is not never comes, and neither does one more than five years ahead', () => {
  expect(nextSlot({ cron: '0 0 31 2 *', timezone: 'UTC' }, from)).toBeNull();
  expect(nextSlot({ cron: '0 0 29 2 *', timezone: 'UTC' }, from)).toBe(Date.UTC(2028, 1, 29));
  // 2100 has no 29 February.
  expect(nextSlot({ cron: '0 0 29 2 *', timezone: 'UTC' }, Date.UTC(2096, 5, 1))).toBeNull();
});

describe('slots between two times', () => {
  const hourly = { cron: '0 * * * *', timezone: 'UTC' };

  test('are those after the first, up to and with the second', () => {
    expect(slotsBetween(hourly, from, from + 120 * minute, 100)).toEqual([from + 60 * minute, from + 120 * minute]);
    expect(slotsBetween(hourly, from, from + 59 * minute, 100)).toEqual([]);
    expect(slotsBetween(hourly, from, from - minute, 100)).toEqual([]);
  });

  test('are the latest where there are more than asked for', () => {
    for (const until of [from + 600 * minute, from + 600 * minute + 500, from + 600 * minute - 500]) {
      const all = slotsBetween(hourly, from, until, 100);
      expect(slotsBetween(hourly, from, until, 3)).toEqual(all.slice(-3));
    }
    expect(slotsBetween({ cron: '* * * * *', timezone: 'Europe/Berlin' }, from, to, 100)).toHaveLength(100);
  });

  test('end where there are none any more', () => {
    expect(slotsBetween({ cron: '0 0 31 2 *', timezone: 'UTC' }, from, to, 100)).toEqual([]);
  });
});

describe('faults', () => {
  test.each([
    ['0 7 * * 1-5', null],
    ['*/5 0-6,20 1 JAN MON', null],
    [' 0  7 * * * ', null],
    ['0 7 * *', /has 4 fields; a schedule has five: minute, hour, day of month, month, day of week/],
    ['0 0 7 * * *', /has 6 fields/],
    ['@daily', /has 1 field; a schedule has five/],
    ['61 * * * *', /^"61" is no minute: 0 to 59/],
    ['0 24 * * *', /^"24" is no hour: 0 to 23/],
    ['0 0 x * *', /^"x" is no day of month/],
    ['0 0 * 13 *', /^"13" is no month/],
    ['0 0 * * 8', /^"8" is no day of week/],
    ['*/0 * * * *', /^"\*\/0" is no minute/],
    ['0 0 31 2 *', /never comes/],
  ])('of "%s": %s', (cron, message) => {
    if (message === null) expect(findCronFault(cron)).toBeNull();
    else expect(findCronFault(cron)).toMatch(message);
  });

  test.each([
    ['Europe/Berlin', null],
    ['UTC', null],
    ['Europe/Berlim', 'did you mean "Europe/Berlin"?'],
    ['+02:00', 'such as Europe/Berlin or UTC'],
    ['', 'is no time zone'],
  ])('of the time zone "%s": %s', (zone, message) => {
    if (message === null) expect(findZoneFault(zone)).toBeNull();
    else expect(findZoneFault(zone)).toContain(message);
  });
});
