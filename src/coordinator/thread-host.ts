/** Serves a coordinator's port over a thread's message port. */
import type { MessagePort } from 'node:worker_threads';
import type { CoordinatorPort, FromCoordinator, ToCoordinator } from '../contract/coordinator.ts';
import { Refusal } from '../contract/failures.ts';

export function serveCoordinator(
  coordinator: CoordinatorPort,
  port: MessagePort,
  onFault: (error: unknown) => void,
): void {
  const aborts = new Map<number, AbortController>();
  const subscriptions = new Map<number, () => void>();
  const send = (message: FromCoordinator) => port.postMessage(message);

  port.on('message', (message: ToCoordinator) => {
    switch (message.kind) {
      case 'call': {
        const { callId, name, args } = message;
        const abort = new AbortController();
        aborts.set(callId, abort);
        coordinator
          .call(name, args, abort.signal)
          .then(
            (answer) => send({ kind: 'answer', callId, answer }),
            (error: unknown) => {
              if (!(error instanceof Refusal)) throw error;
              send({ kind: 'refusal', callId, refusal: error.toData() });
            },
          )
          .catch(onFault)
          .finally(() => aborts.delete(callId));
        return;
      }
      case 'abort':
        aborts.get(message.callId)?.abort();
        return;
      case 'subscribe': {
        const { subscriptionId, after } = message;
        const end = coordinator.subscribe(after, (events) => send({ kind: 'events', subscriptionId, events }));
        subscriptions.set(subscriptionId, end);
        return;
      }
      case 'listen': {
        const { subscriptionId, workflowId } = message;
        const end = coordinator.listen(workflowId, (pieces) => send({ kind: 'tokens', subscriptionId, pieces }));
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
