/** What calls of models have used and cost, by day, model, action or workflow. A price that is not known is said to be so. */
import { useEffect, useMemo } from 'preact/hooks';
import type { CostsReply } from '../../src/contract/ledger.ts';
import type { WorkflowSummary } from '../../src/contract/workflow.ts';
import { toSafeLine } from '../output/safe-text.ts';
import { query, runPath, setQuery } from '../route.ts';
import { Empty, Failed, Skeleton } from '../ui/empty.tsx';
import { lazy } from '../ui/lazy.tsx';
import { useLoaded } from '../ui/loaded.ts';
import { costText, counted, countText } from '../ui/money.ts';
import { shortId } from '../ui/short-id.ts';
import { get, withQuery } from '../wire/api.ts';

const DayChart = lazy(async () => (await import('./day-chart.tsx')).DayChart, 'card chart');

const options = ['day', 'model', 'action', 'workflow'] as const;
type CostsBy = (typeof options)[number];
type CostsRow = CostsReply['rows'][number];

const words: Readonly<Record<CostsBy, string>> = { day: 'Day', model: 'Model', action: 'Action', workflow: 'Run' };

export function CostsPage() {
  const by = options.find((one) => one === query.value.get('by')) ?? 'day';
  const from = query.value.get('from') ?? '';
  const to = query.value.get('to') ?? '';
  const path = withQuery('/api/costs', { by, from, to });
  const { data, error, reload } = useLoaded<CostsReply>(path, (signal) => get(path, { signal }));
  const names = useNames(by);
  useEffect(() => {
    document.title = 'Costs · Hybrid Engine';
  }, []);
  return (
    <main class="page costs-page">
      <div class="page-head">
        <h1>Costs</h1>
        <span class="grow" />
        <fieldset class="segments wide" aria-label="A row stands for">
          {options.map((one) => (
            <button
              key={one}
              type="button"
              class={one === by ? 'on' : ''}
              aria-pressed={one === by}
              onClick={() => setQuery({ by: one === 'day' ? null : one })}
            >
              {words[one]}
            </button>
          ))}
        </fieldset>
        <DayField label="From" value={from} change={(day) => setQuery({ from: day })} />
        <DayField label="To" value={to} change={(day) => setQuery({ to: day })} />
      </div>
      {data === null ? (
        error === null ? (
          <Skeleton />
        ) : (
          <Failed error={error} what="costs" retry={reload} />
        )
      ) : data.rows.length === 0 ? (
        <NoCosts isNarrowed={from !== '' || to !== ''} />
      ) : (
        <>
          <Totals total={data.total} />
          {by === 'day' ? <DayChart rows={data.rows} /> : null}
          <CostsTable rows={data.rows} by={by} total={data.total} names={names} />
          <p class="muted costs-note">Days are in UTC. Runs that were deleted count, too.</p>
        </>
      )}
    </main>
  );
}

function DayField({ label, value, change }: { label: string; value: string; change(day: string): void }) {
  return (
    <label class="day-field">
      {label}
      <input class="field-input" type="date" value={value} onChange={(event) => change(event.currentTarget.value)} />
    </label>
  );
}

function NoCosts({ isNarrowed }: { isNarrowed: boolean }) {
  if (!isNarrowed) {
    return (
      <Empty title="No model was called yet">
        <p>Each call of a model is counted here, with its tokens and what it cost.</p>
      </Empty>
    );
  }
  return (
    <Empty title="No call in these days">
      <div class="empty-actions">
        <button type="button" class="button" onClick={() => setQuery({ from: null, to: null })}>
          All days
        </button>
      </div>
    </Empty>
  );
}

function Totals({ total }: { total: CostsReply['total'] }) {
  const facts: readonly [string, string][] = [
    ['Cost', costText({ cost: total.cost, isFloor: total.cost_is_floor, hasCalls: total.calls > 0 })],
    ['Calls', countText(total.calls)],
    ['Tokens in', countText(total.input_tokens)],
    ['Tokens out', countText(total.output_tokens)],
  ];
  return (
    <>
      <dl class="sparks">
        {facts.map(([label, value]) => (
          <div key={label} class="spark">
            <dt>{label}</dt>
            <dd>
              <b>{value}</b>
            </dd>
          </div>
        ))}
      </dl>
      {total.unpriced_calls === 0 ? null : (
        <p class="notice warn">
          The price of {counted(total.unpriced_calls, 'call')} is not known: the true cost is higher. Name the prices in
          PRICES_FILE.
        </p>
      )}
    </>
  );
}

interface CostsTableProps {
  readonly rows: readonly CostsRow[];
  readonly by: CostsBy;
  readonly total: CostsReply['total'];
  /** Of runs, by id. */
  readonly names: ReadonlyMap<string, string>;
}

function CostsTable({ rows, by, total, names }: CostsTableProps) {
  const most = rows.reduce((max, { cost }) => Math.max(max, cost), 0);
  const shown = by === 'day' ? rows.toReversed() : rows.toSorted((a, b) => b.cost - a.cost);
  return (
    <div class="card table-scroll">
      <table class="table">
        <thead>
          <tr>
            <th scope="col">{words[by]}</th>
            <th scope="col" class="number">
              Calls
            </th>
            <th scope="col" class="number">
              Without a price
            </th>
            <th scope="col" class="number">
              Tokens in
            </th>
            <th scope="col" class="number">
              Cached
            </th>
            <th scope="col" class="number">
              Tokens out
            </th>
            <th scope="col" class="number">
              Cost
            </th>
            <th scope="col" class="bar-head">
              <span class="visually-hidden">Share</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => (
            <tr key={row.key}>
              <th scope="row">
                <Key by={by} value={row.key} name={names.get(row.key)} />
              </th>
              <Sums sums={row} />
              <td class="bar-cell">
                <i style={{ width: `${most === 0 ? 0 : Math.max(1, (row.cost / most) * 100)}%` }} />
              </td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">Total</th>
            <Sums sums={total} />
            <td />
          </tr>
        </tfoot>
      </table>
    </div>
  );
}

/** A run that was deleted, or has cost less than a thousand others, has its id alone. */
function Key({ by, value, name }: { by: CostsBy; value: string; name: string | undefined }) {
  if (by !== 'workflow') return <>{toSafeLine(value)}</>;
  return (
    <a class="link" href={runPath(value)} title={value}>
      {name === undefined ? null : `${toSafeLine(name)} `}
      <span class="mono">{shortId(value)}</span>
    </a>
  );
}

const namedMax = 1_000;

/** Names of the runs that have cost most. Without them the page is whole, so a failure is none. */
function useNames(by: CostsBy): ReadonlyMap<string, string> {
  const path = withQuery('/api/workflows', { view: 'summary', sort: 'cost', limit: namedMax });
  const { data } = useLoaded(by, async (signal) =>
    by === 'workflow' ? await get<WorkflowSummary[]>(path, { signal }).catch(() => []) : [],
  );
  return useMemo(() => new Map((data ?? []).map(({ id, name }) => [id, name])), [data]);
}

function Sums({ sums }: { sums: Omit<CostsRow, 'key'> }) {
  const { calls, unpriced_calls, input_tokens, cached_input_tokens, output_tokens, cost, cost_is_floor } = sums;
  return (
    <>
      <td class="number">{countText(calls)}</td>
      <td class="number">{unpriced_calls === 0 ? '–' : countText(unpriced_calls)}</td>
      <td class="number">{countText(input_tokens)}</td>
      <td class="number">{cached_input_tokens === 0 ? '–' : countText(cached_input_tokens)}</td>
      <td class="number">{countText(output_tokens)}</td>
      <td class="number">
        <b>{costText({ cost, isFloor: cost_is_floor, hasCalls: calls > 0 })}</b>
      </td>
    </>
  );
}
