/**
 * What is heavy about a run happens here, beside the page's own thread: reading, parsing, layout, and looking into
 * large outputs. The page parses no run and no step.
 */
import type { ChangesView, GraphView, LogReply } from '../../src/contract/run-view.ts';
import type { WorkflowStep } from '../../src/contract/workflow.ts';
import { arrange, buffersOf, type RunLayout } from './arrange.ts';
import type { Columns } from './columns.ts';
import { KeptSteps } from './kept-steps.ts';
import { toMergedLines } from './merged-lines.ts';
import { toColumns } from './read-run.ts';
import type { ArrangedRun, ArrangeWish, WorkerAsk, WorkerCallName, WorkerCalls, WorkerReply } from './run-messages.ts';
import { contentMax, toDetail } from './step-detail.ts';
import { childrenOf, searchTree, textOf, valueAt } from './tree.ts';

type Calls = {
  [Name in WorkerCallName]: (
    ask: WorkerCalls[Name]['ask'],
    headers: Record<string, string>,
  ) => Promise<WorkerCalls[Name]['answer']>;
};

class Refused extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string, detail: string) {
    super(detail);
    this.status = status;
    this.code = code;
  }
}

const steps = new KeptSteps();
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

const pathOf = (id: string): string => `/api/workflows/${encodeURIComponent(id)}`;

const calls: Calls = {
  async read({ id, wish }, headers) {
    const { data, bytes } = await read<GraphView>(`${pathOf(id)}?view=graph`, headers);
    const run = toColumns(data);
    return { run, layout: arrangeRun(structureOf(run), wish), bytes };
  },
  async changes({ id, since }, headers) {
    const { data } = await read<ChangesView>(`${pathOf(id)}?view=changes&since=${since}`, headers);
    return { view: data };
  },
  async arrange({ run, wish }) {
    const known = run ?? arranged;
    if (known === null) throw new Refused(0, '', 'There is no run to arrange');
    return { layout: arrangeRun(known, wish) };
  },
  async step({ id, stepId }, headers) {
    const { data, bytes } = await read<WorkflowStep>(`${pathOf(id)}/steps/${encodeURIComponent(stepId)}`, headers);
    steps.keep(stepId, data, bytes);
    return { detail: toDetail(data) };
  },
  async children({ stepId, source, path, from, limit }) {
    return childrenOf(valueAt(steps.treeOf(stepId, source), path), from, limit);
  },
  async text({ stepId, source, path, lengthMax }) {
    const root =
      path.length === 1 && path[0] === 'content' ? steps.wholeOf(stepId, source) : steps.treeOf(stepId, source);
    return textOf(valueAt(root, path), Math.min(lengthMax, 64 * contentMax));
  },
  async search({ stepId, source, query, limit }) {
    return searchTree(steps.treeOf(stepId, source), query, limit);
  },
  async log({ id }, headers) {
    const replies: LogReply[] = [];
    let after = '';
    // 20,000 lines an answer; ten of them are more than a person reads.
    for (let turn = 0; turn < 10; turn += 1) {
      const { data } = await read<LogReply>(`${pathOf(id)}/logs?format=json${after}`, headers);
      replies.push(data);
      if (!data.more || data.next === null) break;
      after = `&after=${encodeURIComponent(data.next)}`;
    }
    return { lines: toMergedLines(replies) };
  },
};

/** A copy of what later arrangements need: the columns themselves go to the page. */
function structureOf({ parents, children, kind, shape, group, item, ids, names }: Columns): ArrangedRun {
  return { parents, children, kind, shape, group, item, ids, names };
}

addEventListener('message', ({ data }: MessageEvent<WorkerAsk>) => {
  const call = calls[data.name] as (ask: unknown, headers: Record<string, string>) => Promise<unknown>;
  call(data.ask, data.headers).then(
    (answer) => {
      const layout = (answer as { layout?: RunLayout }).layout;
      reply({ number: data.number, answer, date: lastDate }, layout ? buffersOf(layout) : []);
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
