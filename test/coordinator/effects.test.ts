/**
 * Goal: effects are performed in one order, whatever the order in which a batch has gathered them (EF2), and an abort ends the
 * attempt that was in flight when it was decided, never the step's next one. Method: parts that only note their calls; and an
 * engine whose turns come when the test says so, so that several items share one.
 */
import { expect, test } from 'vitest';
import type { EngineEvent } from '../../src/contract/event.ts';
import { type Clock, createClock } from '../../src/coordinator/clock.ts';
import { createPerform, type Effect, type EffectTargets } from '../../src/coordinator/effects.ts';
import type { Flight } from '../../src/coordinator/steps/flights.ts';
import { live, newDir } from './restarts.ts';

function watched(): { targets: EffectTargets; seen: string[] } {
  const seen: string[] = [];
  const note = (text: string) => void seen.push(text);
  const targets = {
    log: { info: (_: object, message: string) => note(`log ${message}`) },
    window: { publish: (events: EngineEvent[]) => note(`publish ${events.map(({ seq }) => seq).join(' ')}`) },
    cache: { keep: () => note('store-cached') },
    flights: {
      cancel: ({ jobId }: Flight) => note(`cancel ${jobId}`),
      recorded: (flights: Flight[]) => note(`recorded ${flights.map(({ jobId }) => jobId).join(' ')}`),
      launch: (flights: Flight[]) => note(`dispatch ${flights.map(({ jobId }) => jobId).join(' ')}`),
    },
    waits: { settle: (id: string, status: string | null) => note(`wake ${id} ${status}`) },
    workflows: { has: (id: string) => id === 'here', status: () => 'COMPLETED' },
    removals: { remove: async (id: string) => note(`remove ${id}`) },
    checkpoints: { afterBatch: () => note('checkpoint') },
    onFault: () => undefined,
  };
  return { targets: targets as unknown as EffectTargets, seen };
}

const event = (seq: number) => ({ seq, kind: 'step.completed', workflow_id: 'here', status: 'RUNNING' }) as EngineEvent;
const flight = (jobId: number) => ({ jobId }) as Flight;

test('effects are performed by kind in one order, and within a kind in the order in which they were gathered', () => {
  const { targets, seen } = watched();
  const to = (name: string) => ({ answer: () => void seen.push(`answer ${name}`), refuse: () => undefined });
  const effects: Effect[] = [
    { kind: 'remove', workflowId: 'gone' },
    { kind: 'answer', to: to('a') },
    { kind: 'wake', workflowId: 'gone' },
    { kind: 'recorded', flight: flight(2) },
    { kind: 'dispatch', flight: flight(3) },
    { kind: 'cancel', flight: flight(1) },
    { kind: 'store-cached', question: {} as never, completed: {} as never },
    { kind: 'publish', event: event(7), statusBefore: 'PENDING' },
    { kind: 'wake', workflowId: 'here' },
    { kind: 'answer', to: to('b') },
    { kind: 'dispatch', flight: flight(4) },
    { kind: 'publish', event: event(8), statusBefore: 'RUNNING' },
    { kind: 'wake', workflowId: 'here' },
  ];
  createPerform(targets)(effects);
  expect(seen).toEqual([
    'publish 7 8',
    'log step.completed',
    'log workflow PENDING → RUNNING',
    'log step.completed',
    'store-cached',
    'cancel 1',
    'dispatch 3 4',
    'recorded 2',
    'wake gone null',
    'wake here COMPLETED',
    'answer a',
    'answer b',
    'remove gone',
    'checkpoint',
  ]);
});

test('a batch without events publishes nothing and brings no checkpoint nearer', () => {
  const { targets, seen } = watched();
  const to = { answer: () => void seen.push('answer'), refuse: () => undefined };
  createPerform(targets)([{ kind: 'answer', to }]);
  expect(seen).toEqual(['answer']);
});

/** A clock whose turns are held back while `isHeld`, and come with `go`. */
function heldTurns(): { clock: Clock; hold(): void; go(): void } {
  const real = createClock();
  let isHeld = false;
  let due: (() => void)[] = [];
  return {
    clock: { ...real, soon: (callback) => (isHeld ? void due.push(callback) : real.soon(callback)) },
    hold: () => {
      isHeld = true;
    },
    go: () => {
      isHeld = false;
      const now = due;
      due = [];
      for (const callback of now) callback();
    },
  };
}

test('a stop, the outcome of the stopped attempt and a resume in one turn leave the next attempt running', async () => {
  const { clock, hold, go } = heldTurns();
  const { engine, coordinator, holds } = await live(newDir(), { clock });
  const { turns } = coordinator.parts;
  const { id } = await engine.submit({
    name: 'w',
    steps: [holds.step('a', { params: { name: 'a', stubborn: true } })],
  });
  await holds.arrived('a');
  hold();
  const waiting = async (items: number) => {
    while (turns.waiting < items) await new Promise((resolve) => setImmediate(resolve));
  };
  const stopped = engine.stop(id);
  await waiting(1);
  holds.release('a');
  await waiting(2);
  const resumed = engine.resume(id);
  await waiting(3);
  go();
  await Promise.all([stopped, resumed]);
  await holds.arrived('a', 2);
  expect(coordinator.parts.flights.of(id, 'a')?.phase).toBe('dispatched');
  holds.release('a');
  const { workflow } = await engine.finished(id);
  expect(workflow.status).toBe('COMPLETED');
  expect(workflow.steps[0]?.attempt).toBe(2);
});
