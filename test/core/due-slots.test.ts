// Goal: which slots run after a downtime, and what may stand in the params of a schedule (DS1 to DS3).
import { describe, expect, test } from 'vitest';
import { bindSlot, decideDue, findSlotFaults } from '../../src/core/due-slots.ts';

const now = Date.UTC(2026, 0, 1, 12);
const minute = 60_000;
const slots = [180, 50, 20, 5].map((minutes) => now - minutes * minute);
const [early, fifty, twenty, five] = slots as [number, number, number, number];

describe('after a downtime', () => {
  test.each([
    ['skip', '1h', []],
    ['once', '1h', [five]],
    [undefined, undefined, [five]],
    ['all', '1h', [fifty, twenty, five]],
    ['all', '30m', [twenty, five]],
    ['once', '1m', []],
    ['all', '4h', [early, fifty, twenty, five]],
    // Exactly as old as the window is within it.
    ['all', '50m', [fifty, twenty, five]],
    ['all', '2999999ms', [twenty, five]],
  ] as const)('missed %s within %s', (missed, window, run) => {
    const due = decideDue(slots, now, { missed, window });
    expect(due.run).toEqual(run);
    expect([...due.run, ...due.missed].sort((a, b) => a - b)).toEqual(slots);
  });

  test('a slot that is less than a minute old is on time, whatever is said of missed ones', () => {
    const late = now - 59_999;
    expect(decideDue([twenty, late], now, { missed: 'skip', window: '1ms' })).toEqual({
      run: [late],
      missed: [twenty],
    });
    expect(decideDue([twenty, late], now, { missed: 'once' })).toEqual({ run: [late], missed: [twenty] });
    expect(decideDue([now - 60_000], now, { missed: 'skip' })).toEqual({ run: [], missed: [now - 60_000] });
  });

  test('a window that cannot be read counts as an hour, and nothing is due of nothing', () => {
    expect(decideDue([fifty], now, { window: 'soon' }).run).toEqual([fifty]);
    expect(decideDue([], now, {})).toEqual({ run: [], missed: [] });
  });
});

describe('params', () => {
  test('get the slot, wherever it stands, and keep everything else', () => {
    const params = {
      day: '{{slot}}',
      text: 'For {{ slot }}.',
      list: ['{{slot}}', 1],
      inner: { none: null, yes: true },
    };
    expect(bindSlot(params, '2026-01-01T07:00:00.000Z')).toEqual({
      day: '2026-01-01T07:00:00.000Z',
      text: 'For 2026-01-01T07:00:00.000Z.',
      list: ['2026-01-01T07:00:00.000Z', 1],
      inner: { none: null, yes: true },
    });
    expect(params.day).toBe('{{slot}}');
    expect(bindSlot({ a: '{{params.b}}' }, 'x')).toEqual({ a: '{{params.b}}' });
  });

  test('hold no other reference, and no secret', () => {
    expect(findSlotFaults({ day: '{{slot}}', list: [{ a: 'plain' }, 1, null] })).toEqual([]);
    expect(findSlotFaults({ day: '{{params.day}}', list: [{ a: 'of {{title}}' }] })).toEqual([
      {
        path: 'schedule.params.day',
        message: '{{params.day}}: the only reference in the params of a schedule is {{slot}}',
      },
      {
        path: 'schedule.params.list[0].a',
        message: '{{title}}: the only reference in the params of a schedule is {{slot}}',
      },
    ]);
    expect(findSlotFaults({ key: 'Bearer {{secrets.TOKEN}}' })).toEqual([
      { path: 'schedule.params.key', message: '{{secrets.TOKEN}}: a secret stands in params of steps alone' },
    ]);
  });
});
