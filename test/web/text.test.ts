/** Goal: times, durations and amounts read the same everywhere, and claim nothing that is not known. Method: each border. */
import { describe, expect, it } from 'vitest';
import { durationText } from '../../web/ui/duration.ts';
import { bytesText, costText, counted, usdText } from '../../web/ui/money.ts';
import { clockText, dateText, fullText, momentText, noteServerDate, serverNow } from '../../web/ui/time.ts';

describe('durations', () => {
  it.each([
    [0, '0 ms'],
    [999.9, '999 ms'],
    [1_000, '1.0 s'],
    [9_999, '9.9 s'],
    [10_000, '10 s'],
    [59_999, '59 s'],
    [60_000, '1 min 00 s'],
    [119_999, '1 min 59 s'],
    [3_599_999, '59 min 59 s'],
    [3_600_000, '1 h 00 min'],
    [48 * 3_600_000 - 1, '47 h 59 min'],
    [48 * 3_600_000, '2 d 0 h'],
    [-1, '–'],
    [Number.NaN, '–'],
    [null, '–'],
  ])('%s ms is %s', (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });
});

describe('amounts', () => {
  it.each([
    [0, '$0'],
    [0.0000012, '$0.0000012'],
    [0.00009999, '$0.0001'],
    [0.0001, '$0.0001'],
    [0.0035, '$0.0035'],
    [0.0099, '$0.0099'],
    [0.01, '$0.010'],
    [0.0154, '$0.015'],
    [0.999, '$0.999'],
    [1, '$1.00'],
    [1234.5, '$1,234.50'],
  ])('%s is %s', (amount, text) => {
    expect(usdText(amount)).toBe(text);
  });

  it.each([
    [{ cost: 0.0035, isFloor: false, hasCalls: true }, '$0.0035'],
    [{ cost: 0.0035, isFloor: true, hasCalls: true }, '≥ $0.0035'],
    [{ cost: 0, isFloor: true, hasCalls: true }, 'not known'],
    [{ cost: 0, isFloor: false, hasCalls: true }, '$0'],
    [{ cost: 0, isFloor: false, hasCalls: false }, '–'],
  ])('%o is %s', (facts, text) => {
    expect(costText(facts)).toBe(text);
  });

  it.each([
    [1, '1 run'],
    [0, '0 runs'],
    [10_000, '10,000 runs'],
  ])('%s: %s', (count, text) => {
    expect(counted(count, 'run')).toBe(text);
  });

  it.each([
    [1, '1 byte'],
    [999, '999 bytes'],
    [1_000, '1.0 KB'],
    [262_144, '262 KB'],
    [7_340_032, '7.3 MB'],
    [2_500_000_000, '2.5 GB'],
  ])('%s: %s', (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
  });
});

describe('times', () => {
  const at = '2026-01-31T23:05:09.000Z';
  const noon = Date.parse('2026-01-31T12:00:00.000Z');

  it('are shown in UTC where that is chosen', () => {
    expect(clockText(at, 'utc')).toBe('23:05:09');
    expect(dateText(at, 'utc')).toBe('31 Jan 2026');
    expect(fullText(at, 'utc')).toBe('31 Jan 2026, 23:05');
    expect(clockText('no time', 'utc')).toBe('–');
  });

  it('are the time of today, and the date of other days', () => {
    expect(momentText(at, noon, 'utc')).toBe('23:05:09');
    expect(momentText('2026-01-30T23:59:59.000Z', noon, 'utc')).toBe('30 Jan 2026');
  });

  it('go by the engine where its clock differs by more than a header can say', () => {
    noteServerDate(new Date(noon).toUTCString(), noon + 1_000);
    expect(Math.abs(serverNow() - Date.now())).toBeLessThan(5);
    noteServerDate(new Date(noon + 60_000).toUTCString(), noon);
    expect(Math.abs(serverNow() - Date.now() - 60_500)).toBeLessThan(5);
    noteServerDate(null, noon);
    expect(serverNow()).toBeGreaterThan(Date.now() + 60_000);
    noteServerDate(new Date(noon).toUTCString(), noon);
  });
});
