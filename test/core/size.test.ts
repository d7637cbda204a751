/**
 * Goal: the bound on a workflow's results counts what their text takes in its file, and large outputs are not walked for that.
 * Method: the text of the step is the oracle; reads of JSON are counted.
 */
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { outputsIndentedLengthMax } from '../../src/core/field-text.ts';
import { sizeOfResults } from '../../src/core/size.ts';
import { toFixedText, toStepText } from '../../src/core/step-text.ts';
import { LiveWorkflow } from './live-workflow.ts';

const fresh = LiveWorkflow.of({ a: '' }).step('a');
const nothing = { outputs: null, error: null, logs: [], metadata: null, metrics: null };
const sizeOfOutputs = (json: string) => sizeOfResults({ ...nothing, outputs: { json } });

/** How much longer the step's text is for its outputs. */
function lengthInText(json: string): number {
  const length = (outputs: { json: string }) => {
    const step = { ...fresh, outputs };
    return toStepText(step, toFixedText(step)).join('').length;
  };
  return length({ json }) - length({ json: '{}' }) + '{}'.length;
}

test('the size of outputs is what they take in the text, whatever they are', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(1, 40), (value, times) => {
      const json = JSON.stringify({ value: Array.from({ length: times }, () => value) });
      expect(sizeOfOutputs(json)).toBe(lengthInText(json));
    }),
    { numRuns: 1_000 },
  );
});

test('outputs of 2 KiB are counted with their indentation, larger ones as they are', () => {
  const ofLength = (length: number) => `{"text":"${'x'.repeat(length - '{"text":""}'.length)}"}`;
  const [small, large] = [ofLength(outputsIndentedLengthMax), ofLength(outputsIndentedLengthMax + 1)];
  const layout = '\n        '.length + ' '.length + '\n      '.length;
  expect(sizeOfOutputs(small)).toBe(2_048 + layout);
  expect(sizeOfOutputs(large)).toBe(2_049);
  expect([lengthInText(small), lengthInText(large)]).toEqual([2_048 + layout, 2_049]);
});

test('nobody looks into large outputs to count them', () => {
  const json = JSON.stringify({ rows: Array.from({ length: 1_000 }, (_, i) => ({ row: i })) });
  const [parse, charCodeAt] = [vi.spyOn(JSON, 'parse'), vi.spyOn(String.prototype, 'charCodeAt')];
  try {
    expect(sizeOfOutputs('{"row":1}')).toBe(lengthInText('{"row":1}'));
    const parsed = parse.mock.calls.length;
    expect(parsed).toBeGreaterThan(0);
    expect(sizeOfOutputs(json)).toBe(json.length);
    expect([parse.mock.calls.length, charCodeAt.mock.calls.length]).toEqual([parsed, 0]);
  } finally {
    vi.restoreAllMocks();
  }
});

test('all that attempts leave counts, and what lies in a blob does not', () => {
  expect(sizeOfResults(nothing)).toBe(0);
  expect(sizeOfResults({ ...nothing, outputs: { blob: 'a'.repeat(64), bytes: 1_000_000 } })).toBe(0);
  expect(sizeOfResults({ ...nothing, error: 'four', logs: ['one', 'two'] })).toBe(4 + 2 * (3 + 12));
  const value = { a: 1 };
  const length = JSON.stringify(value, null, 2).length + 6 * 2;
  expect(sizeOfResults({ ...nothing, outputs: { json: JSON.stringify(value) } })).toBe(length);
  expect(sizeOfResults({ ...nothing, metadata: value, metrics: value })).toBe(2 * length);
});
