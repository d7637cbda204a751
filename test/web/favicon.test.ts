/** Goal: the tab's icon says what a person in another tab wants to know first. Method: runs of a few counts; no browser. */
import { describe, expect, it } from 'vitest';
import type { Columns } from '../../web/run/columns.ts';
import { toIconHref, toIconShape } from '../../web/run/favicon.ts';
import { look, looksCount } from '../../web/run/look.ts';

function toRun(status: string, ...looks: number[]): Columns {
  const counts = new Int32Array(looksCount);
  for (const one of looks) counts[one] = 1;
  return { counts, head: { status } } as unknown as Columns;
}

describe('the icon of the tab', () => {
  it.each([
    ['a failure, whatever else', toRun('RUNNING', look.failed, look.needs, look.running), 'failed'],
    ['a run that failed by itself', toRun('FAILED', look.completed), 'failed'],
    ['somebody who is waited for, before what runs', toRun('RUNNING', look.needs, look.running), 'needs'],
    ['what runs', toRun('RUNNING', look.running), 'running'],
    ['what is queued', toRun('RUNNING', look.queued), 'running'],
    ['that all is done', toRun('COMPLETED', look.completed), 'completed'],
    ['nothing of its own after a stop', toRun('STOPPED', look.stopped), null],
  ])('tells %s', (_, run, shape) => {
    expect(toIconShape(run)).toBe(shape);
  });

  it('is data, and draws without a style of its own', () => {
    const href = toIconHref('needs');
    expect(href).toMatch(/^data:image\/svg\+xml,%3Csvg/);
    expect(decodeURIComponent(href)).not.toContain('style');
  });
});
