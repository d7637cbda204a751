/**
 * Requests that stay open on purpose: waits and event streams. Each has a signal that fires when its client goes away
 * or when the server closes, whichever comes first.
 */
import type { ServerResponse } from 'node:http';

export class OpenRequests {
  readonly #controllers = new Set<AbortController>();
  #closing = false;

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

  close(): void {
    this.#closing = true;
    for (const controller of this.#controllers) controller.abort();
    this.#controllers.clear();
  }
}
