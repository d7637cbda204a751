/** An engine as programs get it, in a data directory of its own, closed and removed with the test that asked for it. */
import { expect, onTestFinished } from 'vitest';
import type { Engine } from '../../src/contract/engine.ts';
import type { RefusalCode } from '../../src/contract/failures.ts';
import { Refusal } from '../../src/contract/failures.ts';
import type { Workflow, WorkflowStep } from '../../src/contract/workflow.ts';
import { createEngine, type EngineOptions } from '../../src/main.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { Gate } from '../fixtures/gate.ts';
import { type InlineEngine, type InlineOptions, openInline } from '../fixtures/inline-engine.ts';

export interface Running {
  engine: Engine;
  dir: EngineDir;
}

export async function openEngine(dir: EngineDir, options: EngineOptions = {}): Promise<Engine> {
  return createEngine({
    ownThread: false,
    onFatal: (message) => {
      throw new Error(message);
    },
    ...options,
    settings: { ...dir.settings, poolThreads: 1, logLevel: 'fatal', simulationMs: 1, ...options.settings },
  });
}

export async function startEngine(options: EngineOptions = {}): Promise<Running> {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const engine = await openEngine(dir, options);
  onTestFinished(() => engine.close());
  return { engine, dir };
}

/** The same with tasks in this thread, which starts at once. */
export async function startInline(options: InlineOptions = {}): Promise<InlineEngine & { dir: EngineDir }> {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const inline = await openInline(dir, options);
  onTestFinished(() => inline.engine.close());
  return { ...inline, dir };
}

export async function startGate(): Promise<Gate> {
  const gate = await Gate.start();
  onTestFinished(() => gate.close());
  return gate;
}

export function stepOf(workflow: Workflow, id: string): WorkflowStep {
  const step = workflow.steps.find((candidate) => candidate.id === id);
  if (!step) throw new Error(`no step ${id} in workflow ${workflow.id}`);
  return step;
}

export function statuses(workflow: Workflow): Record<string, string> {
  return Object.fromEntries(workflow.steps.map((step) => [step.id, step.status]));
}

export async function refusalOf(call: Promise<unknown>): Promise<Refusal> {
  const error = await call.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Refusal);
  return error as Refusal;
}

export async function expectRefusal(call: Promise<unknown>, code: RefusalCode, detail: RegExp): Promise<void> {
  const refusal = await refusalOf(call);
  expect({ code: refusal.code, detail: refusal.detail }).toEqual({ code, detail: expect.stringMatching(detail) });
}

export const isoTime = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;

/** Log lines with their times replaced by `<time>`. */
export function timeless(lines: readonly string[]): string[] {
  return lines.map((line) => line.replace(new RegExp(isoTime, 'g'), '<time>'));
}
