/** The cost of each day as bars. The table below says the same in figures. */
import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';
import type { CostsReply } from '../../src/contract/ledger.ts';
import { usdText } from '../ui/money.ts';
import { theme } from '../ui/theme.ts';

const height = 200;
const daySeconds = 86_400;
/** Bars of a hair's breadth say nothing: further back there is the table. */
const daysMax = 120;

export function DayChart({ rows }: { rows: CostsReply['rows'] }) {
  const place = useRef<HTMLDivElement>(null);
  const shade = theme.value;
  useEffect(() => {
    const element = place.current;
    if (element === null || rows.length === 0) return;
    const [days, costs] = fillDays(rows);
    const chart = new uPlot(toOptions(element.clientWidth), [days, costs], element);
    const observer = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      chart.destroy();
    };
  }, [rows, shade]);
  return <div ref={place} class="card chart" role="img" aria-label="Cost of each day" />;
}

/** Days without a call are there, with 0. In seconds since 1970, and in US dollars. */
function fillDays(rows: CostsReply['rows']): [number[], number[]] {
  const byDay = new Map(rows.map(({ key, cost }) => [Date.parse(`${key}T00:00:00Z`) / 1_000, cost]));
  const known = [...byDay.keys()].sort((a, b) => a - b);
  const last = known.at(-1) ?? 0;
  const first = Math.max(known[0] ?? last, last - (daysMax - 1) * daySeconds);
  const from = Math.min(first, last - 13 * daySeconds);
  const days: number[] = [];
  for (let day = from; day <= last; day += daySeconds) days.push(day);
  return [days, days.map((day) => byDay.get(day) ?? 0)];
}

function toOptions(width: number): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = { stroke: colour('--text-3'), font: `11px ${colour('--sans')}`, ticks: { show: false } };
  const day = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });
  return {
    width,
    height,
    padding: [12, 16, 0, 8],
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: false, range: (_, min, max) => [min - daySeconds / 2, max + daySeconds / 2] },
      y: { range: (_, __, max) => [0, max === 0 ? 1 : max * 1.1] },
    },
    series: [
      {},
      {
        fill: colour('--accent'),
        stroke: colour('--accent'),
        width: 0,
        ...(uPlot.paths.bars === undefined ? {} : { paths: uPlot.paths.bars({ size: [0.7, 48], radius: 0.12 }) }),
        points: { show: false },
      },
    ],
    axes: [
      {
        ...axis,
        size: 32,
        grid: { show: false },
        incrs: [1, 2, 5, 7, 14, 28].map((days) => days * daySeconds),
        values: (_, splits) => splits.map((at) => (at % daySeconds === 0 ? day.format(at * 1_000) : '')),
      },
      {
        ...axis,
        size: 64,
        grid: { stroke: colour('--line'), width: 1 },
        values: (_, splits) => splits.map((cost) => usdText(cost)),
      },
    ],
  };
}
