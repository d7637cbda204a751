/** The thread in which a run is searched: its text may be large, and nobody else waits for it. */
import type { SearchPlace, SearchReply } from '../contract/run-view.ts';
import type { WorkflowStep } from '../contract/workflow.ts';
import { RunSearch } from '../core/run-search.ts';

export interface SearchJob {
  /** The workflow as JSON, with `{blob, bytes}` for outputs that lie in blobs. */
  readonly json: string;
  /** The blobs that are small enough to be looked into, by name, as JSON. */
  readonly blobs: Readonly<Record<string, Uint8Array>>;
  readonly q: string;
  readonly places: readonly SearchPlace[];
  readonly limit: number;
}

const unreadShownMax = 100;

export default function search({ json, blobs, q, places, limit }: SearchJob): SearchReply {
  const { steps } = JSON.parse(json) as { steps: WorkflowStep[] };
  const found = new RunSearch(q, places, limit);
  const unread: string[] = [];
  for (const step of steps) {
    found.addStep(step);
    if (!found.looksIn('outputs') || step.outputs === null) continue;
    const ref = blobOf(step);
    if (ref === null) found.addOutputs(step.id, step.outputs);
    else if (blobs[ref] !== undefined) found.addOutputs(step.id, JSON.parse(Buffer.from(blobs[ref]).toString('utf8')));
    else if (unread.length < unreadShownMax) unread.push(step.id);
    if (found.isCut) break;
  }
  return { hits: found.hits, cut: found.isCut, unread };
}

/** The blob that holds the outputs of a step; null where they stand in it. */
function blobOf({ outputs }: Pick<WorkflowStep, 'outputs'>): string | null {
  if (outputs === null || Object.keys(outputs).length !== 2) return null;
  const { blob, bytes } = outputs;
  return typeof blob === 'string' && /^[0-9a-f]{64}$/.test(blob) && typeof bytes === 'number' ? blob : null;
}
