/** The shell: head, routes, what every page shares. */
import { render } from 'preact';
import { listenForKeys } from './keys.ts';
import { followLinks, route } from './route.ts';
import { RunPage } from './run/run-page.tsx';
import { ListPage } from './runs/list-page.tsx';
import { Shell } from './shell.tsx';
import { Empty } from './ui/empty.tsx';
import { tokenTurn } from './wire/token.ts';
import './app.css';

function Page() {
  const shown = route.value;
  switch (shown.page) {
    case 'runs':
      return <ListPage />;
    case 'run':
      return <RunPage key={shown.id} id={shown.id} />;
    case 'unknown':
      return (
        <main class="page">
          <Empty title="There is no such page">
            <p>
              <a href="/">All runs</a>
            </p>
          </Empty>
        </main>
      );
    default:
      return <main class="page" />;
  }
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
