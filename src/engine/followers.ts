/** The followers of events, of all workflows or of one with the texts that its running steps tell. */
import type { CoordinatorPort } from '../contract/coordinator.ts';
import type { EventsOptions } from '../contract/engine.ts';
import type { EngineEvent, EventGap, TokenEvent } from '../contract/event.ts';
import { Follower } from './follower.ts';

export class Followers {
  readonly #coordinator: Pick<CoordinatorPort, 'subscribe' | 'listen'>;
  readonly #all = new Set<Follower>();

  constructor(coordinator: Pick<CoordinatorPort, 'subscribe' | 'listen'>) {
    this.#coordinator = coordinator;
  }

  async *events({ after, workflowId, signal }: EventsOptions): AsyncGenerator<EngineEvent | EventGap> {
    const follower = new Follower(signal);
    this.#all.add(follower);
    const end = this.#coordinator.subscribe(after ?? null, workflowId ?? null, (events) => follower.push(events));
    try {
      for await (const item of follower.read()) if (item.kind !== 'step.tokens') yield item;
    } finally {
      end();
      this.#all.delete(follower);
    }
  }

  async *follow(
    id: string,
    { after, signal }: Pick<EventsOptions, 'after' | 'signal'>,
  ): AsyncGenerator<EngineEvent | EventGap | TokenEvent> {
    const follower = new Follower(signal);
    this.#all.add(follower);
    const end = this.#coordinator.subscribe(after ?? null, id, (events) => follower.push(events));
    const endTexts = this.#coordinator.listen(id, follower.textSink());
    try {
      yield* follower.read();
    } finally {
      end();
      endTexts();
      this.#all.delete(follower);
    }
  }

  /** The engine closes: each has read what there is. */
  end(): void {
    for (const follower of this.#all) follower.end();
  }
}
