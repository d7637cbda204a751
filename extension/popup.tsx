/** The popup: pairing first, then what is captured, where it goes, what is kept here, and the run that came of it. */
import { render } from 'preact';
import { useCallback, useEffect, useState } from 'preact/hooks';
import { Icon, Mark } from '../web/ui/icon.tsx';
import { detailOf } from '../web/wire/problem.ts';
import { extensionApi, type Tab } from './browser.ts';
import { captureTab, lookAtTab } from './capture.ts';
import { IndexedCaptureStore } from './capture-store.ts';
import { type CaptureRow, Captures } from './captures.ts';
import type { Connection } from './engine.ts';
import { Kept, type Known, type RecentRun } from './kept.ts';
import { KeptRows } from './kept-rows.tsx';
import type { PopupAnswer, PopupMessage } from './messages.ts';
import type { CaptureKind, PageLook } from './page.ts';
import { PairForm } from './pair-form.tsx';
import { RunPanel } from './run-panel.tsx';
import { SendPanel } from './send-panel.tsx';
import type { Target } from './target.ts';

const api = extensionApi();
const kept = new Kept(api.storage.local);
const captures = new Captures(new IndexedCaptureStore());
/** How often an open popup asks what waits. */
const lookMs = 5_000;

const ask = (message: PopupMessage) => api.runtime.sendMessage(message) as Promise<PopupAnswer | undefined>;

interface State {
  readonly connection: Connection;
  readonly known: Known;
  readonly rows: readonly CaptureRow[];
  readonly recent: readonly RecentRun[];
}

async function readState(): Promise<State> {
  const [connection, known, rows, recent] = await Promise.all([
    kept.connection(),
    kept.known(),
    captures.rows(),
    kept.recent(),
  ]);
  return { connection, known, rows, recent };
}

interface Said {
  readonly tone: 'ok' | 'need' | 'fail';
  readonly text: string;
}

function Popup({ tab, page }: { tab: Tab | undefined; page: PageLook | null }) {
  const [state, setState] = useState<State | null>(null);
  const [said, setSaid] = useState<Said | null>(null);
  const [runId, setRunId] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [isSetUp, setUp] = useState(false);
  const refresh = useCallback(async () => setState(await readState()), []);

  useEffect(() => {
    void refresh();
    const look = () => void ask({ kind: 'look' }).then(refresh, refresh);
    look();
    const timer = setInterval(look, lookMs);
    return () => clearInterval(timer);
  }, [refresh]);

  /** One thing at a time; what goes wrong is said. */
  const act = async (work: () => Promise<Said | null>) => {
    setBusy(true);
    setSaid(null);
    try {
      setSaid(await work());
    } catch (error) {
      setSaid({ tone: 'fail', text: detailOf(error) });
    } finally {
      await refresh();
      setBusy(false);
    }
  };
  const send = async (id: string, target: Target): Promise<Said> => {
    const outcome = (await ask({ kind: 'send', id }))?.outcome ?? null;
    if (outcome?.kind === 'sent') {
      setRunId(outcome.workflowId);
      return { tone: 'ok', text: `Sent to ${target.name}` };
    }
    if (outcome?.kind === 'refused') return { tone: 'fail', text: outcome.detail };
    return { tone: 'need', text: 'The engine is away. The capture is kept here, and sent when it is back.' };
  };
  const capture = (kind: CaptureKind, target: Target | null) =>
    act(async () => {
      if (tab?.id === undefined) throw new Error('There is no page to capture');
      setRunId(null);
      const row = await captures.add(await captureTab(api.scripting, { tabId: tab.id }, kind), target);
      if (target !== null) return send(row.id, target);
      await ask({ kind: 'look' });
      return { tone: 'ok', text: 'Kept here. Choose below where it goes.' };
    });

  if (state === null) return null;
  const { connection, known, rows, recent } = state;
  const isPaired = connection.token !== null && !known.isUnpaired;
  const reach = known.isHere === null ? 'wait' : known.isHere ? 'ok' : 'need';
  return (
    <>
      <header class="head">
        <span class="mark">
          <Mark size={20} />
        </span>
        <h1>Hybrid Engine</h1>
        <span class="grow" />
        {isPaired ? (
          <>
            <span class={`reach tone-${reach}`}>
              {known.isHere === null ? 'Looking' : known.isHere ? 'Connected' : 'Not reached'}
            </span>
            <button
              type="button"
              class="icon-button"
              aria-label="Engine and pairing"
              aria-expanded={isSetUp}
              onClick={() => setUp(!isSetUp)}
            >
              <Icon name={isSetUp ? 'close' : 'link'} />
            </button>
          </>
        ) : null}
      </header>
      <main>
        {isPaired && !isSetUp ? (
          <>
            <p class={`said ${said === null ? '' : `tint-${said.tone}`}`} role="status">
              {said?.text}
            </p>
            {runId === null ? null : <RunPanel {...connection} workflowId={runId} />}
            <SendPanel
              page={page}
              known={known}
              isBusy={isBusy}
              onCapture={(kind, target) => void capture(kind, target)}
            />
            <KeptRows
              rows={rows}
              known={known}
              isBusy={isBusy}
              onSend={(id, target) =>
                void act(async () => {
                  await captures.aim(id, target);
                  return send(id, target);
                })
              }
              onDrop={(id) =>
                void act(async () => {
                  await captures.drop(id);
                  await ask({ kind: 'look' });
                  return { tone: 'ok', text: 'Dropped' };
                })
              }
            />
            {runId === null ? <Recent runs={recent} onOpen={setRunId} /> : null}
          </>
        ) : (
          <PairForm
            api={api}
            connection={connection}
            isAgain={known.isUnpaired}
            onPaired={async (next) => {
              await kept.connect(next);
              setUp(false);
              setSaid(null);
              await ask({ kind: 'look' });
              await refresh();
            }}
          />
        )}
      </main>
    </>
  );
}

function Recent({ runs, onOpen }: { runs: readonly RecentRun[]; onOpen: (id: string) => void }) {
  if (runs.length === 0) return null;
  return (
    <section aria-label="Sent">
      <h2>Sent</h2>
      <ul class="rows">
        {runs.slice(0, 3).map((run) => (
          <li key={`${run.workflowId} ${run.at}`}>
            <button type="button" class="row" onClick={() => onOpen(run.workflowId)}>
              <span class="row-text">
                <b>{run.title === '' ? 'A page without a title' : run.title}</b>
                <span class="muted">to {run.target}</span>
              </span>
            </button>
          </li>
        ))}
      </ul>
    </section>
  );
}

/** The tab that the popup is about: `?tab=` names it where the popup stands in a tab of its own. */
async function findTab(): Promise<Tab | undefined> {
  const named = Number(new URLSearchParams(location.search).get('tab'));
  if (Number.isInteger(named) && named > 0) return { id: named };
  return (await api.tabs.query({ active: true, currentWindow: true }))[0];
}

const app = document.querySelector('#app');
const tab = await findTab();
const page = tab?.id === undefined ? null : await lookAtTab(api.scripting, { tabId: tab.id });
if (app !== null) render(<Popup tab={tab} page={page} />, app);
