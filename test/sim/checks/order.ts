/** G6: an attempt begins after its own start and its dependencies' results are recorded, and sees exactly those results. */
import type { EngineEvent } from '../../../src/contract/event.ts';
import type { Outcome } from '../../../src/contract/job.ts';
import type { Workflow } from '../../../src/contract/workflow.ts';
import { type Check, type Execution, Violation } from '../check.ts';
import { boundPrefix } from '../definitions.ts';
import { hasRunAsWork, mayRunAgain } from '../flow-steps.ts';

export class OrderCheck implements Check {
  readonly #outputs = new Map<string, { execution: Execution; json: string }>();
  readonly #completed = new Set<string>();
  readonly #started = new Map<string, number>();
  /** What a step's result is called, as first seen in a document or in another step's params. */
  readonly #contents = new Map<string, string>();
  /** False while events cannot be followed: before the engine is up, and after a gap. */
  #canFollow = false;
  #hasGap = false;

  lifeBegan(): void {
    this.#canFollow = !this.#hasGap;
  }

  lifeEnded(): void {
    this.#canFollow = false;
  }

  ended(execution: Execution, outcome: Outcome): void {
    if (outcome.kind === 'completed') this.#outputs.set(execution.content, { execution, json: outcome.outputsJson });
  }

  event(event: EngineEvent): void {
    const { kind, workflow_id: id, step_id: stepId } = event;
    const key = `${id}/${stepId}`;
    const isData = kind === 'external_data.ingested' && event.step_status === 'COMPLETED';
    const isReturn = kind === 'step.returned' && event.step_status === 'COMPLETED';
    if (kind === 'step.completed' || isData || isReturn) this.#completed.add(key);
    for (const completed of event.completed_steps ?? []) this.#completed.add(`${id}/${completed}`);
    if (kind === 'step.started') this.#started.set(key, (this.#started.get(key) ?? 0) + 1);
  }

  gap(): void {
    this.#hasGap = true;
    this.#canFollow = false;
  }

  dispatched({ job }: Execution): void {
    const key = `${job.workflowId}/${job.stepId}`;
    const starts = this.#started.get(key) ?? 0;
    if (starts < job.attempt && this.#canFollow)
      throw new Violation('G6', `attempt ${job.attempt} of ${key} runs, and ${starts} starts were published`);
    const params = JSON.parse(job.paramsJson) as Record<string, unknown>;
    for (const [name, value] of Object.entries(params)) {
      if (name.startsWith(boundPrefix)) this.#checkBound(job.workflowId, name.slice(boundPrefix.length), value, key);
    }
  }

  #checkBound(id: string, stepId: string, value: unknown, user: string): void {
    const content = contentOf(value);
    const source = this.#outputs.get(content);
    const isInherited = source !== undefined && source.execution.job.workflowId !== id;
    if (!isInherited && !this.#completed.has(`${id}/${stepId}`) && this.#canFollow && !content.startsWith('external '))
      throw new Violation('G6', `${user} runs before the result of ${stepId} is recorded`);
    if (
      source &&
      (source.execution.job.stepId !== stepId || (typeof value === 'object' && JSON.stringify(value) !== source.json))
    )
      throw new Violation(
        'G6',
        `${user} was given for ${stepId}\n${JSON.stringify(value)}\ninstead of\n${source.json}`,
      );
    this.#agree(`${id}/${stepId}`, content);
  }

  document(workflow: Workflow): void {
    this.#checkKept(workflow);
    for (const step of workflow.steps) {
      if (step.status !== 'COMPLETED' || step.outputs?.blob !== undefined || !hasRunAsWork(step)) continue;
      if (mayRunAgain(step, workflow.steps)) continue;
      this.#agree(`${workflow.id}/${step.id}`, contentOf(step.outputs));
    }
  }

  /** A step is complete only after its dependencies; one that has its data is complete as soon as they are. */
  #checkKept({ id, steps }: Workflow): void {
    const done = new Set(steps.filter((step) => step.status === 'COMPLETED').map((step) => step.id));
    for (const step of steps) {
      const { id: stepId, action, status, outputs, dependencies } = step;
      const isDue = dependencies.every((dependency) => done.has(dependency));
      if (status === 'COMPLETED' && !isDue && !mayEndEarlier(step, steps))
        throw new Violation('G6', `${stepId} of ${id} is complete before its dependencies are`);
      if (action === 'external_data' && status === 'WAITING_FOR_DEPENDENCY' && outputs !== null && isDue)
        throw new Violation('G6', `${stepId} of ${id} has its data and its dependencies, and waits`);
    }
  }

  #agree(key: string, content: string): void {
    const known = this.#contents.get(key);
    if (known !== undefined && known !== content)
      throw new Violation('G6', `the result of ${key} is ${known} to one, ${content} to another`);
    this.#contents.set(key, content);
  }
}

/** Its `join` asks how steps have ended, or it has not run: table J is checked elsewhere. */
function mayEndEarlier({ join, outcome, of }: Workflow['steps'][number], steps: Workflow['steps']): boolean {
  if (outcome !== undefined || join === 'ended' || join === 'failed') return true;
  return of !== undefined && steps.length > 0;
}

function contentOf(value: unknown): string {
  if (typeof value === 'string') return value;
  const { of, content } = (value ?? {}) as { of?: unknown; content?: unknown };
  return String(of ?? content);
}
