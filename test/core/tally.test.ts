/**
 * Goal: what a workflow has used can be told from its events alone, from wherever a tally stands. Method: a history in which
 * attempts end in every way, cut at every event; the rest followed is what the workflow itself says.
 */
import { expect, test } from 'vitest';
import { readEventJson } from '../../src/contract/journal-event.ts';
import type { Reservation } from '../../src/contract/ledger.ts';
import * as decide from '../../src/core/decide.ts';
import { followTally, toTally } from '../../src/core/tally.ts';
import { completed, failed, LiveWorkflow, replay, workflowId } from './live-workflow.ts';

const reserved: Reservation = { model: 'm', calls: 1, tokens: 900, cost_pico: '40000000000' };
const call = { model: 'm', tokens: 3, input_tokens: 2, output_tokens: 1, cost: 0.1, calls: 1 };

/** A retry, a call lost with its thread, a step stopped and paid for, calls lost with the engine, one still in flight. */
function history(): LiveWorkflow {
  const live = LiveWorkflow.of({ a: '', b: '', c: '', d: '', e: '' });
  live.start('a', reserved);
  live.end('a', failed('TIMEOUT', { metrics: call }));
  live.start('a', 'b', 'c', 'e', reserved);
  live.end('b', failed('WORKER_LOST', { isLost: true }));
  live.end('a', completed({ metrics: { ...call, cost: 0.2 } }));
  live.apply(decide.decideRecovery(live.state, live.tick(), true)!);
  live.start('b', 'c', reserved);
  live.stop();
  live.spent('b', live.step('b').attempt, call);
  live.resume();
  live.start('d', reserved);
  return live;
}

test('TA1: a tally at any event, and the events after it, say what the workflow says', () => {
  const { journal, state, now } = history();
  const told = decide.decideDelete(state, now).spending;
  expect(told).toMatchObject([{ action: 'noop', model: 'm', calls: 8, unpriced_calls: 5, held_tokens: 4500 }]);
  const entries = journal.map(({ seq, json }) => ({ seq, event: readEventJson(json) }));
  for (let cut = 1; cut <= journal.length; cut += 1)
    expect(followTally(toTally(replay(journal.slice(0, cut))), entries, now)).toEqual(told);
});

test('an attempt of which no start is known counts under an action of its own', () => {
  const base = { workflowId, at: Date.parse('2026-01-31T12:00:00Z'), version: 9, stepId: 'a', attempt: 1 };
  const spent = { kind: 'step.spent' as const, ...base, metrics: call };
  const nothing = { seq: 4, spending: [], reserved: {} };
  expect(followTally(nothing, [{ seq: 5, event: spent }], 0)).toMatchObject([{ action: 'unknown', calls: 1 }]);
  expect(followTally(nothing, [{ seq: 4, event: spent }], 0)).toEqual([]);
});
