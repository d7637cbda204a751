/**
 * A queue of work by key: work under one key runs in call order, work under different keys side by side, and no more at
 * once than there are places (each holds an open file).
 */
export class KeyedQueue {
  #placesFree: number;
  readonly #waiting: (() => void)[] = [];
  readonly #last = new Map<string, Promise<void>>();

  constructor(placesMax: number) {
    this.#placesFree = placesMax;
  }

  run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const result = before.then(() => this.inPlace(work));
    const settled = result.then(ignore, ignore).then(() => {
      if (this.#last.get(key) === settled) this.#last.delete(key);
    });
    this.#last.set(key, settled);
    return result;
  }

  /** Resolves when nothing runs or waits. */
  async idle(): Promise<void> {
    while (this.#last.size > 0) await Promise.all(this.#last.values());
  }

  /** In no order: as soon as a place is free. */
  async inPlace<T>(work: () => Promise<T>): Promise<T> {
    if (this.#placesFree > 0) this.#placesFree -= 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#placesFree += 1;
    }
  }
}

/** The caller of run() gets the error; here only the order matters. */
function ignore(): void {}
