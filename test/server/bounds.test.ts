/** Goal: what the server is bounded by is what docs say, in milliseconds and bytes. A bound that is changed is changed here too. */
import { expect, test } from 'vitest';
import { limits } from '../../src/contract/limits.ts';
import { serverBounds, toBodyBounds } from '../../src/server/bounds.ts';

test('times and counts', () => {
  expect(serverBounds).toMatchObject({
    roomPatienceMs: 2_000,
    readingMsMax: 10_000,
    answerStallMs: 10_000,
    waitingRequestsMax: 4_096,
    headersTimeoutMs: 5_000,
    requestTimeoutMs: 15_000,
    connectionsCheckMs: 1_000,
    keepAliveTimeoutMs: 5_000,
    idleTimeoutMs: 120_000,
    eventKeepAliveMs: 15_000,
    eventBufferBytesMax: 2 ** 20,
    eventStallMs: 10_000,
    lingerBytesMax: 2 ** 19,
    lingerMs: 1_000,
    closeGraceMs: 5_000,
  });
});

test('waits and streams leave connections for calls', () => {
  const { waitsMax, eventStreamsMax, connectionsMax } = serverBounds;
  expect(waitsMax + eventStreamsMax + 32).toBe(connectionsMax);
});

test('a body that creates may be larger than others, in bytes and in tokens', () => {
  const keys = { keysMax: limits.bodyKeysMax, keysOfOneMax: limits.bodyKeysOfOneMax };
  expect(toBodyBounds(serverBounds, 'creating')).toEqual({
    ...{ bytesMax: limits.creatingBodyBytesMax, tokensMax: limits.creatingBodyTokensMax },
    ...keys,
  });
  expect(toBodyBounds(serverBounds, 'other')).toEqual({
    ...{ bytesMax: limits.bodyBytesMax, tokensMax: limits.bodyTokensMax },
    ...keys,
  });
});
