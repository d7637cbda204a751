/** Head, banners, dialogs and notices around every page. */
import { useSignalEffect } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { useKeys } from './keys.ts';
import { loadScreens } from './load-screens.ts';
import { navigate, route } from './route.ts';
import { Questions } from './ui/dialog.tsx';
import { Icon, Mark } from './ui/icon.tsx';
import { lazy } from './ui/lazy.tsx';
import { counted } from './ui/money.ts';
import { switchTheme, theme } from './ui/theme.ts';
import { clockText, serverNow, switchZone, zone, zoneName } from './ui/time.ts';
import { Toasts, toast } from './ui/toast.tsx';
import {
  type ConnectionState,
  connection,
  diskFull,
  lostSince,
  otherVersion,
  recoveredSteps,
  streamState,
} from './wire/connection.ts';
import { askHealth } from './wire/engine.ts';
import { tokenWanted } from './wire/token.ts';

const Jump = lazy(async () => (await loadScreens()).Jump, 'visually-hidden');
const TokenForm = lazy(async () => (await import('./token-form.tsx')).TokenForm);
const KeyHelp = lazy(async () => (await loadScreens()).KeyHelp, 'visually-hidden');

const tabs = [
  { href: '/', label: 'Runs', pages: ['runs', 'run', 'diff'] },
  { href: '/new', label: 'New run', pages: ['new'] },
  { href: '/costs', label: 'Costs', pages: ['costs'] },
  { href: '/schedules', label: 'Schedules', pages: ['schedules'] },
  { href: '/engine', label: 'Engine', pages: ['engine'] },
] as const;

const connectionWords: Readonly<Record<ConnectionState, string>> = {
  connecting: 'Connecting',
  live: 'Live',
  'catching-up': 'Catching up',
  lost: 'Reconnecting',
  busy: 'Waiting for the engine',
};

type Overlay = 'jump' | 'help' | null;

export function Shell({ children }: { children: ComponentChildren }) {
  const [overlay, setOverlay] = useState<Overlay>(null);
  const [isKnown, setKnown] = useState(false);
  useEffect(() => {
    // An engine that does not answer is what the pages then say.
    askHealth().then(
      () => setKnown(true),
      () => setKnown(true),
    );
  }, []);
  useNotices();
  useKeys([
    { key: 'Ctrl K', label: 'Jump anywhere', group: 'Everywhere', run: () => setOverlay('jump') },
    { key: '?', label: 'These keys', group: 'Everywhere', run: () => setOverlay('help') },
    { key: 't', label: 'Light or dark', group: 'Everywhere', run: switchTheme },
    { key: 'z', label: 'Local time or UTC', group: 'Everywhere', run: changeZone },
    { key: 'Shift g, r', label: 'Go to runs', group: 'Everywhere', run: () => navigate('/') },
    { key: 'Shift g, n', label: 'Go to new run', group: 'Everywhere', run: () => navigate('/new') },
    { key: 'Shift g, c', label: 'Go to costs', group: 'Everywhere', run: () => navigate('/costs') },
    { key: 'Shift g, s', label: 'Go to schedules', group: 'Everywhere', run: () => navigate('/schedules') },
    { key: 'Shift g, e', label: 'Go to engine', group: 'Everywhere', run: () => navigate('/engine') },
  ]);
  const close = () => setOverlay(null);
  return (
    <>
      <button type="button" class="skip-link" onClick={skipToMain}>
        To the content
      </button>
      <Head open={setOverlay} />
      <Banners />
      {tokenWanted.value ? <TokenForm /> : isKnown ? children : <main class="page" />}
      {overlay === 'jump' ? <Jump onClose={close} /> : null}
      {overlay === 'help' ? <KeyHelp onClose={close} /> : null}
      <Questions />
      <Toasts />
    </>
  );
}

function skipToMain(): void {
  const main = document.querySelector('main');
  main?.setAttribute('tabindex', '-1');
  main?.focus();
}

function changeZone(): void {
  switchZone();
  toast({ text: `Times are shown in ${zoneName()}` });
}

/** How long recovered workflows are counted before one notice tells of all of them. */
const recoveredMs = 800;

/** An engine that came back may be another version, and tells what it has queued again. */
function useNotices(): void {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const wasLost = useRef(false);
  useSignalEffect(() => {
    if (streamState.value === 'lost') wasLost.current = true;
    if (streamState.value !== 'live' || !wasLost.current) return;
    wasLost.current = false;
    // If it cannot be asked now, the stream is about to say so.
    askHealth().catch(() => {});
  });
  useSignalEffect(() => {
    if (recoveredSteps.value === null) return;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => {
      const steps = recoveredSteps.value ?? 0;
      recoveredSteps.value = null;
      const told = steps === 1 ? '1 step was' : `${counted(steps, 'step')} were`;
      toast({ text: `The engine was restarted; ${told} queued again` });
    }, recoveredMs);
  });
}

function Head({ open }: { open(overlay: Overlay): void }) {
  const { page } = route.value;
  return (
    <header class="top">
      <a class="brand" href="/" aria-label="Hybrid Engine">
        <Mark />
        <b>Hybrid Engine</b>
      </a>
      <nav aria-label="Main">
        {tabs.map(({ href, label, pages }) => {
          const isHere = (pages as readonly string[]).includes(page);
          return (
            <a key={href} href={href} class={isHere ? 'on' : ''} aria-current={isHere ? 'page' : undefined}>
              {label}
            </a>
          );
        })}
      </nav>
      <span class="grow" />
      <button type="button" class="jump-button" aria-label="Jump to… Ctrl K" onClick={() => open('jump')}>
        <Icon name="search" />
        <span>Jump to…</span>
        <kbd>Ctrl K</kbd>
      </button>
      <span class={`connection ${connection.value}`} role="status">
        <i />
        <span>{connectionWords[connection.value]}</span>
      </span>
      {zone.value === 'utc' ? (
        <button type="button" class="zone" title="Times are in UTC (z)" onClick={changeZone}>
          UTC
        </button>
      ) : null}
      <button type="button" class="icon-button help-button" aria-label="Keys" title="?" onClick={() => open('help')}>
        <Icon name="help" />
      </button>
      <button
        type="button"
        class="icon-button"
        aria-label={theme.value === 'dark' ? 'Switch to light' : 'Switch to dark'}
        title="t"
        onClick={switchTheme}
      >
        <Icon name={theme.value === 'dark' ? 'sun' : 'moon'} />
      </button>
    </header>
  );
}

function Banners() {
  const since = lostSince.value;
  return (
    <>
      {since === null ? null : (
        <p class="banner need" role="alert">
          The connection to the engine is gone. What you see is as of{' '}
          {clockText(new Date(since + serverNow() - Date.now()).toISOString())}; it goes on by itself.
        </p>
      )}
      {diskFull.value ? (
        <p class="banner fail" role="alert">
          The disk is full: nothing is lost, nothing new is taken.
        </p>
      ) : null}
      {otherVersion.value === null ? null : (
        <p class="banner accent" role="status">
          A newer version is here.{' '}
          <button type="button" class="text-button" onClick={() => location.reload()}>
            Reload
          </button>
        </p>
      )}
    </>
  );
}
