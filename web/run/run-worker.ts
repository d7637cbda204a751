/**
 * What is heavy about a run happens here, beside the page's own thread: reading, parsing, layout, and looking into
 * large outputs. The page parses no run and no step.
 */
import type { ChangesView, GraphView } from '../../src/contract/run-view.ts';
import { arrange, buffersOf, type RunLayout } from './arrange.ts';
import type { Columns } from './columns.ts';
import { toColumns } from './read-run.ts';
import {
  type ArrangedRun,
  type ArrangeWish,
  type DiffCallName,
  type LaterCallName,
  toApiPath,
  type WorkerAsk,
  type WorkerReply,
  type WorkerTable,
} from './run-messages.ts';

class Refused extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, detail: string) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

let arranged: ArrangedRun | null = null;
let lastDate: string | null = null;

async function read<Answer>(path: string, headers: Record<string, string>): Promise<{ data: Answer; bytes: number }> {
  let response: Response;
  try {
    response = await fetch(path, { headers: { Accept: 'application/json', ...headers }, cache: 'no-store' });
  } catch {
    throw new Refused(0, '', 'The engine cannot be reached');
  }
  lastDate = response.headers.get('date');
  const text = await response.text();
  if (!response.ok) throw toRefused(response.status, text);
  return { data: JSON.parse(text) as Answer, bytes: text.length };
}

function toRefused(status: number, text: string): Refused {
  try {
    const { detail, code } = JSON.parse(text) as { detail?: unknown; code?: unknown };
    if (typeof detail === 'string') return new Refused(status, typeof code === 'string' ? code : '', detail);
  } catch {
    // A proxy in between may answer with a page of its own.
  }
  return new Refused(status, '', `The engine answered with status ${status}`);
}

function arrangeRun(run: ArrangedRun, { choice, direction, widthMax }: ArrangeWish): RunLayout {
  arranged = run;
  return arrange(run, run, { choice, direction, widthMax });
}

type CallTable = Partial<WorkerTable>;

/** Loads a chunk when the first of its calls comes. What cannot be loaded now is asked for again with the next call. */
function later(load: () => Promise<CallTable>): () => Promise<CallTable> {
  let loaded: Promise<CallTable> | null = null;
  return () => {
    loaded ??= load().catch((error: unknown) => {
      loaded = null;
      throw error;
    });
    return loaded;
  };
}

const loadStepCalls = later(async () => (await import('./worker-steps.ts')).createStepCalls(read));
const loadDiffCalls = later(async () => (await import('./worker-diff.ts')).createDiffCalls(read));
const diffCalls: readonly string[] = ['facts', 'compare', 'compareStep'] satisfies DiffCallName[];

const calls: Omit<WorkerTable, LaterCallName | DiffCallName> = {
  async read({ id, wish }, headers) {
    const { data, bytes } = await read<GraphView>(`${toApiPath(id)}?view=graph`, headers);
    const run = toColumns(data);
    return { run, layout: arrangeRun(structureOf(run), wish), bytes };
  },
  async changes({ id, since }, headers) {
    const { data } = await read<ChangesView>(`${toApiPath(id)}?view=changes&since=${since}`, headers);
    return { view: data };
  },
  async arrange({ run, wish }) {
    const known = run ?? arranged;
    if (known === null) throw new Refused(0, '', 'There is no run to arrange');
    return { layout: arrangeRun(known, wish) };
  },
};

/** A copy of what later arrangements need: the columns themselves go to the page. */
function structureOf({ parents, children, kind, shape, group, item, ids, names }: Columns): ArrangedRun {
  return { parents, children, kind, shape, group, item, ids, names };
}

async function answer({ name, ask, headers }: WorkerAsk): Promise<unknown> {
  const table = name in calls ? calls : await (diffCalls.includes(name) ? loadDiffCalls() : loadStepCalls());
  return (table as Record<string, (ask: unknown, headers: Record<string, string>) => Promise<unknown>>)[name]?.(
    ask,
    headers,
  );
}

addEventListener('message', ({ data }: MessageEvent<WorkerAsk>) => {
  answer(data).then(
    (answered) => {
      const layout = (answered as { layout?: RunLayout }).layout;
      reply({ number: data.number, answer: answered, date: lastDate }, layout ? buffersOf(layout) : []);
    },
    (error: unknown) => {
      const { status = 0, code = '' } = error as Partial<Refused>;
      const detail = error instanceof Error ? error.message : String(error);
      reply({ number: data.number, problem: { status, code, detail } });
    },
  );
});

function reply(message: WorkerReply, buffers: ArrayBuffer[] = []): void {
  (globalThis as unknown as Worker).postMessage(message, buffers);
}
