/**
 * `GET /api/workflows`: pages, with whole documents fetched a few at a time, so that a long list of large workflows
 * never stands in memory at once. An answer that would grow beyond its bound ends early and links to the rest.
 */
import type { Context } from 'koa';
import type { z } from 'zod';
import type { AskRoom, Engine } from '../contract/engine.ts';
import { invalid, Refusal } from '../contract/failures.ts';
import { limits } from '../contract/limits.ts';
import { type ListFilter, type ListQuery, toCursorText } from '../contract/list-query.ts';
import type { HeldMemory } from './answer-memory.ts';
import type { ServerBounds } from './bounds.ts';
import type { listFilterSchema, listQuerySchema } from './query.ts';
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
  const { view, cursor, sort, limit = limits.listLimitDefault, offset = 0 } = request;
  checkCursor(request);
  const query: ListQuery = { limit, offset, ...toListFilter(request) };
  if (sort !== undefined) query.sort = sort;
  if (cursor !== undefined) query.cursor = cursor;
  const { total, items, rest } = await engine.list(query);
  const texts =
    view === 'summary'
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
  const last = items[texts.consumed - 1];
  const isMore = last !== undefined && items.length - texts.consumed + rest > 0;
  const next = isMore ? toCursorText(last, sort ?? 'updated') : undefined;
  if (next !== undefined) ctx.set('X-Next-Cursor', next);
  const { status, tag, q, from, to, template, parent } = request;
  const address = { status: status?.join(','), tag, q, from, to, template, parent, sort, view };
  const links =
    cursor === undefined
      ? toPageLinks('/api/workflows', address, { limit, offset, consumed: texts.consumed, total })
      : toCursorLink('/api/workflows', { ...address, limit: String(limit), cursor: next });
  if (links !== '') ctx.set('Link', links);
  sendJson(ctx, 200, `[${texts.taken.join(',')}]`);
}

/** A cursor is a place in one order, and replaces the offset. */
function checkCursor({ cursor, offset, sort = 'updated' }: ListRequest): void {
  const fault = (message: string) => invalid('The query is not valid', [{ path: 'cursor', message }]);
  if (cursor === undefined) return;
  if (offset !== undefined) throw fault('and offset exclude each other');
  if (cursor.sort !== sort) throw fault(`belongs to sort=${cursor.sort}: give the same`);
}

/** The fields that choose workflows, where they are given. */
export function toListFilter({ status, ...rest }: z.output<typeof listFilterSchema>): ListFilter {
  const { tag, q, from, to, template, parent } = rest;
  const [only] = status ?? [];
  return {
    ...(status === undefined || only === undefined ? {} : { status: status.length === 1 ? only : status }),
    ...(tag === undefined ? {} : { tag }),
    ...(q === undefined ? {} : { q }),
    ...(from === undefined ? {} : { from }),
    ...(to === undefined ? {} : { to }),
    ...(template === undefined ? {} : { template }),
    ...(parent === undefined ? {} : { parent }),
  };
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

type Address = Readonly<Record<string, string | readonly string[] | undefined>>;

function withAddress(search: URLSearchParams, query: Address): URLSearchParams {
  for (const [name, value] of Object.entries(query)) {
    for (const each of value === undefined ? [] : [value].flat()) search.append(name, each);
  }
  return search;
}

/** The `Link` header of a page that a cursor has begun; '' where it is the last. */
function toCursorLink(path: string, query: Address): string {
  return query.cursor === undefined ? '' : `<${path}?${withAddress(new URLSearchParams(), query)}>; rel="next"`;
}

/** The `Link` header of a page; '' where there are no others. `query` is the rest of the address. */
export function toPageLinks(
  path: string,
  query: Address,
  page: { limit: number; offset: number; consumed: number; total: number },
): string {
  const toLink = (rel: string, limit: number, offset: number) => {
    const search = new URLSearchParams({ limit: String(limit), offset: String(offset) });
    return `<${path}?${withAddress(search, query)}>; rel="${rel}"`;
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
