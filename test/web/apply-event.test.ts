/**
 * Goal: columns that follow the engine's events are those that a read of the same version gives (AE1), also when the
 * stream repeats what a read has told (AE2) or has a hole (AE3). Method: 500 histories of the simulator, with deaths,
 * lists, loops, decisions and data from outside; every document that was seen is a place to begin at, and a place to
 * compare at. What columns must be is made from the documents by code of its own, `graphOf`.
 */
import { isDeepStrictEqual } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { EngineEvent } from '../../src/contract/event.ts';
import type { Workflow } from '../../src/contract/workflow.ts';
import { type Applied, applyEvent } from '../../web/run/apply-event.ts';
import type { Columns } from '../../web/run/columns.ts';
import { look } from '../../web/run/look.ts';
import { toColumns } from '../../web/run/read-run.ts';
import type { Check } from '../sim/check.ts';
import { simulate } from '../sim/simulate.ts';
import { graphOf } from './graph-of.ts';
import { sketchRun } from './sketch.ts';

/** What was seen of each workflow: documents by version, and the events in their order. */
class Seen implements Check {
  readonly documents = new Map<string, Map<number, Workflow>>();
  readonly events = new Map<string, EngineEvent[]>();

  document(workflow: Workflow): void {
    const known = this.documents.get(workflow.id) ?? new Map<number, Workflow>();
    this.documents.set(workflow.id, known.set(workflow.version, workflow));
  }

  event(event: EngineEvent): void {
    const known = this.events.get(event.workflow_id) ?? [];
    this.events.set(event.workflow_id, known);
    known.push(event);
  }
}

/** All of the columns but what follows from the rest, steps by their ids. */
function toPlain(run: Columns) {
  const steps = run.ids.map((id, i) => ({
    id,
    status: run.status[i],
    outcome: run.outcome[i],
    look: run.look[i],
    waits: run.waits[i],
    attempt: run.attempt[i],
    start: run.start[i],
    end: run.end[i],
    queued: run.queued[i],
    cost: run.cost[i],
    tokens: run.tokens[i],
    error: run.errors.get(i) ?? null,
  }));
  const { version, status, metrics, progress } = run.head;
  const { total_cost, total_tokens, cost_is_floor } = metrics;
  return { version, status, progress, total_cost, total_tokens, cost_is_floor, counts: [...run.counts], steps };
}

const tally = { compared: 0, holes: 0, reread: 0, applied: 0, known: 0 };

/** From each document through all later events: as long as no read is asked for, columns equal every later document. */
function follow(documents: ReadonlyMap<number, Workflow>, events: readonly EngineEvent[]): void {
  for (const from of documents.values()) {
    const run = toColumns(graphOf(from));
    for (const event of events) {
      const before = run.head.version;
      const applied: Applied = applyEvent(run, event);
      tally[applied] += 1;
      if (applied === 'reread') break;
      if (applied === 'known') {
        expect(run.head.version).toBe(before);
        continue;
      }
      const now = documents.get(run.head.version);
      if (now === undefined) continue;
      tally.compared += 1;
      const [is, mustBe] = [toPlain(run), toPlain(toColumns(graphOf(now)))];
      // Vitest's own comparison takes fifty times as long; it is asked where it has something to tell.
      if (!isDeepStrictEqual(is, mustBe)) expect(is, `${from.version} → ${now.version}, ${event.kind}`).toEqual(mustBe);
    }
  }
}

/** Without one event, every later one asks for a read, and changes nothing. */
function loseOne(document: Workflow, events: readonly EngineEvent[], lost: number): void {
  const run = toColumns(graphOf(document));
  for (const [at, event] of events.entries()) {
    const before = run.head.version;
    if (at === lost) continue;
    const applied = applyEvent(run, event);
    if (at < lost) {
      if (applied === 'reread') return;
      continue;
    }
    expect(applied).toBe('reread');
    expect(run.head.version).toBe(before);
    tally.holes += 1;
  }
}

const timeoutMs = 600_000;

describe('columns that follow the events', () => {
  it(
    'are those of a read, over 500 histories',
    async () => {
      for (let seed = 1; seed <= 500; seed += 1) {
        const seen = new Seen();
        const { error } = await simulate({ seed, checks: [seen] });
        expect(error, `seed ${seed}`).toBeNull();
        for (const [id, documents] of seen.documents) {
          const events = seen.events.get(id) ?? [];
          follow(documents, events);
          const [first] = documents.values();
          const begin = events.findIndex(({ version }) => version > first!.version);
          if (begin >= 0) loseOne(first!, events, begin + (seed % 3));
        }
      }
      expect(tally.compared).toBeGreaterThan(2_000);
      expect(tally.known).toBeGreaterThan(10_000);
      expect(tally.holes).toBeGreaterThan(2_000);
      // Most events are enough by themselves.
      expect(tally.applied).toBeGreaterThan(3 * tally.reread);
    },
    timeoutMs,
  );

  const step = (status: 'RUNNING' | 'COMPLETED' | 'FAILED', more: Partial<EngineEvent['step']> = {}) => ({
    ...{ status, attempt: 1, queuedAt: null, errorCode: null },
    ...{ startTime: '2026-01-01T00:00:01.000Z', endTime: status === 'RUNNING' ? null : '2026-01-01T00:00:03.000Z' },
    ...more,
  });
  const event = (version: number, more: Partial<EngineEvent>): EngineEvent => ({
    ...{
      seq: version,
      kind: 'step.started',
      workflow_id: 'w',
      at: '2026-01-01T00:00:03.000Z',
      status: 'RUNNING',
      version,
    },
    ...more,
  });

  it('a step that ends changes what it looks like, and what it makes ready', () => {
    const run = toColumns(
      sketchRun([
        { id: 'a', status: 'RUNNING', start: 1_000 },
        { id: 'b', deps: [0] },
        { id: 'ask', deps: [0], action: 'external_data' },
      ]),
    );
    expect([...run.look]).toEqual([look.running, look.waiting, look.waiting]);
    const completed = event(2, {
      ...{ kind: 'step.completed', step_id: 'a', queued_steps: ['b'], total_cost: 0.25, progress: 33 },
      step: step('COMPLETED', { cost: 0.25, tokens: 70 }),
    });
    expect(applyEvent(run, completed)).toBe('applied');
    expect([...run.look]).toEqual([look.completed, look.queued, look.needs]);
    expect([run.counts[look.running], run.counts[look.completed], run.counts[look.needs]]).toEqual([0, 1, 1]);
    expect([run.cost[0], run.tokens[0], run.head.metrics.total_cost, run.head.progress]).toEqual([0.25, 70, 0.25, 33]);
    expect(run.end[0]! - run.start[0]!).toBe(2_000);
    expect(applyEvent(run, completed)).toBe('known');
    expect(applyEvent(run, event(4, { step_id: 'b', step: step('RUNNING') }))).toBe('reread');
    expect(run.head.version).toBe(2);
  });

  it('never goes back in time, and a call that cost nothing has cost 0', () => {
    const run = toColumns(
      sketchRun([{ id: 'a', status: 'RUNNING', start: 1_000 }], { updatedAt: '2026-01-01T00:00:05.000Z' }),
    );
    const free = event(2, { kind: 'step.completed', step_id: 'a', step: step('COMPLETED', { cost: 0, tokens: 0 }) });
    expect(applyEvent(run, free)).toBe('applied');
    expect([run.head.updatedAt, run.cost[0], run.tokens[0]]).toEqual(['2026-01-01T00:00:05.000Z', 0, 0]);
    expect(applyEvent(run, event(3, { kind: 'workflow.waiting', at: '2026-01-01T00:00:06.000Z' }))).toBe('applied');
    expect(run.head.updatedAt).toBe('2026-01-01T00:00:06.000Z');
    const unpriced = event(4, { kind: 'step.spent', step_id: 'a', step: step('COMPLETED', { cost: null }) });
    applyEvent(run, unpriced);
    expect(run.cost[0]).toBe(-1);
  });

  it('asks for a read where an event says less than it changes', () => {
    const fresh = () => toColumns(sketchRun([{ id: 'a', status: 'RUNNING', start: 1_000 }]));
    const answerTo = (more: Partial<EngineEvent>) => {
      const run = fresh();
      const applied = applyEvent(run, event(2, more));
      expect(run.head.version).toBe(applied === 'applied' ? 2 : 1);
      return applied;
    };
    expect(answerTo({ step_id: 'a', step: step('RUNNING') })).toBe('applied');
    expect(answerTo({ step_id: 'unknown', step: step('RUNNING') })).toBe('reread');
    expect(answerTo({ step_id: 'a' })).toBe('reread');
    expect(answerTo({ kind: 'workflow.retried' })).toBe('reread');
    expect(answerTo({ kind: 'workflow.stopped', stopped_steps: ['a'] })).toBe('applied');
    expect(answerTo({ kind: 'workflow.stopped', stopped_steps: ['a'], steps_cut: true })).toBe('reread');
    expect(answerTo({ kind: 'workflow.stopped', stopped_steps: ['b'] })).toBe('reread');
  });
});
