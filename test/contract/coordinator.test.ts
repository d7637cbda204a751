/** Goal: the schemas of the messages between the two threads take each kind as it is, and nothing else. */
import { expect, it } from 'vitest';
import { fromCoordinatorSchema, toCoordinatorSchema } from '../../src/contract/coordinator.ts';

const gap = { kind: 'gap', after: 1, oldest: 3 };

it.each([
  { kind: 'call', callId: 1, name: 'close', args: {} },
  { kind: 'subscribe', subscriptionId: 2, after: null, workflowId: null },
  { kind: 'listen', subscriptionId: 3, workflowId: 'w' },
])('to the coordinator: $kind', (message) => {
  expect(toCoordinatorSchema.parse(message)).toEqual(message);
  expect(toCoordinatorSchema.safeParse({ ...message, more: 1 }).success).toBe(false);
});

it.each([
  { kind: 'call', callId: 1, name: 'reboot', args: {} },
  { kind: 'call', callId: 1, name: 'close', args: null },
  { kind: 'subscribe', subscriptionId: 2, after: null },
  { kind: 'events', subscriptionIds: [1], events: [] },
])('is no message to the coordinator: $kind', (message) => {
  expect(toCoordinatorSchema.safeParse(message).success).toBe(false);
});

it.each([
  { kind: 'fatal', message: 'the disk failed', exitStatus: 74 },
  { kind: 'events', subscriptionIds: [1, 2], events: [gap] },
])('from the coordinator: $kind', (message) => {
  expect(fromCoordinatorSchema.parse(message)).toEqual(message);
  expect(fromCoordinatorSchema.safeParse({ ...message, more: 1 }).success).toBe(false);
});

it.each([
  { kind: 'fatal', message: 'the disk failed', exitStatus: 1 },
  { kind: 'events', subscriptionIds: [], events: [gap] },
  { kind: 'events', subscriptionIds: [1], events: [{ ...gap, oldest: 'x' }] },
])('is no message from the coordinator: $kind', (message) => {
  expect(fromCoordinatorSchema.safeParse(message).success).toBe(false);
});
