/** What the engine finds in a run beyond its names: in errors, log lines and outputs, each hit a way to its place. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { SearchHit, SearchReply } from '../../src/contract/run-view.ts';
import { toSafeExcerpt, toSafeLine } from '../output/safe-text.ts';
import { setQuery } from '../route.ts';
import { counted } from '../ui/money.ts';
import { detailOf } from '../wire/problem.ts';
import { placeOf, useRun, useRunScope } from './run-context.ts';
import { findByName, foundByEngine } from './view-state.ts';

/** The engine is asked when nobody has typed for so long. */
const pauseMs = 250;
const lengthMin = 2;

interface Found {
  readonly text: string;
  readonly reply: SearchReply | null;
  readonly fault: string | null;
}

export function FoundPanel({ text }: { text: string }) {
  const { store } = useRunScope();
  const run = useRun();
  const [found, setFound] = useState<Found | null>(null);
  const list = useRef<HTMLUListElement>(null);
  const wanted = text.trim();
  useEffect(() => {
    if (wanted.length < lengthMin) return undefined;
    let isWanted = true;
    const timer = setTimeout(() => {
      store.worker.call('find', { id: store.id, text: wanted }).then(
        ({ found: reply }) => {
          if (!isWanted) return;
          setFound({ text: wanted, reply, fault: null });
          foundByEngine.value = { text: wanted, ids: new Set(reply.hits.map(({ step_id }) => step_id)) };
        },
        (error: unknown) => isWanted && setFound({ text: wanted, reply: null, fault: detailOf(error) }),
      );
    }, pauseMs);
    return () => {
      isWanted = false;
      clearTimeout(timer);
    };
  }, [wanted, store]);
  if (wanted.length < lengthMin) return null;
  const names = findByName(run, wanted)?.reduce((sum, is) => sum + is, 0) ?? 0;
  const isCurrent = found?.text === wanted;
  const { hits = [], cut = false, unread = [] } = (isCurrent ? found.reply : null) ?? {};
  return (
    <section class="found-panel" aria-label="Found in the run">
      <p class="muted">
        {names === 0
          ? 'No step has it in its name, id, action or error code.'
          : `${counted(names, 'step')} by name, id, action or error code.`}
      </p>
      <p class="muted" role="status">
        {isCurrent ? (found.fault ?? headOf(hits.length, cut)) : 'Looking into errors, logs and outputs…'}
      </p>
      <ul
        ref={list}
        onKeyDown={(event) => {
          if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
          event.preventDefault();
          const buttons = [...(list.current?.querySelectorAll('button') ?? [])];
          const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
          buttons[at + (event.key === 'ArrowDown' ? 1 : -1)]?.focus();
        }}
      >
        {hits.map((hit, at) => (
          <li key={at}>
            <button type="button" onClick={() => goTo(hit)}>
              <span class="found-place">
                <b>{nameOf(run, hit.step_id)}</b> {placeText(hit)}
              </span>
              <span class="found-text">
                {toSafeExcerpt(hit.before)}
                <mark>{toSafeExcerpt(hit.match)}</mark>
                {toSafeExcerpt(hit.after)}
              </span>
            </button>
          </li>
        ))}
      </ul>
      {unread.length > 0 ? (
        <p class="muted">Outputs of {counted(unread.length, 'step')} are too large to look into.</p>
      ) : null}
    </section>
  );
}

function headOf(hits: number, isCut: boolean): string {
  if (hits === 0) return 'Nothing in errors, logs and outputs.';
  return `${isCut ? 'The first ' : ''}${counted(hits, 'place')} in errors, logs and outputs:`;
}

function nameOf(run: ReturnType<typeof useRun>, stepId: string): string {
  const i = placeOf(run, stepId);
  return toSafeLine(i < 0 ? stepId : run.names[i]!);
}

function placeText({ in: where, line, pointer }: SearchHit): string {
  if (where === 'logs') return `log, line ${(line ?? 0) + 1}`;
  return where === 'outputs' ? `output ${toSafeLine(pointer ?? '')}` : 'error';
}

function goTo({ step_id, in: where, line }: SearchHit): void {
  if (where === 'logs') setQuery({ step: step_id, tab: 'logs', line: String((line ?? 0) + 1) });
  else setQuery({ step: step_id, tab: where === 'outputs' ? 'output' : null, line: null });
}
