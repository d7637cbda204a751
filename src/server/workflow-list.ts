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
  const links = toLinks(request, { limit, offset, consumed: texts.consumed, total });
  if (links !== '') ctx.set('Link', links);
  sendJson(ctx, 200, `[${texts.taken.join(',')}]`);
}

interface Taken {
  taken: string[];
  /** Entries dealt with, those that meanwhile vanished included: where the next page starts. */
  consumed: number;
}

function takeWithin(texts: readonly string[], bytesMax: number): Taken {
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

function toLinks(
  request: ListRequest,
  page: { limit: number; offset: number; consumed: number; total: number },
): string {
  const links: string[] = [];
  const next = page.offset + page.consumed;
  if (page.consumed > 0 && next < page.total) links.push(toLink(request, page.limit, next, 'next'));
  if (page.offset > 0) {
    const limit = Math.min(page.limit, page.offset);
    links.push(toLink(request, limit, page.offset - limit, 'prev'));
  }
  return links.join(', ');
}

function toLink(request: ListRequest, limit: number, offset: number, rel: string): string {
  const query = new URLSearchParams({ limit: String(limit), offset: String(offset) });
  if (request.status !== undefined) query.set('status', request.status);
  if (request.tag !== undefined) query.set('tag', request.tag);
  if (request.q !== undefined) query.set('q', request.q);
  if (request.view !== undefined) query.set('view', request.view);
  return `</api/workflows?${query}>; rel="${rel}"`;
}
