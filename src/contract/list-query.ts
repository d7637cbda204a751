/**
 * Which workflows a list shows, in which order, and where its next page begins. The same rules stand behind `GET
 * /api/workflows`, its facets, and the filter of a bulk call.
 */
import { z } from 'zod';
import { type JobStatus, jobStatusSchema, type WorkflowSummary } from './workflow.ts';

export const listSorts = ['updated', 'created', 'duration', 'cost'] as const;
export type ListSort = (typeof listSorts)[number];

export interface ListFilter {
  /** One, or any of several. */
  status?: JobStatus | readonly JobStatus[];
  /** One, or all of several. */
  tag?: string | readonly string[];
  /** Part of the id, name or description, any letter case. */
  q?: string;
  /** createdAt at or after this time, and before that one; ISO 8601. */
  from?: string;
  to?: string;
  /** The `templateId`. */
  template?: string;
  /** The `parentId`. */
  parent?: string;
}

export interface ListQuery extends ListFilter {
  limit?: number;
  offset?: number;
  /** Newest, longest or dearest first; `updated` when absent. */
  sort?: ListSort;
  /** Only what comes after this place; it was made for the same `sort`. */
  cursor?: ListCursor;
}

/** The place of a workflow in the order of a list. */
export interface ListCursor {
  readonly sort: ListSort;
  readonly key: number;
  readonly id: string;
}

type Facet = 'status' | 'tag' | 'template';

/** Whether the filter lets a workflow through. `but`: a field of the filter that does not count. */
export function createListFilter(filter: ListFilter, but?: Facet): (summary: WorkflowSummary) => boolean {
  const statuses = filter.status === undefined || but === 'status' ? null : new Set([filter.status].flat());
  const tags = filter.tag === undefined || but === 'tag' ? [] : [filter.tag].flat();
  const q = filter.q?.toLowerCase();
  const from = filter.from === undefined ? Number.NEGATIVE_INFINITY : Date.parse(filter.from);
  const to = filter.to === undefined ? Number.POSITIVE_INFINITY : Date.parse(filter.to);
  const isTimed = filter.from !== undefined || filter.to !== undefined;
  return (summary) => {
    if (statuses !== null && !statuses.has(summary.status)) return false;
    if (!tags.every((tag) => summary.tags.includes(tag))) return false;
    if (filter.template !== undefined && but !== 'template' && summary.templateId !== filter.template) return false;
    if (filter.parent !== undefined && summary.parentId !== filter.parent) return false;
    if (isTimed) {
      const createdAt = Date.parse(summary.createdAt);
      if (createdAt < from || createdAt >= to) return false;
    }
    const { id, name, description } = summary;
    return q === undefined || [id, name, description].some((text) => text.toLowerCase().includes(q));
  };
}

/** What a list is ordered by: the largest comes first, of equal ones the later id. */
export function toSortKey({ createdAt, updatedAt, metrics }: WorkflowSummary, sort: ListSort): number {
  switch (sort) {
    case 'updated':
      return Date.parse(updatedAt);
    case 'created':
      return Date.parse(createdAt);
    case 'duration':
      return Date.parse(updatedAt) - Date.parse(createdAt);
    case 'cost':
      return metrics.total_cost;
    default: {
      const never: never = sort;
      throw new Error(`unknown sort ${JSON.stringify(never)}`);
    }
  }
}

/** Negative when `a` comes first. */
export function compareInList(a: Pick<ListCursor, 'key' | 'id'>, b: Pick<ListCursor, 'key' | 'id'>): number {
  if (a.key !== b.key) return b.key - a.key;
  return a.id < b.id ? 1 : a.id > b.id ? -1 : 0;
}

const cursorSchema = z.tuple([z.enum(listSorts), z.number(), z.string().max(64)]);

export function toCursorText(summary: WorkflowSummary, sort: ListSort): string {
  return toBase64Url(JSON.stringify([sort, toSortKey(summary, sort), summary.id]));
}

/** null for text that `toCursorText` has not made. */
export function readCursorText(text: string): ListCursor | null {
  try {
    const [sort, key, id] = cursorSchema.parse(JSON.parse(Buffer.from(text, 'base64url').toString('utf8')));
    return toBase64Url(JSON.stringify([sort, key, id])) === text ? { sort, key, id } : null;
  } catch {
    return null;
  }
}

function toBase64Url(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64url');
}

/** A time, or a day that stands for its beginning. */
export const listTimeSchema = z
  .string()
  .max(40)
  .refine(
    (text) =>
      /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/.test(text) &&
      Number.isFinite(Date.parse(text)),
    'must be a day or a time with its zone, as in 2026-01-31 or 2026-01-31T12:00:00Z',
  );

const statusMessage = `must be of ${jobStatusSchema.options.join(', ')}; several are separated by commas`;
/** From a query: `A,B`, or the parameter more than once. */
export const statusListSchema = z
  .union([z.string(), z.array(z.string())])
  .transform((given) => [given].flat().flatMap((text) => text.split(',')))
  .refine((list) => list.every((text) => jobStatusSchema.safeParse(text).success), statusMessage)
  .transform((list) => [...new Set(list)] as JobStatus[]);
