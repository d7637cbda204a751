/** Goal: a hit is the same result, says where it is from, and has used nothing. Method: a model step's entry and a plain one. */
import { expect, test } from 'vitest';
import { toCachedResult } from '../../src/core/cached-result.ts';

const from = { workflow: 'w', step: 's', at: '2026-01-31T12:00:00.000Z' };
const cache = { hit: true, from };

test('of a model step the fields that tell of the call are 0, those that tell of the answer stay', () => {
  const metadata = {
    model: 'm',
    response_model: 'm-1',
    tokens: 12,
    cost: null,
    duration_ms: 900,
    finish_reason: 'stop',
  };
  const metrics = { model: 'm', tokens: 12, cost: null, cost_is_floor: true, cost_source: null };
  expect(
    toCachedResult({ format: 1, action: 'chat', from, metadata, metrics, outputsJson: '{"content":"yes"}' }),
  ).toEqual({
    outputsJson: '{"content":"yes"}',
    metadata: {
      model: 'm',
      response_model: 'm-1',
      tokens: 0,
      cost: 0,
      duration_ms: 0,
      finish_reason: 'stop',
      cache,
    },
    metrics: {
      model: 'm',
      calls: 0,
      tokens: 0,
      input_tokens: 0,
      cached_input_tokens: 0,
      cache_write_tokens: 0,
      output_tokens: 0,
      reasoning_tokens: 0,
      cost: 0,
      cost_source: 'cache',
    },
    logs: ['Taken from the cache: step "s" of workflow w at 2026-01-31T12:00:00.000Z'],
  });
});

test('what called no model has used nothing before and after', () => {
  const entry = { format: 1 as const, action: 'noop', from, metadata: null, metrics: null, outputsJson: '{}' };
  expect(toCachedResult(entry)).toMatchObject({ metadata: { cache }, metrics: null });
});
