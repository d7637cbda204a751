/**
 * Goal: a step's text is what JSON.stringify would make of its view, character for character, save that large outputs stay
 * as they are. Method: steps of every shape.
 */
import { expect, test } from 'vitest';
import type { StepState } from '../../src/core/step-state.ts';
import { toFixedText, toStepText } from '../../src/core/step-text.ts';
import { toStepView } from '../../src/core/view.ts';
import { bornAt, LiveWorkflow } from './live-workflow.ts';

const fresh = LiveWorkflow.of({ a: '' }).step('a');
const shapes: Record<string, Partial<StepState>> = {
  'that has done nothing': {},
  'with dependencies and nested params': {
    dependencies: ['x', 'y'],
    params: { deep: [1, { a: [] }, {}], text: 'a\nb' },
  },
  'with names that need escapes': { id: 'a"b\\', name: 'ü\u2028 "\n', action: '\u0000' },
  'that runs': { status: 'RUNNING', startTime: bornAt, attempt: 3 },
  'with a time but no start': { endTime: bornAt },
  'that completed': {
    status: 'COMPLETED',
    startTime: bornAt,
    endTime: bornAt + 90_000,
    outputs: { json: '{"a":{"b":[]}}' },
  },
  'with empty outputs': { outputs: { json: '{}' } },
  'with outputs in a blob': { outputs: { blob: 'a'.repeat(64), bytes: 7 } },
  'that failed': { status: 'FAILED', error: 'line\n"two"', logs: ['one', 'two\n', ''] },
  'with metadata and metrics': {
    metadata: { m: { n: 1 } },
    metrics: { tokens: 1, cost: null },
    retry: { attemptsMax: 2 },
  },
  'with a deadline': { timeoutMs: 5_000, retry: {} },
  'that may be answered from the cache': { cache: true },
};

test.each(Object.entries(shapes))('a step %s', (_, change) => {
  const step = { ...fresh, ...change };
  const plain = JSON.stringify([toStepView(step)], null, 2)
    .split('\n')
    .slice(1, -1);
  expect(toStepText(step, toFixedText(step))).toEqual([plain.map((line) => `  ${line}`).join('\n')]);
});

test('the fixed part serves all of a step’s life', () => {
  const fixed = toFixedText(fresh);
  const later = { ...fresh, status: 'COMPLETED' as const, logs: ['x'], outputs: { json: '{"n":1}' } };
  expect(toStepText(later, fixed)).toEqual(toStepText(later, toFixedText(later)));
});

test('large outputs are a piece of their own, as they are, and the rest is what it would be without them', () => {
  const json = JSON.stringify({ rows: Array.from({ length: 300 }, (_, i) => ({ row: i })) });
  const large = { ...fresh, outputs: { json } };
  const [before, outputs, after] = toStepText(large, toFixedText(large));
  expect(outputs).toBe(json);
  expect([`${before}null${after}`]).toEqual(toStepText(fresh, toFixedText(fresh)));
});

test('the border between small and large outputs is at 2,048 characters', () => {
  const piecesWith = (length: number) => {
    const step = { ...fresh, outputs: { json: `{"text":"${'x'.repeat(length - '{"text":""}'.length)}"}` } };
    return toStepText(step, toFixedText(step));
  };
  expect(piecesWith(2_048)).toEqual([expect.stringContaining('"outputs": {\n        "text": "xx')]);
  expect(piecesWith(2_049)).toEqual([expect.anything(), expect.stringMatching(/^{"text":"x+"}$/), expect.anything()]);
});
