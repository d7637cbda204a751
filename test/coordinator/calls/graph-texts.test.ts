/** Goal: a kept text of a run's columns is never of another version or another file. Method: the class alone. */
import { describe, expect, it } from 'vitest';
import type { WorkflowText } from '../../../src/contract/coordinator.ts';
import { GraphTexts } from '../../../src/coordinator/calls/graph-texts.ts';

const toText = (id: string, version: number, json = '{}'): WorkflowText => ({
  ...{ id, version, json, status: 'COMPLETED', hasBlobs: false, replayed: false },
});

describe('the columns of finished runs that were shown last', () => {
  it('are found by version and file', () => {
    const texts = new GraphTexts();
    const text = toText('a', 3);
    texts.keep(text, 'stamp');
    expect([texts.find('b', 3, 'stamp'), texts.find('a', 3, 'stamp')]).toEqual([null, text]);
    expect(texts.find('a', 3, 'stamp')).toBe(text);
  });

  it.each([
    ['a later version', 4, 'stamp'],
    ['an edited file', 3, 'other'],
    ['a file that is gone', 3, null],
  ])('are forgotten with %s', (_, version, stamp) => {
    const texts = new GraphTexts();
    texts.keep(toText('a', 3), 'stamp');
    expect([texts.find('a', version, stamp), texts.find('a', 3, 'stamp')]).toEqual([null, null]);
  });

  it('are at most 8 Mi characters, and those that were shown last stay', () => {
    const texts = new GraphTexts();
    const half = 'x'.repeat(4 * 1024 * 1024);
    for (const id of ['a', 'b']) texts.keep(toText(id, 1, half), 's');
    texts.find('a', 1, 's');
    texts.keep(toText('c', 1, '{}'), 's');
    expect(['a', 'b', 'c'].map((id) => texts.find(id, 1, 's') !== null)).toEqual([true, false, true]);
  });
});
