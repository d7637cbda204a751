/** The steps that wait for a person, of all runs: the longest wait first. Each leads to its form. */
import type { WaitingStep } from '../../src/contract/decision.ts';
import { toSafeExcerpt, toSafeLine } from '../output/safe-text.ts';
import { runPath } from '../route.ts';
import { durationText } from '../ui/duration.ts';
import { countText } from '../ui/money.ts';
import { Glyph } from '../ui/pill.tsx';
import { takenText } from '../ui/taken.ts';
import { useNow } from '../ui/tick.ts';
import { fullText } from '../ui/time.ts';

const shownMax = 3;

export function WaitingRows({ steps, total }: { steps: readonly WaitingStep[]; total: number }) {
  const now = useNow(steps.length > 0);
  if (steps.length === 0) return null;
  const rest = total - Math.min(total, shownMax);
  return (
    <section class="waiting-steps" aria-label="Waits for you">
      <h2>
        <Glyph look="needs" size={14} />
        {total === 1 ? '1 step waits for you' : `${countText(total)} steps wait for you`}
      </h2>
      <ul>
        {steps.slice(0, shownMax).map((step) => (
          <li key={`${step.workflow_id} ${step.step_id}`}>
            <a href={`${runPath(step.workflow_id)}?step=${encodeURIComponent(step.step_id)}`}>
              <b>{toSafeLine(step.name)}</b>
              <span class="waiting-text">
                {step.message === undefined
                  ? step.for === 'data'
                    ? giveText(step)
                    : 'Approve or reject'
                  : toSafeExcerpt(step.message)}
              </span>
              <span class="muted number" title={step.since}>
                {step.until === undefined
                  ? `since ${durationText(now - Date.parse(step.since))}`
                  : `until ${fullText(step.until)}`}
              </span>
            </a>
          </li>
        ))}
      </ul>
      {rest > 0 ? <p class="muted">{countText(rest)} more: choose Waiting above.</p> : null}
    </section>
  );
}

function giveText(step: WaitingStep): string {
  const taken = takenText(step);
  return `Give the data that it asks for${taken === '' ? '' : `: ${taken}`}`;
}
