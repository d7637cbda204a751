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
import type { CliEngine } from './context.ts';
import { CommandError } from './exit.ts';
import { readServerEvents } from './server-events.ts';

/** Longer than the longest `?wait`. */
const answerTimeoutMs = (limits.waitSecondsMax + 15) * 1000;

interface Call {
  method?: 'GET' | 'POST';
  query?: Record<string, string | number | undefined>;
  body?: unknown;
  lastEventId?: number;
  signal?: AbortSignal | undefined;
}

export function createRemoteEngine(serverUrl: string, apiToken: string | null): CliEngine {
  const agent = new Agent({
    connect: { timeout: 5_000 },
    headersTimeout: answerTimeoutMs,
    // An event stream is silent while nothing happens; it ends when the signal says so.
    bodyTimeout: 0,
  });

  const open = async (path: string, call: Call): Promise<Dispatcher.ResponseData> => {
    const { method = 'GET', query = {}, body, lastEventId, signal } = call;
    const url = new URL(`${serverUrl}/api/${path}`);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    const headers: Record<string, string> = {
      ...(apiToken === null ? {} : { authorization: `Bearer ${apiToken}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(lastEventId === undefined ? {} : { 'last-event-id': String(lastEventId) }),
    };
    try {
      const response = await agent.request({
        origin: url.origin,
        path: url.pathname + url.search,
        method,
        headers,
        body: body === undefined ? null : JSON.stringify(body),
        signal: signal ?? null,
      });
      if (response.statusCode >= 200 && response.statusCode < 300) return response;
      throw toRefusal(response.statusCode, await response.body.text(), serverUrl);
    } catch (error) {
      if (error instanceof Refusal || error instanceof CommandError || signal?.aborted) throw error;
      const reason = error instanceof Error && 'code' in error ? String(error.code) : String(error);
      throw new CommandError(
        `No engine answers at ${serverUrl} (${reason}); start one with \`hybrid-engine serve\`, or name another with --server`,
        1,
        { cause: error },
      );
    }
  };
  const readText = async (path: string, call: Call = {}) => (await open(path, call)).body.text();
  const read = async <Answer>(path: string) => JSON.parse(await readText(path)) as Answer;
  const toReply = (json: string): WorkflowReply => {
    const { id, version, status } = JSON.parse(json) as { id: string; version: number; status: JobStatus };
    return new WorkflowReply({ id, version, status, json });
  };
  const workflowPath = (id: string) => `workflows/${encodeURIComponent(id)}`;

  return {
    submit: async (definition) => toReply(await readText('workflows', { method: 'POST', body: definition })),
    submitTemplate: async (template_id, params) =>
      toReply(await readText('workflows/from-template', { method: 'POST', body: { template_id, params } })),
    async get(id, { waitMs = 0, signal } = {}) {
      const wait = waitMs === 0 ? undefined : Math.min(limits.waitSecondsMax, Math.ceil(waitMs / 1000));
      try {
        return toReply(await readText(workflowPath(id), { query: { wait }, signal }));
      } catch (error) {
        // The port's word: a wait that is ended early answers at once.
        if (!signal?.aborted) throw error;
        return toReply(await readText(workflowPath(id)));
      }
    },
    getStep: (id, stepId) => read(`${workflowPath(id)}/steps/${encodeURIComponent(stepId)}`),
    async list({ limit, offset, status, tag, q } = {}): Promise<ListReply> {
      const query = { view: 'summary', limit, offset, status, tag, q };
      const response = await open('workflows', { query });
      const items = (await response.body.json()) as ListReply['items'];
      return { total: Number(response.headers['x-total-count'] ?? items.length), items };
    },
    stop: async (id) => toReply(await readText(`${workflowPath(id)}/stop`, { method: 'POST' })),
    async *follow(id, { after, signal } = {}) {
      const { body } = await open(`${workflowPath(id)}/events`, {
        ...(after === undefined ? {} : { lastEventId: after }),
        signal,
      });
      yield* readServerEvents(body);
    },
    templates: () => read('templates'),
    actions: () => read('actions'),
    costs: async (query = {}) => JSON.parse(await readText('costs', { query })) as CostsReply,
    close: () => agent.destroy(),
  };
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
