/** A start that meets the limit of open files, in whichever module or thread: one line, and the way out. */

export const outOfHandlesLine =
  'The engine cannot start: too many open files; raise the limit (ulimit -n 1024) and start again';

/** True for an error of the system, or for the text of one that comes from another thread. */
export function isOutOfHandles(error: unknown): boolean {
  const text = error instanceof Error ? `${(error as NodeJS.ErrnoException).code} ${error.message}` : String(error);
  return /\b(EMFILE|ENFILE)\b/.test(text);
}
