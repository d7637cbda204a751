/**
 * Serves a coordinator's port over a thread's message port.
 *
 *   TH1  events that several subscriptions get in one publication cross the thread once;
 *   TH2  messages arrive in the order in which the coordinator made them: texts, events and answers alike.
 */
import type { MessagePort } from 'node:worker_threads';
import type { CoordinatorPort, EventSink, FromCoordinator, ToCoordinator } from '../contract/coordinator.ts';
import { Refusal } from '../contract/failures.ts';

export function serveCoordinator(
  coordinator: CoordinatorPort,
  port: Pick<MessagePort, 'on' | 'postMessage'>,
  onFault: (error: unknown) => void,
): void {
  const aborts = new Map<number, AbortController>();
  const subscriptions = new Map<number, () => void>();
  const posts = new Posts(port);

  const answer = ({ callId, name, args }: Extract<ToCoordinator, { kind: 'call' }>) => {
    const abort = new AbortController();
    aborts.set(callId, abort);
    coordinator
      .call(name, args, abort.signal)
      .then(
        (value) => posts.send({ kind: 'answer', callId, answer: value }),
        (error: unknown) => {
          if (!(error instanceof Refusal)) throw error;
          posts.send({ kind: 'refusal', callId, refusal: error.toData() });
        },
      )
      .catch(onFault)
      .finally(() => aborts.delete(callId));
  };

  port.on('message', (message: ToCoordinator) => {
    switch (message.kind) {
      case 'call':
        answer(message);
        return;
      case 'abort':
        aborts.get(message.callId)?.abort();
        return;
      case 'subscribe': {
        const { subscriptionId, after, workflowId } = message;
        const end = coordinator.subscribe(after, workflowId, (events) => posts.sendEvents(subscriptionId, events));
        subscriptions.set(subscriptionId, end);
        return;
      }
      case 'listen': {
        const { subscriptionId, workflowId } = message;
        const end = coordinator.listen(workflowId, (pieces) => posts.send({ kind: 'tokens', subscriptionId, pieces }));
        subscriptions.set(subscriptionId, end);
        return;
      }
      case 'unsubscribe':
        subscriptions.get(message.subscriptionId)?.();
        subscriptions.delete(message.subscriptionId);
        return;
      default: {
        const never: never = message;
        throw new Error(`unknown message ${JSON.stringify(never)}`);
      }
    }
  });
}

type Events = Parameters<EventSink>[0];

/** TH1, TH2. A copy of the events for each follower would cost the coordinator's thread its time. */
class Posts {
  readonly #port: Pick<MessagePort, 'postMessage'>;
  #waiting: { subscriptionIds: number[]; events: Events } | null = null;

  constructor(port: Pick<MessagePort, 'postMessage'>) {
    this.#port = port;
  }

  send(message: FromCoordinator): void {
    this.#flush();
    this.#port.postMessage(message);
  }

  /** The same array of events, given again before anything else is sent, joins the message that waits. */
  sendEvents(subscriptionId: number, events: Events): void {
    if (this.#waiting?.events === events) {
      this.#waiting.subscriptionIds.push(subscriptionId);
      return;
    }
    this.#flush();
    this.#waiting = { subscriptionIds: [subscriptionId], events };
    queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    if (!this.#waiting) return;
    const { subscriptionIds, events } = this.#waiting;
    this.#waiting = null;
    this.#port.postMessage({ kind: 'events', subscriptionIds, events } satisfies FromCoordinator);
  }
}
