/** Goal: ranks are the longest measured path below each step. Method: small graphs with known times. */
import { expect, test } from 'vitest';
import { Durations, toRanks } from '../../src/core/critical-path.ts';
import { createGraph } from '../../src/core/graph.ts';

const timing = (name: string) => ({ action: 'noop', name });

function ranks(steps: Record<string, string[]>, times: Record<string, number>) {
  const durations = new Durations();
  for (const [name, ms] of Object.entries(times)) durations.record(timing(name), ms);
  const nodes = Object.entries(steps).map(([id, dependencies]) => ({ id, dependencies }));
  const values = toRanks(
    createGraph(nodes),
    nodes.map(({ id }) => timing(id)),
    durations,
  );
  return Object.fromEntries(nodes.map(({ id }, i) => [id, values[i]]));
}

test('a rank is the step’s own time plus the longest path that hangs on it', () => {
  const steps = { end: ['long', 'short'], long: ['start'], short: ['start'], start: [] };
  expect(ranks(steps, { start: 1, long: 100, short: 10, end: 5 })).toEqual({
    start: 106,
    long: 105,
    short: 15,
    end: 5,
  });
});

test('a step whose time is not known counts 0', () => {
  expect(ranks({ a: [], b: ['a'], c: ['b'] }, { c: 7 })).toEqual({ a: 7, b: 7, c: 7 });
});

test('where nothing is known all ranks are 0: hop counts say nothing', () => {
  expect(ranks({ a: [], b: ['a'], c: ['b'] }, {})).toEqual({ a: 0, b: 0, c: 0 });
});

test('steps on a circle keep their own time', () => {
  expect(ranks({ a: ['b'], b: ['a'], c: [] }, { a: 1, b: 2, c: 3 })).toEqual({ a: 1, b: 2, c: 3 });
});

test('the mean is exact for a hundred runs, then moves with the newest', () => {
  const durations = new Durations();
  for (let run = 1; run <= 100; run += 1) durations.record(timing('a'), run);
  expect(durations.meanMs(timing('a'))).toBeCloseTo(50.5, 9);
  durations.record(timing('a'), 150.5);
  expect(durations.meanMs(timing('a'))).toBeCloseTo(51.5, 9);
  expect(durations.toRecord()['noop\na']?.count).toBe(100);
});

test('times are kept by action and name, and what is kept comes back', () => {
  const durations = new Durations();
  durations.record({ action: 'a', name: 'x' }, 10);
  durations.record({ action: 'b', name: 'x' }, 20);
  const kept = durations.toRecord();
  const again = new Durations(kept);
  expect([again.meanMs({ action: 'a', name: 'x' }), again.meanMs({ action: 'b', name: 'x' })]).toEqual([10, 20]);
  again.record({ action: 'a', name: 'x' }, 30);
  expect(kept['a\nx']).toEqual({ count: 1, meanMs: 10 });
});

test('the table does not grow without bound', () => {
  const durations = new Durations();
  for (let i = 0; i <= Durations.entriesMax; i += 1) durations.record(timing(`${i}`), 5);
  expect(Object.keys(durations.toRecord()).length).toBe(Durations.entriesMax);
  expect(durations.meanMs(timing(`${Durations.entriesMax}`))).toBe(0);
  durations.record(timing('0'), 15);
  expect(durations.meanMs(timing('0'))).toBe(10);
});
