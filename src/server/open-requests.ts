/**
 * Requests that stay open on purpose: waits and event streams. Each has a signal that fires when its client goes away
 * or when the server closes, whichever comes first. Waits are so many and no more: connections are bounded, and others
 * have to get through.
 */
import type { ServerResponse } from 'node:http';
import { RefusalWithHeaders } from './problem.ts';

export class OpenRequests {
  readonly #waitsMax: number;
  readonly #controllers = new Set<AbortController>();
  #waits = 0;
  #closing = false;

  constructor(waitsMax: number) {
    this.#waitsMax = waitsMax;
  }

  get closing(): boolean {
    return this.#closing;
  }

  signalFor(response: ServerResponse): AbortSignal {
    const controller = new AbortController();
    if (this.#closing || response.destroyed) {
      controller.abort();
      return controller.signal;
    }
    this.#controllers.add(controller);
    response.once('close', () => {
      this.#controllers.delete(controller);
      controller.abort();
    });
    return controller.signal;
  }

  signalForWait(response: ServerResponse): AbortSignal {
    if (this.#waits >= this.#waitsMax) {
      throw new RefusalWithHeaders(
        {
          code: 'TOO_MANY',
          detail: `${this.#waitsMax} calls wait already: call without ?wait, or follow the events`,
          retryAfterSeconds: 5,
        },
        // What is scarce is connections: an idle one would keep somebody else out.
        { Connection: 'close' },
      );
    }
    const signal = this.signalFor(response);
    if (!signal.aborted) {
      this.#waits += 1;
      response.once('close', () => {
        this.#waits -= 1;
      });
    }
    return signal;
  }

  close(): void {
    this.#closing = true;
    for (const controller of this.#controllers) controller.abort();
    this.#controllers.clear();
  }
}
