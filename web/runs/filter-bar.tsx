/** The statuses as chips, which are legend, count and filter at once; and what else narrows the list. */
import type { Facets } from '../../src/contract/run-view.ts';
import { toSafeLine } from '../output/safe-text.ts';
import { Icon } from '../ui/icon.tsx';
import { lookOfStatus, lookWords } from '../ui/look.ts';
import { countText } from '../ui/money.ts';
import { Glyph } from '../ui/pill.tsx';
import { hasFilters, type RunFilters, statusOrder, toggled } from './filters.ts';
import { showRuns } from './show-runs.ts';

export function FilterBar({ filters, facets }: { filters: RunFilters; facets: Facets | null }) {
  const counts = new Map(facets?.status.map(({ value, count }) => [value, count]));
  return (
    <div class="filters">
      <div class="chips" role="group" aria-label="Filter by status">
        {statusOrder.map((status) => {
          const look = lookOfStatus(status);
          const isOn = filters.status.includes(status);
          const count = counts.get(status) ?? 0;
          const isNone = facets !== null && count === 0;
          return (
            <button
              key={status}
              type="button"
              class={`chip${isOn ? ' on' : ''}${isNone ? ' none' : ''}`}
              aria-pressed={isOn}
              onClick={() => showRuns({ ...filters, status: toggled(filters.status, status) })}
            >
              <Glyph look={look} size={13} />
              {lookWords[look]}
              {facets === null ? null : <b>{countText(count)}</b>}
            </button>
          );
        })}
      </div>
      <More filters={filters} facets={facets} />
      <Taken filters={filters} />
    </div>
  );
}

function More({ filters, facets }: { filters: RunFilters; facets: Facets | null }) {
  return (
    <details class="more-filters">
      <summary class="chip">
        <Icon name="add" size={12} />
        Filter
      </summary>
      <div class="more-box">
        <label>
          Created from
          <input
            class="field-input"
            type="date"
            value={filters.from}
            onChange={(event) => showRuns({ ...filters, from: event.currentTarget.value })}
          />
        </label>
        <label>
          Created up to
          <input
            class="field-input"
            type="date"
            value={filters.to}
            onChange={(event) => showRuns({ ...filters, to: event.currentTarget.value })}
          />
        </label>
        <Choice
          label="Template"
          value={filters.template}
          values={facets?.template ?? []}
          choose={(template) => showRuns({ ...filters, template })}
        />
        <Choice
          label="Tag"
          value=""
          values={(facets?.tag ?? []).filter(({ value }) => !filters.tag.includes(value))}
          choose={(tag) => showRuns({ ...filters, tag: toggled(filters.tag, tag) })}
        />
      </div>
    </details>
  );
}

interface ChoiceProps {
  readonly label: string;
  readonly value: string;
  readonly values: readonly { readonly value: string; readonly count: number }[];
  choose(value: string): void;
}

function Choice({ label, value, values, choose }: ChoiceProps) {
  return (
    <label>
      {label}
      <select class="field-input" value={value} onChange={(event) => choose(event.currentTarget.value)}>
        <option value="">Any</option>
        {values.map((one) => (
          <option key={one.value} value={one.value}>
            {toSafeLine(one.value)} ({countText(one.count)})
          </option>
        ))}
      </select>
    </label>
  );
}

/** What is chosen beside statuses, each with a button that takes it away. */
function Taken({ filters }: { filters: RunFilters }) {
  const taken: readonly [string, Partial<RunFilters>][] = [
    ...filters.tag.map((tag) => [`tag ${tag}`, { tag: toggled(filters.tag, tag) }] as [string, Partial<RunFilters>]),
    ...(filters.template === '' ? [] : [[`template ${filters.template}`, { template: '' }] as [string, object]]),
    ...(filters.from === '' ? [] : [[`from ${filters.from}`, { from: '' }] as [string, object]]),
    ...(filters.to === '' ? [] : [[`up to ${filters.to}`, { to: '' }] as [string, object]]),
    ...(filters.q === '' ? [] : [[`“${filters.q}”`, { q: '' }] as [string, object]]),
  ];
  if (!hasFilters(filters) || taken.length === 0) return null;
  return (
    <>
      {taken.map(([label, change]) => (
        <button
          key={label}
          type="button"
          class="chip on"
          aria-label={`Take away: ${toSafeLine(label)}`}
          onClick={() => showRuns({ ...filters, ...change })}
        >
          {toSafeLine(label)}
          <Icon name="close" size={12} />
        </button>
      ))}
    </>
  );
}
