/**
 * The timer over a job. A timer that fires late did not measure the job's time alone: this thread was blocked, or the
 * whole process was halted. The job may have ended by then, and its outcome may wait to be read. So the job gets
 * `graceMs` more, once. 0 is enough for an outcome that has arrived, because Node reads messages between one timer
 * and the next.
 */
export interface Watch {
  clear(): void;
}

/** A busy event loop delays a timer by this much. */
const watchLateMsMax = 50;

export function watchOver(timeoutMs: number, graceMs: number, onEnd: () => void): Watch {
  let timer: NodeJS.Timeout;
  const arm = (ms: number, isLast: boolean): void => {
    const dueAt = performance.now() + ms;
    timer = setTimeout(() => {
      if (!isLast && performance.now() - dueAt > watchLateMsMax) {
        arm(graceMs, true);
        return;
      }
      onEnd();
    }, ms);
  };
  arm(timeoutMs, false);
  return { clear: () => clearTimeout(timer) };
}
