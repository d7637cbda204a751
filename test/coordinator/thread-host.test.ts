/**
 * Goal: no message crosses the thread for a follower whose workflow has no new event, and one for all followers of the same
 * events; messages keep their order. Method: a window and texts behind a port that keeps what is posted.
 */
import { expect, it } from 'vitest';
import {
  type CoordinatorPort,
  type FromCoordinator,
  fromCoordinatorSchema,
  type ToCoordinator,
  toCoordinatorSchema,
} from '../../src/contract/coordinator.ts';
import type { EngineEvent } from '../../src/contract/event.ts';
import { EventWindow } from '../../src/coordinator/followers/event-window.ts';
import { LiveTexts } from '../../src/coordinator/followers/live-texts.ts';
import { serveCoordinator } from '../../src/coordinator/thread-host.ts';

function serve() {
  let lastSeq = 0;
  const window = new EventWindow(100, () => lastSeq);
  const texts = new LiveTexts();
  const posted: FromCoordinator[] = [];
  let receive: (message: ToCoordinator) => void = () => {};
  const coordinator = {
    call: async () => null,
    subscribe: window.subscribe.bind(window),
    listen: texts.listen.bind(texts),
  } as CoordinatorPort;
  const port = {
    on(_name: string, listener: typeof receive) {
      receive = listener;
      return this;
    },
    postMessage: (message: FromCoordinator) => void posted.push(fromCoordinatorSchema.parse(message)),
  };
  const faults: unknown[] = [];
  serveCoordinator(coordinator, port as unknown as Parameters<typeof serveCoordinator>[1], (fault) =>
    faults.push(fault),
  );
  return {
    posted,
    faults,
    texts,
    send: (message: ToCoordinator) => receive(toCoordinatorSchema.parse(message)),
    publish(...workflowIds: string[]) {
      const at = '2026-01-01T00:00:00.000Z';
      const events = workflowIds.map((workflow_id): EngineEvent => {
        lastSeq += 1;
        return { seq: lastSeq, kind: 'step.started', workflow_id, at, status: 'RUNNING', version: 1 };
      });
      window.publish(events);
    },
  };
}

/** What was posted, in short: for whom, and the numbers of the events. */
function toLines(posted: readonly FromCoordinator[]): string[] {
  return posted.map((message) =>
    message.kind === 'events'
      ? `${message.subscriptionIds}: ${message.events.map((one) => ('seq' in one ? one.seq : one.kind))}`
      : message.kind,
  );
}

/** The microtasks that are due have run. */
const settled = () => new Promise(setImmediate);

it('followers of other workflows cost no message, however much happens elsewhere', async () => {
  const { posted, send, publish } = serve();
  for (let id = 1; id <= 32; id += 1) send({ kind: 'subscribe', subscriptionId: id, after: null, workflowId: 'idle' });
  for (let turn = 0; turn < 100; turn += 1) {
    publish('busy', 'busy');
    await settled();
  }
  expect(posted).toHaveLength(0);
});

it('TH1: 32 followers of a workflow cost one message for each turn that changes it', async () => {
  const { posted, send, publish } = serve();
  const ids = Array.from({ length: 32 }, (_, n) => n + 1);
  for (const subscriptionId of ids) send({ kind: 'subscribe', subscriptionId, after: null, workflowId: 'w' });
  send({ kind: 'subscribe', subscriptionId: 33, after: null, workflowId: null });
  publish('w', 'v', 'w');
  await settled();
  publish('v');
  await settled();
  expect(toLines(posted)).toEqual(['33: 1,2,3', `${ids}: 1,3`, '33: 4']);
});

it('a backlog goes to the follower that asked for it alone, with its gap first', async () => {
  const { posted, send, publish } = serve();
  publish('w', 'v', 'w');
  send({ kind: 'subscribe', subscriptionId: 1, after: 1, workflowId: 'w' });
  send({ kind: 'subscribe', subscriptionId: 2, after: 9, workflowId: 'w' });
  await settled();
  publish('w');
  await settled();
  expect(toLines(posted)).toEqual(['1: 3', '2: gap', '1,2: 4']);
});

it('TH2: events that wait to be joined go before what is sent after them: texts, answers', async () => {
  const { posted, send, publish, texts } = serve();
  const speaker = { workflowId: 'w', stepId: 'a', attempt: 1 };
  send({ kind: 'subscribe', subscriptionId: 1, after: null, workflowId: 'w' });
  send({ kind: 'listen', subscriptionId: 2, workflowId: 'w' });
  texts.add(speaker, { at: 0, text: 'before', isCut: false });
  publish('w');
  texts.add(speaker, { at: 6, text: 'between', isCut: false });
  publish('w');
  send({ kind: 'call', callId: 3, name: 'stats', args: {} });
  await settled();
  expect(toLines(posted)).toEqual(['tokens', '1: 1', 'tokens', '1: 2', 'answer']);
});

it('a follower that has ended gets nothing more', async () => {
  const { posted, send, publish, faults } = serve();
  send({ kind: 'subscribe', subscriptionId: 1, after: null, workflowId: 'w' });
  publish('w');
  await settled();
  send({ kind: 'unsubscribe', subscriptionId: 1 });
  send({ kind: 'unsubscribe', subscriptionId: 1 });
  publish('w');
  await settled();
  expect(toLines(posted)).toEqual(['1: 1']);
  expect(faults).toEqual([]);
});
