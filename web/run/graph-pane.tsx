/** The graph with its tools, its minimap and the tip under the pointer. */
import { effect } from '@preact/signals';
import { useEffect, useId, useMemo, useRef, useState } from 'preact/hooks';
import { toSafeLine } from '../output/safe-text.ts';
import { setQuery } from '../route.ts';
import { durationText } from '../ui/duration.ts';
import { Icon } from '../ui/icon.tsx';
import { countText, usdText } from '../ui/money.ts';
import { Glyph } from '../ui/pill.tsx';
import { theme } from '../ui/theme.ts';
import { serverNow } from '../ui/time.ts';
import { endOf } from './bands.ts';
import type { Columns } from './columns.ts';
import { GraphView } from './graph.ts';
import { type Grouping, groupings } from './grouping.ts';
import type { Hit } from './hit.ts';
import { look, toLookName, toLookWord } from './look.ts';
import { placeOf, useRun, useRunScope } from './run-context.ts';
import type { PaneHandles } from './run-keys.ts';
import { mostInteresting } from './run-store.ts';
import { findSteps, findText, hovered, isFollowing, lookFilter, pick, pickedId } from './view-state.ts';

const groupingWords: Readonly<Record<Grouping, { word: string; title: string }>> = {
  steps: { word: 'Steps', title: 'Every step on a card of its own' },
  siblings: { word: 'Siblings', title: 'Steps with the same parents and children in one box' },
  kinds: { word: 'Kinds', title: 'Like steps of one level in one box' },
};

interface Tip {
  readonly hit: Hit;
  readonly x: number;
  readonly y: number;
}

export function GraphPane({ handles, isNarrow }: { handles: PaneHandles; isNarrow: boolean }) {
  const { store } = useRunScope();
  const canvas = useRef<HTMLCanvasElement>(null);
  const minimap = useRef<HTMLCanvasElement>(null);
  const [tip, setTip] = useState<Tip | null>(null);
  const [view, setView] = useState<GraphView | null>(null);
  const listId = useId();
  useEffect(() => {
    if (canvas.current === null) return;
    const graph = new GraphView(canvas.current, {
      onPick: (step) => pick(step < 0 ? null : (store.run?.ids[step] ?? null)),
      onHover: (hit, at) => {
        hovered.value = hit.step;
        setTip(hit.step < 0 ? null : { hit, ...at });
      },
    });
    graph.minimap = minimap.current;
    handles.graph = graph;
    if (store.run !== null) graph.interesting = mostInteresting(store.run);
    setView(graph);
    return () => {
      handles.graph = null;
      graph.destroy();
    };
  }, []);
  useShown(view);
  return (
    <div class="run-pane run-graph">
      {/* biome-ignore lint/a11y/noInteractiveElementToNoninteractiveRole: the graph is an application of its own */}
      <canvas
        ref={canvas}
        tabIndex={0}
        role="application"
        aria-label="Graph of the run's steps. Arrow keys walk along dependencies, Enter opens a step."
        aria-activedescendant={pickedId.value === null ? undefined : `${listId}-picked`}
      />
      <BoxList view={view} id={listId} />
      {tip === null ? null : <GraphTip tip={tip} pane={canvas.current} />}
      <div class="graph-tools">
        <Tools handles={handles} />
      </div>
      {isNarrow ? null : <canvas class="graph-minimap is-hidden" ref={minimap} />}
    </div>
  );
}

/** Gives the view what it shows, with each change of the run and of the page's state. */
function useShown(view: GraphView | null): void {
  const { store } = useRunScope();
  const found = useMemo(() => ({ text: '', run: null as Columns | null, mask: null as Uint8Array | null }), []);
  useEffect(() => view?.retheme(), [view, theme.value]);
  const lastPicked = useRef(-1);
  const lastFollowed = useRef(0);
  useEffect(
    () =>
      effect(() => {
        store.tick.value;
        const text = findText.value;
        const { run, layout } = store;
        if (view === null || run === null || layout === null) return;
        if (found.run !== run || found.text !== text) {
          found.run = run;
          found.text = text;
          found.mask = findSteps(run, text);
        }
        const picked = placeOf(run, pickedId.value);
        view.show({
          ...{ run, layout, picked, hovered: hovered.value },
          filter: { look: lookFilter.value, found: found.mask },
        });
        if (picked !== lastPicked.current) {
          lastPicked.current = picked;
          // The drawer that opens beside it changes the room first.
          if (picked >= 0) requestAnimationFrame(() => view.reveal(picked));
        }
        if (isFollowing.value && performance.now() - lastFollowed.current > 1_000) {
          lastFollowed.current = performance.now();
          const running = newestRunning(run);
          if (running >= 0) view.reveal(running);
        }
      }),
    [view],
  );
}

function newestRunning(run: Columns): number {
  let newest = -1;
  for (let i = 0; i < run.ids.length; i += 1) {
    if (run.status[i] === look.running && (newest < 0 || run.start[i]! >= run.start[newest]!)) newest = i;
  }
  return newest;
}

function Tools({ handles }: { handles: PaneHandles }) {
  const { store } = useRunScope();
  store.shape.value;
  const grouping = store.layout?.grouping ?? 'steps';
  return (
    <>
      <div class="segments" role="group" aria-label="Groups">
        {groupings.map((one) => (
          <button
            key={one}
            type="button"
            class={grouping === one ? 'on' : ''}
            aria-pressed={grouping === one}
            title={`${groupingWords[one].title} (g)`}
            onClick={() => setQuery({ by: one })}
          >
            {groupingWords[one].word}
          </button>
        ))}
      </div>
      <div class="segments" role="group" aria-label="Zoom">
        <button type="button" aria-label="Smaller" title="Smaller (-)" onClick={() => handles.graph?.zoom(0.75)}>
          <Icon name="minus" size={14} />
        </button>
        <button type="button" aria-label="Larger" title="Larger (+)" onClick={() => handles.graph?.zoom(1.33)}>
          <Icon name="add" size={14} />
        </button>
        <button type="button" aria-label="Whole graph" title="Whole graph (0)" onClick={() => handles.graph?.fit()}>
          <Icon name="fit" size={14} />
        </button>
      </div>
      {store.isUnderWay || isFollowing.value ? (
        <div class="segments">
          <button
            type="button"
            class={isFollowing.value ? 'on' : ''}
            aria-pressed={isFollowing.value}
            title="The view goes along with what runs (f)"
            onClick={() => {
              isFollowing.value = !isFollowing.value;
            }}
          >
            Follow
          </button>
        </div>
      ) : null}
    </>
  );
}

function GraphTip({ tip: { hit, x, y }, pane }: { tip: Tip; pane: HTMLElement | null }) {
  const run = useRun();
  const i = hit.step;
  if (i >= run.ids.length || pane === null) return null;
  const code = run.look[i]!;
  const facts = [toLookWord(code)];
  if (run.start[i]! >= 0) facts.push(durationText(endOf(run, i, serverNow()) - run.start[i]!));
  if (run.cost[i]! >= 0) facts.push(usdText(run.cost[i]!));
  const error = run.errors.get(i);
  if (error) facts.push(error);
  const left = Math.max(8, Math.min(x + 14, pane.clientWidth - 268));
  const top = y + 100 > pane.clientHeight ? y - 84 : y + 16;
  return (
    <div class="graph-tip" style={{ left: `${left}px`, top: `${Math.max(4, top)}px` }} aria-hidden="true">
      <div>
        <Glyph look={toLookName(code)} size={14} />
        <b>{toSafeLine(run.names[i]!)}</b>
      </div>
      <span>{facts.join(' · ')}</span>
      <span class="mono">{run.ids[i]}</span>
    </div>
  );
}

/** What the canvas shows, for assistive technology: at most 200 boxes in view, renewed when they are others. */
function BoxList({ view, id }: { view: GraphView | null; id: string }) {
  const { store } = useRunScope();
  const [boxes, setBoxes] = useState<readonly number[]>([]);
  useEffect(() => {
    const timer = setInterval(() => {
      const now = view?.boxesInView(200) ?? [];
      setBoxes((before) => (before.length === now.length && before.every((box, k) => box === now[k]) ? before : now));
    }, 1_000);
    return () => clearInterval(timer);
  }, [view]);
  const run = useRun();
  const { layout } = store;
  if (layout === null) return null;
  const picked = placeOf(run, pickedId.value);
  return (
    <ul class="visually-hidden" aria-label="Steps in view">
      {picked < 0 ? null : (
        <li id={`${id}-picked`}>
          {toSafeLine(run.names[picked]!)}, {toLookWord(run.look[picked]!)}
        </li>
      )}
      {boxes
        .filter((box) => box < layout.form.length)
        .map((box) => {
          const cells = layout.cells.at[box + 1]! - layout.cells.at[box]!;
          const head = layout.head[box]!;
          const of = cells > 1 ? `, ${countText(cells)} steps` : '';
          return (
            <li key={box}>
              {toSafeLine(layout.label[box]!)}
              {of}
              {head >= 0 ? `, ${toLookWord(run.look[head]!)}` : ''}
            </li>
          );
        })}
    </ul>
  );
}
