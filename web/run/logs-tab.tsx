/** A step's log: its lines with their times, find, and a link to each line. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { toSafeText } from '../output/safe-text.ts';
import { query, setQuery } from '../route.ts';
import { Icon } from '../ui/icon.tsx';
import { counted } from '../ui/money.ts';
import { clockText, fullText } from '../ui/time.ts';
import { downloadText } from './download.ts';
import type { StepDetail } from './run-messages.ts';
import { countLines, lineAt, toLogParts } from './step-detail.ts';

/** A line is shown up to here. */
const lineMax = 2_000;

export function LogsTab({ detail }: { detail: StepDetail }) {
  const { logs } = detail;
  const [wanted, setWanted] = useState('');
  const [at, setAt] = useState(0);
  const [isWrapped, setWrapped] = useState(true);
  const list = useRef<HTMLOListElement>(null);
  const lines = useMemo(() => Array.from({ length: countLines(logs) }, (_, i) => lineAt(logs, i)), [logs]);
  const needle = wanted.trim().toLowerCase();
  const hits = useMemo(
    () => (needle === '' ? [] : lines.flatMap((line, i) => (line.toLowerCase().includes(needle) ? [i] : []))),
    [lines, needle],
  );
  const marked = hits[at] ?? Number(query.value.get('line') ?? 0) - 1;
  useEffect(() => {
    if (marked >= 0) list.current?.children[marked]?.scrollIntoView({ block: 'nearest' });
  }, [marked]);
  if (lines.length === 0) return <p class="none">This step has logged nothing yet.</p>;
  const walk = (way: number): void => {
    if (hits.length > 0) setAt((at + way + hits.length) % hits.length);
  };
  return (
    <>
      <div class="output-bar">
        <label class="finder logs-finder">
          <Icon name="search" size={14} />
          <span class="visually-hidden">Find in the log</span>
          <input
            type="search"
            placeholder="Find in the log"
            value={wanted}
            onInput={({ currentTarget }) => {
              setWanted(currentTarget.value);
              setAt(0);
            }}
            onKeyDown={(event) => {
              if (event.key === 'Enter') walk(event.shiftKey ? -1 : 1);
              if (event.key === 'Escape') event.currentTarget.blur();
            }}
          />
          {needle === '' ? null : (
            <small aria-live="polite">
              {hits.length === 0 ? 'none' : `${at + 1} of ${counted(hits.length, 'line')}`}
            </small>
          )}
        </label>
        <button type="button" class="button small" aria-pressed={isWrapped} onClick={() => setWrapped(!isWrapped)}>
          Wrap
        </button>
        <button type="button" class="button small" onClick={() => downloadText(`${detail.id}.log`, lines.join('\n'))}>
          Download
        </button>
      </div>
      <ol class={isWrapped ? 'log-lines' : 'log-lines no-wrap'} ref={list}>
        {lines.map((line, i) => (
          <LogLine key={i} line={line} number={i + 1} isMarked={i === marked} />
        ))}
      </ol>
    </>
  );
}

function LogLine({ line, number, isMarked }: { line: string; number: number; isMarked: boolean }) {
  const { text, at, level } = toLogParts(line);
  return (
    <li class={`${level === 'info' ? '' : `is-${level}`}${isMarked ? ' is-marked' : ''}`}>
      <button
        type="button"
        class="log-number"
        aria-label={`Link to line ${number}`}
        onClick={() => setQuery({ line: String(number) })}
      >
        {number}
      </button>
      <span>{toSafeText(text.slice(0, lineMax))}</span>
      {at === null ? null : (
        <time dateTime={at} title={`${fullText(at)}, ${at}`}>
          {clockText(at)}
        </time>
      )}
    </li>
  );
}
