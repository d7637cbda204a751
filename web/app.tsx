/** The entry: which page the address shows, and what holds the stream for pages that need none of their own. */
import { render } from 'preact';
import { listenForKeys } from './keys.ts';
import { loadScreens } from './load-screens.ts';
import { followLinks, route } from './route.ts';
import { Shell } from './shell.tsx';
import { Empty } from './ui/empty.tsx';
import { lazy } from './ui/lazy.tsx';
import { loadStyles } from './ui/styles.ts';
import { Watched } from './ui/watched.tsx';
import { tokenTurn } from './wire/token.ts';
import './app.css';

const ListPage = lazy(async () => {
  const [{ ListPage }] = await Promise.all([import('./runs/list-page.tsx'), loadStyles(RUNS_STYLE_PATH)]);
  return ListPage;
});
const RunPage = lazy(async () => (await import('./run/run-page.tsx')).RunPage);
const CostsPage = lazy(async () => (await loadScreens()).CostsPage);
const DiffPage = lazy(async () => (await loadScreens()).DiffPage);
const EnginePage = lazy(async () => (await loadScreens()).EnginePage);
const NewPage = lazy(async () => (await loadScreens()).NewPage);
const SchedulesPage = lazy(async () => (await loadScreens()).SchedulesPage);

function Page() {
  const shown = route.value;
  switch (shown.page) {
    case 'runs':
      return <ListPage />;
    case 'run':
      return <RunPage key={shown.id} id={shown.id} />;
    case 'engine':
      return <EnginePage />;
    case 'schedules':
      return <SchedulesPage />;
    case 'costs':
      return (
        <Watched>
          <CostsPage />
        </Watched>
      );
    case 'diff':
      return (
        <Watched>
          <DiffPage id={shown.id} other={shown.other} />
        </Watched>
      );
    case 'new':
      return (
        <Watched>
          <NewPage template={shown.template} />
        </Watched>
      );
    default:
      return (
        <Watched>
          <NoPage />
        </Watched>
      );
  }
}

function NoPage() {
  return (
    <main class="page">
      <Empty isPage title="There is no such page">
        <p>
          <a href="/">All runs</a>
        </p>
      </Empty>
    </main>
  );
}

function App() {
  return (
    <Shell>
      <Page key={tokenTurn.value} />
    </Shell>
  );
}

followLinks();
listenForKeys();
const root = document.getElementById('app');
if (root !== null) render(<App />, root);
