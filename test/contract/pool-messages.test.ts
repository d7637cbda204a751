/**
 * Goal: each message between the pool and its workers has one kind and one form, and what fits none is refused by the side
 * that receives it. Method: one message of each kind, offered to all four directions.
 */
import { MessageChannel } from 'node:worker_threads';
import { afterAll, describe, expect, it } from 'vitest';
import {
  type FromProcess,
  type FromThread,
  fromProcessSchema,
  fromThreadSchema,
  type ToProcess,
  type ToThread,
  toProcessSchema,
  toThreadSchema,
} from '../../src/contract/pool-messages.ts';
import { createJob } from '../pool/harness.ts';

const { port1: port } = new MessageChannel();
afterAll(() => port.close());

const job = createJob('noop');
const outcome = {
  kind: 'completed' as const,
  jobId: 1,
  outputsJson: '{}',
  logs: [],
  metadata: null,
  metrics: null,
};
const messages = {
  'to a thread': [
    { kind: 'bundle', jobs: [job], port },
    { kind: 'cancel', jobIds: [1] },
  ] satisfies ToThread[],
  'from a thread': [
    { kind: 'begun', jobIds: [1] },
    { kind: 'deaf', jobIds: [1] },
    { kind: 'said', said: [{ jobId: 1, at: 0, text: 'a', isCut: false }] },
    { kind: 'outcomes', outcomes: [outcome] },
  ] satisfies FromThread[],
  'to a process': [{ kind: 'job', job }] satisfies ToProcess[],
  'from a process': [{ kind: 'up' }, { kind: 'outcome', outcome, isSpent: false }] satisfies FromProcess[],
};
const schemas = {
  'to a thread': toThreadSchema,
  'from a thread': fromThreadSchema,
  'to a process': toProcessSchema,
  'from a process': fromProcessSchema,
};
const directions = Object.keys(schemas) as (keyof typeof schemas)[];

describe.each(directions)('a message %s', (direction) => {
  const schema = schemas[direction];

  it('is taken as it was sent', () => {
    for (const message of messages[direction]) expect(schema.parse(message)).toEqual(message);
  });

  it('is refused when it lacks a field', () => {
    for (const message of messages[direction]) {
      for (const field of Object.keys(message)) {
        const rest = Object.fromEntries(Object.entries(message).filter(([name]) => name !== field));
        expect(schema.safeParse(rest).success, `${message.kind} without ${field}`).toBe(false);
      }
    }
  });

  it('is refused by every other direction', () => {
    for (const other of directions) {
      if (other === direction) continue;
      for (const message of messages[direction]) expect(schemas[other].safeParse(message).success).toBe(false);
    }
  });
});
