/**
 * `run --dry-run`: the workflow on an engine of its own that calls nobody. What goes out is made up, the rest runs as ever, and
 * nothing is kept. Data that the workflow waits for is made up too, so that all of it is seen.
 */
import { readSettings } from '../config.ts';
import type { WorkflowDefinition } from '../contract/definition.ts';
import type { Engine, WorkflowReply } from '../contract/engine.ts';
import { limits } from '../contract/limits.ts';
import { namedTemplates } from '../core/child.ts';
import { eachReference, type Reference } from '../core/references.ts';
import { boundValues, stepsWithin } from '../core/steps-within.ts';
import { createTemplateCatalogue } from '../templates/catalogue.ts';
import type { CliContext } from './context.ts';
import { toDrySummary, toSummaryText } from './dry-summary.ts';
import { openLocalEngine } from './engine-access.ts';
import { exits, usageError } from './exit.ts';
import { withStepsBelow } from './family.ts';
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

type Definition = Pick<WorkflowDefinition, 'steps' | 'finally'>;

/** The definition, and those that its `workflow` steps can reach. Their faults are named when it begins. */
async function withCalled(definition: WorkflowDefinition, templatesDir: string): Promise<Definition[]> {
  const catalogue = createTemplateCatalogue(templatesDir);
  const called = new Map<string, Definition>();
  const all: Definition[] = [definition];
  for (const each of all) {
    for (const id of namedTemplates(each)) {
      const template = called.has(id) ? undefined : await catalogue.get(id);
      if (template === undefined) continue;
      called.set(id, template);
      all.push(template);
    }
  }
  return all;
}

/** The fields of steps' outputs that other steps refer to. Steps of different workflows may share what is made up. */
function findWanted(definitions: readonly Definition[]): Record<string, string[][]> {
  const visited = definitions.flatMap((definition) => [...stepsWithin(definition)]);
  const ids = new Set(visited.map(({ step }) => String(step.id)));
  /** The inner step that stands for an item; the group itself where its own action runs for each. */
  const standing = new Map(
    visited.map(({ step: { id, steps } }) => [
      String(id),
      Array.isArray(steps) ? String(steps.at(-1)?.id) : String(id),
    ]),
  );
  const wanted = new Map<string, string[][]>();
  const want = (id: string, path: readonly string[]) => {
    if (path.length > 0) wanted.set(id, [...(wanted.get(id) ?? []), [...path]]);
    // What a workflow has returned is what its steps have made.
    const [field, inner, ...rest] = path;
    if (field === 'steps' && inner !== undefined && rest.length > 0) want(inner, rest);
  };
  const note = (reference: Reference) => {
    if (reference.kind !== 'step' && reference.kind !== 'previous') return;
    const { stepId: id, path } = reference;
    want(id, path);
    const [field, place, ...rest] = path;
    // What a group has gathered is what its steps have made.
    if (field === 'items' && place !== undefined) want(standing.get(id) ?? id, rest);
    if (field === 'last' && place !== undefined) want(place, rest);
  };
  for (const { step, names, outer } of visited) {
    for (const [field, value] of boundValues(step)) {
      const search = { isStep: (id: string) => ids.has(id), names: field === 'forEach' ? outer : names };
      eachReference(value, search, note);
    }
  }
  return Object.fromEntries(wanted);
}

async function follow(engine: Engine, created: WorkflowReply, timeoutMs: number | undefined) {
  const startedMs = performance.now();
  let at = created;
  for (;;) {
    const left = timeoutMs === undefined ? undefined : Math.max(1, timeoutMs - (performance.now() - startedMs));
    const followed = await followWorkflow(engine, at, unseen, { timeoutMs: left, stopOnInterrupt: true });
    const { items } = await engine.waiting({ limit: limits.listLimitMax });
    // The engine runs this workflow alone, and those that its steps start.
    const awaited = items.filter((item) => item.for === 'data');
    if (followed.ending !== 'rest' || awaited.length === 0) return followed;
    for (const { workflow_id, step_id } of awaited) {
      await engine.externalData(workflow_id, { content: page, content_type: 'text/html', step_id });
    }
    at = await engine.get(at.id);
  }
}
