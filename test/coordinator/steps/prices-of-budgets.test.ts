/**
 * Goal: the list of prices is loaded only when a budget in dollars needs it, and calls under such a budget wait for it
 * (BA2). Method: budgets over one workflow, and a loader that ends when the test says so.
 */
import { expect, test } from 'vitest';
import type { Budget } from '../../../src/contract/budget.ts';
import type { StepId, WorkflowId } from '../../../src/contract/ids.ts';
import { Budgets, type BudgetsOptions } from '../../../src/coordinator/steps/budgets.ts';
import { noAmounts } from '../../../src/core/budget.ts';
import { StillClock } from '../../damage/still-clock.ts';

const id = '0190a1b2-0000-7000-8000-00000000000a' as WorkflowId;
const call = { baseUrl: '', provider: 'p', model: 'm', inputTokens: 60, outputTokens: 40 };
const step = { workflowId: id, stepId: 'a' as StepId, lane: 'io' as const, rankMs: 0, readyAt: 0 };

function budgetsOf(budget: Budget) {
  const live = { state: { header: { id, budget, spending: [] }, reserved: noAmounts } };
  const loads: ((price: number) => void)[] = [];
  let ready = 0;
  const workflows = {
    live: new Map([[id, live]]),
    parentOf: () => null,
    descendants: () => [],
    spendingOf: () => [],
    spending: () => [],
  };
  const budgets = new Budgets({
    daily: undefined,
    workflows: workflows as unknown as BudgetsOptions['workflows'],
    clock: new StillClock(),
    loadPricer: () => new Promise((resolve) => loads.push((price) => resolve(() => price))),
    onReady: () => {
      ready += 1;
    },
    onFatal: (error) => {
      throw error;
    },
  });
  return { budgets, loads, readyCount: () => ready };
}

const waiting = { waitsFor: 'the prices of models', until: null, isOwn: true };

test('BA2: a budget in tokens or calls asks for no prices', () => {
  const { budgets, loads } = budgetsOf({ tokens: 100, calls: 1 });
  expect(budgets.hold(step, call)).toBeNull();
  expect(loads).toEqual([]);
});

test('BA2: a budget in dollars loads them once, and its calls wait until they are there', async () => {
  const { budgets, loads, readyCount } = budgetsOf({ usd: 0.5 });
  expect(budgets.hold(step, call)).toEqual(waiting);
  expect(budgets.hold({ ...step, stepId: 'b' as StepId }, call)).toEqual(waiting);
  expect([loads.length, readyCount()]).toEqual([1, 0]);
  loads[0]?.(0.5);
  await expect.poll(readyCount).toBe(1);
  expect(budgets.hold(step, call)).toBeNull();
  expect(loads.length).toBe(1);
  expect(budgets.takePauses()).toEqual([]);
});

test('BA2: with them a call that costs more than the budget has is paused', async () => {
  const { budgets, loads, readyCount } = budgetsOf({ usd: 0.5 });
  budgets.hold(step, call);
  loads[0]?.(0.6);
  await expect.poll(readyCount).toBe(1);
  expect(budgets.hold(step, call)).toEqual({ waitsFor: "room in the workflow's budget", until: null, isOwn: true });
  expect(budgets.takePauses()).toMatchObject([{ step, pause: { until: 'resume' } }]);
});

test('BA1: a call that has its slot is no room for another, until its event is taken', () => {
  const { budgets } = budgetsOf({ calls: 1 });
  budgets.begin(step, call);
  expect(budgets.hold(step, { ...call })).toMatchObject({ waitsFor: "room in the workflow's budget" });
  expect(budgets.takeReservation(call)).toEqual({ model: 'm', calls: 1, tokens: 100, cost_pico: null });
  // The event that it is written into counts from now on.
  expect(budgets.hold(step, { ...call })).toBeNull();
  expect(budgets.takeReservation(call)).toBeNull();
});
