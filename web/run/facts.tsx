/** The head of the run page: what it is, how far it is, and what it has taken. */
import { toSafeLine } from '../output/safe-text.ts';
import { runPath } from '../route.ts';
import { copyText } from '../ui/copy.ts';
import { durationText } from '../ui/duration.ts';
import { Icon } from '../ui/icon.tsx';
import { countText, workflowCostText } from '../ui/money.ts';
import { Pill } from '../ui/pill.tsx';
import { Progress } from '../ui/progress.tsx';
import { useNow } from '../ui/tick.ts';
import { clockText, fullText, zoneName } from '../ui/time.ts';
import { RunActions } from './actions.tsx';
import { spanOf } from './bands.ts';
import { type Columns, isUnderWay, lookOfRun, waitsFor } from './columns.ts';
import { look, progressOrder, toLookName } from './look.ts';
import { useRun } from './run-context.ts';

/** As the list of runs says it. */
function needsDecision(run: Columns): boolean {
  return lookOfRun(run) === 'needs' && run.waits[run.look.indexOf(look.needs)] === waitsFor.decision;
}

export function RunHead() {
  const run = useRun();
  const { head } = run;
  return (
    <section class="run-head" aria-label="About this run">
      <div class="run-title">
        <Pill look={lookOfRun(run)} {...(needsDecision(run) ? { word: 'Needs you' } : {})} />
        <h1 title={toSafeLine(head.name)}>{toSafeLine(head.name)}</h1>
        <button
          type="button"
          class="run-id mono"
          title="Copy the run's id"
          aria-label={`Copy the run's id, ${head.id}`}
          onClick={() => void copyText(head.id, "The run's id")}
        >
          {head.id.slice(0, 8)}
          <Icon name="copy" size={13} />
        </button>
        {head.parentId === null ? null : (
          <a
            class="run-parent"
            href={toParentPath(head.parentId, head.parentStepId)}
            title={toParentTitle(head.parentStepId)}
          >
            <Icon name="branch" size={13} />
            {head.parentStepId === undefined ? 'branch' : 'child'} of {head.parentId.slice(0, 8)}
          </a>
        )}
        <span class="grow" />
        <RunActions />
      </div>
      <Facts />
    </section>
  );
}

function toParentPath(parentId: string, parentStepId: string | undefined): string {
  const path = runPath(parentId);
  return parentStepId === undefined ? path : `${path}?step=${encodeURIComponent(parentStepId)}`;
}

function toParentTitle(parentStepId: string | undefined): string {
  return parentStepId === undefined
    ? 'The run that this is a branch of'
    : `The run whose step ${parentStepId} has started this one`;
}

function Facts() {
  const run = useRun();
  const { head, counts, ids } = run;
  const isGoing = isUnderWay(run);
  const now = useNow(isGoing);
  const span = spanOf(run, now);
  const took = span === null ? null : (isGoing ? Math.max(now, span.end) : span.end) - span.start;
  const done = counts[look.completed]! + counts[look.skipped]! + counts[look.tolerated]!;
  const { total_tokens: tokens } = head.metrics;
  return (
    <div class="run-facts">
      <Progress counts={progressOrder.map((code) => [toLookName(code), counts[code]!] as const)} />
      <dl>
        <div>
          <dt>Done</dt>
          <dd>
            <b>{countText(done)}</b> of {countText(ids.length)}
          </dd>
        </div>
        <div>
          <dt>Time</dt>
          <dd>
            <b>{durationText(took)}</b>
          </dd>
        </div>
        <div>
          <dt>Cost</dt>
          <dd>
            <b>{workflowCostText(head.metrics)}</b>
          </dd>
        </div>
        <div class="hide-narrow">
          <dt>Tokens</dt>
          <dd>
            <b>{tokens > 0 ? countText(tokens) : '–'}</b>
          </dd>
        </div>
        <div class="hide-narrow">
          <dt>Started</dt>
          <dd title={`${fullText(head.createdAt)} ${zoneName()}, ${head.createdAt}`}>
            <b>{clockText(head.createdAt)}</b>
          </dd>
        </div>
      </dl>
    </div>
  );
}
