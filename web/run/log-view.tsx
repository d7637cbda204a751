/** The lines of all steps by time: find, filter by level, follow the end, download. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { toSafeLine } from '../output/safe-text.ts';
import { setQuery } from '../route.ts';
import { Icon } from '../ui/icon.tsx';
import { countText } from '../ui/money.ts';
import { clockText } from '../ui/time.ts';
import { detailOf } from '../wire/problem.ts';
import { withLater } from './load-later.ts';
import { placeOf, useRun, useRunScope } from './run-context.ts';
import type { MergedLines } from './run-messages.ts';
import { countLines, lineAt, toLogParts } from './step-detail.ts';
import { useRowWindow } from './windowed.ts';

const rowHeight = 24;
/** While the run goes on the log is read again so often. */
const againMs = 2_000;
const lineMax = 500;

export function LogView() {
  const { store } = useRunScope();
  const run = useRun();
  const [lines, setLines] = useState<MergedLines | null>(null);
  const [fault, setFault] = useState<string | null>(null);
  const readVersion = useRef(-1);
  useEffect(() => {
    let isWanted = true;
    const read = async (): Promise<void> => {
      const version = store.run?.head.version ?? 0;
      if (version === readVersion.current) return;
      readVersion.current = version;
      try {
        const { lines: read } = await store.worker.call('log', { id: store.id });
        if (isWanted) setLines(read);
      } catch (error) {
        if (isWanted) setFault(detailOf(error));
      }
    };
    void read();
    const timer = setInterval(() => void read(), againMs);
    return () => {
      isWanted = false;
      clearInterval(timer);
    };
  }, [store]);
  if (fault !== null) {
    return (
      <p class="log-view none" role="alert">
        {fault}
      </p>
    );
  }
  if (lines === null) return <div class="log-view" role="status" aria-label="Loading" />;
  return <ShownLog lines={lines} isGoing={store.isUnderWay} name={(id) => nameOf(run, id)} />;
}

function nameOf(run: ReturnType<typeof useRun>, stepId: string): string {
  const i = placeOf(run, stepId);
  return i < 0 ? stepId : toSafeLine(run.names[i]!);
}

interface ShownLogProps {
  readonly lines: MergedLines;
  readonly isGoing: boolean;
  name(stepId: string): string;
}

function ShownLog({ lines, isGoing, name }: ShownLogProps) {
  const [wanted, setWanted] = useState('');
  const [isOnlyFaults, setOnlyFaults] = useState(false);
  const [hit, setHit] = useState(0);
  const scroller = useRef<HTMLDivElement>(null);
  const seen = useRef(0);
  const [isAtEnd, setAtEnd] = useState(true);
  const needle = wanted.trim().toLowerCase();
  const shown = useMemo(() => listShown(lines, isOnlyFaults), [lines, isOnlyFaults]);
  const hits = useMemo(() => listHits(lines, shown, needle), [lines, shown, needle]);
  const view = useRowWindow(scroller, shown.length, rowHeight);
  useEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    if (isAtEnd && isGoing) {
      element.scrollTop = element.scrollHeight;
      seen.current = shown.length;
    }
  }, [shown, isAtEnd]);
  const goTo = (at: number): void => {
    if (hits.length === 0 || scroller.current === null) return;
    const next = (at + hits.length) % hits.length;
    setHit(next);
    scroller.current.scrollTop = hits[next]! * rowHeight - scroller.current.clientHeight / 2;
  };
  const fresh = shown.length - seen.current;
  return (
    <section class="log-view" aria-label="Log of all steps">
      <LogBar
        {...{ wanted, hit, isOnlyFaults, goTo, setOnlyFaults }}
        hits={hits.length}
        lines={shown.length}
        isCut={lines.isCut}
        find={(text) => {
          setWanted(text);
          setHit(0);
        }}
      />
      <div
        class="log-scroll"
        ref={scroller}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys
        tabIndex={0}
        role="region"
        aria-label="Lines"
        onScroll={({ currentTarget: { scrollHeight, scrollTop, clientHeight } }) => {
          const isNowAtEnd = scrollHeight - scrollTop - clientHeight < rowHeight;
          if (isNowAtEnd) seen.current = shown.length;
          setAtEnd(isNowAtEnd);
        }}
      >
        <div style={{ height: `${view.before}px` }} />
        {shown.slice(view.from, view.to).map((line, k) => (
          <MergedLine key={line} lines={lines} line={line} isHit={hits[hit] === view.from + k} name={name} />
        ))}
        <div style={{ height: `${view.after}px` }} />
        {shown.length === 0 ? <p class="none">Nothing was logged yet.</p> : null}
      </div>
      {!isAtEnd && isGoing && fresh > 0 ? (
        <button
          type="button"
          class="button primary log-fresh"
          onClick={() => {
            if (scroller.current) scroller.current.scrollTop = scroller.current.scrollHeight;
            setAtEnd(true);
          }}
        >
          ↓ {countText(fresh)} new
        </button>
      ) : null}
    </section>
  );
}

interface LogBarProps {
  readonly wanted: string;
  readonly hit: number;
  readonly hits: number;
  readonly lines: number;
  readonly isCut: boolean;
  readonly isOnlyFaults: boolean;
  find(text: string): void;
  goTo(hit: number): void;
  setOnlyFaults(isOnly: boolean): void;
}

function LogBar({ wanted, hit, hits, lines, isCut, isOnlyFaults, find, goTo, setOnlyFaults }: LogBarProps) {
  const { store } = useRunScope();
  return (
    <div class="output-bar">
      <label class="finder logs-finder">
        <Icon name="search" size={14} />
        <span class="visually-hidden">Find in the log</span>
        <input
          type="search"
          placeholder="Find in the log"
          value={wanted}
          onInput={({ currentTarget }) => {
            find(currentTarget.value);
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter')
              goTo(event.shiftKey ? hit - 1 : hit + (event.currentTarget.dataset.walked ? 1 : 0));
            event.currentTarget.dataset.walked = event.key === 'Enter' ? '1' : '';
            if (event.key === 'Escape') event.currentTarget.blur();
          }}
        />
        {wanted.trim() === '' ? null : (
          <small aria-live="polite">{hits === 0 ? 'none' : `${countText(hit + 1)} of ${countText(hits)}`}</small>
        )}
      </label>
      <button
        type="button"
        class={isOnlyFaults ? 'chip on' : 'chip'}
        aria-pressed={isOnlyFaults}
        onClick={() => setOnlyFaults(!isOnlyFaults)}
      >
        Faults only
      </button>
      <span class="grow" />
      <span class="muted number">
        {countText(lines)} {lines === 1 ? 'line' : 'lines'}
        {isCut ? ', and more' : ''}
      </span>
      <button type="button" class="button small" onClick={() => withLater(({ downloadLog }) => downloadLog(store))}>
        Download
      </button>
    </div>
  );
}

function listShown(lines: MergedLines, isOnlyFaults: boolean): number[] {
  const shown: number[] = [];
  for (let line = 0; line < countLines(lines); line += 1) if (!isOnlyFaults || lines.level[line]! > 0) shown.push(line);
  return shown;
}

/** Places among the shown lines of those that hold the words. */
function listHits(lines: MergedLines, shown: readonly number[], needle: string): number[] {
  if (needle === '') return [];
  const text = lines.text.toLowerCase();
  // Case folding may change lengths in some scripts; lines are then folded one by one.
  const isAligned = text.length === lines.text.length;
  return shown.flatMap((line, at) => {
    const found = isAligned
      ? text.slice(lines.starts[line]!, lines.starts[line + 1]! - 1).includes(needle)
      : lineAt(lines, line).toLowerCase().includes(needle);
    return found ? [at] : [];
  });
}

interface MergedLineProps {
  readonly lines: MergedLines;
  readonly line: number;
  readonly isHit: boolean;
  name(stepId: string): string;
}

function MergedLine({ lines, line, isHit, name }: MergedLineProps) {
  const stepId = lines.stepIds[lines.step[line]!] ?? '';
  const level = lines.level[line]!;
  const at = lines.at[line]!;
  const { text } = toLogParts(lineAt(lines, line));
  return (
    <div class={`merged-line${level === 2 ? ' is-error' : level === 1 ? ' is-warn' : ''}${isHit ? ' is-marked' : ''}`}>
      <time>{Number.isNaN(at) ? '' : clockText(new Date(at).toISOString())}</time>
      <button type="button" class="step-link" onClick={() => setQuery({ step: stepId, tab: 'logs' })}>
        {name(stepId)}
      </button>
      <span>{toSafeLine(text.slice(0, lineMax))}</span>
    </div>
  );
}
