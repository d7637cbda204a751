/** The filters of the list of runs, as the URL holds them and as the API takes them. Pure. */
import type { JobStatus } from '../../src/contract/workflow.ts';

export interface RunFilters {
  readonly status: readonly JobStatus[];
  readonly tag: readonly string[];
  readonly q: string;
  /** Days such as `2026-01-31`, in the zone that times are shown in. */
  readonly from: string;
  readonly to: string;
  readonly template: string;
  readonly sort: RunSort;
}

/** `created`, the newest first, is how the list stands when nothing is chosen: no change of a run moves it there. */
export const runSorts = ['created', 'updated', 'duration', 'cost'] as const;
export type RunSort = (typeof runSorts)[number];

/** In the order in which they matter to a person. */
export const statusOrder: readonly JobStatus[] = [
  'FAILED',
  'RUNNING',
  'PENDING',
  'WAITING_FOR_DEPENDENCY',
  'STOPPED',
  'COMPLETED',
];

export function readFilters(query: URLSearchParams): RunFilters {
  const given = (query.get('status') ?? '').split(',');
  return {
    status: statusOrder.filter((status) => given.includes(status)),
    tag: query.getAll('tag').filter((tag) => tag !== ''),
    q: query.get('q') ?? '',
    from: readDay(query.get('from')),
    to: readDay(query.get('to')),
    template: query.get('template') ?? '',
    sort: runSorts.find((sort) => sort === query.get('sort')) ?? 'created',
  };
}

export function hasFilters({ status, tag, q, from, to, template }: RunFilters): boolean {
  return status.length + tag.length > 0 || [q, from, to, template].some((text) => text !== '');
}

/** The query of the page's address; empty for no filter. */
export function toSearch(filters: RunFilters): string {
  const params = new URLSearchParams();
  if (filters.status.length > 0) params.set('status', filters.status.join(','));
  for (const tag of filters.tag) params.append('tag', tag);
  for (const name of ['q', 'from', 'to', 'template'] as const)
    if (filters[name] !== '') params.set(name, filters[name]);
  if (filters.sort !== 'created') params.set('sort', filters.sort);
  // The comma needs no escape there, and a person reads it.
  const text = params.toString().replaceAll('%2C', ',');
  return text === '' ? '' : `?${text}`;
}

/** What GET /api/workflows takes; days become the times at which they begin and end. */
export function toApiQuery(
  filters: RunFilters,
  isUtc: boolean,
): Readonly<Record<string, string | readonly string[] | undefined>> {
  return {
    status: filters.status.length > 0 ? filters.status.join(',') : undefined,
    tag: filters.tag,
    q: filters.q,
    from: toTime(filters.from, isUtc, 0),
    to: toTime(filters.to, isUtc, 1),
    template: filters.template,
    sort: filters.sort,
  };
}

export function toggled<Value>(list: readonly Value[], value: Value): Value[] {
  return list.includes(value) ? list.filter((one) => one !== value) : [...list, value];
}

function readDay(text: string | null): string {
  return text !== null && /^\d{4}-\d{2}-\d{2}$/.test(text) && !Number.isNaN(Date.parse(text)) ? text : '';
}

/** `days` 1: the last millisecond of the day. */
function toTime(day: string, isUtc: boolean, days: 0 | 1): string | undefined {
  if (day === '') return undefined;
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  const at = isUtc ? Date.UTC(year, month - 1, date + days) : new Date(year, month - 1, date + days).getTime();
  return new Date(at - days).toISOString();
}
