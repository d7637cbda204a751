/**
 * Sends an error answer. Where a request's body was not read, the answer goes out whole at once and the connection
 * closes after it; a little of the body is thrown away first, since closing on unread bytes makes the client's system
 * drop the answer it has just received.
 */
import type { IncomingMessage } from 'node:http';
import type { Context } from 'koa';
import { announcesBody } from './body.ts';
import type { ServerBounds } from './bounds.ts';
import { type ProblemAnswer, problemMediaType } from './problem.ts';

export async function sendProblem(ctx: Context, answer: ProblemAnswer, bounds: ServerBounds): Promise<void> {
  const text = JSON.stringify(answer.problem);
  ctx.remove('ETag');
  ctx.set('Cache-Control', 'no-store');
  ctx.set(answer.headers);
  ctx.status = answer.problem.status;
  ctx.type = problemMediaType;
  if (!announcesBody(ctx.req) || ctx.req.complete) {
    ctx.body = text;
    return;
  }
  ctx.respond = false;
  ctx.set('Connection', 'close');
  ctx.length = Buffer.byteLength(text);
  if (ctx.method === 'HEAD') ctx.res.flushHeaders();
  else ctx.res.write(text);
  await discard(ctx.req, bounds);
  ctx.res.end();
}

function discard(request: IncomingMessage, bounds: ServerBounds): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0;
    const finish = () => {
      clearTimeout(timer);
      request.pause();
      request.off('data', onData).off('end', finish).off('close', finish).off('error', finish);
      resolve();
    };
    const onData = (chunk: Buffer) => {
      bytes += chunk.length;
      // Enough taken; the rest of the time is the client's, to notice the answer and close.
      if (bytes > bounds.lingerBytesMax) request.pause();
    };
    const timer = setTimeout(finish, bounds.lingerMs);
    request.on('data', onData).on('end', finish).on('close', finish).on('error', finish);
    request.resume();
  });
}
