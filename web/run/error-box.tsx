/** Why a step failed, and what a person can do about it. */
import { toCutText, toSafeText } from '../output/safe-text.ts';
import { toAdvice } from './advice.ts';
import { look } from './look.ts';
import type { StepDetail } from './run-messages.ts';

const errorMax = 4_000;

export function ErrorBox({ detail, code }: { detail: StepDetail; code: number }) {
  const { text, isCut } = toCutText(detail.error ?? '', errorMax);
  const isFailure = code === look.failed || code === look.tolerated;
  const title = detail.errorCode ?? (isFailure ? 'Why it failed' : 'Why it does not run');
  const advice = toAdvice(detail.errorCode ?? '', detail.error ?? '');
  return (
    <div class={isFailure ? 'drawer-error' : 'drawer-error quiet'} role={isFailure ? 'alert' : undefined}>
      <b>{title}</b>
      <p>
        {toSafeText(text)}
        {isCut ? '…' : ''}
      </p>
      {advice === null ? null : <p class="advice">{advice}</p>}
      {code === look.tolerated ? <p class="advice">The failure is tolerated: the workflow goes on.</p> : null}
    </div>
  );
}
