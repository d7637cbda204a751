/** Calls of the engine with the token that pairing gave: what waits, what takes a page, and one capture at a time. */
import type { WaitingStep } from '../src/contract/decision.ts';
import type { GraphView } from '../src/contract/run-view.ts';
import { Problem, toProblem, unreachable } from '../web/wire/problem.ts';
import type { CaptureRequest } from './request.ts';
import type { ListedTemplate } from './target.ts';

export const defaultAddress = 'http://127.0.0.1:8000';

export interface Connection {
  /** An origin, without a slash at its end. */
  readonly address: string;
  /** Of scope `capture`; null before pairing. */
  readonly token: string | null;
}

export interface PairReply {
  readonly token: string;
  readonly client: { readonly id: string; readonly name: string };
}

/** `away`: nobody answered, or the engine put it off; the same call may be sent again under its key. */
export type SendOutcome =
  | { readonly kind: 'sent'; readonly workflowId: string }
  | { readonly kind: 'away'; readonly detail: string }
  | { readonly kind: 'unpaired'; readonly detail: string }
  | { readonly kind: 'refused'; readonly detail: string };

const callMsMax = 60_000;
const waitingMax = 200;

export class EngineCalls {
  readonly #connection: Connection;
  readonly #fetch: typeof fetch;

  constructor(connection: Connection, fetcher: typeof fetch = (...args) => fetch(...args)) {
    this.#connection = connection;
    this.#fetch = fetcher;
  }

  pair(code: string, name: string): Promise<PairReply> {
    return this.#json<PairReply>('/api/pair', {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({ code, name }),
    });
  }

  /** Those that wait for data, the longest wait first. */
  async waiting(): Promise<WaitingStep[]> {
    const steps = await this.#get<WaitingStep[]>(`/api/waiting?limit=${waitingMax}`);
    return steps.filter((step) => step.for === 'data');
  }

  templates(): Promise<ListedTemplate[]> {
    return this.#get<ListedTemplate[]>('/api/templates');
  }

  /** A run as columns; of one that this extension has started or given data to. */
  run(workflowId: string): Promise<GraphView> {
    return this.#get<GraphView>(`/api/workflows/${encodeURIComponent(workflowId)}?view=graph`);
  }

  /** A step's main text; null where it has none. */
  async content(workflowId: string, stepId: string): Promise<string | null> {
    const path = `/api/workflows/${encodeURIComponent(workflowId)}/steps/${encodeURIComponent(stepId)}`;
    const { outputs } = await this.#get<{ outputs: { content?: unknown } | null }>(path);
    return typeof outputs?.content === 'string' ? outputs.content : null;
  }

  /** Never rejects: each way in which it may end is an outcome. */
  async send({ path, body }: CaptureRequest, key: string): Promise<SendOutcome> {
    try {
      const reply = await this.#json<{ id?: string; workflow_id?: string }>(path, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'Idempotency-Key': key, ...this.#authorization() },
        body,
      });
      return { kind: 'sent', workflowId: reply.workflow_id ?? reply.id ?? '' };
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return toOutcome(error);
    }
  }

  #get<Data>(path: string): Promise<Data> {
    return this.#json<Data>(path, { method: 'GET', headers: this.#authorization() });
  }

  #authorization(): Record<string, string> {
    const { token } = this.#connection;
    return token === null ? {} : { Authorization: `Bearer ${token}` };
  }

  async #json<Data>(path: string, init: RequestInit): Promise<Data> {
    let text: string;
    try {
      const response = await this.#fetch(`${this.#connection.address}${path}`, {
        ...init,
        cache: 'no-store',
        credentials: 'omit',
        redirect: 'error',
        referrerPolicy: 'no-referrer',
        signal: AbortSignal.timeout(callMsMax),
      });
      if (!response.ok) throw await toProblem(response);
      text = await response.text();
    } catch (error) {
      if (error instanceof Problem) throw error;
      throw new Problem({ status: 0, detail: unreachable });
    }
    try {
      return JSON.parse(text) as Data;
    } catch {
      throw new Problem({ status: 502, detail: 'What answers at this address is no engine' });
    }
  }
}

/** True for an answer that says nothing about the capture: the engine is not there, stops, is busy, or its disk is full. */
const isPutOff = (status: number) => status === 0 || status === 408 || status === 429 || status >= 500;

export function toOutcome({ status, code, detail }: Problem): SendOutcome {
  if (isPutOff(status)) return { kind: 'away', detail };
  // Without a pairing the guard refuses the origin of an extension before it looks at a token.
  if (status === 401 || isForeignOrigin(status, code, detail)) return { kind: 'unpaired', detail };
  return { kind: 'refused', detail };
}

function isForeignOrigin(status: number, code: string, detail: string): boolean {
  return status === 403 && code === 'FORBIDDEN' && detail.startsWith('Origin ');
}
