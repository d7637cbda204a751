/** What a server says when it refuses a call. Its status has arrived and decides: what it says besides is waited for briefly. */
import type { Readable } from 'node:stream';
import { decodeBody } from '../http/read-body.ts';
import type { RefusedResponse } from './provider-failure.ts';

/** Enough to find its code and message. */
const bytesMax = 64 * 1024;
/** A body that never ends would hold the attempt until its deadline, which would then stand in place of the refusal. */
export const refusalWaitMsMax = 5_000;

interface Response {
  readonly statusCode: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readable;
}

export async function readRefusal({ statusCode, headers, body }: Response, waitMs: number): Promise<RefusedResponse> {
  const parts: Buffer[] = [];
  let bytes = 0;
  const timer = setTimeout(() => body.destroy(), waitMs);
  try {
    for await (const chunk of decodeBody(body, headers['content-encoding']) as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > bytesMax) break;
      parts.push(chunk);
    }
  } catch {
    // Broken off or given up: what has been said until then is all there is.
  } finally {
    clearTimeout(timer);
  }
  return {
    status: statusCode,
    retryAfter: headers['retry-after'],
    retryAfterMs: headers['retry-after-ms'],
    text: Buffer.concat(parts).toString(),
  };
}
