/**
 * Calls of the REST API, with the types of `src/contract`. A call that the engine puts off (429, 503) is sent again when
 * the engine has said to; a POST carries an Idempotency-Key, so that sending it twice has one effect.
 */
import { noteServerDate } from '../ui/time.ts';
import { diskFull, waitingCalls } from './connection.ts';
import { Problem, toProblem, unreachable } from './problem.ts';
import { authorization, dropToken } from './token.ts';

export interface RequestOptions {
  readonly signal?: AbortSignal;
  readonly headers?: Record<string, string>;
}

export interface PostOptions extends RequestOptions {
  /** Made when a person began what this call ends. Default: a new one. */
  readonly key?: string;
}

export interface ApiAnswer<Data> {
  readonly data: Data;
  readonly headers: Headers;
}

const retriesMax = 5;
const retryWaitMsMax = 30_000;

export async function get<Data>(path: string, options: RequestOptions = {}): Promise<Data> {
  return (await getWithHeaders<Data>(path, options)).data;
}

export async function getWithHeaders<Data>(path: string, options: RequestOptions = {}): Promise<ApiAnswer<Data>> {
  return readJson(await send(path, { method: 'GET', ...options }));
}

/** The answer's text as it came, for what is not JSON. */
export async function getText(path: string, options: RequestOptions = {}): Promise<string> {
  return (await send(path, { method: 'GET', ...options })).text();
}

export async function post<Data>(path: string, body?: unknown, options: PostOptions = {}): Promise<Data> {
  const { key = newKey(), headers = {}, ...rest } = options;
  const response = await send(path, {
    method: 'POST',
    ...rest,
    headers: {
      'Idempotency-Key': key,
      ...(body === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return (await readJson<Data>(response)).data;
}

export async function remove(path: string, options: RequestOptions = {}): Promise<void> {
  await send(path, { method: 'DELETE', ...options });
}

/** An Idempotency-Key. crypto.randomUUID is missing where a page comes over plain HTTP from another machine. */
export function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** A path with a query; what is undefined, null or empty is left out, and a list becomes several of one name. */
export function withQuery(
  path: string,
  query: Readonly<Record<string, string | number | readonly string[] | null | undefined>>,
): string {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    const values = Array.isArray(value) ? value : [value];
    for (const one of values) if (one !== undefined && one !== null && one !== '') params.append(name, String(one));
  }
  const text = params.toString();
  return text === '' ? path : `${path}?${text}`;
}

/** Rejects with a Problem, or with what `signal` was aborted with. */
export async function send(path: string, init: RequestInit): Promise<Response> {
  for (let retries = 0; ; retries += 1) {
    const response = await fetchOnce(path, init);
    if (response.ok) return response;
    const problem = await toProblem(response);
    if (problem.status === 401) dropToken();
    if (problem.status === 507) diskFull.value = true;
    const isPutOff = (problem.status === 429 || problem.status === 503) && problem.retryAfterMs !== null;
    if (!isPutOff || retries >= retriesMax) throw problem;
    await waitFor(Math.min(problem.retryAfterMs ?? 0, retryWaitMsMax), init.signal ?? null);
  }
}

async function fetchOnce(path: string, init: RequestInit): Promise<Response> {
  try {
    const response = await fetch(path, {
      ...init,
      headers: { Accept: 'application/json', ...authorization(), ...init.headers },
      cache: 'no-store',
      redirect: 'error',
    });
    noteServerDate(response.headers.get('date'), Date.now());
    if (response.ok && init.method !== 'GET') diskFull.value = false;
    return response;
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new Problem({ status: 0, detail: unreachable });
  }
}

async function readJson<Data>(response: Response): Promise<ApiAnswer<Data>> {
  const text = await response.text();
  return { data: (text === '' ? null : JSON.parse(text)) as Data, headers: response.headers };
}

async function waitFor(ms: number, signal: AbortSignal | null): Promise<void> {
  waitingCalls.value += 1;
  try {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(resolve, ms);
      signal?.addEventListener('abort', () => {
        clearTimeout(timer);
        reject(signal.reason);
      });
    });
  } finally {
    waitingCalls.value -= 1;
  }
}
