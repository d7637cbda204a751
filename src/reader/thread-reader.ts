/**
 * The reader: answers inquiries in a thread of its own. The thread starts with the first batch and ends when it has had
 * nothing to do for a while.
 *
 * Rules, numbered for tests:
 *   TD1  a batch that takes more memory or time than there is ends with its thread, and the next one gets a new thread;
 *   TD2  no more than one batch is in the thread.
 */
import { Worker } from 'node:worker_threads';
import { type DataReader, type InquiryAnswer, type InquiryBatch, ReaderEndedError } from '../contract/inquiry.ts';

/** This file runs from source and from the build, and the thread's lies beside it. */
export const readerThreadUrl = new URL(
  `./reader-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`,
  import.meta.url,
);

export interface ThreadReaderOptions {
  /** What a thread needs to run `readerThreadUrl`. */
  readonly execArgv: readonly string[] | undefined;
  /** Parsing 64 MiB of empty lists takes some 900 MB. */
  readonly heapMbMax?: number;
  readonly deadlineMs?: number;
  readonly idleMs?: number;
}

interface Reading {
  readonly worker: Worker;
  resolve(answers: readonly InquiryAnswer[]): void;
  reject(error: ReaderEndedError): void;
  readonly deadline: NodeJS.Timeout;
}

export class ThreadReader implements DataReader {
  readonly #options: Required<ThreadReaderOptions>;
  #worker: Worker | null = null;
  #reading: Reading | null = null;
  #idle: NodeJS.Timeout | undefined;

  constructor({ execArgv, heapMbMax = 1_536, deadlineMs = 60_000, idleMs = 10_000 }: ThreadReaderOptions) {
    this.#options = { execArgv, heapMbMax, deadlineMs, idleMs };
  }

  /** 0 or 1. */
  get threads(): number {
    return this.#worker === null ? 0 : 1;
  }

  read(batch: InquiryBatch): Promise<readonly InquiryAnswer[]> {
    if (this.#reading !== null) throw new Error('TD2: a batch is in the thread');
    clearTimeout(this.#idle);
    return new Promise((resolve, reject) => {
      const worker = this.#worker ?? this.#start();
      const { deadlineMs } = this.#options;
      const deadline = setTimeout(() => {
        this.#end(worker, new ReaderEndedError('time', `took longer than ${deadlineMs / 1_000} s`));
      }, deadlineMs);
      this.#reading = { worker, resolve, reject, deadline };
      worker.ref();
      worker.postMessage(batch, [...batch.blobs.values()].flatMap(toTransfer));
    });
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    if (worker === null) return;
    this.#end(worker, new ReaderEndedError('lost', 'the engine is stopping'));
    await worker.terminate();
  }

  #start(): Worker {
    const { execArgv, heapMbMax } = this.#options;
    const worker = new Worker(readerThreadUrl, {
      ...(execArgv ? { execArgv: [...execArgv] } : {}),
      env: {},
      resourceLimits: { maxOldGenerationSizeMb: heapMbMax },
    });
    worker.on('message', (answers: readonly InquiryAnswer[]) => this.#take(worker, answers));
    worker.on('error', (error) => this.#end(worker, toEnded(error, heapMbMax)));
    worker.on('exit', () => this.#end(worker, new ReaderEndedError('lost', 'the thread ended')));
    this.#worker = worker;
    return worker;
  }

  #take(worker: Worker, answers: readonly InquiryAnswer[]): void {
    const reading = this.#reading;
    if (reading?.worker !== worker) return;
    this.#reading = null;
    clearTimeout(reading.deadline);
    // It must not keep a process alive that has nothing else to do.
    worker.unref();
    this.#idle = setTimeout(() => this.#end(worker, new ReaderEndedError('lost', 'idle')), this.#options.idleMs);
    this.#idle.unref();
    reading.resolve(answers);
  }

  /** TD1. */
  #end(worker: Worker, error: ReaderEndedError): void {
    if (this.#worker === worker) this.#worker = null;
    void worker.terminate();
    const reading = this.#reading;
    if (reading?.worker !== worker) return;
    this.#reading = null;
    clearTimeout(reading.deadline);
    reading.reject(error);
  }
}

/** Bytes that are a whole buffer go over without being copied; a part of a shared one must stay. */
function toTransfer(bytes: Uint8Array): ArrayBuffer[] {
  const { buffer } = bytes;
  return buffer instanceof ArrayBuffer && bytes.byteLength === buffer.byteLength ? [buffer] : [];
}

function toEnded(error: unknown, heapMbMax: number): ReaderEndedError {
  const { code, message } = error as { code?: unknown; message?: string };
  if (code === 'ERR_WORKER_OUT_OF_MEMORY') return new ReaderEndedError('memory', `took more than ${heapMbMax} MB`);
  return new ReaderEndedError('lost', message ?? String(error));
}
