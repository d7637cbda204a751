/**
 * `run --dry-run`: the workflow on an engine of its own that calls nobody. What goes out is made up, the rest runs as ever, and
 * nothing is kept. Data that the workflow waits for is made up too, so that all of it is seen.
 */
import { readSettings } from '../config.ts';
import type { WorkflowDefinition } from '../contract/definition.ts';
import type { Engine, WorkflowReply } from '../contract/engine.ts';
import type { Workflow, WorkflowStep } from '../contract/workflow.ts';
import { eachReference } from '../core/references.ts';
import type { CliContext } from './context.ts';
import { toDrySummary, toSummaryText } from './dry-summary.ts';
import { openLocalEngine } from './engine-access.ts';
import { exits, usageError } from './exit.ts';
import { followWorkflow } from './follow.ts';
import { printableLines } from './printable.ts';
import type { Progress } from './progress.ts';
import { noteLostNumbers, type RunOptions, readStart } from './run.ts';

/** It is over before a picture of it would help. */
const unseen: Progress = { show() {}, apply() {}, tell() {}, note() {}, end() {} };

const page = `<!doctype html><html lang="en"><head><title>Dry run</title></head><body><article><h1>Dry run</h1>
<p>This page stands in for what would be sent to the workflow. Nobody has captured it, and nobody was called for it.</p>
<p>Its sentences are made up, so that the steps after it have something to read.</p></article></body></html>`;

export async function dryRun(target: string, options: RunOptions, context: CliContext): Promise<number> {
  if (options.server !== undefined || options.data !== undefined) {
    throw usageError('--dry-run keeps nothing and asks no server: leave out --server and --data');
  }
  if (options.offline) throw usageError('--dry-run calls nobody in any case: leave out --offline');
  const start = await readStart(target, options, context);
  const { maxParallelNodes } = readSettings(context.env, context.cwd).engine;
  const { engine, close } = await openLocalEngine(context, undefined, {
    dryRun: { wanted: start.definition === null ? {} : findWanted(start.definition) },
    simulationMs: 0,
  });
  try {
    const created = await start.begin(engine);
    noteLostNumbers(start, created.workflow, context);
    const { reply, ending } = await follow(engine, created, options.timeout);
    const summary = toDrySummary(reply.workflow, maxParallelNodes);
    const { stdout, stderr } = context;
    const text = options.json
      ? JSON.stringify(summary, null, 2)
      : toSummaryText(summary, stdout.isTTY ? stdout.columns : undefined);
    stdout.write(`${stdout.isTTY ? printableLines(text) : text}\n`);
    if (ending === 'timeout') stderr.write('stopped: it had not ended within the --timeout\n');
    if (reply.status !== 'COMPLETED') return exits.failed;
    return reply.workflow.tags.includes('simulated') ? exits.simulated : exits.done;
  } finally {
    await close();
  }
}

/** The fields of steps' outputs that other steps refer to. */
function findWanted({ steps }: WorkflowDefinition): Record<string, string[][]> {
  const ids = new Set(steps.map(({ id }) => id));
  const wanted = new Map<string, string[][]>();
  for (const { params } of steps) {
    eachReference(
      params ?? {},
      (id) => ids.has(id),
      (reference) => {
        if (reference.kind !== 'step' || reference.path.length === 0) return;
        wanted.set(reference.stepId, [...(wanted.get(reference.stepId) ?? []), [...reference.path]]);
      },
    );
  }
  return Object.fromEntries(wanted);
}

async function follow(engine: Engine, created: WorkflowReply, timeoutMs: number | undefined) {
  const startedMs = performance.now();
  let at = created;
  for (;;) {
    const left = timeoutMs === undefined ? undefined : Math.max(1, timeoutMs - (performance.now() - startedMs));
    const followed = await followWorkflow(engine, at, unseen, { timeoutMs: left, stopOnInterrupt: true });
    const awaited = findAwaited(followed.reply.workflow);
    if (followed.ending !== 'rest' || awaited.length === 0) return followed;
    for (const { id } of awaited) {
      await engine.externalData(at.id, { content: page, content_type: 'text/html', step_id: id });
    }
    at = await engine.get(at.id);
  }
}

/** Steps that wait for data and for nothing else. */
function findAwaited({ steps }: Workflow): WorkflowStep[] {
  const completed = new Set(steps.filter(({ status }) => status === 'COMPLETED').map(({ id }) => id));
  return steps.filter(
    ({ action, status, dependencies }) =>
      action === 'external_data' &&
      status === 'WAITING_FOR_DEPENDENCY' &&
      dependencies.every((dependency) => completed.has(dependency)),
  );
}
