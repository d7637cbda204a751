/** Two runs side by side: their facts, and their steps by what differs. The left one is what the right is measured by. */
import { useEffect, useMemo } from 'preact/hooks';
import type { WorkflowSummary } from '../../src/contract/workflow.ts';
import { toSafeLine } from '../output/safe-text.ts';
import { diffPath, navigate, query, runPath, setQuery } from '../route.ts';
import { WorkerClient } from '../run/worker-client.ts';
import { durationText } from '../ui/duration.ts';
import { Empty, Failed, Skeleton } from '../ui/empty.tsx';
import { Icon } from '../ui/icon.tsx';
import { useLoaded } from '../ui/loaded.ts';
import { lookOfStatus, lookOfWorkflow } from '../ui/look.ts';
import { countText, usdText, workflowCostText } from '../ui/money.ts';
import { Glyph, Pill } from '../ui/pill.tsx';
import { shortId } from '../ui/short-id.ts';
import { clockText, dateText, fullText } from '../ui/time.ts';
import type { RunComparison, RunFacts } from './compare-runs.ts';
import { LineDiff } from './line-diff.tsx';
import type { StepMatch, StepPair } from './match-runs.ts';
import { defaultPartner, readPartners } from './partners.ts';

export function DiffPage({ id, other }: { id: string; other: string }) {
  // Both runs are read and compared beside the page's own thread: either may be many megabytes.
  const worker = useMemo(() => new WorkerClient(), [id]);
  useEffect(() => () => worker.close(), [worker]);
  const { data, error, reload } = useLoaded(`${id} ${other}`, async (signal) => {
    const { facts } = await worker.call('facts', { id });
    const partners = await readPartners(facts, signal);
    const partner = other === 'default' ? defaultPartner(facts, partners) : other;
    if (partner === null) return { comparison: null, partners };
    return { comparison: (await worker.call('compare', { left: partner, right: id })).comparison, partners };
  });
  useEffect(() => {
    document.title = 'Compare · Hybrid Engine';
  }, []);
  useEffect(() => {
    if (other === 'default' && data?.comparison) navigate(diffPath(id, data.comparison.left.id), { replace: true });
  }, [data]);
  if (data === null) {
    return (
      <main class="page">
        {error === null ? <Skeleton /> : <Failed isPage error={error} what="run" retry={reload} />}
      </main>
    );
  }
  const { comparison, partners } = data;
  if (comparison === null) {
    return (
      <main class="page">
        <Empty isPage title="There is no run to compare it with">
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
  return <Comparison comparison={comparison} partners={partners} worker={worker} />;
}

interface ComparisonProps {
  readonly comparison: RunComparison;
  readonly partners: readonly WorkflowSummary[];
  readonly worker: WorkerClient;
}

function Comparison({ comparison, partners, worker }: ComparisonProps) {
  const { left, right, match, params } = comparison;
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
      {params === undefined ? null : (
        <section class="card">
          <h2>Params</h2>
          <LineDiff parts={params} />
        </section>
      )}
      {picked === null ? null : <PickedStep key={picked.id} step={picked} left={left} right={right} worker={worker} />}
      <StepTable comparison={comparison} picked={picked?.id ?? null} />
    </main>
  );
}

interface Sides {
  readonly left: RunFacts;
  readonly right: RunFacts;
}

function Heads({ left, right }: Sides) {
  const rows: readonly (readonly [string, (run: RunFacts) => string])[] = [
    ['Created', (run) => `${dateText(run.createdAt)}, ${clockText(run.createdAt)}`],
    ['Time', (run) => durationText(run.spanMs)],
    ['Cost', (run) => workflowCostText(run.metrics)],
    ['Tokens', (run) => countText(run.metrics.total_tokens)],
    ['Steps', (run) => `${countText(run.metrics.completed_steps)} of ${countText(run.stepsCount)} completed`],
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

const pairWords: Readonly<Record<StepPair, string>> = {
  changed: 'Changed',
  'only-left': 'Only left',
  'only-right': 'Only right',
  same: 'Same',
};

interface StepTableProps {
  readonly comparison: RunComparison;
  readonly picked: string | null;
}

function StepTable({ comparison: { left, right, match, stepsLeft }, picked }: StepTableProps) {
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
          {steps.map((step) => (
            <StepRow key={step.id} step={step} isPicked={step.id === picked} />
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">Total</th>
            <td />
            <td>{durationText(left.spanMs)}</td>
            <td>{durationText(right.spanMs)}</td>
            <td class="number">{deltaTime((right.spanMs ?? 0) - (left.spanMs ?? 0))}</td>
            <td class="number">{deltaCost(right.metrics.total_cost - left.metrics.total_cost)}</td>
          </tr>
        </tfoot>
      </table>
      {stepsLeft > 0 ? (
        <p class="muted diff-counts">{countText(stepsLeft)} more steps are not listed: what differs comes first.</p>
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

interface PickedProps extends Sides {
  readonly step: StepMatch;
  readonly worker: WorkerClient;
}

function PickedStep({ step, left, right, worker }: PickedProps) {
  const { data, error, reload } = useLoaded(`${left.id} ${right.id} ${step.id}`, async () => {
    const ask = { left: left.id, right: right.id, stepId: step.id };
    return (await worker.call('compareStep', ask)).step;
  });
  return (
    <section class="card diff-picked" aria-label={`Step ${step.name}`}>
      <div class="schedule-head">
        <h2>{toSafeLine(step.name)}</h2>
        <span class="grow" />
        {step.left === null ? null : (
          <a class="link" href={`${runPath(left.id)}?step=${encodeURIComponent(step.id)}`}>
            Left
          </a>
        )}
        {step.right === null ? null : (
          <a class="link" href={`${runPath(right.id)}?step=${encodeURIComponent(step.id)}`}>
            Right
          </a>
        )}
        <button type="button" class="icon-button" aria-label="Close" onClick={() => setQuery({ step: null })}>
          <Icon name="close" />
        </button>
      </div>
      {data === null ? (
        error === null ? (
          <Skeleton lines={3} />
        ) : (
          <Failed error={error} what="step" retry={reload} />
        )
      ) : null}
      {data?.parts.length === 0 ? <p class="muted">Params, outputs and error are the same.</p> : null}
      {data?.parts.map(({ part, lines }) => (
        <div key={part} class="diff-part">
          <h3>{part[0]?.toUpperCase() + part.slice(1)}</h3>
          <LineDiff parts={lines} />
        </div>
      ))}
    </section>
  );
}
