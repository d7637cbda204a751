/**
 * `run`: one workflow from a template or a file, on an engine of its own or on a server, watched until it rests. The
 * result goes to stdout, everything else to stderr.
 */
import { stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { z } from 'zod';
import { readSettings } from '../config.ts';
import type { Template, WorkflowDefinition } from '../contract/definition.ts';
import type { WorkflowReply } from '../contract/engine.ts';
import { invalid, Refusal } from '../contract/failures.ts';
import { isLostNumberLine } from '../contract/lost-numbers.ts';
import { didYouMean } from '../contract/nearest.ts';
import { isAtRest, type Workflow, type WorkflowStep } from '../contract/workflow.ts';
import { findExpressionFaults } from '../rehearsal/expression-faults.ts';
import { withWaitingBelow } from '../rehearsal/family.ts';
import { createActionCatalogue } from '../tasks/registry.ts';
import { createTemplateCatalogue } from '../templates/catalogue.ts';
import { instantiate } from '../templates/instantiate.ts';
import { awaitsData, toDecisionLines } from './awaited.ts';
import type { CliContext, CliEngine } from './context.ts';
import { readDefinitionFile, toFaultLine } from './definition-file.ts';
import { type EngineAccess, openLocalEngine, openServer, toDataPaths } from './engine-access.ts';
import { CommandError, exits, usageError } from './exit.ts';
import { followWorkflow } from './follow.ts';
import { LiveProgress } from './live-progress.ts';
import { createPlainProgress } from './plain-progress.ts';
import { printable, printableLines } from './printable.ts';
import {
  namesOfParams,
  type ParamTypes,
  readRunParams,
  refuseUnknownParams,
  toParamTypes,
  toTypesOfValues,
} from './run-params.ts';
import { StepBoard } from './step-board.ts';

export interface RunOptions {
  param: string[];
  json?: boolean;
  server?: string;
  data?: string;
  offline?: boolean;
  /** Milliseconds. */
  timeout?: number;
  /** Of a dry run: the items of a list that nobody can know. */
  items?: number;
}

export interface Start {
  begin(engine: CliEngine): Promise<WorkflowReply>;
  /** What it begins; null for a single action. */
  readonly definition: WorkflowDefinition | null;
  /** A line for each number of the file and of the params that cannot be held. */
  readonly told: readonly string[];
}

export async function run(target: string, options: RunOptions, context: CliContext): Promise<number> {
  if (options.server !== undefined && options.data !== undefined) {
    throw usageError('--server and --data exclude each other: the data of a server is where the server keeps it');
  }
  if (options.server !== undefined && options.offline) {
    throw usageError('--server and --offline exclude each other: start that server with --offline');
  }
  // What was asked for is checked before an engine is started for it.
  const local = options.server === undefined ? await readStart(target, options, context) : undefined;
  const access = local
    ? await openLocalEngine(
        options.offline ? offline(context) : context,
        options.data === undefined ? undefined : toDataPaths(options.data, context.cwd),
      )
    : openServer(context, options.server);
  try {
    const start = local ?? (await readStart(target, options, context, access.engine));
    const created = await start.begin(access.engine);
    const { stderr } = context;
    noteLostNumbers(start, created.workflow, context);
    const board = new StepBoard(created.workflow);
    const progress = stderr.isTTY
      ? new LiveProgress(board, stderr)
      : createPlainProgress(created.workflow, board, stderr);
    const { reply, ending } = await followWorkflow(access.engine, created, progress, {
      timeoutMs: options.timeout,
      stopOnInterrupt: access.serverUrl === null,
    });
    progress.end(reply.workflow);
    if (ending === 'detached') {
      stderr.write(`left running on ${access.serverUrl}; see it with: hybrid-engine show ${reply.id}\n`);
      return exits.interrupted;
    }
    if (ending === 'timeout') stderr.write('stopped: it had not ended within the --timeout\n');
    noteSimulated(reply.workflow, context);
    await writeResult(reply, options, context, access.engine);
    return await toStatus(reply.workflow, access, context);
  } finally {
    await access.close();
  }
}

function offline(context: CliContext): CliContext {
  return { ...context, env: { ...context.env, OFFLINE: 'true' } };
}

async function isFile(target: string, cwd: string): Promise<boolean> {
  if (/[\\/]/.test(target) || ['.yaml', '.yml', '.json'].includes(extname(target).toLowerCase())) return true;
  try {
    return (await stat(resolve(cwd, target))).isFile();
  } catch {
    // Not there, or not to be seen: then it can only be the id of a template.
    return false;
  }
}

/** `engine` is the server's; without it the templates are those of the settings. */
export async function readStart(
  target: string,
  options: RunOptions,
  context: CliContext,
  engine?: CliEngine,
): Promise<Start> {
  if (await isFile(target, context.cwd)) return readFileStart(target, options, context);
  if (engine) return readTemplateStart(target, options, context, engine);
  const catalogue = createTemplateCatalogue(readSettings(context.env, context.cwd).engine.templatesDir);
  const actions = [...createActionCatalogue().values()].map(({ action, params }) => ({
    action,
    params: z.toJSONSchema(params, { io: 'input', unrepresentable: 'any' }),
  }));
  const faults = (await catalogue.problems()).filter(({ ids }) => ids.includes(target));
  const isUsable = (await catalogue.get(target)) !== undefined;
  if (!isUsable && faults.length > 0) throw usageFaults(faults.map((fault) => toFaultLine(fault.file, fault)));
  return readTemplateStart(target, options, context, { templates: catalogue.list, actions: async () => actions });
}

async function readFileStart(file: string, options: RunOptions, context: CliContext): Promise<Start> {
  const read = await readDefinitionFile(file, context.cwd);
  const readParams = (types: ParamTypes) => readRunParams(options.param, types, context.cwd);
  switch (read.kind) {
    case 'faulty':
      throw usageFaults(read.faults.map((fault) => toFaultLine(file, fault)));
    case 'template': {
      const given = await readParams(toParamTypes(read.template.params));
      refuseStray(read.template, given.params);
      const definition = instantiate(read.template, given.params);
      await refuseExpressionFaults(read.template);
      const declaredParams = [...toParamTypes(read.template.params).keys()];
      return toStart(definition, [...given.told, ...read.told], declaredParams);
    }
    case 'definition': {
      await refuseExpressionFaults(read.definition);
      const types = toTypesOfValues(read.definition.params);
      const given = await readParams(types);
      refuseUnknownParams(given.params, namesOfParams(types, read.definition));
      const params = { ...read.definition.params, ...given.params };
      return toStart({ ...read.definition, params }, [...given.told, ...read.told]);
    }
    default: {
      const never: never = read;
      throw new Error(`unknown file ${JSON.stringify(never)}`);
    }
  }
}

function toStart(
  definition: WorkflowDefinition,
  told: readonly string[],
  declaredParams: readonly string[] = [],
): Start {
  return { begin: (engine) => engine.submit(definition, { told, declaredParams }), definition, told };
}

/** Of a template with a schema, that says what it takes. */
function refuseStray(template: Template, given: Record<string, unknown>): void {
  if (template.params === undefined) refuseUnknownParams(given, namesOfParams(new Map(), template));
}

/** Before anything is paid for: those of the last step would be met last. */
async function refuseExpressionFaults({
  steps,
  finally: last,
}: Pick<WorkflowDefinition, 'steps' | 'finally'>): Promise<void> {
  const faults = await findExpressionFaults(steps, last);
  if (faults.length > 0) throw invalid('The workflow definition is not valid', faults);
}

/** Several lines, which an error message is not meant to have. */
function usageFaults(lines: string[]): Error {
  return new Refusal({
    code: 'INVALID',
    detail: 'The file is not a workflow that can run',
    errors: lines.map((message) => ({ path: '', message })),
  });
}

interface Known {
  templates(): Promise<Template[]>;
  actions(): Promise<{ action: string; params: Record<string, unknown> }[]>;
}

async function readTemplateStart(id: string, options: RunOptions, context: CliContext, known: Known): Promise<Start> {
  const templates = await known.templates();
  const template = templates.find((candidate) => candidate.id === id);
  // An action is as good as a template of one step.
  const actions = template ? [] : await known.actions();
  const target = template ?? actions.find((candidate) => candidate.action === id);
  if (!target) {
    const ids = templates.map((candidate) => candidate.id);
    const guess = didYouMean(id, [...ids, ...actions.map(({ action }) => action)]);
    throw usageError(`${id} is no file, no template and no action; templates: ${ids.join(', ') || 'none'}${guess}`);
  }
  const { params, told } = await readRunParams(options.param, toParamTypes(target.params), context.cwd);
  if (template && template.steps.length > 0) refuseStray(template, params);
  const definition = template ? instantiate(template, params) : null;
  return { begin: (engine) => engine.submitTemplate(id, params, { told }), definition, told };
}

async function writeResult(
  reply: WorkflowReply,
  options: RunOptions,
  { stdout }: CliContext,
  engine: CliEngine,
): Promise<void> {
  if (options.json) {
    stdout.write(`${reply.json.trimEnd()}\n`);
    return;
  }
  const results: string[] = [];
  for (const step of lastSteps(reply.workflow)) {
    if (step.status === 'COMPLETED') results.push(await readContent(reply.id, step, engine));
  }
  const text = results.filter((content) => content !== '').join('\n\n');
  if (text === '') return;
  // Into a pipe the bytes go as they are; a terminal must not be steered by what a page held.
  stdout.write(`${(stdout.isTTY ? printableLines(text) : text).replace(/\n+$/, '')}\n`);
}

/** Those that no other step waits for. A group stands for the steps that it has made; steps of `finally` wait for all. */
function lastSteps(workflow: Workflow): WorkflowStep[] {
  const written = workflow.steps.filter(({ of, final }) => of === undefined && final !== true);
  const awaited = new Set(written.flatMap((step) => step.dependencies));
  return written.filter((step) => !awaited.has(step.id));
}

async function readContent(workflowId: string, step: WorkflowStep, engine: CliEngine): Promise<string> {
  const isWhole = step.outputs?.truncated !== true && step.count === undefined;
  const { outputs } = isWhole ? step : await engine.getStep(workflowId, step.id);
  if (outputs === null || Object.keys(outputs).length === 0) return '';
  const contents = toContents(outputs);
  return contents === null ? JSON.stringify(outputs, null, 2) : contents.join('\n\n');
}

/** The main texts of outputs; of a group, those of its items or of its last round. null where there is more than texts. */
function toContents(outputs: Record<string, unknown>): string[] | null {
  if (typeof outputs.content === 'string') return [outputs.content];
  const { items, last } = outputs;
  const parts = Array.isArray(items) ? items.filter((item) => item !== null) : last === undefined ? [] : [last];
  const contents = parts.map((part) => (isObject(part) && typeof part.content === 'string' ? part.content : null));
  return contents.length === 0 || contents.includes(null) ? null : (contents as string[]);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

async function toStatus(workflow: Workflow, access: EngineAccess, { stderr }: CliContext): Promise<number> {
  if (workflow.status === 'COMPLETED') return workflow.tags.includes('simulated') ? exits.simulated : exits.done;
  if (workflow.status === 'FAILED' || workflow.status === 'STOPPED') return exits.failed;
  if (!isAtRest(workflow.status)) throw new CommandError(`workflow ${workflow.id} is ${workflow.status}, not at rest`);
  const family = await withWaitingBelow(workflow, access.engine);
  const decisions: string[] = [];
  for (const each of family) for (const line of await toDecisionLines(each, access)) decisions.push(line);
  for (const line of decisions) stderr.write(`${line}\n`);
  if (family.some(({ steps }) => steps.some(isPaused))) return tellPaused(family, access, stderr);
  const asking = family.filter((each) => awaitsData(each).length > 0);
  if (asking.length === 0 && decisions.length > 0) return exits.waiting;
  for (const each of asking.length > 0 ? asking : [workflow]) tellAwaitedData(each, access, stderr);
  return exits.waiting;
}

function tellAwaitedData(workflow: Workflow, access: EngineAccess, stderr: CliContext['stderr']): void {
  const waiting = awaitsData(workflow);
  const names = waiting.map((step) => step.id).join(', ') || 'something outside';
  const path = `/api/workflows/${workflow.id}/external-data`;
  const advice =
    access.serverUrl !== null
      ? `send it with POST ${access.serverUrl}${path}`
      : access.keepsData
        ? `serve this data directory and send it with POST ${path}`
        : 'run it with --server, or with --data and serve that directory, so that there is something to send it to';
  stderr.write(`waits for ${names}: ${advice}\n`);
}

/** By a budget: other waits say so in `waits`. */
function isPaused({ reason, waits }: WorkflowStep): boolean {
  return reason !== undefined && (waits === undefined || waits.for === 'budget');
}

/** The reasons say what a budget has paused and why. */
function tellPaused(family: readonly Workflow[], access: EngineAccess, stderr: CliContext['stderr']): number {
  const byReason = new Map<string, string[]>();
  let id = '';
  for (const { id: workflowId, steps } of family) {
    for (const step of steps) {
      if (step.reason === undefined || !isPaused(step)) continue;
      byReason.set(step.reason, [...(byReason.get(step.reason) ?? []), step.id]);
      // Only the budget of a workflow is raised by resuming; of others the reason says what helps.
      const used = /^the (?:workflow's budget|budget of workflow (\S+)) .* is used up/.exec(step.reason);
      if (used !== null && id === '') id = used[1] ?? workflowId;
    }
  }
  for (const [reason, ids] of byReason) stderr.write(`paused: ${printable(ids.join(', '))}: ${printable(reason)}\n`);
  const isOwn = id !== '';
  const post = `POST ${access.serverUrl ?? ''}/api/workflows/${id}/resume {"budget": {…}}`;
  const advice =
    access.serverUrl !== null
      ? isOwn
        ? `to resume it: ${post}`
        : 'it stays on that server, and goes on when that allows'
      : access.keepsData
        ? `what is done is kept: serve this data directory, ${isOwn ? `and to resume it ${post}` : 'and it goes on when that allows'}`
        : `what is done is gone with this run: run it with ${isOwn ? 'a larger budget, or with ' : ''}--data or --server, so that it can be resumed`;
  stderr.write(`${advice}\n`);
  return exits.waiting;
}

/** Those that a server's template holds are in the workflow's warnings alone, and what was sent to it only here. */
export function noteLostNumbers({ told }: Start, { warnings }: Workflow, { stderr }: CliContext): void {
  for (const line of new Set([...told, ...warnings.filter(isLostNumberLine)])) {
    stderr.write(`note: ${printable(line)}\n`);
  }
}

/** A mistyped action looks like success otherwise. */
function noteSimulated({ tags, steps }: Workflow, { stderr }: CliContext): void {
  if (!tags.includes('simulated')) return;
  const known = createActionCatalogue();
  const ids = steps
    .filter(({ outputs }) => outputs?.simulated === true)
    .map(({ id, action }) => `${id} (${action}${didYouMean(action, known.keys()).replace(/^;/, ',')})`);
  stderr.write(
    `note: nobody knows the action of ${printable(ids.join(', '))}: it was simulated; UNKNOWN_ACTIONS=reject refuses that\n`,
  );
}
