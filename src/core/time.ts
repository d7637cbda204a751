/** Milliseconds since 1970 as text. */
import { itemAt } from './item-at.ts';

/** Size of the memory of `toIso`: many events share a millisecond, and a workflow's texts repeat a few of them. */
const places = 64;
const known = Array.from({ length: places }, () => ({ ms: Number.NaN, iso: '' }));

/** ISO 8601, UTC. Remembers its latest results. */
export function toIso(ms: number): string {
  // The low bits: a remainder of so large a number is slow. They are a place for fractions and negative times too.
  const place = itemAt(known, ms & (places - 1));
  if (ms !== place.ms) {
    place.iso = new Date(ms).toISOString();
    place.ms = ms;
  }
  return place.iso;
}

const dayMs = 86_400_000;
let lastDay = Number.NaN;
let lastDayText = '';

/** The date in UTC: `2026-01-31`. */
export function toDay(ms: number): string {
  const day = Math.floor(ms / dayMs);
  if (day !== lastDay) {
    lastDayText = new Date(ms).toISOString().slice(0, 10);
    lastDay = day;
  }
  return lastDayText;
}
