/** What the keys of the run page do, and the parts that they reach. Every key has a visible control as well. */
import { createRef } from 'preact';
import type { KeyBinding } from '../keys.ts';
import { address, setQuery } from '../route.ts';
import { copyText } from '../ui/copy.ts';
import { askBranch } from './allowed.ts';
import type { Columns } from './columns.ts';
import type { GraphView } from './graph.ts';
import { groupings } from './grouping.ts';
import { stepBeside } from './hit.ts';
import { withLater } from './load-later.ts';
import { look } from './look.ts';
import { placeOf } from './run-context.ts';
import { type RunStore, stepsOfLook } from './run-store.ts';
import type { TimelineView } from './timeline.ts';
import {
  findSteps,
  findText,
  groupingChoice,
  isFollowing,
  lookFilter,
  pick,
  pickedId,
  runView,
  views,
} from './view-state.ts';

/** The parts of the page that keys reach, as far as they are there. */
export class PaneHandles {
  readonly finder = createRef<HTMLInputElement>();
  graph: GraphView | null = null;
  timeline: TimelineView | null = null;
  /** Set by the page: goes on to the next step that was found. */
  nextFound: () => void = () => undefined;
  /** Moves the focus into the drawer. */
  focusDrawer: () => void = () => undefined;
}

export function runKeys(handles: PaneHandles, store: RunStore): KeyBinding[] {
  const group = 'Run' as const;
  const walk = (steps: readonly number[], way: 1 | -1): void => {
    const { run } = store;
    if (run === null || steps.length === 0) return;
    const at = steps.indexOf(placeOf(run, pickedId.value));
    const next = at < 0 ? (way === 1 ? 0 : steps.length - 1) : (at + way + steps.length) % steps.length;
    pick(run.ids[steps[next]!]!);
  };
  const walkLook = (code: number, way: 1 | -1) => () => {
    if (store.run !== null) walk(stepsOfLook(store.run, code), way);
  };
  handles.nextFound = () => {
    const { run } = store;
    const found = run === null ? null : findSteps(run, findText.value);
    if (found !== null)
      walk(
        [...found.keys()].filter((i) => found[i] === 1),
        1,
      );
  };
  const beside = (key: 'back' | 'forth' | 'before' | 'after') => () => pickBeside(store, key);
  return [
    { key: '/', label: 'Find in the run', group, run: () => handles.finder.current?.focus() },
    { key: 'j', label: 'Next step in time', group, run: () => walk(orderOf(handles, store), 1) },
    { key: 'k', label: 'Previous step in time', group, run: () => walk(orderOf(handles, store), -1) },
    { key: 'ArrowLeft', label: 'To what the step waits for', group, run: beside('back') },
    { key: 'ArrowRight', label: 'To what waits for the step', group, run: beside('forth') },
    { key: 'ArrowUp', label: 'To the step above', group, run: beside('before') },
    { key: 'ArrowDown', label: 'To the step below', group, run: beside('after') },
    { key: 'Enter', label: 'Into the step', group, run: () => handles.focusDrawer() },
    { key: 'Escape', label: 'Close the step, then clear the filter', group, run: closeOne },
    { key: 'e', label: 'Next failure', group, run: walkLook(look.failed, 1) },
    { key: 'Shift e', label: 'Previous failure', group, run: walkLook(look.failed, -1) },
    { key: 'n', label: 'Next step that needs somebody', group, run: walkLook(look.needs, 1) },
    { key: 'f', label: 'Follow what runs', group, run: toggleFollow },
    { key: 'g', label: 'Other groups', group, run: cycleGrouping },
    { key: '0', label: 'The whole graph', group, run: () => handles.graph?.fit() },
    { key: '1', label: 'The graph at 100 %', group, run: () => handles.graph?.actualSize() },
    { key: '+', label: 'Larger', group, run: () => handles.graph?.zoom(1.33) },
    { key: '-', label: 'Smaller', group, run: () => handles.graph?.zoom(0.75) },
    { key: 'v', label: 'Other view', group, run: cycleView },
    { key: 'r', label: 'Retry what failed', group, run: () => withLater(({ retry }) => retry(store)) },
    { key: 's', label: 'Stop the run', group, run: () => withLater(({ askStop }) => askStop(store)) },
    { key: 'b', label: 'Branch from the step', group, run: () => askBranch(store) },
    {
      key: 'c',
      label: 'Copy a link to what is shown',
      group,
      run: () => void copyText(address.value.href, 'The link'),
    },
    { key: '.', label: 'More actions', group, run: openActions },
  ];
}

function orderOf({ timeline }: PaneHandles, { run }: RunStore): readonly number[] {
  const order = timeline?.order() ?? [];
  return order.length > 0 || run === null ? order : [...run.ids.keys()];
}

function pickBeside({ run, layout }: RunStore, key: 'back' | 'forth' | 'before' | 'after'): void {
  if (run === null || layout === null) return;
  const picked = placeOf(run, pickedId.value);
  const next = picked < 0 ? firstOf(run) : stepBeside(layout, run, picked, key);
  if (next >= 0) pick(run.ids[next]!);
}

function firstOf({ ids }: Columns): number {
  return ids.length > 0 ? 0 : -1;
}

function closeOne(): void {
  if (pickedId.value !== null) pick(null);
  else if (lookFilter.value >= 0 || findText.value !== '') setQuery({ status: null, find: null });
}

function toggleFollow(): void {
  isFollowing.value = !isFollowing.value;
}

function cycleGrouping(): void {
  const choices = ['auto', ...groupings] as const;
  const next = choices[(choices.indexOf(groupingChoice.value) + 1) % choices.length];
  setQuery({ by: next === 'auto' ? null : (next ?? null) });
}

function cycleView(): void {
  const next = views[(views.indexOf(runView.value) + 1) % views.length];
  setQuery({ view: next === 'split' ? null : (next ?? null) });
}

function openActions(): void {
  document.querySelector<HTMLElement>('.run-more')?.click();
}
