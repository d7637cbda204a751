/** All else of a step: what it depends on, its times and bounds, what it says of when it runs. */
import type { ComponentChildren } from 'preact';
import { JsonTree, JsonValue } from '../output/json-tree.tsx';
import { toSafeLine } from '../output/safe-text.ts';
import { runPath } from '../route.ts';
import { durationText } from '../ui/duration.ts';
import { Glyph } from '../ui/pill.tsx';
import { fullText } from '../ui/time.ts';
import { toLookName } from './look.ts';
import { placeOf, useRun } from './run-context.ts';
import type { StepDetail } from './run-messages.ts';
import { pick } from './view-state.ts';

const linksMax = 60;

function StepLinks({ ids }: { ids: readonly string[] }) {
  const run = useRun();
  if (ids.length === 0) return <>nothing</>;
  return (
    <ul class="step-links">
      {ids.slice(0, linksMax).map((id) => {
        const i = placeOf(run, id);
        return (
          <li key={id}>
            {i < 0 ? (
              <span class="mono">{id} (not there)</span>
            ) : (
              <button type="button" class="step-link" onClick={() => pick(id)}>
                <Glyph look={toLookName(run.look[i]!)} size={12} />
                {toSafeLine(run.names[i]!)}
              </button>
            )}
          </li>
        );
      })}
      {ids.length > linksMax ? <li class="muted">and {ids.length - linksMax} more</li> : null}
    </ul>
  );
}

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Time({ iso }: { iso: string | null | undefined }) {
  return iso ? <time dateTime={iso}>{fullText(iso)}</time> : <>–</>;
}

export function DetailsTab({ detail, turn }: { detail: StepDetail; turn: number }) {
  const run = useRun();
  const i = placeOf(run, detail.id);
  const children = i < 0 ? [] : [...run.children.to.subarray(run.children.at[i], run.children.at[i + 1])];
  const flow = toFlow(detail);
  return (
    <>
      <dl class="detail-list">
        {detail.of ? (
          <Fact name="Made by">
            <StepLinks ids={[detail.of.step]} /> item {detail.of.index}
          </Fact>
        ) : null}
        <Fact name="Waits for">
          <StepLinks ids={detail.dependencies} />
        </Fact>
        <Fact name="Needed by">
          <StepLinks ids={children.map((child) => run.ids[child]!)} />
        </Fact>
        {detail.reason === undefined ? null : <Fact name="Why it waits">{toSafeLine(detail.reason)}</Fact>}
        <Fact name="Ready">
          <Time iso={detail.queuedAt} />
        </Fact>
        <Fact name="Started">
          <Time iso={detail.startTime} />
        </Fact>
        <Fact name="Ended">
          <Time iso={detail.endTime} />
        </Fact>
        {detail.timeoutMs === null ? null : <Fact name="Time limit">{durationText(detail.timeoutMs)}</Fact>}
        {detail.retry?.attemptsMax === undefined ? null : <Fact name="Tries at most">{detail.retry.attemptsMax}</Fact>}
        {detail.cache ? <Fact name="Cache">its answer may come from the cache</Fact> : null}
        {flow.map(([name, value]) => (
          <Fact key={name} name={name}>
            {typeof value === 'string' ? <code>{toSafeLine(value)}</code> : <JsonValue value={value} />}
          </Fact>
        ))}
        {detail.child === undefined ? null : (
          <Fact name="Its run">
            <a class="link mono" href={runPath(detail.child)}>
              {detail.child}
            </a>
          </Fact>
        )}
      </dl>
      {detail.execution_metrics === null ? null : (
        <>
          <h3>Metrics</h3>
          <JsonValue value={detail.execution_metrics} />
        </>
      )}
      {detail.metadataCount === 0 ? null : (
        <>
          <h3>Metadata</h3>
          <JsonTree stepId={detail.id} source="metadata" turn={turn} label="Metadata" />
        </>
      )}
    </>
  );
}

function toFlow(detail: StepDetail): (readonly [string, unknown])[] {
  const fields = [
    ['Runs when', detail.when],
    ['Join', detail.join],
    ['Tolerates', detail.tolerate === true ? 'any failure' : detail.tolerate],
    ['For each', detail.forEach],
    ['At once', detail.concurrency],
    ['Batch', detail.batch],
    ['Repeats', detail.repeat],
    ['Items or rounds', detail.count],
  ] as const;
  return fields
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, typeof value === 'number' ? String(value) : value] as const);
}
