/** Goal: columns say what the views of REST say, also after what has changed was put in. Method: small views by hand. */
import { describe, expect, it } from 'vitest';
import type { ChangesView } from '../../src/contract/run-view.ts';
import { lookOfRun, outcomes, reverseLinks, shape, toLinks, waitsFor } from '../../web/run/columns.ts';
import { look } from '../../web/run/look.ts';
import { mergeChanges, toColumns } from '../../web/run/read-run.ts';
import { type SketchedStep, sketchRun } from './sketch.ts';

const created = Date.parse('2026-01-01T00:00:00.000Z');

/** A view of what has changed: the steps at these places. */
function changes(at: readonly number[], steps: readonly SketchedStep[], version: number): ChangesView {
  const view = sketchRun(steps, { version });
  const { error, waits, outcome, of, group, count } = view.steps;
  // Maps go by the place in the whole run.
  const moved = <Value>(map: Record<string, Value>) =>
    Object.fromEntries(Object.entries(map).map(([k, value]) => [String(at[Number(k)]), value])) as Record<
      string,
      Value
    >;
  const maps = {
    ...{ error: moved(error), waits: moved(waits), outcome: moved(outcome) },
    ...{ of: moved(of), group: moved(group), count: moved(count) },
  };
  return { ...view, since: 1, at: [...at], steps: { ...view.steps, ...maps } };
}

describe('columns of a run', () => {
  it('hold statuses, times, outcomes, groups and what a step waits for', () => {
    const run = toColumns(
      sketchRun([
        { id: 'a', status: 'COMPLETED', start: 10, ms: 25, action: 'delay' },
        { id: 'm', status: 'WAITING_FOR_DEPENDENCY', group: 'map', count: 1, start: 40, deps: [0] },
        { id: 'm.0', status: 'FAILED', of: [1, 0], start: 50, ms: 7, action: 'delay' },
        { id: 'ok', waits: 'decision', deps: [0, -1], action: 'approval' },
        { id: 's', status: 'COMPLETED', outcome: 's' },
        { id: 't', status: 'COMPLETED', outcome: 't' },
      ]),
    );
    expect([...run.look]).toEqual([
      look.completed,
      look.waiting,
      look.failed,
      look.needs,
      look.skipped,
      look.tolerated,
    ]);
    expect([...run.counts]).toEqual([0, 0, 1, 1, 1, 0, 1, 1, 1]);
    expect([run.start[0], run.end[0], run.start[3]]).toEqual([created + 10, created + 35, Number.NaN]);
    expect([...run.group]).toEqual([-1, -1, 1, -1, -1, -1]);
    expect([run.item[2], run.count[1], run.shape[1]]).toEqual([0, 1, shape.map]);
    expect([run.waits[3], run.outcome[5]]).toEqual([waitsFor.decision, outcomes.tolerated]);
    expect(run.errors.get(2)).toBe('BAD');
    expect([...run.parents.to]).toEqual([0, 0]);
    expect([...run.children.to]).toEqual([1, 3]);
    expect(run.kind[0]).not.toBe(run.kind[1]);
    expect(lookOfRun({ ...run, head: { ...run.head, status: 'WAITING_FOR_DEPENDENCY' } })).toBe('needs');
  });

  it('tell items that have the name of their map by their ids', () => {
    const run = toColumns(
      sketchRun([
        { id: 'm', name: 'Parts', status: 'WAITING_FOR_DEPENDENCY', group: 'map', count: 2 },
        { id: 'm.0', name: 'Parts', of: [0, 0] },
        { id: 'm.1', name: 'Last part', of: [0, 1] },
        { id: 'n', name: 'Parts' },
      ]),
    );
    expect(run.names).toEqual(['Parts', 'm.0', 'Last part', 'Parts']);
  });

  it('take what has changed: the same arrays while no step is new', () => {
    const run = toColumns(
      sketchRun([
        { id: 'a', status: 'RUNNING', start: 10, action: 'delay' },
        { id: 'b', deps: [0], action: 'external_data' },
        { id: 'c', deps: [0], status: 'COMPLETED', outcome: 's' },
      ]),
    );
    const status = run.status;
    const view = changes([0], [{ id: 'a', status: 'COMPLETED', start: 10, ms: 5, action: 'delay' }], 7);
    view.steps.waits['1'] = 'data';
    const merged = mergeChanges(run, view);
    expect(merged).toBe(run);
    expect(merged.status).toBe(status);
    expect(merged.head.version).toBe(7);
    expect([...merged.look]).toEqual([look.completed, look.needs, look.skipped]);
    expect(merged.waits[1]).toBe(waitsFor.data);
    expect(merged.actions).toEqual(['delay', 'external_data', 'noop']);
    expect([...merged.action]).toEqual([0, 1, 2]);
  });

  it('grow by the steps that a list has made, with their links and their actions', () => {
    const run = toColumns(
      sketchRun([
        { id: 'a', status: 'COMPLETED', start: 1, ms: 2 },
        { id: 'm', deps: [0], group: 'map', status: 'PENDING' },
        { id: 'z', deps: [1], action: 'render' },
      ]),
    );
    const view = changes(
      [1, 3, 4],
      [
        { id: 'm', deps: [0], group: 'map', count: 1, start: 9 },
        { id: 'm.0.x', of: [1, 0], status: 'PENDING', action: 'http_request' },
        { id: 'm.0.y', of: [1, 0], deps: [3], action: 'render' },
      ],
      5,
    );
    const merged = mergeChanges(run, view);
    expect(merged).not.toBe(run);
    expect(merged.ids).toEqual(['a', 'm', 'z', 'm.0.x', 'm.0.y']);
    expect([...merged.look]).toEqual([look.completed, look.waiting, look.waiting, look.queued, look.waiting]);
    expect([...merged.action].map((action) => merged.actions[action])).toEqual([
      'noop',
      'noop',
      'render',
      'http_request',
      'render',
    ]);
    expect([...merged.children.to.subarray(merged.children.at[3], merged.children.at[4])]).toEqual([4]);
    expect([...merged.parents.to]).toEqual([0, 1, 3]);
    expect([merged.group[4], merged.item[4], merged.count[1]]).toEqual([1, 0, 1]);
    expect([merged.end[0], merged.index.get('m.0.y')]).toEqual([created + 3, 4]);
  });

  it('links the other way round name each target in rising order', () => {
    const back = reverseLinks(toLinks([[2], [2, 0], []]));
    expect([...back.at]).toEqual([0, 1, 1, 3]);
    expect([...back.to]).toEqual([1, 0, 1]);
  });
});
