/** The followers of events, of all workflows or of one with the texts that its running steps tell. */
import type { CoordinatorPort, EventSink } from '../contract/coordinator.ts';
import type { EventsOptions, StreamOptions } from '../contract/engine.ts';
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

  async *stream({
    after,
    signal,
    workflows,
    texts = [],
  }: StreamOptions): AsyncGenerator<EngineEvent | EventGap | TokenEvent> {
    const follower = new Follower(signal);
    this.#all.add(follower);
    const isWanted = workflows === undefined ? null : new Set(workflows);
    // All events cross the thread once for all who follow all (TH1). Each follower of some looks through them here.
    const isOf = (event: EngineEvent | EventGap) => event.kind === 'gap' || isWanted?.has(event.workflow_id) !== false;
    const sink: EventSink = (events) => follower.push(isWanted === null ? events : events.filter(isOf));
    const ends = [this.#coordinator.subscribe(after ?? null, null, sink)];
    for (const id of new Set(texts)) ends.push(this.#coordinator.listen(id, follower.textSink()));
    try {
      yield* follower.read();
    } finally {
      for (const end of ends) end();
      this.#all.delete(follower);
    }
  }

  /** The engine closes: each has read what there is. */
  end(): void {
    for (const follower of this.#all) follower.end();
  }
}
