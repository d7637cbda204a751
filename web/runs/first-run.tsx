/** What a person sees who has never run anything: where to begin, and what works without a key. */
import { Fragment } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Template } from '../../src/contract/definition.ts';
import type { ActionDescription } from '../../src/contract/engine.ts';
import type { EnginePage } from '../../src/contract/engine-page.ts';
import { newPath } from '../route.ts';
import { Empty } from '../ui/empty.tsx';
import { get } from '../wire/api.ts';

const namedMax = 3;

export function FirstRun() {
  const [keyless, setKeyless] = useState<readonly string[]>([]);
  useEffect(() => {
    const reading = new AbortController();
    const { signal } = reading;
    Promise.all([
      get<EnginePage>('/api/engine', { signal }),
      get<Template[]>('/api/templates', { signal }),
      get<ActionDescription[]>('/api/actions', { signal }),
    ])
      .then(([{ providers }, templates, actions]) => {
        if (providers.some(({ configured }) => configured)) return;
        const free = new Set(actions.filter(({ secrets }) => secrets.length === 0).map(({ action }) => action));
        const isFree = ({ steps }: Template) => steps.every(({ action }) => action === undefined || free.has(action));
        setKeyless(templates.filter(isFree).map(({ id }) => id));
      })
      // Without these the page says what always holds.
      .catch(() => {});
    return () => reading.abort();
  }, []);
  return (
    <Empty title="No run yet">
      <p>
        Start one from a template, or send a definition to <code>POST /api/workflows</code>.
      </p>
      {keyless.length === 0 ? null : (
        <p>
          No key of a model provider is set. Without one you can run{' '}
          {keyless.slice(0, namedMax).map((id, at) => (
            <Fragment key={id}>
              {at === 0 ? '' : ', '}
              <a href={newPath(id)}>{id}</a>
            </Fragment>
          ))}
          .
        </p>
      )}
      <div class="empty-actions">
        <a class="button primary" href="/new">
          Choose a template
        </a>
        <a class="button" href="/docs" target="_blank" rel="noopener">
          API documentation
        </a>
      </div>
    </Empty>
  );
}
