/** What is captured, and where it can go: each target is one press. */
import { useState } from 'preact/hooks';
import type { WaitingStep } from '../src/contract/decision.ts';
import { toSafeLine } from '../web/output/safe-text.ts';
import { durationText } from '../web/ui/duration.ts';
import { Icon } from '../web/ui/icon.tsx';
import { Glyph } from '../web/ui/pill.tsx';
import { shortId } from '../web/ui/short-id.ts';
import { takenText } from '../web/ui/taken.ts';
import { kindWords } from './capture.ts';
import type { Known } from './kept.ts';
import type { CaptureKind, PageLook } from './page.ts';
import { type Target, targetKey, toStepTarget } from './target.ts';

const kinds = ['selection', 'article', 'page'] as const;

export interface SendPanelProps {
  /** Null where the browser lets nobody read the page. */
  readonly page: PageLook | null;
  readonly known: Known;
  readonly isBusy: boolean;
  onCapture(kind: CaptureKind, target: Target | null): void;
}

export function SendPanel({ page, known, isBusy, onCapture }: SendPanelProps) {
  const [kind, setKind] = useState<CaptureKind>(page?.hasSelection ? 'selection' : 'article');
  const { steps, templates } = known;
  const isOff = isBusy || page === null;
  const hostText = page === null ? '' : hostOf(page.url);
  return (
    <>
      <section class="what" aria-label="What to capture">
        <p class="page-title">
          {page === null
            ? 'The browser lets no extension read this page'
            : toSafeLine(page.title) || 'A page without a title'}
        </p>
        {hostText === '' ? null : <p class="muted">{toSafeLine(hostText)}</p>}
        <fieldset class="kinds" disabled={page === null}>
          <legend class="visually-hidden">What to capture</legend>
          {kinds.map((one) => (
            <label key={one} class={kind === one ? 'on' : ''}>
              <input
                type="radio"
                name="kind"
                value={one}
                checked={kind === one}
                disabled={one === 'selection' && !page?.hasSelection}
                onChange={() => setKind(one)}
              />
              {kindWords[one]}
            </label>
          ))}
        </fieldset>
      </section>
      {steps.length === 0 ? null : (
        <section aria-label="Steps that wait for a page">
          <h2>Waits for a page</h2>
          <ul class="rows">
            {steps.map((step) => {
              const target = toStepTarget(step);
              return (
                <li key={targetKey(target)}>
                  <button type="button" class="row" disabled={isOff} onClick={() => onCapture(kind, target)}>
                    <Glyph look="needs" />
                    <span class="row-text">
                      <b>{toSafeLine(step.name)}</b>
                      <span class="muted">{waitText(step)}</span>
                    </span>
                    <Icon name="up" />
                  </button>
                </li>
              );
            })}
          </ul>
        </section>
      )}
      {templates.length === 0 ? null : (
        <section aria-label="Templates that take a page">
          <h2>Start with this page</h2>
          <ul class="rows">
            {templates.map(({ target, description, missing }) => (
              <li key={targetKey(target)}>
                <button
                  type="button"
                  class="row"
                  disabled={isOff || missing.length > 0}
                  onClick={() => onCapture(kind, target)}
                >
                  <Icon name="play" />
                  <span class="row-text">
                    <b>{toSafeLine(target.name)}</b>
                    <span class="muted">
                      {missing.length === 0
                        ? toSafeLine(description)
                        : `Asks for ${toSafeLine(missing.join(', '))} too: start it on the dashboard`}
                    </span>
                  </span>
                  <Icon name="up" />
                </button>
              </li>
            ))}
          </ul>
        </section>
      )}
      {steps.length + templates.length > 0 || known.isHere !== true ? null : (
        <p class="muted">
          Nothing waits for a page, and no template takes one. Start the template page-watch, or give one of yours{' '}
          <code>accepts</code>.
        </p>
      )}
      <button type="button" class="button small keep" disabled={isOff} onClick={() => onCapture(kind, null)}>
        <Icon name="download" />
        Keep it, and choose later
      </button>
    </>
  );
}

/** The run tells steps of one name apart. */
function waitText(step: WaitingStep): string {
  const { workflow_id, since, until } = step;
  const waited = `waits ${durationText(Math.max(0, Date.now() - Date.parse(since)))}`;
  const ends = until === undefined ? '' : `, until ${new Date(until).toLocaleString()}`;
  const taken = takenText(step);
  return `Run ${shortId(workflow_id)} ${waited}${ends}${taken === '' ? '' : `; ${taken}`}`;
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : '';
}
