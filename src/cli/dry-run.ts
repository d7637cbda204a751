/**
 * `run --dry-run`: the workflow on an engine of its own that calls nobody. What goes out is made up, the rest runs as ever, and
 * nothing is kept. Data that the workflow waits for is made up too, so that all of it is seen.
 */
import { readSettings } from '../config.ts';
import type { Engine, WorkflowReply } from '../contract/engine.ts';
import { toDrySummary } from '../rehearsal/dry-summary.ts';
import { withStepsBelow } from '../rehearsal/family.ts';
import { findWanted, giveMadeUpData, withCalled } from '../rehearsal/made-up.ts';
import type { CliContext } from './context.ts';
import { toSummaryText } from './dry-summary-text.ts';
import { openLocalEngine } from './engine-access.ts';
import { exits, usageError } from './exit.ts';
import { followWorkflow } from './follow.ts';
import { printableLines } from './printable.ts';
import type { Progress } from './progress.ts';
import { noteLostNumbers, type RunOptions, readStart } from './run.ts';

/** It is over before a picture of it would help. */
const unseen: Progress = { show() {}, apply() {}, tell() {}, note() {}, end() {} };

export async function dryRun(target: string, options: RunOptions, context: CliContext): Promise<number> {
  if (options.server !== undefined || options.data !== undefined) {
    throw usageError('--dry-run keeps nothing and asks no server: leave out --server and --data');
  }
  if (options.offline) throw usageError('--dry-run calls nobody in any case: leave out --offline');
  const start = await readStart(target, options, context);
  const { maxParallelNodes, templatesDir } = readSettings(context.env, context.cwd).engine;
  const { engine, close } = await openLocalEngine(context, undefined, {
    dryRun: {
      wanted: start.definition === null ? {} : findWanted(await withCalled(start.definition, templatesDir)),
      ...(options.items === undefined ? {} : { items: options.items }),
    },
    simulationMs: 0,
  });
  try {
    const created = await start.begin(engine);
    noteLostNumbers(start, created.workflow, context);
    const { reply, ending } = await follow(engine, created, options.timeout);
    const whole = await withStepsBelow(reply.workflow, engine);
    const summary = toDrySummary(whole, maxParallelNodes);
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

async function follow(engine: Engine, created: WorkflowReply, timeoutMs: number | undefined) {
  const startedMs = performance.now();
  let at = created;
  for (;;) {
    const left = timeoutMs === undefined ? undefined : Math.max(1, timeoutMs - (performance.now() - startedMs));
    const followed = await followWorkflow(engine, at, unseen, { timeoutMs: left, stopOnInterrupt: true });
    if (followed.ending !== 'rest' || !(await giveMadeUpData(engine))) return followed;
    at = await engine.get(at.id);
  }
}
