/** Two texts as lines: what went, what came, and a little around it. */
import { diffLines } from 'diff';
import { useState } from 'preact/hooks';
import { toCutText, toSafeText } from '../output/safe-text.ts';
import { countText } from '../ui/money.ts';

const textMax = 256 * 1024;
const aroundLines = 3;
/** Of lines that are the same, and of others, so many characters are shown. */
const sameMax = 160;
const lineMax = 4_000;
const shownLinesMax = 2_000;

interface DiffLine {
  readonly kind: 'same' | 'gone' | 'new' | 'fold';
  readonly text: string;
}

export function LineDiff({ left, right }: { left: string; right: string }) {
  const [isWhole, setWhole] = useState(false);
  const isCut = left.length > textMax || right.length > textMax;
  const parts = diffLines(left.slice(0, textMax), right.slice(0, textMax), { timeout: 400 });
  if (parts === undefined) {
    return <p class="muted">They differ in too much to be shown line by line: open each run to read them.</p>;
  }
  const lines = parts.flatMap(({ value, added, removed }) => {
    const kind = added ? ('new' as const) : removed ? ('gone' as const) : ('same' as const);
    return value
      .replace(/\n$/, '')
      .split('\n')
      .map((text) => ({ kind, text }));
  });
  const shown = isWhole ? lines : folded(lines);
  return (
    <>
      <div class="diff-lines" role="group" aria-label="Differences by line">
        {shown.slice(0, shownLinesMax).map(({ kind, text }, at) => (
          <div key={at} class={`diff-line ${kind}`}>
            <span class="diff-sign" aria-hidden="true">
              {kind === 'gone' ? '−' : kind === 'new' ? '+' : ''}
            </span>
            <span>
              {kind === 'gone' || kind === 'new' ? (
                <span class="visually-hidden">{kind === 'gone' ? 'only left: ' : 'only right: '}</span>
              ) : null}
              {toSafeText(kind === 'same' ? toCutText(text, sameMax).text : toCutText(text, lineMax).text)}
              {text.length > (kind === 'same' ? sameMax : lineMax) ? '…' : ''}
            </span>
          </div>
        ))}
      </div>
      {shown.length > shownLinesMax ? <p class="muted">{countText(shown.length - shownLinesMax)} more lines.</p> : null}
      {isCut ? <p class="muted">Only the first 262 KB of each are compared here.</p> : null}
      {lines.length > shown.length ? (
        <button type="button" class="button small" onClick={() => setWhole(true)}>
          Show all lines
        </button>
      ) : null}
    </>
  );
}

/** Lines that are the same are left out, but for a few around a difference. */
function folded(lines: readonly DiffLine[]): DiffLine[] {
  const near = new Uint8Array(lines.length);
  lines.forEach(({ kind }, at) => {
    if (kind !== 'same') near.fill(1, Math.max(0, at - aroundLines), at + aroundLines + 1);
  });
  const shown: DiffLine[] = [];
  let hidden = 0;
  const fold = () => {
    if (hidden > 0) shown.push({ kind: 'fold', text: `${countText(hidden)} equal ${hidden === 1 ? 'line' : 'lines'}` });
    hidden = 0;
  };
  lines.forEach((line, at) => {
    if (near[at] === 1) {
      fold();
      shown.push(line);
    } else hidden += 1;
  });
  fold();
  return shown;
}
