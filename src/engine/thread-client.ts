/** The port of a coordinator that runs in a thread of its own. */
import { Worker, type WorkerOptions } from 'node:worker_threads';
import type {
  CallName,
  CoordinatorCalls,
  CoordinatorPort,
  EventSink,
  FromCoordinator,
  ToCoordinator,
  TokenSink,
} from '../contract/coordinator.ts';
import { Refusal } from '../contract/failures.ts';
import { limits } from '../contract/limits.ts';
import { StartError } from '../contract/store.ts';

interface Pending {
  /** Counts against `limits.inboxCommandsMax`. */
  isCounted: boolean;
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

export interface CoordinatorThreadOptions {
  /** The module to run in the thread: it opens the store and serves a coordinator on its parent port. */
  url: URL;
  worker: WorkerOptions;
  /** Called when the thread ends though nobody closed it: 74 the disk failed, 70 a broken rule. */
  onFatal(message: string, exitStatus: 70 | 74): void;
}

/** Resolves when the coordinator has recovered; rejects with StartError when it cannot start on this data. */
export async function startCoordinatorThread(options: CoordinatorThreadOptions): Promise<CoordinatorPort> {
  const client = new ThreadClient(new Worker(options.url, options.worker), options.onFatal);
  await client.ready;
  return client;
}

class ThreadClient implements CoordinatorPort {
  readonly ready: Promise<void>;
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #sinks = new Map<number, EventSink>();
  readonly #tokenSinks = new Map<number, TokenSink>();
  #nextId = 1;
  #counted = 0;
  /** The health call under way. Callers share it, so that a disk that hangs cannot pile up calls. */
  #health: Promise<CoordinatorCalls['health']['answer']> | null = null;
  /** Set when no call can be answered any more, and why. */
  #ended: Error | null = null;

  constructor(worker: Worker, onFatal: CoordinatorThreadOptions['onFatal']) {
    this.#worker = worker;
    let isClosed = false;
    const die = (message: string, exitStatus: 70 | 74) => {
      if (this.#ended) return;
      this.#end(new Error(`The engine has ended: ${message}`));
      onFatal(message, exitStatus);
    };
    this.ready = new Promise((resolve, reject) => {
      worker.on('message', (message: FromCoordinator) => {
        if (message.kind === 'ready') resolve();
        else if (message.kind === 'unstartable') {
          this.#ended = new StartError(message.message, message.exitStatus as StartError['exitStatus']);
          reject(this.#ended);
        } else if (message.kind === 'fatal') {
          reject(new Error(message.message));
          die(message.message, message.exitStatus);
        } else this.#receive(message);
      });
      worker.on('error', (error) => {
        reject(error);
        die(error.stack ?? error.message, 70);
      });
      worker.on('exit', (code) => {
        reject(new Error(`the coordinator thread ended with code ${code} while it started`));
        if (!isClosed) die(`the coordinator thread ended with code ${code}`, 70);
      });
    });
    this.#onClosed = () => {
      isClosed = true;
    };
  }

  readonly #onClosed: () => void;

  #receive(message: Extract<FromCoordinator, { kind: 'answer' | 'refusal' | 'events' | 'tokens' }>): void {
    if (message.kind === 'events') {
      for (const id of message.subscriptionIds) this.#sinks.get(id)?.(message.events);
      return;
    }
    if (message.kind === 'tokens') {
      this.#tokenSinks.get(message.subscriptionId)?.(message.pieces);
      return;
    }
    const pending = this.#pending.get(message.callId);
    this.#pending.delete(message.callId);
    if (pending?.isCounted) this.#counted -= 1;
    if (message.kind === 'answer') pending?.resolve(message.answer);
    else pending?.reject(new Refusal(message.refusal));
  }

  #end(error: Error): void {
    this.#ended = error;
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
    this.#counted = 0;
  }

  #send(message: ToCoordinator): void {
    this.#worker.postMessage(message);
  }

  call<K extends CallName>(
    name: K,
    args: CoordinatorCalls[K]['args'],
    signal?: AbortSignal,
  ): Promise<CoordinatorCalls[K]['answer']> {
    if (name !== 'health') return this.#call(name, args, signal);
    this.#health ??= this.#call('health', {}).finally(() => {
      this.#health = null;
    });
    return this.#health as Promise<CoordinatorCalls[K]['answer']>;
  }

  async #call<K extends CallName>(
    name: K,
    args: CoordinatorCalls[K]['args'],
    signal?: AbortSignal,
  ): Promise<CoordinatorCalls[K]['answer']> {
    if (this.#ended) {
      if (name === 'close') return null as CoordinatorCalls[K]['answer'];
      throw this.#ended;
    }
    const isCounted = !isUnbounded(name, args);
    // The coordinator bounds its own inbox. This bounds the messages that it does not read while its disk hangs.
    if (isCounted && this.#counted >= limits.inboxCommandsMax) {
      const detail = `${this.#counted} calls are waiting already. Try again in a moment.`;
      throw new Refusal({ code: 'BUSY', detail, retryAfterSeconds: 1 });
    }
    const callId = this.#nextId;
    this.#nextId += 1;
    const abort = () => this.#send({ kind: 'abort', callId });
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#pending.set(callId, { resolve, reject, isCounted });
      if (isCounted) this.#counted += 1;
    });
    this.#send({ kind: 'call', callId, name, args });
    if (signal?.aborted) abort();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      const value = (await answer) as CoordinatorCalls[K]['answer'];
      if (name === 'close') await this.#close();
      return value;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  async #close(): Promise<void> {
    this.#onClosed();
    this.#end(new Refusal({ code: 'BUSY', detail: 'The engine is closed.' }));
    await this.#worker.terminate();
  }

  subscribe(after: number | null, workflowId: string | null, sink: EventSink): () => void {
    const subscriptionId = this.#nextId;
    this.#nextId += 1;
    this.#sinks.set(subscriptionId, sink);
    this.#send({ kind: 'subscribe', subscriptionId, after, workflowId });
    return () => {
      this.#sinks.delete(subscriptionId);
      if (!this.#ended) this.#send({ kind: 'unsubscribe', subscriptionId });
    };
  }

  listen(workflowId: string, sink: TokenSink): () => void {
    const subscriptionId = this.#nextId;
    this.#nextId += 1;
    this.#tokenSinks.set(subscriptionId, sink);
    this.#send({ kind: 'listen', subscriptionId, workflowId });
    return () => {
      this.#tokenSinks.delete(subscriptionId);
      if (!this.#ended) this.#send({ kind: 'unsubscribe', subscriptionId });
    };
  }
}

/** Waits may last as they like, a close must always get in, and there is one health call at a time. */
function isUnbounded<K extends CallName>(name: K, args: CoordinatorCalls[K]['args']): boolean {
  if (name === 'close' || name === 'health') return true;
  return (name === 'get' || name === 'graph') && (args as CoordinatorCalls['get']['args']).waitMs !== 0;
}
