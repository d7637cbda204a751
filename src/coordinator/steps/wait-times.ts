/** Until when a step waits, from its params. */
import { readDuration } from '../../contract/flow.ts';
import { BindingError } from '../../core/bindings.ts';
import type { StepState } from '../../core/step-state.ts';

/** How long a wait of this step is in all, in milliseconds; null where it ends at a time of day. */
export function toDuration({ flow, params }: StepState): number | null {
  const text = flow.repeat?.every ?? params.for ?? params.within;
  return typeof text === 'string' ? readDuration(text) : null;
}

/** Until when a step with this `within` waits, in milliseconds since 1970; null: without an end. */
export function toEnd(within: unknown, at: number): number | null {
  if (within === undefined) return null;
  const ms = typeof within === 'string' ? readDuration(within) : null;
  if (ms === null) throw new BindingError(`within is no duration as in 30m or 2d: ${JSON.stringify(within)}`);
  return at + ms;
}

/** Milliseconds since 1970. A time that is past is over at once. */
export function toTime({ for: duration, until }: Record<string, unknown>, at: number): number {
  if (duration !== undefined) {
    const ms = typeof duration === 'string' ? readDuration(duration) : null;
    if (ms === null) throw new BindingError(`for is no duration as in 30s or 2h: ${JSON.stringify(duration)}`);
    return at + ms;
  }
  const time = typeof until === 'string' && /(?:[zZ]|[+-]\d\d:\d\d)$/.test(until) ? Date.parse(until) : Number.NaN;
  if (Number.isNaN(time)) {
    throw new BindingError(`until is no time with a zone as in 2026-01-31T12:00:00Z: ${JSON.stringify(until)}`);
  }
  return time;
}
