/** All runs: what runs, what failed, what waits for a person, and what each cost. */
import { useComputed } from '@preact/signals';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { WorkflowSummary } from '../../src/contract/workflow.ts';
import { useKeys } from '../keys.ts';
import { toSafeLine } from '../output/safe-text.ts';
import { address, query, runPath } from '../route.ts';
import { durationText } from '../ui/duration.ts';
import { Failed, Skeleton } from '../ui/empty.tsx';
import { Icon } from '../ui/icon.tsx';
import { lookOfWorkflow } from '../ui/look.ts';
import { counted, countText, workflowCostText } from '../ui/money.ts';
import { Pill } from '../ui/pill.tsx';
import { RunProgress } from '../ui/progress.tsx';
import { shortId } from '../ui/short-id.ts';
import { useNow } from '../ui/tick.ts';
import { fullText, momentText, zone } from '../ui/time.ts';
import { BulkBar } from './bulk.tsx';
import { FilterBar } from './filter-bar.tsx';
import { hasFilters, type RunFilters, type RunSort, readFilters, toggled, toSearch } from './filters.ts';
import { FirstRun } from './first-run.tsx';
import { ListStore } from './list-store.ts';
import { showRuns } from './show-runs.ts';
import { WaitingRows } from './waiting.tsx';

export function ListPage() {
  const main = useRef<HTMLElement>(null);
  const finder = useRef<HTMLInputElement>(null);
  const filters = useComputed(() => readFilters(query.value)).value;
  const store = useMemo(() => new ListStore(filters), []);
  const search = `${toSearch(filters)} ${zone.value}`;
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = 'Runs · Hybrid Engine';
    store.start(() => (main.current?.scrollTop ?? 0) < 40);
    return () => store.end();
  }, [store]);
  useEffect(() => {
    if (!isFirst.current) store.filter(readFilters(address.value.searchParams));
    isFirst.current = false;
  }, [search]);
  useKeys([
    { key: '/', label: 'Find a run', group: 'Runs', run: () => finder.current?.focus() },
    { key: 'j', label: 'Next run', group: 'Runs', run: () => focusRow(main.current, 1) },
    { key: 'k', label: 'Previous run', group: 'Runs', run: () => focusRow(main.current, -1) },
    {
      key: 'Escape',
      label: 'Clear the filters',
      group: 'Runs',
      run: () => showRuns(readFilters(new URLSearchParams())),
    },
  ]);
  const rows = store.rows.value;
  const isFiltered = hasFilters(filters);
  const isEmpty = rows !== null && rows.length === 0 && store.held.value.length === 0;
  return (
    <main ref={main} class="page runs-page">
      <div class="page-head">
        <h1>Runs</h1>
        <span class="muted number" aria-live="polite">
          {rows === null ? '' : countText(store.total.value)}
        </span>
        <span class="grow" />
        <Finder input={finder} filters={filters} />
        <a class="button primary" href="/new">
          <Icon name="add" size={14} />
          New run
        </a>
      </div>
      {rows === null || (isEmpty && !isFiltered) ? null : <FilterBar filters={filters} facets={store.facets.value} />}
      <WaitingRows steps={store.waiting.value} total={store.waitingTotal.value} />
      {rows === null ? (
        <FirstPage store={store} />
      ) : isEmpty ? (
        <NoRows isFiltered={isFiltered} />
      ) : (
        <Rows store={store} filters={filters} rows={rows} />
      )}
    </main>
  );
}

function FirstPage({ store }: { store: ListStore }) {
  if (store.error.value === null) return <Skeleton lines={12} />;
  return <Failed error={store.error.value} what="list of runs" retry={() => store.reload()} />;
}

function NoRows({ isFiltered }: { isFiltered: boolean }) {
  if (!isFiltered) return <FirstRun />;
  return (
    <div class="empty">
      <h2>No run matches</h2>
      <p>Take one of the filters above away, or all of them.</p>
      <button type="button" class="button" onClick={() => showRuns(readFilters(new URLSearchParams()))}>
        Clear all filters
      </button>
    </div>
  );
}

interface FinderProps {
  readonly input: { current: HTMLInputElement | null };
  readonly filters: RunFilters;
}

const findMs = 200;

function Finder({ input, filters }: FinderProps) {
  const [text, setText] = useState(filters.q);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => {
    if (input.current !== document.activeElement) setText(filters.q);
  }, [filters.q]);
  return (
    <label class="finder">
      <Icon name="search" size={14} />
      <span class="visually-hidden">Find by name, description or id</span>
      <input
        ref={input}
        value={text}
        placeholder="Find by name or id"
        type="search"
        onInput={(event) => {
          const q = event.currentTarget.value;
          setText(q);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => showRuns({ ...readFilters(address.value.searchParams), q }), findMs);
        }}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          setText('');
          showRuns({ ...filters, q: '' });
          event.currentTarget.blur();
        }}
      />
      <kbd>/</kbd>
    </label>
  );
}

interface RowsProps {
  readonly store: ListStore;
  readonly filters: RunFilters;
  readonly rows: readonly WorkflowSummary[];
}

function Rows({ store, filters, rows }: RowsProps) {
  const end = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (end.current === null) return;
    const observer = new IntersectionObserver(([entry]) => entry?.isIntersecting && void store.more(), {
      rootMargin: '600px',
    });
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [rows.length]);
  const held = store.held.value.length;
  return (
    <>
      {held === 0 ? null : (
        <button
          type="button"
          class="button new-rows"
          onClick={() => {
            store.showHeld();
            document.querySelector('.runs-page')?.scrollTo(0, 0);
          }}
        >
          <Icon name="up" size={14} />
          {counted(held, 'new run')}
        </button>
      )}
      <div class="runs" role="table" aria-label="Runs" aria-rowcount={store.total.value + 1}>
        <div role="rowgroup">
          {store.chosen.value.size > 0 ? <BulkBar store={store} /> : <Heads store={store} filters={filters} />}
        </div>
        <div role="rowgroup">
          {rows.map((row) => (
            <Row key={row.id} row={row} store={store} filters={filters} />
          ))}
        </div>
      </div>
      <div ref={end} class="runs-end muted" role="status">
        {store.hasMore.value ? 'Reading more…' : ''}
      </div>
    </>
  );
}

function Heads({ store, filters }: Omit<RowsProps, 'rows'>) {
  const sortable = (sort: RunSort, label: string) => {
    const isOn = filters.sort === sort;
    return (
      <span role="columnheader" class="number" aria-sort={isOn ? 'descending' : 'none'}>
        <button
          type="button"
          class={isOn ? 'sort on' : 'sort'}
          title={isOn ? 'Sort by when they were created' : `Sort by ${label.toLowerCase()}`}
          onClick={() => showRuns({ ...filters, sort: isOn ? 'created' : sort })}
        >
          {isOn ? <Icon name="down" size={12} /> : null}
          {label}
        </button>
      </span>
    );
  };
  return (
    <div class="run-row heads" role="row">
      <span role="columnheader" class="run-check">
        <input
          type="checkbox"
          aria-label="Choose all that are shown"
          checked={false}
          onChange={() => store.chooseAll(true)}
        />
      </span>
      <span role="columnheader">Status</span>
      <span role="columnheader">Run</span>
      <span role="columnheader" class="number">
        Steps
      </span>
      <span role="columnheader">Progress</span>
      {sortable('duration', 'Time')}
      {sortable('cost', 'Cost')}
      {sortable('updated', 'Changed')}
    </div>
  );
}

function Row({ row, store, filters }: { row: WorkflowSummary; store: ListStore; filters: RunFilters }) {
  const isChosen = store.chosen.value.has(row.id);
  const needs = row.needs ?? store.waiting.value.filter(({ workflow_id }) => workflow_id === row.id);
  const look = lookOfWorkflow(row, needs.length > 0);
  return (
    <div class={isChosen ? 'run-row chosen' : 'run-row'} role="row">
      <span role="cell" class="run-check">
        <input
          type="checkbox"
          aria-label={`Choose ${toSafeLine(row.name)}`}
          checked={isChosen}
          onChange={(event) => store.choose(row.id, event.currentTarget.checked)}
        />
      </span>
      <span role="cell" class="run-status">
        <Pill look={look} {...(look === 'needs' && needs[0]?.for === 'decision' ? { word: 'Needs you' } : {})} />
      </span>
      <span role="cell" class="run-name">
        <a href={runPath(row.id)}>{toSafeLine(row.name)}</a>
        {needs[0] === undefined ? null : <span class="need-name">{toSafeLine(needs[0].name)}</span>}
        {row.parentId === null ? null : <Lineage parentId={row.parentId} parentStepId={row.parentStepId} />}
        {row.tags.map((tag) => (
          <button
            key={tag}
            type="button"
            class="tag"
            title={`Only runs with the tag ${toSafeLine(tag)}`}
            onClick={() => showRuns({ ...filters, tag: toggled(filters.tag, tag) })}
          >
            {toSafeLine(tag)}
          </button>
        ))}
      </span>
      <span role="cell" class="run-steps number">
        {countText(row.steps_total)}
      </span>
      <span role="cell" class="run-progress">
        <RunProgress run={row} />
      </span>
      <span role="cell" class="run-time number">
        <RunTime row={row} />
      </span>
      <span role="cell" class="run-cost number">
        {workflowCostText(row.metrics)}
      </span>
      <span role="cell" class="run-changed number" title={`${row.updatedAt} (${fullText(row.updatedAt)})`}>
        {momentText(row.updatedAt)}
      </span>
    </div>
  );
}

/** From its creation to its last change, or to now while something runs. */
function RunTime({ row }: { row: WorkflowSummary }) {
  const isGoing = row.status === 'RUNNING' || row.status === 'PENDING';
  const now = useNow(isGoing);
  return <>{durationText((isGoing ? now : Date.parse(row.updatedAt)) - Date.parse(row.createdAt))}</>;
}

function focusRow(main: HTMLElement | null, step: 1 | -1): void {
  const links = [...(main?.querySelectorAll<HTMLElement>('.run-name > a:first-child') ?? [])];
  const at = links.indexOf(document.activeElement as HTMLElement);
  links[at === -1 ? 0 : Math.max(0, Math.min(links.length - 1, at + step))]?.focus();
}

/** Where the run comes from: one that it repeats from a step on, or one whose step it runs for. */
function Lineage({ parentId, parentStepId }: { parentId: string; parentStepId: string | undefined }) {
  const isChild = parentStepId !== undefined;
  const path = runPath(parentId);
  return (
    <a
      class="lineage"
      href={isChild ? `${path}?step=${encodeURIComponent(parentStepId)}` : path}
      title={isChild ? `Runs for the step ${toSafeLine(parentStepId)} of ${parentId}` : `Branch of ${parentId}`}
    >
      ↳ {isChild ? 'child' : 'branch'} of {shortId(parentId)}
    </a>
  );
}
