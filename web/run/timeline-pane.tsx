/** The timeline in its pane. */
import { effect } from '@preact/signals';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { theme } from '../ui/theme.ts';
import type { Columns } from './columns.ts';
import { placeOf, useRunScope } from './run-context.ts';
import type { PaneHandles } from './run-keys.ts';
import { TimelineView } from './timeline.ts';
import { findSteps, findText, hovered, lookFilter, pick, pickedId } from './view-state.ts';

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
  useEffect(() => view?.retheme(), [view, theme.value]);
  const found = useMemo(() => ({ text: '', run: null as Columns | null, mask: null as Uint8Array | null }), []);
  const lastPicked = useRef(-1);
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
        if (picked === lastPicked.current) return;
        lastPicked.current = picked;
        if (picked >= 0) view.reveal(picked);
      }),
    [view],
  );
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
