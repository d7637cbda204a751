/** What both pictures of a run show of the page's own state: the step that is picked, what is filtered and found. */
import { computed, signal } from '@preact/signals';
import { toSafeLine } from '../output/safe-text.ts';
import { query, setQuery } from '../route.ts';
import type { Columns } from './columns.ts';
import { toGroupingChoice } from './grouping.ts';
import { toLook, toLookName } from './look.ts';

/** The address is the state: a link shows another person the same. */
export const pickedId = computed(() => query.value.get('step'));
export const lookFilter = computed(() => toLook(query.value.get('status')));
export const findText = computed(() => query.value.get('find') ?? '');
export const groupingChoice = computed(() => toGroupingChoice(query.value.get('by')));
/** The view goes along with what runs. */
export const isFollowing = signal(false);
/** Place of the step under the pointer, -1 for none. */
export const hovered = signal(-1);

export const views = ['split', 'graph', 'time', 'table', 'log'] as const;
export type RunView = (typeof views)[number];
export const runView = computed<RunView>(() => {
  const view = query.value.get('view');
  return (views as readonly string[]).includes(view ?? '') ? (view as RunView) : 'split';
});

export function pick(stepId: string | null): void {
  setQuery({ step: stepId, ...(stepId === null ? { tab: null, line: null } : { line: null }) });
}

export function filterLook(code: number): void {
  setQuery({ status: code < 0 || code === lookFilter.value ? null : toLookName(code) });
}

/** Whether a step is among what is looked for: by name, id, action and code of its failure. */
function matchesFind(run: Columns, i: number, wanted: string): boolean {
  return (
    run.names[i]!.toLowerCase().includes(wanted) ||
    run.ids[i]!.toLowerCase().includes(wanted) ||
    run.actions[run.action[i]!]!.includes(wanted) ||
    (run.errors.get(i)?.toLowerCase().includes(wanted) ?? false)
  );
}

/** Which steps stay bright: those of a look, and those that were found. */
export interface StepFilter {
  /** -1: all. */
  readonly look: number;
  /** 1 for each step that was found; null: nothing is looked for. */
  readonly found: Uint8Array | null;
}

export function isDimmed(run: Columns, i: number, { look, found }: StepFilter): boolean {
  return (look >= 0 && run.look[i] !== look) || (found !== null && found[i] !== 1);
}

/** Steps in whose outputs, logs or errors the engine has found the text. */
export const foundByEngine = signal<{ readonly text: string; readonly ids: ReadonlySet<string> } | null>(null);

/** null: nothing is looked for. */
export function findSteps(run: Columns, text: string): Uint8Array | null {
  const found = findByName(run, text);
  const other = foundByEngine.value;
  if (found === null || other?.text !== text.trim()) return found;
  return found.map((is, i) => (is === 1 || other.ids.has(run.ids[i]!) ? 1 : 0));
}

/** By what the page knows itself. */
export function findByName(run: Columns, text: string): Uint8Array | null {
  const wanted = text.trim().toLowerCase();
  if (wanted === '') return null;
  return Uint8Array.from(run.ids, (_, i) => (matchesFind(run, i, wanted) ? 1 : 0));
}

/** Names as they are shown, made once for each. */
export class SafeNames {
  #run: Columns | null = null;
  #names: string[] = [];

  of(run: Columns, i: number): string {
    if (this.#run !== run) {
      this.#run = run;
      this.#names = [];
    }
    this.#names[i] ??= toSafeLine(run.names[i]!);
    return this.#names[i]!;
  }
}
