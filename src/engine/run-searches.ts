/**
 * Searches in runs, in a thread of their own.
 *
 *   RQ1  one search runs at a time, and few wait; one more is refused (429);
 *   RQ2  no more than `limits.searchOutputsBytesMax` of outputs that lie in blobs are looked into, the smallest first; the
 *        steps whose outputs are not looked into are named.
 */
import type { Piscina } from 'piscina';
import type { CoordinatorPort, WorkflowText } from '../contract/coordinator.ts';
import type { AskRoom, SearchOptions } from '../contract/engine.ts';
import { invalid, Refusal } from '../contract/failures.ts';
import { limits } from '../contract/limits.ts';
import { type SearchReply, searchPlaces } from '../contract/run-view.ts';
import { checkId } from './arguments.ts';
import type { SearchJob } from './search-thread.ts';

/** This file runs from source and from the build, and the thread's lies beside it. */
export const searchThreadUrl = new URL(
  `./search-thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`,
  import.meta.url,
);

const underWayMax = 4;
const hitsDefault = 100;
const deadlineMs = 10_000;

export type ReadText = (id: string, room: AskRoom | undefined) => Promise<WorkflowText>;

export class RunSearches {
  readonly #coordinator: CoordinatorPort;
  readonly #readText: ReadText;
  readonly #execArgv: string[] | undefined;
  /** Kept from the moment it is asked for: searches that come together share one. */
  #pool: Promise<Piscina<SearchJob, SearchReply>> | null = null;
  #underWay = 0;

  constructor(coordinator: CoordinatorPort, readText: ReadText, execArgv: string[] | undefined) {
    this.#coordinator = coordinator;
    this.#readText = readText;
    this.#execArgv = execArgv;
  }

  async search(id: string, q: string, options: SearchOptions): Promise<SearchReply> {
    checkId(id);
    if (q === '' || q.length > limits.searchLengthMax) {
      const message = `must have 1 to ${limits.searchLengthMax} characters`;
      throw invalid('The search is not valid', [{ path: 'q', message }]);
    }
    if (this.#underWay >= underWayMax) {
      const detail = `${underWayMax} searches are under way already: try again in a moment`;
      throw new Refusal({ code: 'TOO_MANY', detail, retryAfterSeconds: 1 });
    }
    this.#underWay += 1;
    try {
      return await this.#search(id, q, options);
    } finally {
      this.#underWay -= 1;
    }
  }

  async close(): Promise<void> {
    await (await this.#pool)?.destroy();
  }

  async #search(id: string, q: string, { places = searchPlaces, limit = hitsDefault, room }: SearchOptions) {
    const { json, hasBlobs } = await this.#readText(id, room);
    const blobs: Record<string, Uint8Array> = {};
    for (const blob of hasBlobs && places.includes('outputs') ? findBlobs(json) : []) {
      // One that is damaged or gone is one that is not looked into.
      const bytes = await this.#coordinator.call('readBlob', { id, blob }).catch(toNull);
      if (bytes !== null) blobs[blob] = bytes;
    }
    const signal = AbortSignal.timeout(deadlineMs);
    this.#pool ??= this.#start();
    const pool = await this.#pool;
    try {
      const most = Math.min(limit, limits.searchHitsMax);
      return await pool.run({ json, blobs, q, places, limit: most }, { signal });
    } catch (error) {
      if (!signal.aborted) throw error;
      const detail = `The search takes longer than ${deadlineMs / 1_000} s: look in fewer places, or for a longer text`;
      throw new Refusal({ code: 'TOO_MANY', detail });
    }
  }

  async #start(): Promise<Piscina<SearchJob, SearchReply>> {
    const { Piscina } = await import('piscina');
    return new Piscina({
      filename: searchThreadUrl.href,
      ...(this.#execArgv ? { execArgv: this.#execArgv } : {}),
      env: {},
      minThreads: 0,
      maxThreads: 1,
      idleTimeout: 10_000,
      atomics: 'disabled',
    });
  }
}

function toNull(error: unknown): null {
  if (error instanceof Refusal) return null;
  throw error;
}

/** RQ2. As the workflow's text writes them; inside a text quotes are escaped, so that none is found there. */
function findBlobs(json: string): string[] {
  const refs = [...json.matchAll(/"outputs": \{\s*"blob": "([0-9a-f]{64})",\s*"bytes": (\d+)\s*\}/g)];
  const bySize = refs.map(([, blob = '', bytes]) => ({ blob, bytes: Number(bytes) })).sort((a, b) => a.bytes - b.bytes);
  let bytesLeft: number = limits.searchOutputsBytesMax;
  return bySize.flatMap(({ blob, bytes }) => {
    bytesLeft -= bytes;
    return bytesLeft < 0 ? [] : [blob];
  });
}
