/**
 * The engine's port over REST, as far as the command line needs it. Problem answers become the `Refusal` they were made
 * from; a server that does not answer ends in a `CommandError` that says where it was looked for.
 */
import { Agent, type Dispatcher } from 'undici';
import { type ListReply, WorkflowReply } from '../contract/engine.ts';
import { Refusal, type RefusalCode, refusalTable } from '../contract/failures.ts';
import type { CostsReply } from '../contract/ledger.ts';
import { limits } from '../contract/limits.ts';
import type { JobStatus } from '../contract/workflow.ts';
import type { CliClients, CliEngine } from './context.ts';
import { CommandError } from './exit.ts';
import { readServerEvents } from './server-events.ts';

/** Longer than the longest `?wait`. */
const answerTimeoutMs = (limits.waitSecondsMax + 15) * 1000;

interface Call {
  method?: 'GET' | 'POST' | 'DELETE';
  query?: Record<string, string | number | readonly string[] | undefined>;
  body?: unknown;
  lastEventId?: number;
  signal?: AbortSignal | undefined;
}

/** The server's REST interface: one request, and its answer as text, as JSON or as a stream. */
export class RestClient {
  readonly #serverUrl: string;
  readonly #apiToken: string | null;
  readonly #agent = new Agent({
    connect: { timeout: 5_000 },
    headersTimeout: answerTimeoutMs,
    // An event stream is silent while nothing happens; it ends when the signal says so.
    bodyTimeout: 0,
  });

  constructor(serverUrl: string, apiToken: string | null) {
    this.#serverUrl = serverUrl;
    this.#apiToken = apiToken;
  }

  /** Resolves with an answer of 2xx. Rejects with the server's `Refusal`, or a `CommandError` when no engine answers. */
  async open(path: string, call: Call): Promise<Dispatcher.ResponseData> {
    const { method = 'GET', query = {}, body, lastEventId, signal } = call;
    const url = new URL(`${this.#serverUrl}/api/${path}`);
    for (const [name, value] of Object.entries(query)) {
      for (const each of value === undefined ? [] : [value].flat()) url.searchParams.append(name, String(each));
    }
    const headers: Record<string, string> = {
      ...(this.#apiToken === null ? {} : { authorization: `Bearer ${this.#apiToken}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) }),
    };
    try {
      const response = await this.#agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method,
        headers,
        body: body === undefined ? null : JSON.stringify(body),
        signal: signal ?? null,
      });
      if (response.statusCode >= 200 && response.statusCode < 300) return response;
      throw toRefusal(response.statusCode, await response.body.text(), this.#serverUrl);
    } catch (error) {
      if (error instanceof Refusal || error instanceof CommandError || signal?.aborted) throw error;
      const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      const advice = 'start one with `hybrid-engine serve`, or name another with --server';
      throw new CommandError(`No engine answers at ${this.#serverUrl} (${reason}); ${advice}`, 1, { cause: error });
    }
  }

  async text(path: string, call: Call = {}): Promise<string> {
    return (await this.open(path, call)).body.text();
  }

  async json<Answer>(path: string, call: Call = {}): Promise<Answer> {
    return JSON.parse(await this.text(path, call)) as Answer;
  }

  async workflow(path: string, call: Call = {}): Promise<WorkflowReply> {
    const json = await this.text(path, call);
    const { id, version, status } = JSON.parse(json) as { id: string; version: number; status: JobStatus };
    return new WorkflowReply({ id, version, status, json });
  }

  close(): Promise<void> {
    return this.#agent.destroy();
  }
}

export function createRemoteEngine(server: RestClient): CliEngine {
  const pathOf = (id: string) => `workflows/${encodeURIComponent(id)}`;
  const scheduleOf = (template: string, verb: string) => `schedules/${encodeURIComponent(template)}/${verb}`;

  return {
    submit: (definition, { declaredParams = [] } = {}) =>
      server.workflow('workflows', { method: 'POST', body: withDeclared(definition, declaredParams) }),
    submitTemplate: (template_id, params) =>
      server.workflow('workflows/from-template', { method: 'POST', body: { template_id, params } }),
    async get(id, { waitMs = 0, signal } = {}) {
      const wait = waitMs === 0 ? undefined : Math.min(limits.waitSecondsMax, Math.ceil(waitMs / 1000));
      try {
        return await server.workflow(pathOf(id), { query: { wait }, signal });
      } catch (error) {
        // The port's word: a wait that is ended early answers at once.
        if (!signal?.aborted) throw error;
        return server.workflow(pathOf(id));
      }
    },
    getStep: (id, stepId) => server.json(`${pathOf(id)}/steps/${encodeURIComponent(stepId)}`),
    async list({ cursor: _, limit, offset, ...filter } = {}): Promise<ListReply> {
      const query = { view: 'summary', limit, offset, ...filter };
      const response = await server.open('workflows', { query });
      const items = (await response.body.json()) as ListReply['items'];
      const total = Number(response.headers['x-total-count'] ?? items.length);
      return { total, items, rest: Math.max(0, total - (offset ?? 0) - items.length) };
    },
    stop: (id) => server.workflow(`${pathOf(id)}/stop`, { method: 'POST' }),
    decide: (id, stepId, request) =>
      server.json(`${pathOf(id)}/steps/${encodeURIComponent(stepId)}/decision`, { method: 'POST', body: request }),
    delete: async (id, { version } = {}) =>
      void (await server.text(pathOf(id), { method: 'DELETE', query: { version } })),
    async *follow(id, { after, signal } = {}) {
      const { body } = await server.open(`${pathOf(id)}/events`, {
        ...(after === undefined ? {} : { lastEventId: after }),
        signal,
      });
      yield* readServerEvents(body);
    },
    templates: () => server.json('templates'),
    schedules: () => server.json('schedules'),
    pauseSchedule: (id) => server.json(scheduleOf(id, 'pause'), { method: 'POST' }),
    resumeSchedule: (id) => server.json(scheduleOf(id, 'resume'), { method: 'POST' }),
    triggerSchedule: (id) => server.json(scheduleOf(id, 'trigger'), { method: 'POST' }),
    actions: () => server.json('actions'),
    costs: (query = {}) => server.json<CostsReply>('costs', { query }),
    close: () => server.close(),
  };
}

export function toClientCalls(server: RestClient): CliClients {
  return {
    pair: () => server.json('pairings', { method: 'POST' }),
    create: (body) => server.json('clients', { method: 'POST', body }),
    list: () => server.json('clients'),
    revoke: async (id) => void (await server.text(`clients/${encodeURIComponent(id)}`, { method: 'DELETE' })),
  };
}

/** A server takes no list of params that may be left out: null stands in for them, and `??` goes on behind it. */
function withDeclared(definition: unknown, declaredParams: readonly string[]): unknown {
  if (declaredParams.length === 0) return definition;
  const { params } = definition as { params?: Record<string, unknown> };
  const left = declaredParams.filter((name) => !Object.hasOwn(params ?? {}, name));
  return { ...(definition as object), params: { ...Object.fromEntries(left.map((name) => [name, null])), ...params } };
}

function toRefusal(status: number, text: string, serverUrl: string): Error {
  let problem: { code?: unknown; detail?: unknown; errors?: { path: string; message: string }[] } = {};
  try {
    problem = JSON.parse(text) as typeof problem;
  } catch {
    return new CommandError(`What answers at ${serverUrl} is no engine: it gave ${status} without a problem document`);
  }
  if (typeof problem.detail !== 'string') {
    return new CommandError(`What answers at ${serverUrl} is no engine: it gave ${status} without a detail`);
  }
  const hint = status === 401 ? ' (set API_TOKEN to the token that the server was started with)' : '';
  const { code, detail, errors } = problem;
  if (typeof code !== 'string' || !Object.hasOwn(refusalTable, code)) return new CommandError(detail);
  return new Refusal({ code: code as RefusalCode, detail: detail + hint, ...(errors ? { errors } : {}) });
}
