/**
 * Server-sent events over the engine's.
 *
 *   ES1  the subscription stands before the answer's head is sent: a change made after that is never missed;
 *   ES2  `id:` is the event's sequence number, so that a client that comes back with it goes on where it was; a piece of text
 *       is no durable event and has none: who comes back gets the text so far in one piece;
 *   ES4  a client that comes for the first time is told the number after which its stream begins, in the header
 *        `Last-Event-ID` and as an `id:` without data, which an EventSource remembers: so it can come back there though
 *        nothing has happened before the break, and hears what a start of the engine has queued again;
 *   ES3  a client that reads slowly costs a bounded buffer; one that stays behind is cut off, and comes back by itself.
 */
import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { createEventBuffer, createSession, type Session } from 'better-sse';
import type { Context } from 'koa';
import type { Engine, EventsOptions, StreamOptions } from '../contract/engine.ts';
import type { EngineEvent, EventGap, TokenEvent } from '../contract/event.ts';
import { Refusal } from '../contract/failures.ts';
import type { ServerBounds } from './bounds.ts';
import type { OpenRequests } from './open-requests.ts';

type StreamedEvent = EngineEvent | EventGap | TokenEvent;

/** Of one workflow, or of some or all. */
export type StreamFrom = Pick<EventsOptions, 'after' | 'workflowId'> & Pick<StreamOptions, 'workflows' | 'texts'>;

export class EventStreams {
  readonly #engine: Engine;
  readonly #bounds: ServerBounds;
  readonly #openRequests: OpenRequests;
  #open = 0;

  constructor(engine: Engine, bounds: ServerBounds, openRequests: OpenRequests) {
    this.#engine = engine;
    this.#bounds = bounds;
    this.#openRequests = openRequests;
  }

  async serve(ctx: Context, from: StreamFrom): Promise<void> {
    if (ctx.method === 'HEAD') {
      ctx.status = 200;
      ctx.set('Content-Type', 'text/event-stream');
      return;
    }
    if (this.#open >= this.#bounds.eventStreamsMax) {
      throw new Refusal({
        code: 'TOO_MANY',
        detail: `${this.#bounds.eventStreamsMax} event streams are open already: close one, or read the workflow with ?wait`,
        retryAfterSeconds: 5,
      });
    }
    this.#open += 1;
    try {
      await this.#stream(ctx, from);
    } finally {
      this.#open -= 1;
    }
  }

  async #stream(ctx: Context, from: StreamFrom): Promise<void> {
    const signal = this.#openRequests.signalFor(ctx.res);
    const { workflowId, workflows, texts } = from;
    const after = { after: from.after ?? (await this.#engine.stats()).last_seq };
    const isAll = workflows === undefined && texts === undefined;
    const some = { ...(workflows ? { workflows } : {}), ...(texts ? { texts } : {}) };
    const stream: AsyncIterable<StreamedEvent> =
      workflowId !== undefined
        ? this.#engine.follow(workflowId, { ...after, signal })
        : isAll
          ? this.#engine.events({ ...after, signal })
          : this.#engine.stream({ ...after, ...some, signal });
    const events = stream[Symbol.asyncIterator]();
    let next = events.next();
    // Looked at below; until then a rejection must not count as unhandled.
    next.catch(() => {});
    ctx.respond = false;
    ctx.res.statusCode = 200;
    ctx.res.setHeader('Last-Event-ID', after.after);
    const session = await createSession(ctx.req, ctx.res, {
      trustClientEventId: false,
      // The session's own timer would go on writing after we have ended the answer, until the client has read it.
      keepAlive: null,
      retry: 2_000,
    });
    // Not `push`: an event without data is none.
    void session.batch(createEventBuffer().id(String(after.after)).dispatch());
    const beat = setInterval(() => sendComment(session), this.#bounds.eventKeepAliveMs);
    try {
      for (;;) {
        const { done, value } = await next;
        if (done || !session.isConnected) break;
        push(session, value);
        if (!(await this.#drained(ctx.res))) break;
        next = events.next();
      }
    } finally {
      clearInterval(beat);
      await events.return?.();
      // A client that reads on gets the end of the answer; one that does not must not keep the bytes.
      if (ctx.res.writableLength > this.#bounds.eventBufferBytesMax) ctx.res.destroy();
      else ctx.res.end();
    }
  }

  /** False when the client stayed too far behind for too long. */
  async #drained(response: ServerResponse): Promise<boolean> {
    if (response.writableLength <= this.#bounds.eventBufferBytesMax) return true;
    const stalled = new AbortController();
    const giveUp = () => stalled.abort();
    const timer = setTimeout(giveUp, this.#bounds.eventStallMs);
    response.once('close', giveUp);
    try {
      await once(response, 'drain', { signal: stalled.signal });
      return true;
    } catch {
      return false;
    } finally {
      clearTimeout(timer);
      response.off('close', giveUp);
    }
  }
}

/** Keeps what lies between us and the client from taking the connection for dead. */
function sendComment(session: Session): void {
  if (session.isConnected) void session.batch(createEventBuffer().comment().dispatch());
}

function push(session: Session, event: StreamedEvent): void {
  if (event.kind === 'step.tokens') {
    // push() would give it an id of its own, with which no client could come back.
    void session.batch(createEventBuffer().event(event.kind).data(event).dispatch());
    return;
  }
  if (event.kind !== 'gap') {
    session.push(event, event.kind, String(event.seq));
    return;
  }
  const advice = 'read the workflows again with GET /api/workflows; this stream goes on by itself';
  const detail = `Events after ${event.after} and before ${event.oldest} are no longer held: ${advice}`;
  // The id lets a client that loses the connection just here go on from the oldest event, not meet the gap again.
  session.push({ ...event, detail }, 'gap', String(Math.max(0, event.oldest - 1)));
}
