/** What the graph says in words: of the step under the pointer, and of its boxes to assistive technology. */
import { useEffect, useState } from 'preact/hooks';
import { toSafeLine } from '../output/safe-text.ts';
import { durationText } from '../ui/duration.ts';
import { countText, usdText } from '../ui/money.ts';
import { Glyph } from '../ui/pill.tsx';
import { serverNow } from '../ui/time.ts';
import { endOf } from './bands.ts';
import type { GraphView } from './graph.ts';
import type { Hit } from './hit.ts';
import { toLookName, toLookWord } from './look.ts';
import { placeOf, useRun, useRunScope } from './run-context.ts';
import { pickedId } from './view-state.ts';

export interface Tip {
  readonly hit: Hit;
  readonly x: number;
  readonly y: number;
}

export function GraphTip({ tip: { hit, x, y }, pane }: { tip: Tip; pane: HTMLElement | null }) {
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
export function BoxList({ view, id }: { view: GraphView | null; id: string }) {
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
