/** Two texts that differ, line by line. The worker has found the lines. */
import { useState } from 'preact/hooks';
import { toSafeText } from '../output/safe-text.ts';
import { counted, countText } from '../ui/money.ts';
import type { LineParts } from './line-parts.ts';

export function LineDiff({ parts }: { parts: LineParts | null }) {
  const [isWhole, setWhole] = useState(false);
  if (parts === null) {
    return <p class="muted">They differ in too much to be shown line by line: open each run to read them.</p>;
  }
  const { near, all, nearLeft, allLeft, isCut } = parts;
  const isAll = isWhole && all !== null;
  const left = isAll ? allLeft : nearLeft;
  return (
    <>
      <div class="diff-lines" role="group" aria-label="Differences by line">
        {(isAll ? all : near).map(({ kind, text }, at) => (
          <div key={at} class={`diff-line ${kind}`}>
            <span class="diff-sign" aria-hidden="true">
              {kind === 'gone' ? '−' : kind === 'new' ? '+' : ''}
            </span>
            <span>
              {kind === 'gone' || kind === 'new' ? (
                <span class="visually-hidden">{kind === 'gone' ? 'only left: ' : 'only right: '}</span>
              ) : null}
              {kind === 'fold' ? counted(Number(text), 'equal line') : toSafeText(text)}
            </span>
          </div>
        ))}
      </div>
      {left > 0 ? <p class="muted">{countText(left)} more lines.</p> : null}
      {isCut ? <p class="muted">Only the first 262 KB of each are compared here.</p> : null}
      {all !== null && !isWhole ? (
        <button type="button" class="button small" onClick={() => setWhole(true)}>
          Show all lines
        </button>
      ) : null}
    </>
  );
}
