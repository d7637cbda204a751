/** Which rows of a long list are on the screen, when all have one height. The others are not in the page. */
import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';

export interface RowWindow {
  readonly from: number;
  readonly to: number;
  /** Room of the rows before and after, in pixels. */
  readonly before: number;
  readonly after: number;
}

/** Rows beyond the edges, so that a fast scroll shows no gap. */
const spare = 12;

export function useRowWindow(scroller: RefObject<HTMLElement | null>, count: number, rowHeight: number): RowWindow {
  const [view, setView] = useState({ top: 0, height: 800 });
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const read = (): void => setView({ top: element.scrollTop, height: element.clientHeight });
    const resizes = new ResizeObserver(read);
    resizes.observe(element);
    element.addEventListener('scroll', read, { passive: true });
    read();
    return () => {
      resizes.disconnect();
      element.removeEventListener('scroll', read);
    };
  }, []);
  const from = Math.max(0, Math.min(count, Math.floor(view.top / rowHeight) - spare));
  const to = Math.min(count, Math.ceil((view.top + view.height) / rowHeight) + spare);
  return { from, to, before: from * rowHeight, after: (count - to) * rowHeight };
}
