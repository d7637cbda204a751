/**
 * A run as REST tells it (`view=graph`, `view=changes`) becomes columns. Pure; it runs in the worker, because 20,000
 * steps are a megabyte of JSON.
 */
import type { ChangesView, GraphColumns, GraphView } from '../../src/contract/run-view.ts';
import {
  type Columns,
  outcomes,
  type RunHead,
  refreshLooks,
  reverseLinks,
  shape,
  toLinks,
  waitsFor,
} from './columns.ts';
import { look, looksCount } from './look.ts';

/** Gives each text a number of its own, from 0, in the order in which they come. */
class Numbers {
  readonly #known = new Map<string, number>();

  of(text: string): number {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    const number = this.#known.size;
    this.#known.set(text, number);
    return number;
  }
}

/** Empty columns for so many steps. */
function createColumns(head: RunHead, size: number): Columns {
  const none = { at: new Uint32Array(size + 1), to: new Uint32Array(0) };
  return {
    head,
    ids: [],
    names: [],
    actions: [],
    action: new Uint16Array(size),
    kind: new Uint32Array(size),
    parents: none,
    children: none,
    status: new Uint8Array(size),
    outcome: new Uint8Array(size),
    waits: new Uint8Array(size),
    shape: new Uint8Array(size),
    group: new Int32Array(size).fill(-1),
    item: new Int32Array(size).fill(-1),
    count: new Int32Array(size).fill(-1),
    queued: new Float64Array(size).fill(Number.NaN),
    start: new Float64Array(size).fill(Number.NaN),
    end: new Float64Array(size).fill(Number.NaN),
    attempt: new Uint16Array(size),
    cost: new Float64Array(size).fill(Number.NaN),
    tokens: new Float64Array(size),
    errors: new Map(),
    look: new Uint8Array(size),
    counts: new Int32Array(looksCount),
    index: new Map(),
  };
}

export function toColumns(view: GraphView): Columns {
  const { steps, actions, seq: _seq, ...head } = view;
  // Events change the sums: what was read stays as it is.
  const run = createColumns({ ...head, metrics: { ...head.metrics } }, steps.id.length);
  run.actions = actions;
  setSteps(run, steps, Date.parse(head.createdAt), (k) => k);
  return finish(run, steps.deps);
}

/** The run with its changes put in: the same arrays where no step is new, longer ones else. */
export function mergeChanges(run: Columns, view: ChangesView): Columns {
  const { steps, actions, seq: _seq, since: _since, at, ...head } = view;
  const size = Math.max(run.ids.length, (at.at(-1) ?? -1) + 1);
  const isLonger = size > run.ids.length;
  const merged = isLonger ? grow(run, size) : run;
  merged.head = head;
  setSteps(merged, steps, Date.parse(head.createdAt), (k) => at[k]!);
  at.forEach((i, k) => {
    merged.action[i] = toActionNumber(merged.actions, actions[steps.action[k]!]!);
  });
  // A step may begin to wait for data without a change of its own: the view tells of all that wait.
  for (let i = 0; i < size; i += 1) merged.waits[i] = waitsFor[steps.waits[String(i)] ?? 'nothing'];
  if (!isLonger) {
    refreshLooks(merged);
    return merged;
  }
  const deps = listsOf(merged);
  at.forEach((i, k) => {
    deps[i] = steps.deps[k]!;
  });
  return finish(merged, deps);
}

function toActionNumber(actions: string[], action: string): number {
  const known = actions.indexOf(action);
  return known < 0 ? actions.push(action) - 1 : known;
}

function listsOf({ parents: { at, to }, ids }: Columns): number[][] {
  return ids.map((_, i) => (i + 1 < at.length ? [...to.subarray(at[i]!, at[i + 1]!)] : []));
}

function grow(run: Columns, size: number): Columns {
  const longer = createColumns(run.head, size);
  for (const [name, column] of Object.entries(longer)) {
    const from = run[name as keyof Columns];
    if (ArrayBuffer.isView(column) && ArrayBuffer.isView(from) && name !== 'counts')
      (column as Float64Array).set(from as unknown as Float64Array);
  }
  const { ids, names, actions, errors, parents } = run;
  return { ...longer, ids: [...ids], names: [...names], actions, errors, parents };
}

/** Links, indexes and looks, which follow from the rest. */
function finish(run: Columns, deps: readonly (readonly number[])[]): Columns {
  run.index = new Map(run.ids.map((id, i) => [id, i]));
  // -1 stands for a step that is not there: data still missing.
  run.parents = toLinks(deps.map((list) => list.filter((i) => i >= 0)));
  run.children = reverseLinks(run.parents);
  const kinds = new Numbers();
  run.names.forEach((name, i) => {
    run.kind[i] = kinds.of(`${run.action[i]}|${name.replace(/\d+/g, '#')}`);
  });
  refreshLooks(run);
  return run;
}

/** Sets what the columns tell; entry `k` is about the step at `placeOf(k)`. */
function setSteps(run: Columns, steps: GraphColumns, createdAt: number, placeOf: (k: number) => number): void {
  for (let k = 0; k < steps.id.length; k += 1) {
    const i = placeOf(k);
    run.ids[i] = steps.id[k]!;
    run.names[i] = steps.name[k]!;
    run.action[i] = steps.action[k]!;
    run.status[i] = steps.status.charCodeAt(k) - 48;
    run.queued[i] = toTime(createdAt, steps.queued[k]!);
    run.start[i] = toTime(createdAt, steps.start[k]!);
    run.end[i] = steps.ms[k]! < 0 ? Number.NaN : run.start[i]! + steps.ms[k]!;
    run.attempt[i] = steps.attempt[k]!;
    const cost = steps.cost[k];
    run.cost[i] = cost === null ? -1 : cost! < 0 ? Number.NaN : cost!;
    run.tokens[i] = Math.max(0, steps.tokens[k]!);
    const place = String(i);
    const error = steps.error[place];
    // A step that was stopped names the failed one in its error, and has no code.
    if (error === undefined || (error === '' && run.status[i] !== look.failed)) run.errors.delete(i);
    else run.errors.set(i, error);
    run.waits[i] = waitsFor[steps.waits[place] ?? 'nothing'];
    run.outcome[i] = { s: outcomes.skipped, t: outcomes.tolerated, none: outcomes.none }[
      steps.outcome[place] ?? 'none'
    ];
    run.shape[i] = shape[steps.group[place] ?? 'plain'];
    const [group, item] = steps.of[place] ?? [-1, -1];
    run.group[i] = group;
    run.item[i] = item;
    // Items of a map with an action have the name of the map: their ids tell them apart.
    if (group >= 0 && run.names[i] === run.names[group]) run.names[i] = run.ids[i]!;
    run.count[i] = steps.count[place] ?? -1;
  }
}

function toTime(createdAt: number, ms: number): number {
  return ms < 0 ? Number.NaN : createdAt + ms;
}
