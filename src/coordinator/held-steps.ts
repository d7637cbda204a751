/** What GET /api/queue tells of steps that are held. */
import type { HeldSteps } from '../contract/engine.ts';
import type { HeldGate } from '../core/schedule.ts';
import { toIso } from '../core/time.ts';
import type { Clock } from './clock.ts';

const shownMax = 20;

export function toHeldSteps({ waitsFor, until, steps }: HeldGate, clock: Clock): HeldSteps {
  const first = steps.slice(0, shownMax);
  return {
    waits_for: waitsFor,
    until: until === null ? null : toIso(Math.ceil(clock.now() + Math.max(0, until - clock.monotonic()))),
    steps: steps.length,
    first: first.map(({ workflowId, stepId }) => ({ workflow_id: workflowId, step_id: stepId })),
  };
}
