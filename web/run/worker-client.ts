/** The page's end of the worker: a promise for each call. */
import { noteServerDate } from '../ui/time.ts';
import { Problem } from '../wire/problem.ts';
import { authorization, dropToken } from '../wire/token.ts';
import { startWorker } from '../wire/trusted.ts';
import type { WorkerAsk, WorkerCallName, WorkerCalls, WorkerReply } from './run-messages.ts';

interface OpenCall {
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

export class WorkerClient {
  readonly #worker = startWorker();
  readonly #open = new Map<number, OpenCall>();
  #last = 0;

  constructor() {
    this.#worker.addEventListener('message', ({ data }: MessageEvent<WorkerReply>) => this.#onReply(data));
  }

  /** Rejects with a Problem. */
  call<Name extends WorkerCallName>(name: Name, ask: WorkerCalls[Name]['ask']): Promise<WorkerCalls[Name]['answer']> {
    this.#last += 1;
    const message: WorkerAsk<Name> = { number: this.#last, name, ask, headers: authorization() };
    return new Promise((resolve, reject) => {
      this.#open.set(message.number, { resolve: resolve as (answer: unknown) => void, reject });
      this.#worker.postMessage(message);
    });
  }

  /** Calls that are open stay so for ever. */
  close(): void {
    this.#worker.terminate();
    this.#open.clear();
  }

  #onReply(reply: WorkerReply): void {
    const open = this.#open.get(reply.number);
    this.#open.delete(reply.number);
    if ('problem' in reply) {
      if (reply.problem.status === 401) dropToken();
      open?.reject(new Problem(reply.problem));
    } else {
      noteServerDate(reply.date, Date.now());
      open?.resolve(reply.answer);
    }
  }
}
