/** Runs as REST tells them to the run page, from a few words. */
import type { GraphView } from '../../src/contract/run-view.ts';
import type { JobStatus } from '../../src/contract/workflow.ts';
import { toStatusCode } from '../../web/run/look.ts';

export interface SketchedStep {
  readonly id: string;
  readonly name?: string;
  readonly action?: string;
  readonly deps?: readonly number[];
  readonly status?: JobStatus;
  /** Milliseconds since the run was created, and how long it took. */
  readonly start?: number;
  readonly ms?: number;
  readonly waits?: 'budget' | 'decision' | 'data' | 'time';
  readonly of?: readonly [number, number];
  readonly group?: 'map' | 'loop';
  readonly count?: number;
  readonly outcome?: 's' | 't';
}

function sparse<Value>(steps: readonly SketchedStep[], fieldOf: (step: SketchedStep) => Value | undefined) {
  const entries = steps.flatMap((step, i) => {
    const value = fieldOf(step);
    return value === undefined ? [] : [[String(i), value] as const];
  });
  return Object.fromEntries(entries) as Record<string, Value>;
}

export function sketchRun(steps: readonly SketchedStep[], head: Partial<GraphView> = {}): GraphView {
  const actions = [...new Set(steps.map(({ action = 'noop' }) => action))];
  const time = '2026-01-01T00:00:00.000Z';
  return {
    ...{
      id: '0191a0c0-0000-7000-8000-000000000001',
      name: 'Sketch',
      status: 'RUNNING',
      createdAt: time,
      updatedAt: time,
    },
    ...{ description: '', tags: [], progress: 0, parentId: null, templateId: null, failurePolicy: 'continue' },
    ...{ version: 1, warnings: [], branches: [], seq: 1, steps_total: steps.length, actions },
    metrics: {
      ...{ total_tokens: 0, total_cost: 0, completed_steps: 0, failed_steps: 0, total_steps: steps.length },
      cost_is_floor: false,
    },
    steps: {
      id: steps.map(({ id }) => id),
      name: steps.map(({ id, name = id }) => name),
      action: steps.map(({ action = 'noop' }) => actions.indexOf(action)),
      deps: steps.map(({ deps = [] }) => [...deps]),
      status: steps.map(({ status = 'WAITING_FOR_DEPENDENCY' }) => toStatusCode(status)).join(''),
      queued: steps.map(() => -1),
      start: steps.map(({ start = -1 }) => start),
      ms: steps.map(({ ms = -1 }) => ms),
      attempt: steps.map(({ start }) => (start === undefined ? 0 : 1)),
      cost: steps.map(() => -1),
      tokens: steps.map(() => -1),
      error: sparse(steps, ({ status }) => (status === 'FAILED' ? 'BAD' : undefined)),
      waits: sparse(steps, ({ waits }) => waits),
      outcome: sparse(steps, ({ outcome }) => outcome),
      of: sparse(steps, ({ of }) => (of === undefined ? undefined : ([...of] as [number, number]))),
      group: sparse(steps, ({ group }) => group),
      count: sparse(steps, ({ count }) => count),
      child: {},
      final: [],
    },
    ...head,
  };
}
