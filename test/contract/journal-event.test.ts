/** Goal: an event comes back from the journal as it was written, its outputs to the byte. */
import { expect, test } from 'vitest';
import { type JournalEvent, readEventJson, toEventJson } from '../../src/contract/journal-event.ts';

type Completed = Extract<JournalEvent, { kind: 'step.completed' }>;

function completed(change: Partial<Completed> = {}): Completed {
  return {
    kind: 'step.completed',
    workflowId: '01a20408-1857-728a-a4ff-4ededb9b801d',
    at: 1_790_000_000_000,
    version: 3,
    stepId: 'a',
    attempt: 1,
    durationMs: 5,
    outputs: { json: '{"content":"tea"}' },
    metadata: null,
    metrics: null,
    logs: [],
    ...change,
  };
}

const trap = ',"outputs":{"json":1}}';

test.each<[string, JournalEvent]>([
  ['plain outputs', completed()],
  ['empty outputs', completed({ outputs: { json: '{}' } })],
  ['outputs in a blob', completed({ outputs: { blob: 'ab'.repeat(32), bytes: 70_000 } })],
  ['outputs of outputs', completed({ outputs: { json: '{"a":1,"outputs":{"json":{"outputs":{"json":2}}}}' } })],
  ['text that looks like outputs', completed({ logs: [trap], outputs: { json: JSON.stringify({ content: trap }) } })],
  ['metadata that looks like an event', completed({ metadata: { x: 1, outputs: { json: { y: 2 } } } })],
  [
    'metadata that looks like an event, and a blob',
    completed({ metadata: { x: 1, outputs: { json: { y: 2 } } }, outputs: { blob: 'cd'.repeat(32), bytes: 70_000 } }),
  ],
  ['a simulated step', completed({ simulated: true })],
  [
    'a workflow whose steps have outputs',
    {
      kind: 'workflow.created',
      workflowId: 'w',
      at: 1,
      version: 1,
      workflow: { id: 'w', steps: [{ id: 'a', outputs: { json: { z: 1 } } }] },
    },
  ],
])('%s: written and read, it is the same event', (_, event) => {
  expect(readEventJson(toEventJson(event))).toEqual(event);
});

test('outputs come back to the byte, also where parsing would change them', () => {
  const json = '{"b":1.0,"a":1e2,"__proto__":{"x":1},"text":"\\u0041"}';
  const read = readEventJson(toEventJson(completed({ outputs: { json } }))) as Completed;
  expect(read.outputs).toEqual({ json });
});
