/** What the worker does for steps and logs. The graph is drawn without any of it, so it is a chunk of its own. */
import type { LogReply, SearchReply } from '../../src/contract/run-view.ts';
import type { WorkflowStep } from '../../src/contract/workflow.ts';
import { KeptSteps } from './kept-steps.ts';
import { toMergedLines } from './merged-lines.ts';
import { type LaterCallName, toApiPath, type WorkerRead, type WorkerTable } from './run-messages.ts';
import { contentMax, toDetail } from './step-detail.ts';
import { childrenOf, searchTree, textOf, valueAt } from './tree.ts';

/** Hits of a search that the page lists. */
const hitsMax = 100;

export function createStepCalls(read: WorkerRead): Pick<WorkerTable, LaterCallName> {
  const steps = new KeptSteps();
  return {
    async step({ id, stepId }, headers) {
      const { data, bytes } = await read<WorkflowStep>(`${toApiPath(id)}/steps/${encodeURIComponent(stepId)}`, headers);
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
    async find({ id, text }, headers) {
      const path = `${toApiPath(id)}/search?q=${encodeURIComponent(text)}&in=outputs,logs,errors&limit=${hitsMax}`;
      return { found: (await read<SearchReply>(path, headers)).data };
    },
    async log({ id }, headers) {
      const replies: LogReply[] = [];
      let after = '';
      // 20,000 lines an answer; ten of them are more than a person reads.
      for (let turn = 0; turn < 10; turn += 1) {
        const { data } = await read<LogReply>(`${toApiPath(id)}/logs?format=json${after}`, headers);
        replies.push(data);
        if (!data.more || data.next === null) break;
        after = `&after=${encodeURIComponent(data.next)}`;
      }
      return { lines: toMergedLines(replies) };
    },
  };
}
