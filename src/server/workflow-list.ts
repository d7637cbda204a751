/**
 * `GET /api/workflows`: pages, with whole documents fetched a few at a time, so that a long list of large workflows
 * never stands in memory at once. An answer that would grow beyond its bound ends early and links to the rest.
 */
import type { Context } from 'koa';
import type { z } from 'zod';
import type { AskRoom, Engine, ListQuery } from '../contract/engine.ts';
import { Refusal } from '../contract/failures.ts';
import { limits } from '../contract/limits.ts';
import type { HeldMemory } from './answer-memory.ts';
import type { ServerBounds } from './bounds.ts';
import type { listQuerySchema } from './query.ts';
import { holdOf } from './route.ts';
import { sendJson, withoutLargeOutputs } from './workflow-reply.ts';

/** Documents in memory at once: enough to hide a file read behind another, few enough to stay small. */
const fetchedAtOnce = 4;

export type ListRequest = z.output<typeof listQuerySchema>;

export async function sendWorkflowList(
  ctx: Context,
  request: ListRequest,
  engine: Engine,
  bounds: ServerBounds,
): Promise<void> {
  const limit = request.limit ?? limits.listLimitDefault;
  const offset = request.offset ?? 0;
  const query: ListQuery = { limit, offset };
  if (request.status !== undefined) query.status = request.status;
  if (request.tag !== undefined) query.tag = request.tag;
  if (request.q !== undefined) query.q = request.q;
  const { total, items } = await engine.list(query);
  const texts =
    request.view === 'summary'
      ? takeWithin(
          items.map((item) => JSON.stringify(item)),
          bounds.listAnswerBytesMax,
        )
      : await fetchWithin(
          items.map((item) => item.id),
          engine,
          { bounds, hold: holdOf(ctx) },
        );
  ctx.set('X-Total-Count', String(total));
  const { status, tag, q, view } = request;
  const links = toPageLinks(
    '/api/workflows',
    { status, tag, q, view },
    { limit, offset, consumed: texts.consumed, total },
  );
  if (links !== '') ctx.set('Link', links);
  sendJson(ctx, 200, `[${texts.taken.join(',')}]`);
}

interface Taken {
  taken: string[];
  /** Entries dealt with, those that meanwhile vanished included: where the next page starts. */
  consumed: number;
}

/** As many texts of a list as an answer has room for. */
export function takeWithin(texts: readonly string[], bytesMax: number): Taken {
  const taken: string[] = [];
  let bytes = 2;
  for (const text of texts) {
    bytes += Buffer.byteLength(text) + 1;
    // The first is always taken: a page that holds nothing would link to itself for ever.
    if (bytes > bytesMax && taken.length > 0) break;
    taken.push(text);
  }
  return { taken, consumed: taken.length };
}

async function fetchWithin(
  ids: readonly string[],
  engine: Engine,
  { bounds, hold }: { bounds: ServerBounds; hold: HeldMemory },
): Promise<Taken> {
  const taken: string[] = [];
  let bytes = 2;
  for (let from = 0; from < ids.length; from += fetchedAtOnce) {
    // Of the documents of one round all are in memory together, beside the page so far.
    const asked = new Map<string, number>();
    const room = (id: string) => (bytesOfOne: number) => {
      asked.set(id, bytesOfOne);
      return hold.room([...asked.values()].reduce((sum, each) => sum + each, bytes));
    };
    const texts = await Promise.all(
      ids
        .slice(from, from + fetchedAtOnce)
        .map((id) => fetchText(id, engine, { outputsBytesMax: bounds.listOutputsBytesMax, room: room(id) })),
    );
    for (const [at, text] of texts.entries()) {
      if (text === null) continue;
      bytes += Buffer.byteLength(text) + 1;
      if (bytes > bounds.listAnswerBytesMax && taken.length > 0) return { taken, consumed: from + at };
      taken.push(text);
    }
    hold.keep(bytes);
  }
  return { taken, consumed: ids.length };
}

async function fetchText(
  id: string,
  engine: Engine,
  { outputsBytesMax, room }: { outputsBytesMax: number; room: AskRoom },
): Promise<string | null> {
  try {
    return withoutLargeOutputs(await engine.get(id, { room, withoutBlobs: true }), outputsBytesMax);
  } catch (error) {
    // Deleted, or found damaged and set aside, since the list was made: the others are still worth an answer.
    if (error instanceof Refusal && (error.code === 'NOT_FOUND' || error.code === 'SET_ASIDE')) return null;
    throw error;
  }
}

/** The `Link` header of a page; '' where there are no others. `query` is the rest of the address. */
export function toPageLinks(
  path: string,
  query: Readonly<Record<string, string | undefined>>,
  page: { limit: number; offset: number; consumed: number; total: number },
): string {
  const toLink = (rel: string, limit: number, offset: number) => {
    const search = new URLSearchParams({ limit: String(limit), offset: String(offset) });
    for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, value);
    return `<${path}?${search}>; rel="${rel}"`;
  };
  const links: string[] = [];
  const next = page.offset + page.consumed;
  if (page.consumed > 0 && next < page.total) links.push(toLink('next', page.limit, next));
  if (page.offset > 0) {
    const limit = Math.min(page.limit, page.offset);
    links.push(toLink('prev', limit, page.offset - limit));
  }
  return links.join(', ');
}
