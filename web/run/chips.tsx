/** The statuses as legend, count and filter in one; the field that finds steps; and which view is shown. */
import { useRef, useState } from 'preact/hooks';
import { setQuery } from '../route.ts';
import { Icon } from '../ui/icon.tsx';
import { lazy } from '../ui/lazy.tsx';
import { countText } from '../ui/money.ts';
import { Glyph } from '../ui/pill.tsx';
import { type Columns, waitsFor } from './columns.ts';
import { loadLater } from './load-later.ts';
import { look, lookOrder, toLookName, toLookWord } from './look.ts';
import { useRun } from './run-context.ts';
import type { PaneHandles } from './run-keys.ts';
import { filterLook, findText, lookFilter, pick, type RunView, runView, views } from './view-state.ts';

const FoundPanel = lazy(async () => (await loadLater()).FoundPanel, 'visually-hidden');

const viewWords: Readonly<Record<RunView, string>> = {
  split: 'Graph and timeline',
  graph: 'Graph',
  time: 'Timeline',
  table: 'Steps',
  log: 'Log',
};

/** Chips of looks that most runs never have are shown where there is one. */
const seldom: readonly number[] = [look.needs, look.skipped, look.tolerated];

export function ChipBar({ handles, isNarrow }: { handles: PaneHandles; isNarrow: boolean }) {
  const run = useRun();
  const { counts, waits } = run;
  const filter = lookFilter.value;
  const shown = lookOrder.filter((code) => counts[code]! > 0 || filter === code || !seldom.includes(code));
  return (
    <div class="run-bar">
      <div class="run-chips" role="group" aria-label="Show only steps of one status">
        {shown.map((code) => (
          <button
            key={code}
            type="button"
            class={`chip${filter === code ? ' on' : ''}${counts[code] === 0 ? ' none' : ''}`}
            aria-pressed={filter === code}
            onClick={() => pressChip(run, code)}
          >
            <Glyph look={toLookName(code)} size={13} />
            <span>{code === look.needs && waits.includes(waitsFor.decision) ? 'Needs you' : toLookWord(code)}</span>
            <b>{countText(counts[code]!)}</b>
          </button>
        ))}
      </div>
      <span class="grow" />
      <Finder handles={handles} isNarrow={isNarrow} />
      <ViewSwitch isNarrow={isNarrow} />
    </div>
  );
}

/** Whoever asks for the only failure, or the only step that waits for them, wants to see it. */
function pressChip(run: Columns, code: number): void {
  const isAsked = lookFilter.value !== code && (code === look.failed || code === look.needs) && run.counts[code] === 1;
  filterLook(code);
  if (isAsked) pick(run.ids[run.look.indexOf(code)]!);
}

/** Finds steps by what the page knows of them at once, and, while somebody is at it, the rest of the run by the engine. */
function Finder({ handles, isNarrow }: { handles: PaneHandles; isNarrow: boolean }) {
  const [isOpen, setOpen] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  return (
    <div
      role="search"
      class="run-finder"
      ref={place}
      onFocusIn={() => setOpen(true)}
      onFocusOut={({ relatedTarget }) => {
        if (!(relatedTarget instanceof Node && place.current?.contains(relatedTarget))) setOpen(false);
      }}
      onKeyDown={(event) => {
        // Keys of the page have nothing to do here: Enter on a hit leads to it.
        if (!event.ctrlKey && !event.metaKey) event.stopPropagation();
        if (event.key !== 'Escape') return;
        if (document.activeElement instanceof HTMLElement) document.activeElement.blur();
        setOpen(false);
      }}
    >
      <label class="finder">
        <Icon name="search" size={14} />
        <span class="visually-hidden">Find in the run: names, ids, actions, errors, logs, outputs</span>
        <input
          ref={handles.finder}
          type="search"
          placeholder={isNarrow ? 'Find' : 'Find in the run'}
          value={findText.value}
          onInput={({ currentTarget }) => setQuery({ find: currentTarget.value })}
          onKeyDown={(event) => {
            if (event.key === 'Enter') handles.nextFound();
            if (event.key !== 'ArrowDown') return;
            event.preventDefault();
            place.current?.querySelector<HTMLElement>('.found-panel button')?.focus();
          }}
        />
        <kbd>/</kbd>
      </label>
      {isOpen && findText.value !== '' ? <FoundPanel text={findText.value} /> : null}
    </div>
  );
}

function ViewSwitch({ isNarrow }: { isNarrow: boolean }) {
  const shown = views.filter((view) => !(isNarrow && view === 'split'));
  const current = isNarrow && runView.value === 'split' ? 'graph' : runView.value;
  const words = isNarrow ? viewWords : { ...viewWords, split: 'Both' };
  return (
    <div class="segments run-views" role="group" aria-label="View">
      {shown.map((view) => (
        <button
          key={view}
          type="button"
          class={view === current ? 'on' : ''}
          aria-pressed={view === current}
          title={`${viewWords[view]} (v)`}
          onClick={() => setQuery({ view: view === 'split' ? null : view })}
        >
          {words[view]}
        </button>
      ))}
    </div>
  );
}
