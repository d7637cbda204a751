/** The graph with its tools, its minimap and the tip under the pointer. */
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { setQuery } from '../route.ts';
import { Icon } from '../ui/icon.tsx';
import { lazy } from '../ui/lazy.tsx';
import type { Columns } from './columns.ts';
import { GraphView } from './graph.ts';
import type { Tip } from './graph-words.tsx';
import { type Grouping, groupings } from './grouping.ts';
import { type Later, loadLater } from './load-later.ts';
import { look } from './look.ts';
import { useRunScope } from './run-context.ts';
import type { PaneHandles } from './run-keys.ts';
import { mostInteresting } from './run-store.ts';
import { useShown } from './use-shown.ts';
import { hovered, isFollowing, pick, pickedId } from './view-state.ts';

const BoxList = lazy(async () => (await loadLater()).BoxList, 'visually-hidden');
const GraphTip = lazy(async () => (await loadLater()).GraphTip, 'visually-hidden');

const groupingWords: Readonly<Record<Grouping, { word: string; title: string }>> = {
  steps: { word: 'Steps', title: 'Every step on a card of its own' },
  siblings: { word: 'Siblings', title: 'Steps with the same parents and children in one box' },
  kinds: { word: 'Kinds', title: 'Like steps of one level in one box' },
};

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
    const corner = minimap.current;
    if (corner !== null) {
      const show = ({ drawMinimap }: Later): void => {
        graph.drawMinimap = (scene) => drawMinimap(corner, scene);
        graph.refresh();
      };
      loadLater().then(show, () => {});
    }
    handles.graph = graph;
    if (store.run !== null) graph.interesting = mostInteresting(store.run);
    setView(graph);
    return () => {
      handles.graph = null;
      graph.destroy();
    };
  }, []);
  const lastFollowed = useRef(0);
  useShown(view, (run) => {
    if (!isFollowing.value || performance.now() - lastFollowed.current < 1_000) return;
    lastFollowed.current = performance.now();
    const running = newestRunning(run);
    if (running >= 0) view?.reveal(running);
  });
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
