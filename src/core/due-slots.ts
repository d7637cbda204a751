/**
 * Which slots of a schedule run when it is looked at late, and what goes into their params.
 *
 * Rules, numbered for tests:
 *   DS1  a slot that is less than a minute old is on time and runs;
 *   DS2  of older ones within the window none runs (`skip`), the latest (`once`, unless a later slot is on time), or all;
 *   DS3  `{{slot}}` is the only reference in the params of a schedule.
 */
import type { FieldError } from '../contract/failures.ts';
import { toFieldPath } from '../contract/field-errors.ts';
import { readDuration } from '../contract/flow.ts';
import type { TemplateSchedule } from '../contract/schedule.ts';
import { findMisplacedSecrets } from './step-secrets.ts';

/** No two slots are nearer to each other, so at most one is on time. */
const onTimeMs = 60_000;
const windowMsDefault = 3_600_000;

export interface DueSlots {
  run: number[];
  missed: number[];
}

/** `slots`: those that nobody has decided yet, oldest first, none after `now` (milliseconds since 1970). */
export function decideDue(
  slots: readonly number[],
  now: number,
  { missed: policy = 'once', window = '1h' }: Pick<TemplateSchedule, 'missed' | 'window'>,
): DueSlots {
  const windowMs = readDuration(window) ?? windowMsDefault;
  const latest = slots.at(-1);
  const run: number[] = [];
  const missed: number[] = [];
  for (const slot of slots) {
    const isLate = now - slot >= onTimeMs;
    const isWanted = policy === 'all' || (policy === 'once' && slot === latest);
    const runs = isLate ? isWanted && now - slot <= windowMs : true;
    (runs ? run : missed).push(slot);
  }
  return { run, missed };
}

const anyReference = /\{\{([^{}]*)\}\}/g;
const slotName = 'slot';

/** The params of one slot's run. `slot`: ISO 8601, UTC. */
export function bindSlot(params: Record<string, unknown>, slot: string): Record<string, unknown> {
  return mapTexts(params, (text) =>
    text.replace(anyReference, (written, name: string) => (name.trim() === slotName ? slot : written)),
  ) as Record<string, unknown>;
}

/** DS3, with paths below `schedule.params`. */
export function findSlotFaults(params: Record<string, unknown>): FieldError[] {
  const faults = findMisplacedSecrets(params, ['schedule', 'params']);
  const known = new Set(faults.map(({ path }) => path));
  const visit = (value: unknown, path: readonly (string | number)[]): void => {
    if (typeof value === 'string') {
      const other = [...value.matchAll(anyReference)].find(([, name = '']) => name.trim() !== slotName);
      const place = toFieldPath(path);
      if (other === undefined || known.has(place)) return;
      faults.push({ path: place, message: `${other[0]}: the only reference in the params of a schedule is {{slot}}` });
    } else if (Array.isArray(value)) {
      for (const [i, item] of value.entries()) visit(item, [...path, i]);
    } else if (typeof value === 'object' && value !== null) {
      for (const [name, item] of Object.entries(value)) visit(item, [...path, name]);
    }
  };
  visit(params, ['schedule', 'params']);
  return faults;
}

function mapTexts(value: unknown, change: (text: string) => string): unknown {
  if (typeof value === 'string') return change(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, mapTexts(item, change)]));
}
