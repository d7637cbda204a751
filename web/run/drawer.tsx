/** One step: its status and facts, why it failed or waits, and what it got, made and logged. */
import { useEffect, useRef } from 'preact/hooks';
import { toSafeLine } from '../output/safe-text.ts';
import { query, runPath, setQuery } from '../route.ts';
import { durationText } from '../ui/duration.ts';
import { Icon } from '../ui/icon.tsx';
import { countText, usdText } from '../ui/money.ts';
import { Pill } from '../ui/pill.tsx';
import { useNow } from '../ui/tick.ts';
import { detailOf } from '../wire/problem.ts';
import { AttemptsTab } from './attempts-tab.tsx';
import { endOf } from './bands.ts';
import { waitsFor } from './columns.ts';
import { DetailsTab } from './details-tab.tsx';
import { ErrorBox } from './error-box.tsx';
import { InputTab } from './input-tab.tsx';
import { LogsTab } from './logs-tab.tsx';
import { look, toLookName } from './look.ts';
import { NeedBox } from './need-box.tsx';
import { OutputTab } from './output-tab.tsx';
import { placeOf, useRun, useRunScope } from './run-context.ts';
import { type PaneHandles, runKeys } from './run-keys.ts';
import type { StepDetail } from './run-messages.ts';
import { countLines } from './step-detail.ts';
import { pick, pickedId } from './view-state.ts';

const tabs = ['output', 'input', 'logs', 'attempts', 'details'] as const;
export type DrawerTab = (typeof tabs)[number];

const tabWords: Readonly<Record<DrawerTab, string>> = {
  output: 'Output',
  input: 'Input',
  logs: 'Logs',
  attempts: 'Attempts',
  details: 'Details',
};

function shownTab(): DrawerTab {
  const tab = query.value.get('tab');
  return (tabs as readonly string[]).includes(tab ?? '') ? (tab as DrawerTab) : 'output';
}

export function Drawer({ handles, isNarrow }: { handles: PaneHandles; isNarrow: boolean }) {
  const { steps } = useRunScope();
  const run = useRun();
  const i = placeOf(run, pickedId.value);
  const heading = useRef<HTMLHeadingElement>(null);
  handles.focusDrawer = () => heading.current?.focus();
  useEffect(() => {
    if (isNarrow) heading.current?.focus();
    return () => {
      handles.focusDrawer = () => undefined;
    };
  }, [isNarrow]);
  if (i < 0) return null;
  const loaded = steps.loaded.value;
  const detail = loaded !== null && loaded.stepId === run.ids[i] ? loaded.detail : null;
  const failure = steps.failure.value;
  return (
    <aside class="drawer" aria-label={`Step ${toSafeLine(run.names[i]!)}`}>
      <DrawerHead handles={handles} i={i} heading={heading} />
      {detail?.error ? <ErrorBox detail={detail} code={run.look[i]!} /> : null}
      {detail !== null && run.look[i] === look.needs ? (
        <NeedBox key={detail.id} detail={detail} isDecision={run.waits[i] === waitsFor.decision} />
      ) : null}
      {detail?.child === undefined ? null : (
        <a class="button drawer-child" href={runPath(detail.child)}>
          <Icon name="branch" size={14} />
          Open the run that this step has started
        </a>
      )}
      <TabList detail={detail} />
      {failure !== null && failure.stepId === run.ids[i] ? (
        <p class="drawer-body none" role="alert">
          {detailOf(failure.error)}
        </p>
      ) : detail === null ? (
        <div class="drawer-body skeleton" role="status" aria-label="Loading" />
      ) : (
        <TabBody detail={detail} turn={loaded?.turn ?? 0} i={i} />
      )}
    </aside>
  );
}

interface DrawerHeadProps {
  readonly handles: PaneHandles;
  readonly i: number;
  readonly heading: { current: HTMLHeadingElement | null };
}

function DrawerHead({ handles, i, heading }: DrawerHeadProps) {
  const { store } = useRunScope();
  const run = useRun();
  const code = run.look[i]!;
  const now = useNow(code === look.running);
  const walk = (key: 'j' | 'k') =>
    runKeys(handles, store)
      .find((binding) => binding.key === key)
      ?.run();
  const took = run.start[i]! >= 0 && code !== look.needs ? endOf(run, i, now) - run.start[i]! : null;
  const isWaitingForDecision = code === look.needs && run.waits[i] === waitsFor.decision;
  return (
    <div class="drawer-head">
      <div class="drawer-row">
        <Pill look={toLookName(code)} {...(isWaitingForDecision ? { word: 'Needs a decision' } : {})} />
        <span class="grow" />
        <button type="button" class="icon-button" aria-label="Previous step" title="k" onClick={() => walk('k')}>
          <Icon name="up" />
        </button>
        <button type="button" class="icon-button" aria-label="Next step" title="j" onClick={() => walk('j')}>
          <Icon name="down" />
        </button>
        <button type="button" class="icon-button" aria-label="Close" title="Esc" onClick={() => pick(null)}>
          <Icon name="close" />
        </button>
      </div>
      <h2 ref={heading} tabIndex={-1}>
        {toSafeLine(run.names[i]!)}
      </h2>
      <p class="drawer-sub mono">
        {run.actions[run.action[i]!]} · {run.ids[i]}
      </p>
      <dl class="drawer-facts">
        <div>
          <dt>Took</dt>
          <dd>{durationText(took)}</dd>
        </div>
        <div>
          <dt>Try</dt>
          <dd>{run.attempt[i] === 0 ? '–' : run.attempt[i]}</dd>
        </div>
        <div>
          <dt>Tokens</dt>
          <dd>{run.tokens[i]! > 0 ? countText(run.tokens[i]!) : '–'}</dd>
        </div>
        <div>
          <dt>Cost</dt>
          <dd>{toCostText(run.cost[i]!)}</dd>
        </div>
      </dl>
    </div>
  );
}

function toCostText(cost: number): string {
  if (Number.isNaN(cost)) return '–';
  return cost < 0 ? 'not known' : usdText(cost);
}

function TabList({ detail }: { detail: StepDetail | null }) {
  const shown = shownTab();
  const counts: Partial<Record<DrawerTab, number>> = {
    ...(detail === null ? {} : { logs: countLines(detail.logs) }),
    ...(detail?.attempts && detail.attempts.length > 1 ? { attempts: detail.attempts.length } : {}),
  };
  const show = (tab: DrawerTab): void => setQuery({ tab: tab === 'output' ? null : tab, line: null });
  return (
    <div
      class="tabs"
      role="tablist"
      aria-label="About the step"
      onKeyDown={(event) => {
        const way = event.key === 'ArrowRight' ? 1 : event.key === 'ArrowLeft' ? -1 : 0;
        if (way === 0) return;
        // Arrows walk along the tabs here, not along the graph.
        event.preventDefault();
        event.stopPropagation();
        const next = tabs[(tabs.indexOf(shown) + way + tabs.length) % tabs.length];
        if (next === undefined) return;
        show(next);
        event.currentTarget.querySelector<HTMLElement>(`[data-tab="${next}"]`)?.focus();
      }}
    >
      {tabs.map((tab) => (
        <button
          key={tab}
          type="button"
          role="tab"
          id={`tab-${tab}`}
          data-tab={tab}
          aria-selected={tab === shown}
          aria-controls="drawer-panel"
          tabIndex={tab === shown ? 0 : -1}
          class={tab === shown ? 'on' : ''}
          onClick={() => show(tab)}
        >
          {tabWords[tab]}
          {counts[tab] === undefined ? null : <small>{countText(counts[tab])}</small>}
        </button>
      ))}
    </div>
  );
}

function TabBody({ detail, turn, i }: { detail: StepDetail; turn: number; i: number }) {
  const tab = shownTab();
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls can be scrolled by keys
    <div class="drawer-body" role="tabpanel" id="drawer-panel" aria-labelledby={`tab-${tab}`} tabIndex={0}>
      {tab === 'output' ? <OutputTab key={detail.id} detail={detail} turn={turn} i={i} /> : null}
      {tab === 'input' ? <InputTab key={detail.id} detail={detail} turn={turn} /> : null}
      {tab === 'logs' ? <LogsTab key={detail.id} detail={detail} /> : null}
      {tab === 'attempts' ? <AttemptsTab detail={detail} /> : null}
      {tab === 'details' ? <DetailsTab detail={detail} turn={turn} /> : null}
    </div>
  );
}
