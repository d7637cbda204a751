/** Graph over timeline with a splitter between them, or one of the views alone. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { lazy } from '../ui/lazy.tsx';
import { loadStyles } from '../ui/styles.ts';
import { GraphPane } from './graph-pane.tsx';
import type { PaneHandles } from './run-keys.ts';
import { runView } from './view-state.ts';

/** The graph is drawn first. */
const TimelinePane = lazy(async () => (await import('./timeline-pane.tsx')).TimelinePane, 'run-pane');
const StepsTable = lazy(async () => (await styled(import('./steps-table.tsx'))).StepsTable, 'steps-scroll');
const LogView = lazy(async () => (await styled(import('./log-view.tsx'))).LogView, 'log-view');

/** The table and the log have their looks in the sheet of the drawer. */
async function styled<Part>(part: Promise<Part>): Promise<Part> {
  await loadStyles(DRAWER_STYLE_PATH);
  return part;
}

/** Part of the height that the graph has, in percent. */
const share = { start: 58, min: 15, max: 85, step: 5 } as const;
const keptAt = 'splitter';

function readShare(): number {
  try {
    const kept = Number(localStorage.getItem(keptAt));
    return kept >= share.min && kept <= share.max ? kept : share.start;
  } catch {
    return share.start;
  }
}

export function WorkArea({ handles, isNarrow }: { handles: PaneHandles; isNarrow: boolean }) {
  const view = isNarrow && runView.value === 'split' ? 'graph' : runView.value;
  const [part, setPart] = useState(readShare);
  const area = useRef<HTMLDivElement>(null);
  useEffect(() => {
    try {
      if (part === share.start) localStorage.removeItem(keptAt);
      else localStorage.setItem(keptAt, String(Math.round(part)));
    } catch {
      // It then holds until the page is loaded again.
    }
  }, [part]);
  if (view === 'table') return <StepsTable isNarrow={isNarrow} />;
  if (view === 'log') return <LogView />;
  return (
    <div class="run-split" ref={area}>
      {view === 'time' ? null : (
        <div class="run-half" style={view === 'split' ? { flex: `0 0 ${part}%` } : { flex: '1' }}>
          <GraphPane handles={handles} isNarrow={isNarrow} />
        </div>
      )}
      {view === 'split' ? <Splitter part={part} set={setPart} area={() => area.current} /> : null}
      {view === 'graph' ? null : (
        <div class="run-half rest">
          <TimelinePane handles={handles} />
        </div>
      )}
    </div>
  );
}

interface SplitterProps {
  readonly part: number;
  set(part: number): void;
  area(): HTMLElement | null;
}

function Splitter({ part, set, area }: SplitterProps) {
  const within = (wanted: number): number => Math.max(share.min, Math.min(share.max, wanted));
  return (
    <div
      class="run-grip"
      role="separator"
      aria-label="Height of the graph"
      aria-orientation="horizontal"
      aria-valuenow={Math.round(part)}
      aria-valuemin={share.min}
      aria-valuemax={share.max}
      tabIndex={0}
      onKeyDown={(event) => {
        if (event.key !== 'ArrowUp' && event.key !== 'ArrowDown') return;
        event.preventDefault();
        event.stopPropagation();
        set(within(part + (event.key === 'ArrowUp' ? -share.step : share.step)));
      }}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={(event) => {
        const box = event.currentTarget.hasPointerCapture(event.pointerId) ? area()?.getBoundingClientRect() : null;
        if (box) set(within(((event.clientY - box.top) / box.height) * 100));
      }}
      onDblClick={() => set(share.start)}
    />
  );
}
