/** Events between the coordinator that pushes them and a reader that takes them at its own pace. */
import type { TokenSink } from '../contract/coordinator.ts';
import type { EngineEvent, EventGap, TokenEvent } from '../contract/event.ts';
import { limits } from '../contract/limits.ts';
import { WaitingTexts } from './waiting-texts.ts';

type Item = EngineEvent | EventGap | TokenEvent;

export class EventQueue {
  readonly #texts = new WaitingTexts();
  #items: Item[] = [];
  #wake: (() => void) | null = null;
  #isEnded = false;

  constructor(signal: AbortSignal | undefined) {
    if (signal?.aborted) this.#isEnded = true;
    signal?.addEventListener('abort', () => this.end(), { once: true });
  }

  /** Who listens with it gets first the texts there are, then what is added to them. */
  textSink(): TokenSink {
    let isFirst = true;
    return (pieces) => {
      this.push(pieces, isFirst);
      isFirst = false;
    };
  }

  push(events: readonly Item[], areFound = false): void {
    for (const event of events) {
      if (event.kind === 'step.tokens') {
        const piece = this.#texts.add(event, areFound);
        if (piece) this.#items.push(piece);
      } else this.#items.push(event);
    }
    // A reader that far behind is told so, rather than having everything kept for it.
    if (this.#items.length > 2 * limits.eventWindowMax) {
      const dropped = this.#items.splice(0, this.#items.length - limits.eventWindowMax);
      // What was left out of texts shows in their offsets.
      this.#texts.taken();
      const first = dropped.find(isDurable);
      const oldest = this.#items.find(isDurable);
      if (first && oldest) this.#items.unshift({ kind: 'gap', after: first.seq - 1, oldest: oldest.seq });
    }
    this.#wake?.();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake?.();
  }

  async *drain(): AsyncGenerator<Item> {
    while (!this.#isEnded) {
      const items = this.#items;
      this.#items = [];
      this.#texts.taken();
      for (const item of items) {
        if (this.#isEnded) return;
        yield item;
      }
      if (this.#items.length === 0 && !this.#isEnded) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = null;
      }
    }
  }
}

function isDurable(item: Item): item is EngineEvent {
  return item.kind !== 'gap' && item.kind !== 'step.tokens';
}
