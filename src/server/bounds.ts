/**
 * What the server grants one client: sizes from `contract/limits.ts` and the times after which a slow one is cut off.
 * Every figure can be replaced, so that a test of a bound needs neither eight megabytes nor fifteen seconds.
 */
import { getHeapStatistics } from 'node:v8';
import { limits } from '../contract/limits.ts';

export interface ServerBounds {
  bodyBytesMax: number;
  creatingBodyBytesMax: number;
  bodyTokensMax: number;
  creatingBodyTokensMax: number;
  bodyKeysMax: number;
  bodyKeysOfOneMax: number;
  listOutputsBytesMax: number;
  listAnswerBytesMax: number;
  answerBytesMax: number;
  /** Bodies and answers in memory at once. */
  heldBytesMax: number;
  heldBytesFree: number;
  /** How long an answer waits for room among them before it is refused. */
  roomPatienceMs: number;
  /** After so long an answer that is still being read gives way to one that waits for room. */
  readingMsMax: number;
  /** A client that takes no byte of its answer for so long is cut. */
  answerStallMs: number;
  eventStreamsMax: number;
  /** Calls with ?wait at once. With the event streams they leave connections free for everybody else. */
  waitsMax: number;
  connectionsMax: number;
  /** Requests that wait for the one before them on their connection, over all connections. */
  waitingRequestsMax: number;
  headersTimeoutMs: number;
  /** Headers and body together. */
  requestTimeoutMs: number;
  connectionsCheckMs: number;
  keepAliveTimeoutMs: number;
  /** A connection on which nothing moves, in either direction. */
  idleTimeoutMs: number;
  eventKeepAliveMs: number;
  /** How much an event stream may hold for a client that reads slowly, and how long it may stay that far behind. */
  eventBufferBytesMax: number;
  eventStallMs: number;
  /** After a refusal that left a body unread: how much of it is thrown away, and how long until the connection closes. */
  lingerBytesMax: number;
  lingerMs: number;
  /** How long close() lets answers under way finish. */
  closeGraceMs: number;
}

export const serverBounds: Readonly<ServerBounds> = {
  bodyBytesMax: limits.bodyBytesMax,
  creatingBodyBytesMax: limits.creatingBodyBytesMax,
  bodyTokensMax: limits.bodyTokensMax,
  creatingBodyTokensMax: limits.creatingBodyTokensMax,
  bodyKeysMax: limits.bodyKeysMax,
  bodyKeysOfOneMax: limits.bodyKeysOfOneMax,
  listOutputsBytesMax: limits.listOutputsBytesMax,
  listAnswerBytesMax: limits.listAnswerBytesMax,
  answerBytesMax: limits.answerBytesMax,
  // Making an answer takes a few times its bytes; a process that may use less memory makes fewer at once.
  heldBytesMax: Math.min(limits.heldBytesMax, Math.floor(getHeapStatistics().heap_size_limit / 8)),
  heldBytesFree: limits.heldBytesFree,
  roomPatienceMs: 2_000,
  readingMsMax: 10_000,
  answerStallMs: 10_000,
  eventStreamsMax: limits.eventStreamsMax,
  waitsMax: limits.connectionsMax - limits.eventStreamsMax - 32,
  connectionsMax: limits.connectionsMax,
  waitingRequestsMax: 4_096,
  // Node's own defaults leave a dripping body open for five minutes.
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 15_000,
  connectionsCheckMs: 1_000,
  keepAliveTimeoutMs: 5_000,
  idleTimeoutMs: 120_000,
  eventKeepAliveMs: 15_000,
  eventBufferBytesMax: 1024 * 1024,
  eventStallMs: 10_000,
  lingerBytesMax: 512 * 1024,
  lingerMs: 1_000,
  closeGraceMs: 5_000,
};

/** Bounds of the bodies that create something, and of all other bodies. */
export function toBodyBounds(bounds: ServerBounds, kind: 'creating' | 'other') {
  const isCreating = kind === 'creating';
  return {
    bytesMax: isCreating ? bounds.creatingBodyBytesMax : bounds.bodyBytesMax,
    tokensMax: isCreating ? bounds.creatingBodyTokensMax : bounds.bodyTokensMax,
    keysMax: bounds.bodyKeysMax,
    keysOfOneMax: bounds.bodyKeysOfOneMax,
  };
}
