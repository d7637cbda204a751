/** What to do about a failure, by its code: one line each, as docs/models.md and docs/tasks.md have it. Pure. */
import type { FailureCode } from '../../src/contract/failures.ts';

const advice: Partial<Record<FailureCode, (error: string) => string>> = {
  MISSING_SECRET: (error) => {
    const name = /\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b/.exec(error.replace('MISSING_SECRET', ''))?.[0];
    return name === undefined
      ? 'Set the secret that it names and start the engine again.'
      : `Set ${name} and start the engine again.`;
  },
  RATE_LIMITED: () => 'The provider takes no more calls for now. Retry it later, or set LIMITS to call more slowly.',
  TARGET_REFUSED: () => 'The host is private. Name it in HTTP_ALLOW_HOSTS if the engine may reach it.',
  BINDING: () => 'A reference finds no value. Compare it with the outputs of the step that it names.',
  TIMEOUT: () => 'It took longer than its timeoutMs. Give it more time, or less to do.',
  NETWORK: () => 'The server could not be reached. Retry it when it is there again.',
  ITEMS_FAILED: () => 'More of its items failed than it tolerates. The cells that failed say why.',
  CHILD_FAILED: () => 'The run that it has started failed: open that run to see why.',
  NOT_DONE: () => 'Its condition was not met after all its rounds. Retry gives it as many again.',
  EXPIRED: () => 'Nobody answered in time. Retry waits anew.',
  CRASH_LOOP: () => 'The engine died each time while it ran. It may need more memory than there is.',
  WORKER_LOST: () => 'The thread or process that ran it has ended. A retry starts another.',
  WORKER_OUT_OF_MEMORY: () => 'It needs more memory than a worker has. Let it do less at once.',
  HTTP_RETRYABLE: () => 'The server was busy or broken each time. Retry it later.',
  QUOTA_USED_UP: () => 'The account has no credit or quota left at the provider.',
  OFFLINE: () => 'OFFLINE is set: nothing goes out. Start the engine without it.',
  UNKNOWN_ACTION: () => 'No task implements this action. GET /api/actions lists those that there are.',
  ANSWER_CUT: () => 'The answer was cut by the limit of the model. Raise max_tokens, or ask for less.',
  OUTPUT_TOO_LARGE: () => 'Its outputs are larger than the engine keeps. Let it make less at once.',
};

export function toAdvice(code: string, error: string): string | null {
  return advice[code as FailureCode]?.(error) ?? null;
}
