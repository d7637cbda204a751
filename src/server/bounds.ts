/**
 * What the server grants one client: sizes from `contract/limits.ts` and the times after which a slow one is cut off.
 * Every figure can be replaced, so that a test of a bound needs neither eight megabytes nor fifteen seconds.
 */
import { limits } from '../contract/limits.ts';

export interface ServerBounds {
  bodyBytesMax: number;
  creatingBodyBytesMax: number;
  bodyTokensMax: number;
  creatingBodyTokensMax: number;
  listOutputsBytesMax: number;
  listAnswerBytesMax: number;
  answerBytesMax: number;
  eventStreamsMax: number;
  /** Calls with ?wait at once. With the event streams they leave connections free for everybody else. */
  waitsMax: number;
  connectionsMax: number;
  requestsPerSocketMax: number;
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
  listOutputsBytesMax: limits.listOutputsBytesMax,
  listAnswerBytesMax: limits.listAnswerBytesMax,
  answerBytesMax: limits.answerBytesMax,
  eventStreamsMax: limits.eventStreamsMax,
  waitsMax: limits.connectionsMax - limits.eventStreamsMax - 32,
  connectionsMax: limits.connectionsMax,
  requestsPerSocketMax: 1_000,
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
