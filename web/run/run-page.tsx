/** One run: what it does, where it failed, what waits for a person, and what it has cost. */
import { useSignalEffect } from '@preact/signals';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { useKeys } from '../keys.ts';
import { Failed, Skeleton } from '../ui/empty.tsx';
import { lazy } from '../ui/lazy.tsx';
import { loadStyles } from '../ui/styles.ts';
import { Watched } from '../ui/watched.tsx';
import { ChipBar } from './chips.tsx';
import { RunHead } from './facts.tsx';
import { useJumpSteps } from './jump-steps.ts';
import { loadLater } from './load-later.ts';
import { useIsNarrow } from './narrow.ts';
import { placeOf, RunScope, useRunScope } from './run-context.ts';
import { PaneHandles, runKeys } from './run-keys.ts';
import type { ArrangeWish } from './run-messages.ts';
import { RunStore } from './run-store.ts';
import { StepLoader } from './step-loader.ts';
import { groupingChoice, pickedId } from './view-state.ts';
import { WorkArea } from './work-area.tsx';

/** Not needed before a step is picked: the graph is drawn first. */
async function loadDrawer() {
  const [{ Drawer }] = await Promise.all([import('./drawer.tsx'), loadStyles(DRAWER_STYLE_PATH)]);
  return Drawer;
}

const Drawer = lazy(loadDrawer, 'drawer');
const Announcer = lazy(async () => (await loadLater()).Announcer, 'visually-hidden');

function toWish(isNarrow: boolean): ArrangeWish {
  if (!isNarrow) return { choice: groupingChoice.value, direction: 'across' };
  return { choice: groupingChoice.value, direction: 'down', widthMax: Math.max(240, innerWidth - 28) };
}

export function RunPage({ id }: { id: string }) {
  const isNarrow = useIsNarrow();
  const scope = useMemo(() => {
    const store = new RunStore(id, toWish(isNarrow), loadLater);
    return { store, steps: new StepLoader(store) };
  }, [id]);
  const { store, steps } = scope;
  useEffect(
    () => () => {
      steps.close();
      store.close();
    },
    [scope],
  );
  useSignalEffect(() => {
    const wish = toWish(isNarrow);
    const { choice, direction } = store.wish;
    if (choice !== wish.choice || direction !== wish.direction) void store.arrange(wish);
  });
  useEffect(() => {
    const wish = toWish(isNarrow);
    if (store.wish.direction !== wish.direction) void store.arrange(wish);
  }, [isNarrow]);
  useSignalEffect(() => {
    store.shape.value;
    steps.show(store.run !== null && placeOf(store.run, pickedId.value) >= 0 ? pickedId.value : null);
  });
  const failure = store.failure.value;
  const isRead = store.shape.value > 0;
  if (failure !== null) {
    return (
      <Watched>
        <main class="page" aria-label="Run">
          <Failed isPage error={failure} what="run" retry={() => location.reload()} />
        </main>
      </Watched>
    );
  }
  if (!isRead) return <LoadingRun />;
  return (
    <RunScope.Provider value={scope}>
      <ShownRun isNarrow={isNarrow} />
    </RunScope.Provider>
  );
}

function ShownRun({ isNarrow }: { isNarrow: boolean }) {
  const scope = useMemo(() => new PaneHandles(), []);
  const { store } = useRunScope();
  useKeys(runKeys(scope, store));
  useJumpSteps(store);
  useEffect(() => void loadDrawer().catch(() => {}), []);
  store.shape.value;
  const hasPicked = store.run !== null && placeOf(store.run, pickedId.value) >= 0;
  return (
    <main class={`run-page${hasPicked ? ' with-drawer' : ''}`} aria-label="Run">
      <RunHead />
      <ChipBar handles={scope} isNarrow={isNarrow} />
      <div class="run-work">
        <WorkArea handles={scope} isNarrow={isNarrow} />
        {hasPicked ? <Drawer handles={scope} isNarrow={isNarrow} /> : null}
      </div>
      <Announcer />
    </main>
  );
}

/** The skeleton of the page's own layout; a run that takes long says so. */
function LoadingRun() {
  const [isLong, setLong] = useState(false);
  useEffect(() => {
    const timer = setTimeout(() => setLong(true), 2_000);
    return () => clearTimeout(timer);
  }, []);
  return (
    <main class="run-page" aria-label="Run">
      <div class="run-head">
        <Skeleton lines={3} />
        {isLong ? <p class="muted">A large run takes a moment to read.</p> : null}
      </div>
    </main>
  );
}
