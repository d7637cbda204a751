/** Gives a picture of the run what it shows, with each change of the run and of the page's state. */
import { effect } from '@preact/signals';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import { theme } from '../ui/theme.ts';
import type { Columns } from './columns.ts';
import type { GraphInput } from './graph.ts';
import { placeOf, useRunScope } from './run-context.ts';
import { findSteps, findText, foundByEngine, hovered, lookFilter, pickedId } from './view-state.ts';

export interface ShownView {
  show(input: GraphInput): void;
  retheme(): void;
  reveal(step: number): void;
}

/** `after` is called when the view has been given the run as it is now. */
export function useShown(view: ShownView | null, after?: (run: Columns) => void): void {
  const { store } = useRunScope();
  const found = useMemo(
    () => ({ text: '', run: null as Columns | null, mask: null as Uint8Array | null, byEngine: foundByEngine.peek() }),
    [],
  );
  useEffect(() => view?.retheme(), [view, theme.value]);
  const lastPicked = useRef(-1);
  useEffect(
    () =>
      effect(() => {
        store.tick.value;
        const text = findText.value;
        const { run, layout } = store;
        if (view === null || run === null || layout === null) return;
        const byEngine = foundByEngine.value;
        if (found.run !== run || found.text !== text || found.byEngine !== byEngine) {
          found.run = run;
          found.text = text;
          found.byEngine = byEngine;
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
        after?.(run);
      }),
    [view],
  );
}
