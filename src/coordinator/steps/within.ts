/** The time that a step has for what it waits for. */
import { readDuration } from '../../contract/flow.ts';
import { BindingError } from '../../core/bindings.ts';

/**
 * Until when a step with this `within` waits, in milliseconds since 1970; null: without an end. Throws BindingError where
 * it is no duration.
 */
export function toEnd(within: unknown, at: number): number | null {
  if (within === undefined) return null;
  const ms = typeof within === 'string' ? readDuration(within) : null;
  if (ms === null) throw new BindingError(`within is no duration as in 30m or 2d: ${JSON.stringify(within)}`);
  return at + ms;
}
