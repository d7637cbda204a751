/** What GET /api/queue tells of steps that are held. */
import type { HeldSteps } from '../contract/engine.ts';
import type { HeldGate } from '../core/schedule.ts';
import { toIso } from '../core/time.ts';
import type { Clock } from './clock.ts';

const shownMax = 20;

/** null: they are held no longer, and wait for a slot. */
export function toHeldSteps({ waitsFor, until, steps }: HeldGate, clock: Clock): HeldSteps | null {
  const leftMs = until === null ? 0 : until - clock.monotonic();
  if (leftMs < 0) return null;
  const first = steps.slice(0, shownMax);
  return {
    waits_for: waitsFor,
    until: until === null ? null : toIso(Math.ceil(clock.now() + leftMs)),
    steps: steps.length,
    first: first.map(({ workflowId, stepId }) => ({ workflow_id: workflowId, step_id: stepId })),
  };
}
