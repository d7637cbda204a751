/** How the engine does: what runs and waits, what holds steps back, what is wrong, and how it is set up. */
import { useEffect, useState } from 'preact/hooks';
import type { HeldSteps, QueueStats } from '../../src/contract/engine.ts';
import type { EnginePage as EngineFacts } from '../../src/contract/engine-page.ts';
import { toSafeLine } from '../output/safe-text.ts';
import { runPath } from '../route.ts';
import { durationText } from '../ui/duration.ts';
import { Failed, Skeleton } from '../ui/empty.tsx';
import { Icon } from '../ui/icon.tsx';
import { useLoaded } from '../ui/loaded.ts';
import { bytesText, countText } from '../ui/money.ts';
import { useNow } from '../ui/tick.ts';
import { fullText } from '../ui/time.ts';
import { get } from '../wire/api.ts';
import { openEvents } from '../wire/sse.ts';
import { ClientsCard } from './clients-card.tsx';
import { addPoint, type Series, Spark } from './spark.tsx';

const askMs = 2_000;
const series: Readonly<Record<'running' | 'depth' | 'oldest' | 'events', Series>> = {
  running: [],
  depth: [],
  oldest: [],
  events: [],
};

interface HealthFacts {
  readonly status: string;
  readonly notices?: readonly string[];
  readonly problems?: readonly { readonly file: string; readonly message: string; readonly line: number | null }[];
}

interface Now {
  readonly queue: QueueStats;
  readonly health: HealthFacts;
  readonly eventsPerSecond: number;
}

export function EnginePage() {
  const { now, error } = useEngineNow();
  const facts = useLoaded<EngineFacts>('engine', (signal) => get('/api/engine', { signal }));
  useEffect(() => {
    document.title = 'Engine · Hybrid Engine';
  }, []);
  if (now === null) {
    return <main class="page">{error === null ? <Skeleton /> : <Failed isPage error={error} what="engine" />}</main>;
  }
  const { queue, health, eventsPerSecond } = now;
  return (
    <main class="page engine-page">
      <div class="page-head">
        <h1>Engine</h1>
        <span class="grow" />
        <a class="button" href="/docs" target="_blank" rel="noopener">
          API documentation
          <Icon name="external" size={13} />
        </a>
        <a class="button" href="/metrics" target="_blank" rel="noopener">
          Metrics
          <Icon name="external" size={13} />
        </a>
      </div>
      <dl class="sparks">
        <Spark
          label="Running"
          value={countText(queue.running)}
          detail={`of ${countText(queue.max_parallel_nodes)} slots`}
          series={series.running}
        />
        <Spark label="Queued" value={countText(queue.depth)} series={series.depth} />
        <Spark
          label="Oldest wait"
          value={queue.depth === 0 ? '–' : durationText(queue.oldest_wait_ms)}
          series={series.oldest}
        />
        <Spark
          label="Events a second"
          value={eventsPerSecond.toFixed(eventsPerSecond < 10 ? 1 : 0)}
          series={series.events}
        />
      </dl>
      <Notices health={health} />
      <Held held={queue.held} />
      <ClientsCard />
      {facts.data === null ? null : <Facts facts={facts.data} />}
    </main>
  );
}

/** Asks every two seconds while the page is seen. */
function useEngineNow(): { now: Now | null; error: unknown } {
  const [now, setNow] = useState<Now | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    const reading = new AbortController();
    let events = 0;
    let since = performance.now();
    const read = async () => {
      try {
        const [queue, health] = await Promise.all([
          get<QueueStats>('/api/queue', { signal: reading.signal }),
          get<HealthFacts>('/api/health', { signal: reading.signal }),
        ]);
        const at = performance.now();
        const eventsPerSecond = (events * 1_000) / Math.max(1, at - since);
        events = 0;
        since = at;
        addPoint(series.running, queue.running);
        addPoint(series.depth, queue.depth);
        addPoint(series.oldest, queue.oldest_wait_ms);
        addPoint(series.events, eventsPerSecond);
        setNow({ queue, health, eventsPerSecond });
      } catch (problem) {
        if (!reading.signal.aborted) setError(problem);
      }
    };
    const stream = openEvents('/api/events', {
      onEvent() {
        events += 1;
      },
      onOpen: () => void read(),
      onGap: () => stream.caughtUp(),
    });
    const timer = setInterval(() => {
      if (!document.hidden) void read();
    }, askMs);
    return () => {
      reading.abort();
      clearInterval(timer);
      stream.close();
    };
  }, []);
  return { now, error };
}

function Notices({ health }: { health: HealthFacts }) {
  const lines = [
    ...(health.notices ?? []),
    ...(health.problems ?? []).map(
      ({ file, line, message }) => `Template ${file}${line === null ? '' : `, line ${line}`}: ${message}`,
    ),
  ];
  if (lines.length === 0) {
    return (
      <p class="notice ok">
        <Icon name="check" /> Nothing is wrong.
      </p>
    );
  }
  return (
    <ul class="notice warn" aria-label="What is wrong">
      {lines.map((line) => (
        <li key={line}>
          <Icon name="warn" />
          <span>{toSafeLine(line)}</span>
        </li>
      ))}
    </ul>
  );
}

function Held({ held }: { held: readonly HeldSteps[] }) {
  const now = useNow(held.length > 0);
  return (
    <section class="card">
      <h2>Steps that wait for more than a slot</h2>
      {held.length === 0 ? (
        <p class="muted">None: every step that is ready gets the next free slot.</p>
      ) : (
        <div class="table-scroll">
          <table class="table">
            <thead>
              <tr>
                <th>Waits for</th>
                <th class="number">Until</th>
                <th class="number">Steps</th>
                <th>First of them</th>
              </tr>
            </thead>
            <tbody>
              {held.map(({ waits_for, until, steps, first }) => (
                <tr key={waits_for}>
                  <td>{toSafeLine(waits_for)}</td>
                  <td class="number" title={until ?? undefined}>
                    {until === null ? 'others end' : `in ${durationText(Math.max(0, Date.parse(until) - now))}`}
                  </td>
                  <td class="number">{countText(steps)}</td>
                  <td>
                    {first.map(({ workflow_id, step_id }) => (
                      <a
                        key={`${workflow_id} ${step_id}`}
                        class="link held-step"
                        href={`${runPath(workflow_id)}?step=${encodeURIComponent(step_id)}`}
                      >
                        {step_id}
                      </a>
                    ))}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </section>
  );
}

function Facts({ facts }: { facts: EngineFacts }) {
  const rows: readonly [string, string][] = [
    ['Version', facts.version],
    ['Node', facts.node],
    ['Up for', durationText(facts.uptime_seconds * 1_000)],
    ['Free on disk', facts.disk.free === null ? 'not known' : bytesText(facts.disk.free)],
    ['Cached results', `${countText(facts.cache.entries)}, ${bytesText(facts.cache.bytes)}`],
    [
      'Providers with a key',
      facts.providers
        .filter((one) => one.configured)
        .map((one) => one.name)
        .join(', ') || 'none',
    ],
  ];
  return (
    <div class="card-pair">
      <section class="card">
        <h2>This engine</h2>
        <DefinitionRows rows={rows} />
      </section>
      {facts.limits.length === 0 ? null : <Limits limits={facts.limits} />}
      <section class="card">
        <h2>Settings</h2>
        <DefinitionRows
          rows={Object.entries(facts.settings).map(([name, value]) => [name, settingText(value)])}
          isMono
        />
      </section>
    </div>
  );
}

function Limits({ limits }: { limits: EngineFacts['limits'] }) {
  return (
    <section class="card">
      <h2>Limits</h2>
      <dl class="facts-list">
        {limits.map(({ name, used, max, resets }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              {used === null ? '' : `${countText(used)} of `}
              {countText(max)}
              {resets === null ? '' : `, anew ${fullText(resets)}`}
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function DefinitionRows({ rows, isMono = false }: { rows: readonly (readonly [string, string])[]; isMono?: boolean }) {
  return (
    <dl class="facts-list">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt class={isMono ? 'mono' : ''}>{name}</dt>
          <dd>{toSafeLine(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function settingText(value: unknown): string {
  if (value === null || value === undefined || (Array.isArray(value) && value.length === 0)) return '–';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
