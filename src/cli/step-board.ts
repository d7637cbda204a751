/**
 * What a progress display shows: each step's state and times, kept current from snapshots and events. Events that a
 * snapshot already contains change nothing, so the two may arrive in any order.
 */
import type { EngineEvent, TokenEvent } from '../contract/event.ts';
import type { JobStatus, Workflow } from '../contract/workflow.ts';

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

  constructor(workflow: Workflow) {
    this.name = workflow.name;
    this.status = workflow.status;
    this.startedAtMs = Date.parse(workflow.createdAt);
    this.show(workflow);
  }

  get completed(): number {
    let count = 0;
    for (const step of this.steps.values()) if (step.status === 'COMPLETED') count += 1;
    return count;
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
      this.steps.set(step.id, line);
      if (before?.status !== line.status) changed.push(line);
    }
    return changed;
  }

  tell({ step_id: stepId, attempt, offset, text }: TokenEvent): void {
    const step = this.steps.get(stepId);
    if (step?.attempt !== attempt) return;
    step.textEnd = ((offset === 0 ? '' : step.textEnd) + text).slice(-textEndLength);
  }

  /** Takes an event over; returns the step that it changed. */
  apply(event: EngineEvent): StepLine | undefined {
    if (event.version <= this.#version) return undefined;
    this.status = event.status;
    const step = event.step_id === undefined ? undefined : this.steps.get(event.step_id);
    if (!step || event.step_status === undefined) return undefined;
    const atMs = Date.parse(event.at);
    const restarted = event.kind === 'step.started' && step.status === 'RUNNING';
    if (step.status === event.step_status && !restarted) return undefined;
    step.status = event.step_status;
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
