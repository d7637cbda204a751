/** What the page and its worker say to each other. Each call has one answer, or a problem. */
import type { ChangesView, SearchReply } from '../../src/contract/run-view.ts';
import type { WorkflowStep } from '../../src/contract/workflow.ts';
import type { RunComparison, RunFacts, StepComparison } from '../diff/compare-runs.ts';
import type { RunLayout } from './arrange.ts';
import type { Columns } from './columns.ts';
import type { GroupingChoice } from './grouping.ts';

/** How the boxes are to be arranged. */
export interface ArrangeWish {
  readonly choice: GroupingChoice;
  readonly direction: 'across' | 'down';
  readonly widthMax?: number | undefined;
}

/** A place in a step's outputs, params or metadata: names and indexes from the root. */
export type TreePath = readonly (string | number)[];

export type TreeSource = 'outputs' | 'params' | 'metadata';

/** A value of a tree, as far as one line shows it. */
export interface TreeNode {
  readonly key: string | number;
  readonly kind: 'object' | 'array' | 'string' | 'number' | 'boolean' | 'null';
  /** Of a value: its text, of a string the first 400 characters. */
  readonly text: string;
  /** Entries of an object or a list; characters of a string. */
  readonly size: number;
}

/** A step's main text. */
export interface StepContent {
  readonly text: string;
  /** Characters of the whole. */
  readonly length: number;
}

/** Lines as one text: line `i` is from `starts[i]` up to, but without, the break before `starts[i + 1]`. */
export interface LineText {
  readonly text: string;
  readonly starts: Uint32Array;
}

/** A step as the drawer shows it. What may be large stays in the worker, and is asked for piece by piece. */
export interface StepDetail extends Omit<WorkflowStep, 'params' | 'outputs' | 'logs' | 'metadata'> {
  readonly content: StepContent | null;
  readonly contentType: string | null;
  /** Entries of `outputs` besides `content`; null where there are no outputs. */
  readonly outputsCount: number | null;
  /** The outputs themselves are too large for an answer: so many bytes. */
  readonly truncatedBytes: number | null;
  readonly paramsCount: number;
  readonly metadataCount: number;
  readonly logs: LineText;
  /** Schema of the data that a decision takes. */
  readonly dataSchema: Record<string, unknown> | null;
}

/** Calls by name: what goes to the worker, and what comes back. */
export interface WorkerCalls {
  read: { ask: { id: string; wish: ArrangeWish }; answer: { run: Columns; layout: RunLayout; bytes: number } };
  changes: { ask: { id: string; since: number }; answer: { view: ChangesView } };
  arrange: { ask: { run: ArrangedRun | null; wish: ArrangeWish }; answer: { layout: RunLayout } };
  step: { ask: { id: string; stepId: string }; answer: { detail: StepDetail } };
  children: {
    ask: { stepId: string; source: TreeSource; path: TreePath; from: number; limit: number };
    answer: { nodes: TreeNode[]; total: number };
  };
  text: { ask: { stepId: string; source: TreeSource; path: TreePath; lengthMax: number }; answer: StepContent };
  search: {
    ask: { stepId: string; source: TreeSource; query: string; limit: number };
    answer: { hits: { path: TreePath; node: TreeNode }[]; isCut: boolean };
  };
  log: { ask: { id: string }; answer: { lines: MergedLines } };
  find: { ask: { id: string; text: string }; answer: { found: SearchReply } };
  facts: { ask: { id: string }; answer: { facts: RunFacts } };
  compare: { ask: { left: string; right: string }; answer: { comparison: RunComparison } };
  compareStep: { ask: { left: string; right: string; stepId: string }; answer: { step: StepComparison } };
}

/** The columns that an arrangement is made from. */
export type ArrangedRun = Pick<Columns, 'parents' | 'children' | 'kind' | 'shape' | 'group' | 'item' | 'ids' | 'names'>;

/** The lines of all steps by time. */
export interface MergedLines extends LineText {
  /** Place of each line's step in `stepIds`. */
  readonly step: Uint32Array;
  readonly stepIds: readonly string[];
  /** Milliseconds since 1970; NaN where nobody knows. */
  readonly at: Float64Array;
  /** 0 info, 1 warn, 2 error. */
  readonly level: Uint8Array;
  readonly isCut: boolean;
}

export type WorkerCallName = keyof WorkerCalls;
/** Those that are answered by a chunk of the worker that is loaded when the first of them comes. */
export type LaterCallName = 'step' | 'children' | 'text' | 'search' | 'log' | 'find';
/** And those of a comparison by another. */
export type DiffCallName = 'facts' | 'compare' | 'compareStep';

/** Answers the calls. */
export type WorkerTable = {
  [Name in WorkerCallName]: (
    ask: WorkerCalls[Name]['ask'],
    headers: Record<string, string>,
  ) => Promise<WorkerCalls[Name]['answer']>;
};

/** Reads JSON of the engine; rejects with a status and a code. */
export type WorkerRead = <Answer>(
  path: string,
  headers: Record<string, string>,
) => Promise<{ data: Answer; bytes: number }>;

export const toApiPath = (id: string): string => `/api/workflows/${encodeURIComponent(id)}`;

export interface WorkerAsk<Name extends WorkerCallName = WorkerCallName> {
  readonly number: number;
  readonly name: Name;
  readonly ask: WorkerCalls[Name]['ask'];
  /** Sent with each request: the token, where there is one. */
  readonly headers: Record<string, string>;
}

export interface WorkerProblem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
}

export type WorkerReply =
  | { readonly number: number; readonly answer: unknown; readonly date: string | null }
  | { readonly number: number; readonly problem: WorkerProblem };
