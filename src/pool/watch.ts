/**
 * The timer over a job. One that fires late has not measured the job's time alone: this thread was blocked, or the whole
 * process halted. The job may have done its part, or be about to, and its answer wait to be read; so it is given `graceMs`
 * more, once. 0 is enough for what has arrived, because what can be read is read between one timer and the next.
 */
export interface Watch {
  clear(): void;
}

/** What a busy event loop delays a timer by. */
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
