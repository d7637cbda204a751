/** Head, banners, dialogs and notices around every page. */
import type { ComponentChildren } from 'preact';
import { useKeys } from './keys.ts';
import { navigate, route } from './route.ts';
import { Questions } from './ui/dialog.tsx';
import { Icon, Mark } from './ui/icon.tsx';
import { switchTheme, theme } from './ui/theme.ts';
import { clockText, serverNow, switchZone } from './ui/time.ts';
import { Toasts } from './ui/toast.tsx';
import { type ConnectionState, connection, diskFull, lostSince, otherVersion } from './wire/connection.ts';

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

export function Shell({ children }: { children: ComponentChildren }) {
  useKeys([
    { key: 't', label: 'Light or dark', group: 'Everywhere', run: switchTheme },
    { key: 'z', label: 'Local time or UTC', group: 'Everywhere', run: changeZone },
    { key: 'Shift g, r', label: 'Go to runs', group: 'Everywhere', run: () => navigate('/') },
    { key: 'Shift g, n', label: 'Go to new run', group: 'Everywhere', run: () => navigate('/new') },
    { key: 'Shift g, c', label: 'Go to costs', group: 'Everywhere', run: () => navigate('/costs') },
    { key: 'Shift g, s', label: 'Go to schedules', group: 'Everywhere', run: () => navigate('/schedules') },
    { key: 'Shift g, e', label: 'Go to engine', group: 'Everywhere', run: () => navigate('/engine') },
  ]);
  return (
    <>
      <Head />
      <Banners />
      {children}
      <Questions />
      <Toasts />
    </>
  );
}

function changeZone(): void {
  switchZone();
}

function Head() {
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
      <span class={`connection ${connection.value}`} role="status">
        <i />
        {connectionWords[connection.value]}
      </span>
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
