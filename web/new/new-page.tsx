/** A new run: choose a template and fill in its form, or write a definition. */
import { useEffect, useState } from 'preact/hooks';
import type { Template } from '../../src/contract/definition.ts';
import type { DefinitionBack } from '../../src/contract/run-view.ts';
import { toSafeLine } from '../output/safe-text.ts';
import { newPath, query, runPath } from '../route.ts';
import { Failed, Skeleton } from '../ui/empty.tsx';
import { Icon } from '../ui/icon.tsx';
import { lazy } from '../ui/lazy.tsx';
import { useLoaded } from '../ui/loaded.ts';
import { counted } from '../ui/money.ts';
import { shortId } from '../ui/short-id.ts';
import { get } from '../wire/api.ts';
import { Problem } from '../wire/problem.ts';
import { toOutline } from './outline.ts';
import { OutlineGraph } from './outline-graph.tsx';
import { TemplateForm } from './template-form.tsx';

const EditorPage = lazy(async () => (await import('./editor-page.tsx')).EditorPage);

const blank = {
  name: 'My run',
  steps: [
    { id: 'first', name: 'The first step', action: 'noop' },
    { id: 'second', action: 'noop', dependencies: ['first'] },
  ],
};

export function NewPage({ template }: { template: string | null }) {
  const from = query.value.get('from');
  const action = query.value.get('action');
  const isEditing = query.value.has('edit');
  useEffect(() => {
    document.title = 'New run · Hybrid Engine';
  }, []);
  if (from !== null) return <Again key={from} id={from} />;
  if (template !== null) return <OfTemplate key={template} id={template} />;
  if (action !== null || isEditing) {
    const start = action === null ? blank : { name: action, steps: [{ id: 'only', action, params: {} }] };
    return <Written title="Write a definition" start={start} place={`text ${action ?? ''}`} />;
  }
  return <Templates />;
}

function Templates() {
  const { data, error, reload } = useLoaded<Template[]>('templates', (signal) => get('/api/templates', { signal }));
  return (
    <main class="page">
      <div class="page-head">
        <h1>New run</h1>
        <span class="grow" />
        <a class="button" href="/new?edit=1">
          <Icon name="edit" size={14} />
          Write a definition
        </a>
      </div>
      {data === null ? (
        error === null ? (
          <Skeleton />
        ) : (
          <Failed error={error} what="list of templates" retry={reload} />
        )
      ) : (
        <ul class="templates">
          {data.map(({ id, name, description, tags = [], steps, schedule, webhook, accepts }) => (
            <li key={id} class="card template">
              <h2>
                <a href={newPath(id)}>{toSafeLine(name)}</a>
              </h2>
              <p>{description === undefined ? '' : toSafeLine(description)}</p>
              <div class="template-foot">
                <span class="muted">{counted(steps.length, 'step')}</span>
                {schedule === undefined ? null : <span class="tag">scheduled</span>}
                {webhook === undefined ? null : <span class="tag">webhook</span>}
                {accepts === undefined ? null : <span class="tag">takes a page</span>}
                {tags.map((tag) => (
                  <span key={tag} class="tag">
                    {toSafeLine(tag)}
                  </span>
                ))}
              </div>
            </li>
          ))}
        </ul>
      )}
    </main>
  );
}

/** The template, or null where an action stands for one: then a definition of one step is written. */
function OfTemplate({ id }: { id: string }) {
  const path = `/api/templates/${encodeURIComponent(id)}`;
  const { data, error, reload } = useLoaded<Template>(path, (signal) => get(path, { signal }));
  if (data === null) return <Waiting error={error} what="template" reload={reload} />;
  return <TemplateRun template={data} given={null} />;
}

/** The same again: with the form of its template where that is still there, else as text. */
function Again({ id }: { id: string }) {
  const { data, error, reload } = useLoaded(`again ${id}`, async (signal) => {
    const back = await get<DefinitionBack>(`/api/workflows/${encodeURIComponent(id)}/definition`, { signal });
    const template = back.templateId === null ? null : await readTemplate(back.templateId, signal);
    return { ...back, template };
  });
  if (data === null) return <Waiting error={error} what="run" reload={reload} />;
  if (data.template !== null) return <TemplateRun template={data.template} given={data.params} from={id} />;
  const start = { ...data.definition, params: data.params };
  return <Written title="Run again" start={start} place={`again ${id}`} from={id} />;
}

async function readTemplate(id: string, signal: AbortSignal): Promise<Template | null> {
  try {
    return await get<Template>(`/api/templates/${encodeURIComponent(id)}`, { signal });
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null;
    throw error;
  }
}

function Waiting({ error, what, reload }: { error: unknown; what: string; reload(): void }) {
  return (
    <main class="page">
      {error === null ? <Skeleton /> : <Failed isPage error={error} what={what} retry={reload} />}
    </main>
  );
}

interface TemplateRunProps {
  readonly template: Template;
  readonly given: Readonly<Record<string, unknown>> | null;
  readonly from?: string;
}

function TemplateRun({ template, given, from }: TemplateRunProps) {
  const [params, setParams] = useState<Readonly<Record<string, unknown>> | null>(null);
  if (params !== null) {
    const start = toDefinition(template, params);
    return <Written title={template.name} start={start} place={`text ${template.id}`} back={() => setParams(null)} />;
  }
  return (
    <main class="page new-page">
      <NewHead title={template.name} from={from} />
      <p class="about">{template.description === undefined ? '' : toSafeLine(template.description)}</p>
      <div class="form-pair">
        <TemplateForm template={template} given={given} edit={setParams} />
        <div class="editor-side">
          <OutlineGraph outline={toOutline(template)} />
        </div>
      </div>
    </main>
  );
}

/** An inline definition of the same run. */
function toDefinition(template: Template, params: Readonly<Record<string, unknown>>): unknown {
  const { id: _id, schedule: _s, webhook: _w, accepts: _a, params: _schema, steps, ...rest } = template;
  return { ...rest, params, steps };
}

interface WrittenProps {
  readonly title: string;
  readonly start: unknown;
  readonly place: string;
  readonly from?: string;
  readonly back?: () => void;
}

function Written({ title, start, place, from, back }: WrittenProps) {
  return (
    <main class="page new-page">
      <NewHead title={title} from={from} back={back} />
      <EditorPage start={start} place={place} />
    </main>
  );
}

function NewHead({ title, from, back }: { title: string; from?: string | undefined; back?: (() => void) | undefined }) {
  return (
    <div class="page-head">
      <h1>{toSafeLine(title)}</h1>
      {from === undefined ? null : (
        <a class="link" href={runPath(from)}>
          as in {shortId(from)}
        </a>
      )}
      <span class="grow" />
      {back === undefined ? null : (
        <button type="button" class="button" onClick={back}>
          Back to the form
        </button>
      )}
      <a class="button" href="/new">
        All templates
      </a>
    </div>
  );
}
