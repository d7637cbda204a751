/** The captures on this machine: why each is here, and the ways on. */
import { useState } from 'preact/hooks';
import { toSafeLine } from '../web/output/safe-text.ts';
import { kindWords } from './capture.ts';
import type { CaptureRow } from './captures.ts';
import type { Known } from './kept.ts';
import { targetsOf } from './menu.ts';
import { type Target, targetKey } from './target.ts';

export interface KeptRowsProps {
  readonly rows: readonly CaptureRow[];
  readonly known: Known;
  readonly isBusy: boolean;
  onSend(id: string, target: Target): void;
  onDrop(id: string): void;
}

export function KeptRows({ rows, ...rest }: KeptRowsProps) {
  if (rows.length === 0) return null;
  return (
    <section aria-label="Kept on this machine">
      <h2>Kept here</h2>
      <ul class="rows">
        {rows.map((row) => (
          <KeptRow key={row.id} row={row} {...rest} />
        ))}
      </ul>
    </section>
  );
}

function KeptRow({ row, known, isBusy, onSend, onDrop }: { row: CaptureRow } & Omit<KeptRowsProps, 'rows'>) {
  const targets = targetsOf(known);
  const [chosen, setChosen] = useState('');
  const target = targets.find((one) => targetKey(one) === chosen) ?? targets[0];
  const canAim = row.target === null || row.refusal !== null;
  const title = toSafeLine(row.title) || 'A page without a title';
  return (
    <li class="kept">
      <b>{title}</b>
      <span class={row.refusal === null ? 'muted' : 'tone-fail'}>{stateText(row)}</span>
      <span class="actions">
        {canAim && target !== undefined ? (
          <>
            <select
              class="field-input"
              aria-label={`Where ${title} goes`}
              value={targetKey(target)}
              onChange={(event) => setChosen(event.currentTarget.value)}
            >
              {targets.map((one) => (
                <option key={targetKey(one)} value={targetKey(one)}>
                  {`${one.kind === 'step' ? '' : 'New: '}${toSafeLine(one.name)}`}
                </option>
              ))}
            </select>
            <button type="button" class="button small" disabled={isBusy} onClick={() => onSend(row.id, target)}>
              Send
            </button>
          </>
        ) : null}
        <button
          type="button"
          class="button small"
          disabled={isBusy}
          aria-label={`Drop ${title}`}
          onClick={() => onDrop(row.id)}
        >
          Drop
        </button>
      </span>
    </li>
  );
}

function stateText({ kind, target, refusal }: CaptureRow): string {
  const what = kindWords[kind];
  if (refusal !== null) return toSafeLine(refusal);
  if (target === null) return `${what}: choose where it goes`;
  return `${what}: goes to ${toSafeLine(target.name)} when the engine answers`;
}
