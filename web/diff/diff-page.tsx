/** Two runs side by side: their facts, and their steps by what differs. The left one is what the right is measured by. */
import { useEffect, useMemo } from 'preact/hooks';
import type { Workflow, WorkflowSummary } from '../../src/contract/workflow.ts';
import { toSafeLine } from '../output/safe-text.ts';
import { diffPath, navigate, query, runPath, setQuery } from '../route.ts';
import { durationText } from '../ui/duration.ts';
import { Empty, Failed, Skeleton } from '../ui/empty.tsx';
import { Icon } from '../ui/icon.tsx';
import { useLoaded } from '../ui/loaded.ts';
import { lookOfStatus, lookOfWorkflow } from '../ui/look.ts';
import { countText, usdText, workflowCostText } from '../ui/money.ts';
import { Glyph, Pill } from '../ui/pill.tsx';
import { shortId } from '../ui/short-id.ts';
import { clockText, dateText, fullText } from '../ui/time.ts';
import { get } from '../wire/api.ts';
import { LineDiff } from './line-diff.tsx';
import { deepEqual, matchRuns, type RunMatch, type StepMatch, type StepPair, toLines } from './match-runs.ts';
import { defaultPartner, readPartners } from './partners.ts';

const shownMax = 1_000;

export function DiffPage({ id, other }: { id: string; other: string }) {
  const { data, error, reload } = useLoaded(`${id} ${other}`, async (signal) => {
    const right = await readRun(id, signal);
    const partners = await readPartners(right, signal);
    const partner = other === 'default' ? defaultPartner(right, partners) : other;
    const left = partner === null ? null : await readRun(partner, signal);
    return { left, right, partners };
  });
  useEffect(() => {
    document.title = 'Compare · Hybrid Engine';
  }, []);
  useEffect(() => {
    if (other === 'default' && data?.left) navigate(diffPath(id, data.left.id), { replace: true });
  }, [data]);
  if (data === null) {
    return (
      <main class="page">{error === null ? <Skeleton /> : <Failed error={error} what="run" retry={reload} />}</main>
    );
  }
  const { left, right, partners } = data;
  if (left === null) {
    return (
      <main class="page">
        <Empty title="There is no run to compare it with">
          <p>Runs of the same template or name, and the run that it branched from, can be compared.</p>
          <div class="empty-actions">
            <a class="button primary" href={runPath(id)}>
              Back to the run
            </a>
          </div>
        </Empty>
      </main>
    );
  }
  return <Comparison left={left} right={right} partners={partners} />;
}

const readRun = (id: string, signal: AbortSignal) =>
  get<Workflow>(`/api/workflows/${encodeURIComponent(id)}`, { signal });

interface ComparisonProps {
  readonly left: Workflow;
  readonly right: Workflow;
  readonly partners: readonly WorkflowSummary[];
}

function Comparison({ left, right, partners }: ComparisonProps) {
  const match = useMemo(() => matchRuns(left, right), [left, right]);
  const picked = match.steps.find(({ id }) => id === query.value.get('step')) ?? null;
  return (
    <main class="page diff-page">
      <div class="page-head">
        <h1>Compare</h1>
        <span class="grow" />
        <label class="day-field">
          With
          <select
            class="field-input"
            value={left.id}
            onChange={(event) => navigate(diffPath(right.id, event.currentTarget.value))}
          >
            {partners.some(({ id }) => id === left.id) ? null : <option value={left.id}>{shortId(left.id)}</option>}
            {partners.map((run) => (
              <option key={run.id} value={run.id}>
                {run.id === right.parentId ? 'parent, ' : ''}
                {fullText(run.createdAt)} · {shortId(run.id)}
              </option>
            ))}
          </select>
        </label>
        <a class="button" href={diffPath(left.id, right.id)}>
          <Icon name="compare" size={14} />
          Swap
        </a>
      </div>
      <Heads left={left} right={right} />
      {deepEqual(left.params, right.params) ? null : (
        <section class="card">
          <h2>Params</h2>
          <LineDiff left={toLines(left.params)} right={toLines(right.params)} />
        </section>
      )}
      {picked === null ? null : <PickedStep step={picked} left={left} right={right} />}
      <StepTable match={match} picked={picked?.id ?? null} left={left} right={right} />
    </main>
  );
}

function Heads({ left, right }: Pick<ComparisonProps, 'left' | 'right'>) {
  const rows: readonly (readonly [string, (run: Workflow) => string])[] = [
    ['Created', (run) => `${dateText(run.createdAt)}, ${clockText(run.createdAt)}`],
    ['Time', (run) => durationText(spanOf(run))],
    ['Cost', (run) => workflowCostText(run.metrics)],
    ['Tokens', (run) => countText(run.metrics.total_tokens)],
    ['Steps', (run) => `${countText(run.metrics.completed_steps)} of ${countText(run.steps.length)} completed`],
  ];
  return (
    <div class="card table-scroll">
      <table class="table diff-heads">
        <thead>
          <tr>
            <th scope="col">
              <span class="visually-hidden">Fact</span>
            </th>
            {[left, right].map((run, at) => (
              <th key={at} scope="col">
                <a href={runPath(run.id)}>
                  <b>{toSafeLine(run.name)}</b> <span class="mono muted">{shortId(run.id)}</span>
                </a>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          <tr>
            <th scope="row">Status</th>
            {[left, right].map((run, at) => (
              <td key={at}>
                <Pill look={lookOfWorkflow(run, false)} />
              </td>
            ))}
          </tr>
          {rows.map(([label, textOf]) => (
            <tr key={label}>
              <th scope="row">{label}</th>
              {[left, right].map((run, at) => (
                <td key={at} class={textOf(left) === textOf(right) ? '' : 'differs'}>
                  {textOf(run)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** From the first start to the last end of its steps, in milliseconds. */
function spanOf({ steps }: Workflow): number | null {
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { startTime, endTime } of steps) {
    if (startTime !== null) first = Math.min(first, Date.parse(startTime));
    if (endTime !== null) last = Math.max(last, Date.parse(endTime));
  }
  return last < first ? null : last - first;
}

const pairWords: Readonly<Record<StepPair, string>> = {
  changed: 'Changed',
  'only-left': 'Only left',
  'only-right': 'Only right',
  same: 'Same',
};

interface StepTableProps extends Pick<ComparisonProps, 'left' | 'right'> {
  readonly match: RunMatch;
  readonly picked: string | null;
}

function StepTable({ match, picked, left, right }: StepTableProps) {
  const { steps, counts } = match;
  return (
    <div class="card table-scroll">
      <p class="diff-counts">
        {(['changed', 'only-left', 'only-right', 'same'] as const).map((pair) => (
          <span key={pair} class={counts[pair] === 0 ? 'muted' : ''}>
            <b>{countText(counts[pair])}</b> {pairWords[pair].toLowerCase()}
          </span>
        ))}
      </p>
      <table class="table diff-steps">
        <thead>
          <tr>
            <th scope="col">Step</th>
            <th scope="col">What differs</th>
            <th scope="col">Left</th>
            <th scope="col">Right</th>
            <th scope="col" class="number">
              Δ time
            </th>
            <th scope="col" class="number">
              Δ cost
            </th>
          </tr>
        </thead>
        <tbody>
          {steps.slice(0, shownMax).map((step) => (
            <StepRow key={step.id} step={step} isPicked={step.id === picked} />
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">Total</th>
            <td />
            <td>{durationText(spanOf(left))}</td>
            <td>{durationText(spanOf(right))}</td>
            <td class="number">{deltaTime((spanOf(right) ?? 0) - (spanOf(left) ?? 0))}</td>
            <td class="number">{deltaCost(right.metrics.total_cost - left.metrics.total_cost)}</td>
          </tr>
        </tfoot>
      </table>
      {steps.length > shownMax ? (
        <p class="muted diff-counts">
          {countText(steps.length - shownMax)} more steps are not listed; most are the same.
        </p>
      ) : null}
    </div>
  );
}

function StepRow({ step, isPicked }: { step: StepMatch; isPicked: boolean }) {
  const { id, name, action, pair, parts, left, right } = step;
  return (
    <tr class={`${pair}${isPicked ? ' picked' : ''}`}>
      <th scope="row">
        <button
          type="button"
          class="diff-step"
          onClick={() => setQuery({ step: isPicked ? null : id }, { replace: false })}
        >
          <b>{toSafeLine(name)}</b> <span class="mono muted">{action}</span>
        </button>
      </th>
      <td>{pair === 'changed' ? parts.join(', ') : pairWords[pair]}</td>
      {[left, right].map((side, at) => (
        <td key={at}>
          {side === null ? (
            <span class="muted">–</span>
          ) : (
            <span class="diff-side">
              <Glyph look={lookOfStatus(side.status)} size={14} />
              <span class="visually-hidden">{side.status}</span>
              {durationText(side.ms)}
            </span>
          )}
        </td>
      ))}
      <td class="number">{deltaTime(step.deltaMs)}</td>
      <td class="number">{deltaCost(step.deltaCost)}</td>
    </tr>
  );
}

function deltaTime(ms: number | null): string {
  if (ms === null) return '–';
  return ms === 0 ? '0' : `${ms > 0 ? '+' : '−'}${durationText(Math.abs(ms))}`;
}

function deltaCost(cost: number | null): string {
  if (cost === null) return '–';
  return cost === 0 ? '0' : `${cost > 0 ? '+' : '−'}${usdText(Math.abs(cost))}`;
}

interface PickedProps extends Pick<ComparisonProps, 'left' | 'right'> {
  readonly step: StepMatch;
}

function PickedStep({ step, left, right }: PickedProps) {
  const [one, two] = [left, right].map(({ steps }) => steps.find(({ id }) => id === step.id));
  const parts = (['error', 'params', 'outputs'] as const).filter(
    (part) => !deepEqual(one?.[part] ?? null, two?.[part] ?? null),
  );
  return (
    <section class="card diff-picked" aria-label={`Step ${step.name}`}>
      <div class="schedule-head">
        <h2>{toSafeLine(step.name)}</h2>
        <span class="grow" />
        {one === undefined ? null : (
          <a class="link" href={`${runPath(left.id)}?step=${encodeURIComponent(step.id)}`}>
            Left
          </a>
        )}
        {two === undefined ? null : (
          <a class="link" href={`${runPath(right.id)}?step=${encodeURIComponent(step.id)}`}>
            Right
          </a>
        )}
        <button type="button" class="icon-button" aria-label="Close" onClick={() => setQuery({ step: null })}>
          <Icon name="close" />
        </button>
      </div>
      {parts.length === 0 ? <p class="muted">Params, outputs and error are the same.</p> : null}
      {parts.map((part) => (
        <div key={part} class="diff-part">
          <h3>{part[0]?.toUpperCase() + part.slice(1)}</h3>
          <LineDiff left={toLines(textOf(one?.[part]))} right={toLines(textOf(two?.[part]))} />
        </div>
      ))}
    </section>
  );
}

/** Of outputs that are one text, the text itself: its lines can be compared. */
function textOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const { content, ...rest } = value as Record<string, unknown>;
  return typeof content === 'string' && Object.keys(rest).length === 0 ? content : value;
}
