/**
 * One stream of events, kept alive. A page holds at most one, because a browser opens six connections to a host at most.
 *
 *   - It opens first, and what it is about is read after `onOpen`: so no event falls between the two.
 *   - After a break it goes on from the last event it has seen. 40 s without a byte (the engine writes every 15) are a break.
 *   - A hidden tab holds no stream: it ends 2 s after it was hidden, and goes on when it is seen again.
 */
import { EventSourceParserStream } from 'eventsource-parser/stream';
import type { EngineEvent, EventGap, TokenEvent } from '../../src/contract/event.ts';
import { noteServerDate } from '../ui/time.ts';
import { lostSince, noteRecovered, streamState } from './connection.ts';
import { Problem, toProblem } from './problem.ts';
import { authorization, dropToken, tokenTurn } from './token.ts';

export type StreamEvent = EngineEvent | TokenEvent;

export interface EventSink {
  onEvent(event: StreamEvent): void;
  /** The stream stands. `isResumed`: what was missed meanwhile comes now; else read everything. */
  onOpen(isResumed: boolean): void;
  /** Events were dropped: read everything again, and call `caughtUp` then. */
  onGap(): void;
  /** The engine refuses the stream for good: 404, 410. */
  onRefused?(problem: Problem): void;
}

export interface EventStreamHandle {
  /** Tells the indicator that what a gap had left out has been read. */
  caughtUp(): void;
  close(): void;
}

const silenceMs = 40_000;
const hiddenMs = 2_000;
const firstWaitMs = 500;
const waitMsMax = 8_000;

export function openEvents(path: string, sink: EventSink): EventStreamHandle {
  const stream = new KeptStream(path, sink);
  stream.start();
  return {
    caughtUp() {
      if (streamState.value === 'catching-up') streamState.value = 'live';
    },
    close() {
      stream.end();
    },
  };
}

class KeptStream {
  readonly #path: string;
  readonly #sink: EventSink;
  #lastId: string | null = null;
  #attempt: AbortController | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #hideTimer: ReturnType<typeof setTimeout> | undefined;
  #waitMs = firstWaitMs;
  #isEnded = false;
  #unsubscribe: (() => void) | undefined;

  constructor(path: string, sink: EventSink) {
    this.#path = path;
    this.#sink = sink;
  }

  start(): void {
    document.addEventListener('visibilitychange', this.#onVisibility);
    addEventListener('online', this.#atOnce);
    let turn = tokenTurn.value;
    this.#unsubscribe = tokenTurn.subscribe((next) => {
      if (next !== turn) this.#atOnce();
      turn = next;
    });
    if (streamState.value !== 'lost') streamState.value = 'connecting';
    if (!document.hidden) this.#connect();
  }

  end(): void {
    this.#isEnded = true;
    this.#stop();
    document.removeEventListener('visibilitychange', this.#onVisibility);
    removeEventListener('online', this.#atOnce);
    this.#unsubscribe?.();
  }

  #stop(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#hideTimer);
    this.#attempt?.abort();
    this.#attempt = null;
  }

  readonly #onVisibility = (): void => {
    clearTimeout(this.#hideTimer);
    if (document.hidden) this.#hideTimer = setTimeout(() => this.#stop(), hiddenMs);
    else if (this.#attempt === null) this.#atOnce();
  };

  readonly #atOnce = (): void => {
    if (this.#isEnded || document.hidden) return;
    this.#stop();
    this.#waitMs = firstWaitMs;
    this.#connect();
  };

  #connect(): void {
    const attempt = new AbortController();
    this.#attempt = attempt;
    this.#read(attempt).catch((error: unknown) => {
      if (attempt.signal.aborted && this.#attempt !== attempt) return;
      if (error instanceof Problem) this.#refused(error);
      else this.#lost();
    });
  }

  async #read(attempt: AbortController): Promise<void> {
    let silence = setTimeout(() => attempt.abort(), silenceMs);
    try {
      const isResumed = this.#lastId !== null;
      const response = await fetch(this.#path, {
        headers: {
          Accept: 'text/event-stream',
          ...authorization(),
          ...(this.#lastId === null ? {} : { 'Last-Event-ID': this.#lastId }),
        },
        cache: 'no-store',
        signal: attempt.signal,
      });
      noteServerDate(response.headers.get('date'), Date.now());
      if (!response.ok || response.body === null) throw await toProblem(response);
      // Where nothing happens before a break, the stream goes on from where it began.
      this.#lastId ??= response.headers.get('last-event-id');
      this.#opened(isResumed);
      const heard = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
        transform(chunk, controller) {
          clearTimeout(silence);
          silence = setTimeout(() => attempt.abort(), silenceMs);
          controller.enqueue(chunk);
        },
      });
      const events = response.body
        .pipeThrough(heard)
        .pipeThrough(new TextDecoderStream())
        .pipeThrough(new EventSourceParserStream());
      const reader = events.getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        if (value.id) this.#lastId = value.id;
        this.#take(value.data);
      }
    } finally {
      clearTimeout(silence);
    }
    throw new Error('the stream has ended');
  }

  #opened(isResumed: boolean): void {
    this.#waitMs = firstWaitMs;
    lostSince.value = null;
    streamState.value = 'live';
    this.#sink.onOpen(isResumed);
  }

  #take(data: string): void {
    const event = JSON.parse(data) as StreamEvent | EventGap;
    if (event.kind === 'gap') {
      streamState.value = 'catching-up';
      this.#sink.onGap();
      return;
    }
    if (event.kind === 'workflow.recovered') noteRecovered(event.queued_steps?.length ?? 0);
    this.#sink.onEvent(event);
  }

  #refused(problem: Problem): void {
    if (problem.status === 401) {
      dropToken();
      return;
    }
    if (problem.status === 404 || problem.status === 410) this.#sink.onRefused?.(problem);
    else this.#lost(problem.retryAfterMs);
  }

  #lost(waitMs: number | null = null): void {
    if (this.#isEnded) return;
    this.#attempt = null;
    lostSince.value ??= Date.now();
    streamState.value = 'lost';
    if (document.hidden) return;
    this.#timer = setTimeout(() => this.#connect(), waitMs ?? this.#waitMs);
    this.#waitMs = Math.min(this.#waitMs * 1.7, waitMsMax);
  }
}
