/**
 * Goal: the schema of journal events names the first wrong field, whichever it is. Method: one event of each kind, with
 * every field that it may have, is spoilt in every field.
 */
import { describe, expect, test } from 'vitest';
import {
  findEventFault,
  type JournalEvent,
  journalEventSchema,
  toEventJson,
} from '../../src/contract/journal-event.ts';
import { checkEvents } from '../fixtures/checked-store.ts';

/** Of a union, the member that has this kind, also where it has others besides. */
type OfKind<Event, K> = Event extends { kind: infer Kinds } ? (K extends Kinds ? Event : never) : never;
const row = {
  ...{ day: '2026-01-31', action: 'a', model: 'm', calls: 1, unpriced_calls: 0, tokens: 1, input_tokens: 1 },
  ...{ cached_input_tokens: 0, cache_write_tokens: 0, output_tokens: 0, reasoning_tokens: 0, cost_pico: '12' },
};
const sha256 = 'ab'.repeat(32);
const key = { key: 'k', request: 'sum', reply: { json: '{}' } };
const base = { workflowId: 'w', at: 1_790_000_000_000, version: 3, idempotency: key };
const attempt = { ...base, stepId: 'a', attempt: 1 };
const outcome = { ...attempt, durationMs: 5, logs: ['line'], metrics: { tokens: 1 } };
const failure = { code: 'NETWORK' as const, error: 'e', lost: true as const };
const reserved = { action: 'a', model: 'm', calls: 1, tokens: 10, cost_pico: null };

/** One event of each kind, with every field it may have. */
const events: { [K in JournalEvent['kind']]: OfKind<JournalEvent, K> } = {
  'workflow.created': {
    ...base,
    kind: 'workflow.created',
    workflow: { id: 'w' },
    parent: { id: 'p', stepId: 'a', version: 2, child: { until: 1_790_000_000_000 } },
  },
  'workflow.adopted': {
    ...base,
    kind: 'workflow.adopted',
    workflow: { id: 'w' },
    sha256,
    keys: [key],
    spending: [row],
  },
  'workflow.taken_over': { ...base, kind: 'workflow.taken_over', workflow: { id: 'w' }, sha256, keys: [] },
  'workflow.waiting': { ...base, kind: 'workflow.waiting' },
  'workflow.branched': { ...base, kind: 'workflow.branched' },
  'workflow.stopped': { ...base, kind: 'workflow.stopped' },
  'workflow.retried': { ...base, kind: 'workflow.retried' },
  'workflow.resumed': { ...base, kind: 'workflow.resumed', budget: { usd: 1 }, of: 'day' },
  'workflow.deleted': { ...base, kind: 'workflow.deleted', spending: [row] },
  'workflow.recovered': { ...base, kind: 'workflow.recovered', unclean: true },
  'step.started': { ...attempt, kind: 'step.started', reserved, logs: ['waited'] },
  'step.completed': {
    ...outcome,
    kind: 'step.completed',
    outputs: { json: '{"content":"tea"}' },
    metadata: null,
    simulated: true,
  },
  'step.retrying': { ...outcome, ...failure, kind: 'step.retrying', delayMs: 9, attemptsMax: 3 },
  'step.failed': { ...outcome, ...failure, kind: 'step.failed', metadata: { at: 'x' } },
  'step.paused': { ...base, kind: 'step.paused', stepId: 'a', reason: 'r', until: 'day' },
  'step.skipped': { ...base, kind: 'step.skipped', stepId: 'a', reason: 'r' },
  'step.mapped': { ...base, kind: 'step.mapped', stepId: 'a', count: 2, labels: ['x', 'y'] },
  'step.repeated': { ...base, kind: 'step.repeated', stepId: 'a', round: 1, dueAt: 1_790_000_000_000 },
  'step.concluded': { ...base, kind: 'step.concluded', stepId: 'a', done: true },
  'step.waiting': { ...base, kind: 'step.waiting', stepId: 'a', for: 'workflow', until: null, atRest: true },
  'step.returned': {
    ...base,
    kind: 'step.returned',
    stepId: 'a',
    child: 'c',
    error: null,
    code: 'CHILD_FAILED',
    metrics: { tokens: 1 },
    simulated: true,
    outputs: { json: '{"steps":{}}' },
  },
  'step.elapsed': { ...base, kind: 'step.elapsed', stepId: 'a' },
  'step.decided': {
    ...base,
    kind: 'step.decided',
    stepId: 'a',
    approved: true,
    by: 'Ada',
    comment: null,
    data: { text: 't' },
    expired: true,
  },
  'step.spent': { ...attempt, kind: 'step.spent', metrics: null, lost: true },
  'external_data.ingested': {
    ...base,
    kind: 'external_data.ingested',
    stepId: 'a',
    added: { name: 'n', action: 'x' },
    outputs: { blob: sha256, bytes: 70_000 },
    metadata: {},
  },
};

test('a store that checks its events refuses one with a wrong field, and writes the others', () => {
  const written: string[] = [];
  const write = (payloads: readonly string[]) => void written.push(...payloads);
  const store = checkEvents({ begin: write, append: write });
  const sound = toEventJson(events['workflow.stopped']);
  const wrong = JSON.stringify({ ...events['workflow.stopped'], version: '3' });
  store.begin([sound]);
  store.append([sound, sound]);
  for (const call of [store.begin, store.append]) expect(() => call([sound, wrong])).toThrow('refuses: version: ');
  expect(written).toEqual([sound, sound, sound]);
});

describe.each(Object.entries(events))('%s', (_, event) => {
  test('passes as it is written to the journal', () => {
    expect(findEventFault(toEventJson(event))).toBeNull();
  });

  test('with any field of another type is refused, by the name of the field', () => {
    for (const field of Object.keys(event)) {
      const fault = journalEventSchema.safeParse({ ...event, [field]: Symbol.for('another type') }).error;
      expect(fault?.issues[0]?.path[0], field).toBe(field);
    }
  });

  test('with a field that it does not have is refused', () => {
    expect(findEventFault(toEventJson({ ...event, ...{ extra: 1 } }))).toBe('extra: unknown field "extra"');
  });

  test('without a field that it must have is refused', () => {
    for (const field of ['workflowId', 'at', 'version']) {
      expect(findEventFault(toEventJson({ ...event, [field]: undefined }))).toMatch(new RegExp(`^${field}: `));
    }
  });
});

test.each([
  [
    'a fault deep inside',
    { ...events['workflow.adopted'], spending: [{ ...row, calls: -1 }] },
    /^spending\[0\]\.calls: /,
  ],
  ['an unknown kind', { ...base, kind: 'step.dreamt' }, /^kind: /],
  ['an unknown failure code', { ...events['step.failed'], code: 'TIRED' }, /^code: /],
  ['a list in place of an object', { ...events['step.failed'], metadata: [] }, /^metadata: expected an object/],
  ['no event at all', 5, /expected/],
])('%s is named', (_, event, fault) => {
  expect(findEventFault(JSON.stringify(event))).toMatch(fault);
});

test('text that is no JSON is named as that', () => {
  expect(findEventFault('{"kind":')).toMatch(/^it is not JSON: /);
});
