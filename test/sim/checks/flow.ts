/**
 * Table J and F1 to F5, from documents and dispatched jobs alone: which steps run, how many items are under way, what a
 * group has recorded and what is gathered from it. Written from FLOW's tables; it shares no code with the engine.
 */

import type { Outcome } from '../../../src/contract/job.ts';
import type { Workflow, WorkflowStep } from '../../../src/contract/workflow.ts';
import { type Check, type Execution, Violation } from '../check.ts';
import { gatheredPrefix, innerPrefix, itemParam } from '../flow-definitions.ts';

type End = 'ran' | 'skipped' | 'tolerated' | 'lost';
type Verdict = 'runs' | 'skipped' | 'stopped' | 'waits';

function endOf({ status, outcome }: WorkflowStep): End | null {
  if (status === 'COMPLETED') return outcome ?? 'ran';
  return status === 'FAILED' || status === 'STOPPED' ? 'lost' : null;
}

/** The groups that have items under way, whatever their own status; groups stand before what they have made. */
function findOpen(steps: readonly WorkflowStep[]): ReadonlySet<string> {
  const open = new Set<string>();
  for (const step of steps.toReversed()) {
    if (step.of !== undefined && (endOf(step) === null || open.has(step.id))) open.add(step.of.step);
  }
  return open;
}

/** F2: what holds a place: steps in line, running or held in a wait, and the groups within which one is. */
function findAtWork(steps: readonly WorkflowStep[]): ReadonlySet<string> {
  const atWork = new Set<string>();
  for (const step of steps.toReversed()) {
    if (step.status === 'PENDING' || step.status === 'RUNNING' || step.waits !== undefined) atWork.add(step.id);
    if (step.of !== undefined && atWork.has(step.id)) atWork.add(step.of.step);
  }
  return atWork;
}

/** Table J; null among `ends`: a dependency or an item of one has not ended (F5). */
export function judge(join: string, ends: readonly (End | null)[]): Verdict {
  const has = (end: End) => ends.includes(end);
  const isStrict = join === 'all' || join === 'any';
  if (isStrict && has('lost')) return 'stopped';
  if (ends.includes(null)) return 'waits';
  if (join === 'ended') return 'runs';
  if (join === 'failed') return has('lost') || has('tolerated') ? 'runs' : 'skipped';
  if (ends.length === 0) return 'runs';
  if (join === 'any') return has('ran') ? 'runs' : 'skipped';
  return has('skipped') || has('tolerated') ? 'skipped' : 'runs';
}

export class FlowCheck implements Check {
  readonly #made = new Map<string, { stepId: string; json: string }>();
  readonly #lists = new Map<string, readonly unknown[]>();

  ended({ job, content }: Execution, outcome: Outcome): void {
    if (outcome.kind === 'completed') this.#made.set(content, { stepId: job.stepId, json: outcome.outputsJson });
  }

  dispatched({ job }: Execution): void {
    const params = JSON.parse(job.paramsJson) as Record<string, unknown>;
    for (const [name, value] of Object.entries(params)) {
      if (name.startsWith(innerPrefix)) this.#checkInner(job.stepId, name.slice(innerPrefix.length), value);
      if (name.startsWith(gatheredPrefix)) this.#checkGathered(name.slice(gatheredPrefix.length), value, job.stepId);
    }
    const list = this.#lists.get(`${job.workflowId}/m`);
    const [, place] = job.stepId.split('.');
    if (
      itemParam in params &&
      list !== undefined &&
      JSON.stringify(params[itemParam]) !== JSON.stringify(list[Number(place)])
    )
      throw new Violation(
        'F1',
        `${job.stepId} was given ${JSON.stringify(params[itemParam])?.slice(0, 80)} for its item`,
      );
  }

  /** Inner steps see those of their own item. */
  #checkInner(stepId: string, inner: string, value: unknown): void {
    const wanted = `${stepId.slice(0, stepId.lastIndexOf('.') + 1)}${inner}`;
    const made = this.#made.get(String((value as { of?: unknown } | null)?.of));
    if (made !== undefined && made.stepId !== wanted)
      throw new Violation('F1', `${stepId} was given what ${made.stepId} has made, and not ${wanted}`);
  }

  /** F4: the results of items are at their places. */
  #checkGathered(group: string, value: unknown, user: string): void {
    if (!Array.isArray(value)) return;
    value.forEach((item: { of?: unknown } | null, index) => {
      const made = item === null ? undefined : this.#made.get(String(item.of));
      if (made !== undefined && made.stepId !== `${group}.${index}` && !made.stepId.startsWith(`${group}.${index}.`))
        throw new Violation('F4', `${user} was given what ${made.stepId} has made, for item ${index} of ${group}`);
    });
  }

  document(workflow: Workflow): void {
    const steps = new Map(workflow.steps.map((step) => [step.id, step]));
    const open = findOpen(workflow.steps);
    const atWork = findAtWork(workflow.steps);
    for (const step of workflow.steps) {
      if (Array.isArray(step.forEach)) this.#lists.set(`${workflow.id}/${step.id}`, step.forEach);
      this.#checkVerdict(workflow, step, steps, open);
      if (step.count !== undefined) this.#checkGroup(workflow, step, steps, atWork);
    }
  }

  #checkVerdict(
    { id, status }: Workflow,
    step: WorkflowStep,
    steps: ReadonlyMap<string, WorkflowStep>,
    open: ReadonlySet<string>,
  ): void {
    if (step.action === 'external_data') return;
    const body = bodyOf(step, steps);
    const join = (body?.join as string | undefined) ?? 'all';
    const ends = step.dependencies.flatMap((dependency) => {
      const on = steps.get(dependency);
      const end = on === undefined ? null : endOf(on);
      return open.has(dependency) ? [end, null] : [end];
    });
    const verdict = judge(join, ends);
    const where = `${step.id} of ${id} (${join} of ${ends.join(', ')})`;
    const hasRun = step.status === 'RUNNING' || step.status === 'PENDING' || endOf(step) === 'ran';
    // A stop by a call, and fail-fast, stop what a finished step waited for.
    if (hasRun && verdict !== 'runs' && step.status !== 'COMPLETED')
      throw new Violation('J', `${where} is ${step.status}`);
    if (endOf(step) === 'ran' && (verdict === 'waits' || verdict === 'skipped'))
      throw new Violation('J', `${where} has run`);
    const isIdle = step.status === 'WAITING_FOR_DEPENDENCY' && step.waits === undefined && step.count === undefined;
    if (isIdle && step.of === undefined && verdict !== 'waits') throw new Violation('J', `${where} still waits`);
    const own =
      body?.when !== undefined || step.logs.some((line) => line.includes('no longer') || line.includes('tolerated'));
    if (step.outcome === 'skipped' && verdict === 'runs' && !own) throw new Violation('J', `${where} was skipped`);
    if (status === 'COMPLETED' && endOf(step) === 'lost')
      throw new Violation('J', `${where} is lost, and ${id} COMPLETED`);
  }

  #checkGroup(
    { id }: Workflow,
    group: WorkflowStep,
    steps: ReadonlyMap<string, WorkflowStep>,
    atWork: ReadonlySet<string>,
  ): void {
    const count = group.count ?? 0;
    const inner = (group.body as { id: string }[] | undefined)?.map((step) => step.id) ?? null;
    const where = `${group.id} of ${id}`;
    const items = Array.from({ length: count }, (_, index) => {
      const ids = inner === null ? [`${group.id}.${index}`] : inner.map((each) => `${group.id}.${index}.${each}`);
      return ids.map((stepId) => {
        const step = steps.get(stepId);
        if (step === undefined) throw new Violation('F1', `${where} has ${count} items, and no step ${stepId}`);
        if (step.of?.step !== group.id || step.of.index !== index)
          throw new Violation('F1', `${stepId} of ${id} says that it is of ${JSON.stringify(step.of)}`);
        return step;
      });
    });
    const isOpen = (item: readonly WorkflowStep[]) => item.some((step) => endOf(step) === null);
    const most = group.repeat === undefined ? (flowOf(group, steps).concurrency ?? count) : 1;
    const underWay = items.filter((item) => item.some((step) => atWork.has(step.id))).length;
    if (underWay > most) throw new Violation('F2', `${where} has ${underWay} items at work, and ${most} is the most`);
    if (group.status !== 'COMPLETED' || group.outcome !== undefined) return;
    const open = items.findIndex(isOpen);
    if (open !== -1) throw new Violation('F3', `${where} is COMPLETED before its item ${open} has ended`);
    if (group.repeat !== undefined || flowOf(group, steps).repeat !== undefined) {
      if (group.outputs?.rounds !== count)
        throw new Violation('F4', `${where} has ${count} rounds, and records others`);
      return;
    }
    const own = (step: WorkflowStep) =>
      bodyOf(step, steps)?.tolerate === true && bodyOf(step, steps)?.forEach === undefined;
    const failed = items.filter((item) =>
      item.some((step) => step.status === 'FAILED' || (step.outcome === 'tolerated' && !own(step))),
    );
    const skipped = items.filter((item) => !failed.includes(item) && item.at(-1)?.outcome === 'skipped');
    const wanted = JSON.stringify({ count, failed: failed.length, skipped: skipped.length });
    if (JSON.stringify(group.outputs) !== wanted)
      throw new Violation('F4', `${where} records ${JSON.stringify(group.outputs)} where ${wanted} is right`);
    const { tolerate } = flowOf(group, steps);
    const may =
      tolerate === true
        ? count
        : typeof tolerate === 'string'
          ? Math.floor((count * Number.parseInt(tolerate, 10)) / 100)
          : (tolerate ?? 0);
    if (failed.length > may)
      throw new Violation('F3', `${where} is COMPLETED with ${failed.length} failed items of ${may}`);
  }
}

interface Written {
  readonly id?: string;
  readonly join?: unknown;
  readonly when?: unknown;
  readonly tolerate?: true | number | string;
  readonly forEach?: unknown;
  readonly repeat?: unknown;
  readonly concurrency?: number;
  readonly body?: readonly unknown[];
  readonly steps?: readonly unknown[];
}

/** What the definition says of a step: of one that a group has made, the group's body says it. */
function bodyOf(step: WorkflowStep, steps: ReadonlyMap<string, WorkflowStep>): Written | undefined {
  if (step.of === undefined) return step as Written;
  const group = steps.get(step.of.step);
  if (group === undefined) return undefined;
  const written = flowOf(group, steps);
  const inner = (written.body ?? written.steps) as Written[] | undefined;
  return inner?.find(({ id }) => step.id === `${group.id}.${step.of?.index}.${id}`);
}

function flowOf(group: WorkflowStep, steps: ReadonlyMap<string, WorkflowStep>): Written {
  return group.of === undefined ? (group as Written) : (bodyOf(group, steps) ?? {});
}
