/**
 * A run in memory: one array for each field of its steps, so that 20,000 steps cost 2 MB and an event touches numbers
 * alone. The worker makes the columns and hands the arrays over; `apply-event.ts` changes them.
 *
 * Units: times are milliseconds since 1970, NaN where there is none; costs are US dollars, NaN where no call was made,
 * -1 where the price is not known.
 */
import type { GraphView } from '../../src/contract/run-view.ts';
import { type Look, lookOfStatus } from '../ui/look.ts';
import { look, looksCount } from './look.ts';

/** Lists of numbers in one array: those of `i` are `to[at[i]]` up to, but without, `to[at[i + 1]]`. */
export interface Links {
  readonly at: Uint32Array;
  readonly to: Uint32Array;
}

/** What a waiting step waits for besides its dependencies; by number in the `waits` column. */
export const waitsFor = { nothing: 0, budget: 1, decision: 2, data: 3, time: 4, workflow: 5 } as const;

/** What makes a step a group; by number in the `shape` column. */
export const shape = { plain: 0, map: 1, loop: 2 } as const;

export const outcomes = { none: 0, skipped: 1, tolerated: 2 } as const;

/** The run without its steps: what the page shows of it. */
export type RunHead = Omit<GraphView, 'steps' | 'actions' | 'seq'>;

export interface Columns {
  head: RunHead;
  ids: string[];
  names: string[];
  /** The actions that occur, and which one each step has. */
  actions: string[];
  action: Uint16Array;
  /** Steps of one kind have the same action, and names that differ in their numbers alone. */
  kind: Uint32Array;
  parents: Links;
  children: Links;
  status: Uint8Array;
  outcome: Uint8Array;
  waits: Uint8Array;
  shape: Uint8Array;
  /** The step that has made this one, -1 where it stands in the definition; and for which item or round. */
  group: Int32Array;
  item: Int32Array;
  /** Items or rounds of a group so far; -1 before its list is known. */
  count: Int32Array;
  queued: Float64Array;
  start: Float64Array;
  end: Float64Array;
  attempt: Uint16Array;
  cost: Float64Array;
  tokens: Float64Array;
  /** Codes of failures by step; of one without a code an empty text. */
  errors: Map<number, string>;
  /** Derived, and kept right by `setStatus`: what each step looks like, and how many look so. */
  look: Uint8Array;
  counts: Int32Array;
  index: Map<string, number>;
}

/** Lists of numbers as links, in their order. */
export function toLinks(lists: readonly (readonly number[])[]): Links {
  const at = new Uint32Array(lists.length + 1);
  for (let i = 0; i < lists.length; i += 1) at[i + 1] = at[i]! + lists[i]!.length;
  const to = new Uint32Array(at[lists.length]!);
  for (let i = 0; i < lists.length; i += 1) to.set(lists[i]!, at[i]!);
  return { at, to };
}

/** The same links the other way round, each list in rising order. */
export function reverseLinks({ at, to }: Links): Links {
  const size = at.length - 1;
  const back = new Uint32Array(size + 1);
  for (const target of to) back[target + 1]! += 1;
  for (let i = 0; i < size; i += 1) back[i + 1]! += back[i]!;
  const next = back.slice();
  const from = new Uint32Array(to.length);
  for (let i = 0; i < size; i += 1) {
    for (let k = at[i]!; k < at[i + 1]!; k += 1) {
      const target = to[k]!;
      from[next[target]!] = i;
      next[target]! += 1;
    }
  }
  return { at: back, to: from };
}

/** Whether somebody has to give data to the step, or to decide, before it goes on. */
function needsSomebody(run: Columns, i: number): boolean {
  if (run.waits[i] === waitsFor.decision || run.waits[i] === waitsFor.data) return true;
  if (run.waits[i] !== waitsFor.nothing || run.actions[run.action[i]!] !== 'external_data') return false;
  const { at, to } = run.parents;
  for (let k = at[i]!; k < at[i + 1]!; k += 1) {
    const status = run.status[to[k]!]!;
    if (status === look.queued || status === look.running || status === look.waiting) return false;
  }
  return true;
}

export function lookOf(run: Columns, i: number): number {
  const status = run.status[i]!;
  if (status === look.completed && run.outcome[i] !== outcomes.none)
    return run.outcome[i] === outcomes.skipped ? look.skipped : look.tolerated;
  return status === look.waiting && needsSomebody(run, i) ? look.needs : status;
}

/** Reckons the look of one step again. */
export function refreshLook(run: Columns, i: number): void {
  const now = lookOf(run, i);
  const before = run.look[i]!;
  if (now === before) return;
  run.counts[before]! -= 1;
  run.counts[now]! += 1;
  run.look[i] = now;
}

/** Sets a step's status, and reckons again what it and those that wait for it look like. */
export function setStatus(run: Columns, i: number, status: number, outcome: number = outcomes.none): void {
  run.status[i] = status;
  run.outcome[i] = outcome;
  if (status !== look.waiting) run.waits[i] = waitsFor.nothing;
  refreshLook(run, i);
  const { at, to } = run.children;
  for (let k = at[i]!; k < at[i + 1]!; k += 1) {
    const child = to[k]!;
    if (run.status[child] === look.waiting) refreshLook(run, child);
  }
}

/** Reckons all looks and their counts, as after a read. */
export function refreshLooks(run: Columns): void {
  run.counts = new Int32Array(looksCount);
  for (let i = 0; i < run.ids.length; i += 1) {
    const now = lookOf(run, i);
    run.look[i] = now;
    run.counts[now]! += 1;
  }
}

/** Whether anything runs or is queued: clocks go on then. */
export function isUnderWay(run: Columns): boolean {
  return run.counts[look.running]! + run.counts[look.queued]! > 0;
}

/** A run that waits has nothing that runs: it waits for somebody, for a time, or for its budget. */
export function lookOfRun(run: Columns): Look {
  if (run.head.status !== 'WAITING_FOR_DEPENDENCY') return lookOfStatus(run.head.status);
  return run.counts[look.needs]! > 0 ? 'needs' : 'waiting';
}

/** Milliseconds since 1970 of an ISO time; NaN where there is none. */
export function toMs(time: string | null | undefined): number {
  return time === null || time === undefined ? Number.NaN : Date.parse(time);
}
