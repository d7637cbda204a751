/** The statuses as legend, count and filter in one; the field that finds steps; and which view is shown. */
import { setQuery } from '../route.ts';
import { Icon } from '../ui/icon.tsx';
import { countText } from '../ui/money.ts';
import { Glyph } from '../ui/pill.tsx';
import { look, lookOrder, toLookName, toLookWord } from './look.ts';
import { useRun } from './run-context.ts';
import type { PaneHandles } from './run-keys.ts';
import { filterLook, findText, lookFilter, type RunView, runView, views } from './view-state.ts';

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
  const { counts } = useRun();
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
            onClick={() => filterLook(code)}
          >
            <Glyph look={toLookName(code)} size={13} />
            <span>{toLookWord(code)}</span>
            <b>{countText(counts[code]!)}</b>
          </button>
        ))}
      </div>
      <span class="grow" />
      <label class="finder run-finder">
        <Icon name="search" size={14} />
        <span class="visually-hidden">Find a step by name, id, action or error code</span>
        <input
          ref={handles.finder}
          type="search"
          placeholder="Find a step"
          value={findText.value}
          onInput={({ currentTarget }) => setQuery({ find: currentTarget.value })}
          onKeyDown={(event) => {
            if (event.key === 'Escape') event.currentTarget.blur();
            if (event.key === 'Enter') handles.nextFound();
          }}
        />
        <kbd>/</kbd>
      </label>
      <ViewSwitch isNarrow={isNarrow} />
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
