/** The timeline in its pane. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { useRunScope } from './run-context.ts';
import type { PaneHandles } from './run-keys.ts';
import { TimelineView } from './timeline.ts';
import { useShown } from './use-shown.ts';
import { hovered, pick } from './view-state.ts';

export function TimelinePane({ handles }: { handles: PaneHandles }) {
  const { store } = useRunScope();
  const canvas = useRef<HTMLCanvasElement>(null);
  const [view, setView] = useState<TimelineView | null>(null);
  useEffect(() => {
    if (canvas.current === null) return;
    const timeline = new TimelineView(canvas.current, {
      onPick: (step) => pick(store.run?.ids[step] ?? null),
      onHover: (step) => {
        hovered.value = step;
      },
    });
    handles.timeline = timeline;
    setView(timeline);
    return () => {
      handles.timeline = null;
      timeline.destroy();
    };
  }, []);
  useShown(view);
  return (
    <div class="run-pane">
      <canvas
        ref={canvas}
        tabIndex={0}
        role="img"
        aria-label="Timeline of the run's steps. The view Steps has the same as a table."
      />
    </div>
  );
}
