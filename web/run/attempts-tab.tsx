/** The tries of a step that have ended: when, how long, what went wrong, and what each has cost. */
import { toSafeText } from '../output/safe-text.ts';
import { durationText } from '../ui/duration.ts';
import { usdText } from '../ui/money.ts';
import { Glyph } from '../ui/pill.tsx';
import { clockText } from '../ui/time.ts';
import type { StepDetail } from './run-messages.ts';

export function AttemptsTab({ detail }: { detail: StepDetail }) {
  const { attempts = [], attempt } = detail;
  if (attempts.length === 0) {
    return (
      <p class="none">
        {attempt === 0 ? 'This step was not tried yet.' : 'There was one try; the facts above are its own.'}
      </p>
    );
  }
  return (
    <ol class="attempts">
      {[...attempts].reverse().map((one) => {
        const took =
          one.startTime === null || one.endTime === null ? null : Date.parse(one.endTime) - Date.parse(one.startTime);
        return (
          <li key={one.attempt}>
            <div class="attempt-head">
              <Glyph look={one.errorCode === null && one.error === null ? 'completed' : 'failed'} size={14} />
              <b>Try {one.attempt}</b>
              {one.errorCode === null ? null : <code>{one.errorCode}</code>}
              <span class="grow" />
              <span class="muted">{one.startTime === null ? '' : clockText(one.startTime)}</span>
            </div>
            <p class="muted">
              {durationText(took)}
              {one.waitedMs === null ? '' : ` · waited ${durationText(one.waitedMs)}`}
              {one.cost === null ? '' : ` · ${usdText(one.cost)}`}
            </p>
            {one.error === null ? null : <p class="attempt-error">{toSafeText(one.error)}</p>}
          </li>
        );
      })}
    </ol>
  );
}
