/** Which finished workflows are past what KEEP_FINISHED keeps. */
import type { KeepFinished } from '../contract/keep-finished.ts';

export interface FinishedAt {
  id: string;
  /** Its last change, ISO 8601, UTC. */
  updatedAt: string;
}

/** Their ids, those that finished first in front. What is exactly as old as the age still stays. */
export function findExpired(finished: readonly FinishedAt[], keep: KeepFinished, now: number): string[] {
  const oldestFirst = finished
    .map(({ id, updatedAt }) => ({ id, at: Date.parse(updatedAt) }))
    .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1));
  const expired =
    'ageMs' in keep
      ? oldestFirst.filter(({ at }) => at < now - keep.ageMs)
      : oldestFirst.slice(0, Math.max(0, oldestFirst.length - keep.count));
  return expired.map(({ id }) => id);
}
