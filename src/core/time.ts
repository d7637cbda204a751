/** Milliseconds since 1970 as people and files read them. */

let lastMs = Number.NaN;
let lastIso = '';

/** ISO 8601, UTC. Remembers its last answer: many events share a millisecond. */
export function toIso(ms: number): string {
  if (ms !== lastMs) {
    lastIso = new Date(ms).toISOString();
    lastMs = ms;
  }
  return lastIso;
}
