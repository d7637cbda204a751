/** `5 sec`, `1 min 30 sec`, `2 hr 15 min`: rounded down to seconds, as the frontend shows them. */
export function toDuration(ms: number): string {
  const seconds = Math.floor(Math.max(0, ms) / 1000);
  if (seconds < 60) return `${seconds} sec`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${seconds % 60} sec`;
  return `${Math.floor(seconds / 3600)} hr ${Math.floor((seconds % 3600) / 60)} min`;
}

/** Whole percent of completed steps, rounded down; integer arithmetic, so that 29 of 50 is 58. */
export function toProgress(completed: number, total: number): number {
  return total === 0 ? 0 : Math.floor((100 * completed) / total);
}

/** `1 call`, `2 calls`: for nouns whose plural ends in s. */
export function counted(count: number | bigint, noun: string): string {
  return `${count} ${noun}${Number(count) === 1 ? '' : 's'}`;
}
