/**
 * What a progress display shows: each step's state and times, kept current from snapshots and events. Events that a
 * snapshot already contains change nothing, so the two may arrive in any order.
 */
import type { EngineEvent, TokenEvent } from '../contract/event.ts';
import type { JobStatus, Workflow } from '../contract/workflow.ts';
import { ComingSteps } from './coming-steps.ts';

export interface StepLine {
  id: string;
  action: string;
  status: JobStatus;
  startedAtMs: number | null;
  /** null until it has ended. */
  durationMs: number | null;
  attempt: number;
  error: string | null;
  /** The end of the text that its running attempt has made so far. */
  textEnd: string;
}

/** More than a line of any terminal. */
const textEndLength = 400;

export class StepBoard {
  readonly steps = new Map<string, StepLine>();
  name: string;
  status: JobStatus;
  readonly startedAtMs: number;
  endedAtMs: number | null = null;
  #version = 0;
  readonly #coming = new ComingSteps();
  #completed = 0;

  constructor(workflow: Workflow) {
    this.name = workflow.name;
    this.status = workflow.status;
    this.startedAtMs = Date.parse(workflow.createdAt);
    this.show(workflow);
  }

  get completed(): number {
    return this.#completed;
  }

  /** Takes a snapshot over; returns the steps whose status it changed. */
  show(workflow: Workflow): StepLine[] {
    if (workflow.version < this.#version) return [];
    this.#version = workflow.version;
    this.status = workflow.status;
    this.endedAtMs = Date.parse(workflow.updatedAt);
    const changed: StepLine[] = [];
    for (const step of workflow.steps) {
      const before = this.steps.get(step.id);
      const startedAtMs = step.startTime === null ? null : Date.parse(step.startTime);
      const endedAtMs = step.endTime === null ? null : Date.parse(step.endTime);
      const line: StepLine = {
        id: step.id,
        action: step.action,
        status: step.status,
        startedAtMs,
        durationMs: startedAtMs === null || endedAtMs === null ? null : endedAtMs - startedAtMs,
        attempt: step.attempt,
        error: step.error,
        textEnd: before?.attempt === step.attempt ? before.textEnd : '',
      };
      this.#put(line, before);
      this.#coming.note(step);
      if (before?.status !== line.status) changed.push(line);
    }
    return changed;
  }

  tell({ step_id: stepId, attempt, offset, text }: TokenEvent): void {
    const step = this.steps.get(stepId);
    if (step?.attempt !== attempt) return;
    step.textEnd = ((offset === 0 ? '' : step.textEnd) + text).slice(-textEndLength);
  }

  /** Takes an event over, with the steps that exist since; returns the steps whose status it changed. */
  apply(event: EngineEvent): StepLine[] {
    if (event.version <= this.#version) return [];
    this.status = event.status;
    for (const { id, action } of this.#coming.after(event)) {
      if (!this.steps.has(id)) this.#put(toComing(id, action), undefined);
    }
    const own = this.#applyToOwn(event);
    const others = [
      ...this.#end(event.completed_steps, 'COMPLETED'),
      ...this.#end(event.failed_steps, 'FAILED'),
      ...this.#end(event.stopped_steps, 'STOPPED'),
    ];
    return own === undefined ? others : [own, ...others];
  }

  /** Steps that an event has ended without an attempt: skipped ones, groups, steps behind a failure. */
  #end(ids: readonly string[] | undefined, status: JobStatus): StepLine[] {
    return (ids ?? []).flatMap((id) => {
      const step = this.steps.get(id);
      if (step === undefined || step.status === status) return [];
      this.#setStatus(step, status);
      return [step];
    });
  }

  #put(line: StepLine, before: StepLine | undefined): void {
    if (before?.status === 'COMPLETED') this.#completed -= 1;
    if (line.status === 'COMPLETED') this.#completed += 1;
    this.steps.set(line.id, line);
  }

  #setStatus(step: StepLine, status: JobStatus): void {
    if (step.status === 'COMPLETED') this.#completed -= 1;
    if (status === 'COMPLETED') this.#completed += 1;
    step.status = status;
  }

  #applyToOwn(event: EngineEvent): StepLine | undefined {
    const step = event.step_id === undefined ? undefined : this.steps.get(event.step_id);
    if (!step || event.step_status === undefined) return undefined;
    const atMs = Date.parse(event.at);
    const restarted = event.kind === 'step.started' && step.status === 'RUNNING';
    if (step.status === event.step_status && !restarted) return undefined;
    this.#setStatus(step, event.step_status);
    if (event.kind === 'step.started') {
      step.startedAtMs = atMs;
      step.durationMs = null;
      step.attempt += 1;
      step.textEnd = '';
    } else if (step.startedAtMs !== null) {
      step.durationMs = Math.max(0, atMs - step.startedAtMs);
    }
    return step;
  }
}

function toComing(id: string, action: string): StepLine {
  const nothing = { startedAtMs: null, durationMs: null, attempt: 0, error: null, textEnd: '' };
  return { id, action, status: 'WAITING_FOR_DEPENDENCY', ...nothing };
}
