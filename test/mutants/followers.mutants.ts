/** Bugs in what followers are sent: too much, too little, or at the wrong side of the thread. */
import type { Mutant } from './mutant.ts';

const window = 'test/coordinator/followers/event-window.test.ts';
const host = 'test/coordinator/thread-host.test.ts';

export const followersMutants: Mutant[] = [
  {
    name: 'a follower of one workflow is sent the events of all',
    breaks: 'EW2',
    file: 'src/coordinator/followers/event-window.ts',
    find: 'const sinks = this.#sinks.get(workflowId) ?? new Set();\n    this.#sinks.set(workflowId, sinks.add(sink));',
    replace: 'const sinks = this.#sinks.get(null) ?? new Set();\n    this.#sinks.set(null, sinks.add(sink));',
    test: window,
    only: 'is called with its events alone',
  },
  {
    name: 'events of other workflows cross the thread and are dropped there',
    breaks: 'EW2',
    file: 'src/engine/thread-client.ts',
    find: "    this.#sinks.set(subscriptionId, sink);\n    this.#send({ kind: 'subscribe', subscriptionId, after, workflowId });",
    replace:
      "    const isOwn = (event: Parameters<EventSink>[0][number]) =>\n      event.kind === 'gap' || workflowId === null || event.workflow_id === workflowId;\n    this.#sinks.set(subscriptionId, (events) => sink(events.filter(isOwn)));\n    this.#send({ kind: 'subscribe', subscriptionId, after, workflowId: null });",
    test: 'test/engine/thread.test.ts',
    only: 'cost no message',
  },
  {
    name: 'each event is compared with each follower',
    breaks: 'EW2',
    file: 'src/coordinator/followers/event-window.ts',
    find: 'for (const [workflowId, own] of followed) for',
    replace:
      'for (const id of this.#sinks.keys()) events.some((event) => event.workflow_id === id);\n    for (const [workflowId, own] of followed) for',
    test: window,
    only: 'what is read grows with the events alone',
  },
  {
    name: 'the backlog of one workflow holds the others as well',
    breaks: 'EW2',
    file: 'src/coordinator/followers/event-window.ts',
    find: 'event.seq > after && isFollowed(event)',
    replace: 'event.seq > after',
    test: window,
    only: 'that comes back',
  },
  {
    name: 'the gap is told only to those who get a backlog',
    breaks: 'EW1',
    file: 'src/coordinator/followers/event-window.ts',
    find: 'if (after < this.#floor || after > this.#lastSeq())',
    replace: 'if (backlog.length > 0 && (after < this.#floor || after > this.#lastSeq()))',
    test: window,
    only: 'though none of its own',
  },
  {
    name: 'the end of one follower ends the others of its workflow',
    breaks: 'EW1',
    file: 'src/coordinator/followers/event-window.ts',
    find: 'if (sinks.size === 0 && this.#sinks.get(workflowId) === sinks) this.#sinks.delete(workflowId);',
    replace: 'this.#sinks.delete(workflowId);',
    test: window,
    only: 'another of the same workflow goes on',
  },
  {
    name: 'each follower gets a copy of its own over the thread',
    breaks: 'TH1',
    file: 'src/coordinator/thread-host.ts',
    find: 'if (this.#waiting?.events === events) {',
    replace: 'if (this.#waiting?.events === events && subscriptionId < 0) {',
    test: host,
    only: '32 followers of a workflow',
  },
  {
    name: 'an answer overtakes the events before it',
    breaks: 'TH2',
    file: 'src/coordinator/thread-host.ts',
    find: '    this.#flush();\n    this.#port.postMessage(message);',
    replace: '    this.#port.postMessage(message);',
    test: host,
    only: 'before what is sent after them',
  },
  {
    name: 'a slow reader is not told of the gap',
    breaks: 'S3',
    file: 'src/engine/follower.ts',
    find: 'if (first && oldest) this.#items.unshift(',
    replace: 'if (!first && oldest) this.#items.unshift(',
    test: 'test/engine/follower.test.ts',
    only: 'gets a gap',
  },
];
