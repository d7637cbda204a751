/** The templates that run by themselves: when next, what the last slots did, and pause, resume or run now. */
import { useEffect, useState } from 'preact/hooks';
import type { PassedSlot, ScheduleView, TriggerReply } from '../../src/contract/schedule.ts';
import { toSafeLine } from '../output/safe-text.ts';
import { navigate, newPath, runPath } from '../route.ts';
import { durationText } from '../ui/duration.ts';
import { Empty, Failed, Skeleton } from '../ui/empty.tsx';
import { Icon } from '../ui/icon.tsx';
import { useLoaded } from '../ui/loaded.ts';
import { counted } from '../ui/money.ts';
import { useNow } from '../ui/tick.ts';
import { fullText, zoneName } from '../ui/time.ts';
import { toast } from '../ui/toast.tsx';
import { get, newKey, post } from '../wire/api.ts';
import { whyDisabled } from '../wire/connection.ts';
import { detailOf } from '../wire/problem.ts';
import { openEvents } from '../wire/sse.ts';

const passedWords: Readonly<Record<PassedSlot['why'], string>> = {
  missed: 'missed: nobody ran it in time',
  overlap: 'left out: the run before had not finished',
  paused: 'left out: it was paused',
  refused: 'refused',
};

export function SchedulesPage() {
  const { data, error, reload } = useLoaded<ScheduleView[]>('schedules', (signal) => get('/api/schedules', { signal }));
  useEffect(() => {
    document.title = 'Schedules · Hybrid Engine';
    const stream = openEvents('/api/events', {
      onEvent(event) {
        if (event.kind.startsWith('schedule.') || event.kind === 'workflow.created') reload();
      },
      onOpen: reload,
      onGap() {
        reload();
        stream.caughtUp();
      },
    });
    return () => stream.close();
  }, []);
  return (
    <main class="page">
      <div class="page-head">
        <h1>Schedules</h1>
        <span class="muted">{data === null ? '' : `Times are in ${zoneName()}`}</span>
      </div>
      {data === null ? (
        error === null ? (
          <Skeleton />
        ) : (
          <Failed error={error} what="list of schedules" retry={reload} />
        )
      ) : data.length === 0 ? (
        <Empty title="No template has a schedule">
          <p>
            Add <code>schedule: {'{cron: "0 7 * * 1-5", timezone: Europe/Berlin}'}</code> to a template file; it runs by
            itself from then on.
          </p>
          <div class="empty-actions">
            <a class="button" href="/new">
              Templates
            </a>
          </div>
        </Empty>
      ) : (
        <ul class="schedules">
          {data.map((schedule) => (
            <Schedule key={schedule.template} schedule={schedule} reload={reload} />
          ))}
        </ul>
      )}
    </main>
  );
}

function Schedule({ schedule, reload }: { schedule: ScheduleView; reload(): void }) {
  const { template, cron, timezone, enabled, paused, next, last, queued, passed, notice } = schedule;
  const now = useNow(next !== null);
  return (
    <li class="card schedule">
      <div class="schedule-head">
        <h2>
          <a href={newPath(template)}>{template}</a>
        </h2>
        <span class={paused || !enabled ? 'pill tint-need' : 'pill tint-ok'}>
          <Icon name={paused || !enabled ? 'pause' : 'clock'} size={13} />
          {enabled ? (paused ? 'Paused' : 'On') : 'Off in its file'}
        </span>
        <span class="grow" />
        <Actions schedule={schedule} reload={reload} />
      </div>
      {notice === undefined ? null : <p class="notice warn">{toSafeLine(notice)}</p>}
      <dl class="facts-row">
        <div>
          <dt>When</dt>
          <dd>
            <code>{cron}</code> {timezone}
          </dd>
        </div>
        <div>
          <dt>Next</dt>
          <dd title={next ?? undefined}>
            {next === null ? '–' : `${fullText(next)} (in ${durationText(Math.max(0, Date.parse(next) - now))})`}
          </dd>
        </div>
        <div>
          <dt>Last run</dt>
          <dd>
            {last === null ? (
              '–'
            ) : (
              <a class="link" href={runPath(last.workflow_id)}>
                {fullText(last.slot)}
              </a>
            )}
          </dd>
        </div>
        {queued.length === 0 ? null : (
          <div>
            <dt>Waiting</dt>
            <dd>{counted(queued.length, 'slot')}</dd>
          </div>
        )}
      </dl>
      {passed.length === 0 ? null : <Passed passed={passed} />}
    </li>
  );
}

function Passed({ passed }: { passed: readonly PassedSlot[] }) {
  return (
    <details class="passed">
      <summary>{counted(passed.length, 'slot')} without a run</summary>
      <ol>
        {passed.map(({ slot, why, detail }) => (
          <li key={`${slot} ${why}`}>
            <time dateTime={slot}>{fullText(slot)}</time>
            <span>
              {passedWords[why]}
              {detail === undefined ? '' : `: ${toSafeLine(detail)}`}
            </span>
          </li>
        ))}
      </ol>
    </details>
  );
}

function Actions({ schedule, reload }: { schedule: ScheduleView; reload(): void }) {
  const [isCalling, setCalling] = useState(false);
  const { template, paused, enabled } = schedule;
  const why = whyDisabled.value;
  const path = `/api/schedules/${encodeURIComponent(template)}`;
  const call = async (verb: 'pause' | 'resume' | 'trigger') => {
    setCalling(true);
    try {
      const reply = await post<ScheduleView | TriggerReply>(`${path}/${verb}`, undefined, { key: newKey() });
      if (verb === 'trigger') tellTriggered(reply as TriggerReply);
      reload();
    } catch (error) {
      toast({ text: detailOf(error), tone: 'fail' });
    } finally {
      setCalling(false);
    }
  };
  const button = (verb: 'pause' | 'resume' | 'trigger', label: string, icon: 'pause' | 'play' | 'add') => (
    <button
      type="button"
      class="button"
      disabled={isCalling || why !== null}
      title={why ?? undefined}
      onClick={() => void call(verb)}
    >
      <Icon name={icon} size={14} />
      {label}
    </button>
  );
  return (
    <>
      {button('trigger', 'Run now', 'add')}
      {enabled ? (paused ? button('resume', 'Resume', 'play') : button('pause', 'Pause', 'pause')) : null}
    </>
  );
}

function tellTriggered({ workflow_id, template }: TriggerReply): void {
  if (workflow_id === null) {
    toast({ text: `${template} runs when the run before it has finished` });
    return;
  }
  toast({ text: `${template} runs`, action: { label: 'Show', run: () => navigate(runPath(workflow_id)) } });
}
