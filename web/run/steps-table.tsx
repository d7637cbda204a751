/** All steps as a table: the twin of the graph for those who cannot see it, and for whoever wants to sort. */
import { useMemo, useRef, useState } from 'preact/hooks';
import { toSafeLine } from '../output/safe-text.ts';
import { durationText } from '../ui/duration.ts';
import { countText, usdText } from '../ui/money.ts';
import { Glyph } from '../ui/pill.tsx';
import { clockText, serverNow } from '../ui/time.ts';
import { endOf } from './bands.ts';
import type { Columns } from './columns.ts';
import { toLookName, toLookWord } from './look.ts';
import { useRun, useRunScope } from './run-context.ts';
import { orderSteps, type StepColumn, stepColumns } from './steps-order.ts';
import { findSteps, findText, foundByEngine, lookFilter, pick, pickedId } from './view-state.ts';
import { useRowWindow } from './windowed.ts';

const rowHeight = 34;

const words: Readonly<Record<StepColumn, string>> = {
  status: 'Status',
  name: 'Step',
  action: 'Action',
  started: 'Started',
  took: 'Took',
  try: 'Try',
  tokens: 'Tokens',
  cost: 'Cost',
};

const numeric: readonly StepColumn[] = ['started', 'took', 'try', 'tokens', 'cost'];
const narrowColumns: readonly StepColumn[] = ['status', 'name', 'took'];

export function StepsTable({ isNarrow }: { isNarrow: boolean }) {
  const { store } = useRunScope();
  const run = useRun();
  const scroller = useRef<HTMLDivElement>(null);
  const [sort, setSort] = useState<{ column: StepColumn; isDescending: boolean } | null>(null);
  const shown = isNarrow ? narrowColumns : stepColumns;
  // A live run of thousands is not sorted anew at each event.
  const turn = run.ids.length > 2_000 ? store.shape.value : store.tick.value;
  const steps = useMemo(
    () =>
      orderSteps(run, sort?.column ?? null, sort?.isDescending ?? false, {
        look: lookFilter.value,
        found: findSteps(run, findText.value),
      }),
    [run, sort, lookFilter.value, findText.value, foundByEngine.value, turn],
  );
  const view = useRowWindow(scroller, steps.length, rowHeight);
  const sortBy = (column: StepColumn): void => {
    if (sort?.column !== column) setSort({ column, isDescending: false });
    else setSort(sort.isDescending ? null : { column, isDescending: true });
  };
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys
    <div class="steps-scroll" ref={scroller} tabIndex={0} role="region" aria-label="Steps">
      <table class="steps-table" aria-rowcount={steps.length + 1}>
        <thead>
          <tr aria-rowindex={1}>
            {shown.map((column) => {
              const isSorted = sort?.column === column;
              const direction = !isSorted ? 'none' : sort.isDescending ? 'descending' : 'ascending';
              return (
                <th
                  key={column}
                  scope="col"
                  aria-sort={direction}
                  class={`of-${column}${numeric.includes(column) ? ' number' : ''}`}
                >
                  <button type="button" onClick={() => sortBy(column)}>
                    {words[column]}
                    {isSorted ? (sort.isDescending ? ' ↓' : ' ↑') : ''}
                  </button>
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {view.before > 0 ? <Spacer height={view.before} /> : null}
          {steps.slice(view.from, view.to).map((i, k) => (
            <Row key={run.ids[i]} run={run} i={i} index={view.from + k + 2} columns={shown} />
          ))}
          {view.after > 0 ? <Spacer height={view.after} /> : null}
        </tbody>
      </table>
      {steps.length === 0 ? <p class="none">No step matches.</p> : null}
    </div>
  );
}

/** Room of the rows that are not in the page; a cell over all columns would bring hidden ones back. */
function Spacer({ height }: { height: number }) {
  return (
    <tr>
      <td style={{ height: `${height}px`, padding: '0' }} />
    </tr>
  );
}

interface RowProps {
  readonly run: Columns;
  readonly i: number;
  readonly index: number;
  readonly columns: readonly StepColumn[];
}

function Row({ run, i, index, columns }: RowProps) {
  const id = run.ids[i]!;
  return (
    <tr
      aria-rowindex={index}
      class={pickedId.value === id ? 'is-picked' : ''}
      aria-selected={pickedId.value === id}
      onClick={() => pick(id)}
    >
      {columns.map((column) => (
        <td key={column} class={`of-${column}${numeric.includes(column) ? ' number' : ''}`}>
          {toCell(run, i, column)}
        </td>
      ))}
    </tr>
  );
}

function toCell(run: Columns, i: number, column: StepColumn) {
  switch (column) {
    case 'status':
      return (
        <span class="status-cell">
          <Glyph look={toLookName(run.look[i]!)} size={14} />
          {toLookWord(run.look[i]!)}
        </span>
      );
    case 'name':
      return (
        <button type="button" class="step-name" title={run.ids[i]} onClick={() => pick(run.ids[i]!)}>
          {toSafeLine(run.names[i]!)}
        </button>
      );
    case 'action':
      return <span class="mono">{run.actions[run.action[i]!]}</span>;
    case 'started':
      return run.start[i]! >= 0 ? clockText(new Date(run.start[i]!).toISOString()) : '–';
    case 'took':
      return run.start[i]! >= 0 ? durationText(endOf(run, i, serverNow()) - run.start[i]!) : '–';
    case 'try':
      return run.attempt[i] === 0 ? '–' : run.attempt[i];
    case 'tokens':
      return run.tokens[i]! > 0 ? countText(run.tokens[i]!) : '–';
    case 'cost':
      return Number.isNaN(run.cost[i]!) ? '–' : run.cost[i]! < 0 ? 'not known' : usdText(run.cost[i]!);
  }
}
