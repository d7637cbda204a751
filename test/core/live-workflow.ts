/**
 * A workflow driven by hand: decisions are made, their events written to a list and applied, as the coordinator does it
 * with a journal. Time moves one second with each event.
 */
import type { StepDefinition, WorkflowDefinition } from '../../src/contract/definition.ts';
import type { FailureCode } from '../../src/contract/failures.ts';
import { type JournalEvent, readEventJson, toEventJson } from '../../src/contract/journal-event.ts';
import type { JsonObject } from '../../src/contract/json.ts';
import type { Reservation } from '../../src/contract/ledger.ts';
import { type ChildEnd, type ChildInput, decideChild, decideReturn } from '../../src/core/child.ts';
import { createWorkflow } from '../../src/core/create-workflow.ts';
import * as decide from '../../src/core/decide.ts';
import { decideBranch } from '../../src/core/decide-branch.ts';
import * as flow from '../../src/core/decide-flow.ts';
import { evolve, evolveParent } from '../../src/core/evolve.ts';
import { decideExternalData, type ExternalInput } from '../../src/core/external-data.ts';
import { WorkflowState } from '../../src/core/state.ts';
import { readWorkflow, toMeta } from '../../src/core/state-file.ts';
import type { StepState, Wait } from '../../src/core/step-state.ts';
import type { Change } from '../../src/core/stop-steps.ts';
import { ViewEncoder } from '../../src/core/view.ts';

export const workflowId = '11111111-2222-4333-8444-555555555555';
export const childId = '0190a1b2-0000-7000-8000-0000000000c1';
export const bornAt = Date.parse('2026-01-31T12:00:00.000Z');

type Born = Extract<JournalEvent, { workflow: unknown }>;

export interface Fact {
  seq: number;
  json: string;
}

export class LiveWorkflow {
  readonly journal: Fact[] = [];
  readonly state: WorkflowState;
  now = bornAt;

  constructor(born: Born) {
    this.journal.push({ seq: 1, json: toEventJson(born) });
    this.state = createWorkflow(born, 1);
  }

  /** `steps` in short: `{ a: '', b: 'a', c: 'a b' }`, each name with what it waits for; ext… waits for external data. */
  static of(steps: Record<string, string>, more: Partial<WorkflowDefinition> = {}): LiveWorkflow {
    const definition: WorkflowDefinition = {
      name: 'test',
      ...more,
      steps: Object.entries(steps).map(([id, dependencies]) => ({
        id,
        action: id.startsWith('ext') ? 'external_data' : 'noop',
        dependencies: dependencies.split(' ').filter((name) => name !== ''),
      })),
    };
    return new LiveWorkflow(decide.decideCreate({ id: workflowId, definition, templateId: null, now: bornAt }));
  }

  /** Steps as a definition has them; the action is `noop` where there is none. */
  static with(steps: (Partial<StepDefinition> & { id: string })[], more: Partial<WorkflowDefinition> = {}) {
    const whole = steps.map((step): StepDefinition => ({ ...(step.steps ? {} : { action: 'noop' }), ...step }));
    const definition: WorkflowDefinition = { name: 'test', ...more, steps: whole };
    return new LiveWorkflow(decide.decideCreate({ id: workflowId, definition, templateId: null, now: bornAt }));
  }

  /** A workflow that a file brings in. */
  static adopted(file: Record<string, unknown>): LiveWorkflow {
    const workflow = { id: workflowId, ...file } as JsonObject;
    return new LiveWorkflow({ kind: 'workflow.adopted', workflowId, at: bornAt, version: 1, workflow });
  }

  get status() {
    return this.state.header.status;
  }

  step(id: string): StepState {
    const step = this.state.step(id);
    if (!step) throw new Error(`no step ${id}`);
    return step;
  }

  statuses(): Record<string, string> {
    return Object.fromEntries(this.state.steps.map((step) => [step.id, step.status]));
  }

  names(places: readonly number[]): string[] {
    return places.map((i) => this.state.steps[i]!.id);
  }

  apply(event: JournalEvent): Change {
    const seq = this.journal.length + 1;
    this.journal.push({ seq, json: toEventJson(event) });
    return evolve(this.state, event, seq);
  }

  tick(): number {
    this.now += 1_000;
    return this.now;
  }

  /** Steps to start, the last name followed by what it reserves. */
  start(...args: (string | Reservation | null)[]): void {
    const reserved = args.find((arg) => typeof arg !== 'string') ?? null;
    for (const id of args.filter((arg) => typeof arg === 'string'))
      this.apply(decide.decideStart(this.state, id, this.tick(), { reserved: reserved as Reservation | null }));
  }

  /** The change, or null when the attempt counts no longer. */
  end(id: string, result: decide.AttemptResult, attempt = this.step(id).attempt, random = 0): Change | null {
    const context = { now: this.tick(), durationMs: 500, random };
    const event = decide.decideOutcome(this.state, id, attempt, result, context);
    return event && this.apply(event);
  }

  complete(id: string, attempt?: number): Change | null {
    return this.end(id, completed(), attempt);
  }

  fail(id: string, code: FailureCode = 'BINDING', attempt?: number): Change | null {
    return this.end(id, failed(code), attempt);
  }

  /** Starts and completes each. */
  run(...ids: string[]): void {
    for (const id of ids) {
      this.start(id);
      this.complete(id);
    }
  }

  runToFailure(id: string): void {
    this.start(id);
    this.fail(id);
  }

  /** An outcome that counts no longer arrives; whether it left a trace. */
  spent(id: string, attempt: number, metrics: JsonObject | null): boolean {
    const event = decide.decideSpent(this.state, id, attempt, completed({ metrics }), this.tick());
    if (event) this.apply(event);
    return event !== null;
  }

  branch(stepId: string): LiveWorkflow {
    const id = '0190a1b2-0000-7000-8000-0000000000b1';
    return new LiveWorkflow(decideBranch(this.state, { id, stepId, params: undefined, now: this.tick() }));
  }

  stop(): Change {
    return this.apply(decide.decideStop(this.state, this.tick()));
  }

  resume(): Change {
    return this.apply(decide.decideResume(this.state, this.tick()));
  }

  retry(): Change {
    return this.apply(decide.decideRetryCall(this.state, this.tick()));
  }

  /** `when` of each is false. */
  skip(...ids: string[]): void {
    for (const id of ids) this.apply(flow.decideSkip(this.state, id, 'its condition is false', this.tick()));
  }

  /** The list of a group is known. */
  map(id: string, count: number, labels?: string[]): Change {
    return this.apply(flow.decideMap(this.state, id, { count, ...(labels ? { labels } : {}) }, this.tick()));
  }

  /** A loop begins, goes on or ends, by what `until` says. */
  round(id: string, isDone: boolean | null = null): Change {
    return this.apply(flow.decideRound(this.state, id, isDone, this.tick()));
  }

  wait(id: string, kind: Wait['for'], until: number | null = null): Change {
    return this.apply(flow.decideWait(this.state, id, { for: kind, until }, this.tick()));
  }

  /** A `workflow` step starts a child, of one step. */
  startChild(stepId: string, more: Partial<ChildInput> = {}): void {
    const definition: WorkflowDefinition = { name: 'child', steps: [{ id: 'c', action: 'noop' }] };
    const input = { id: childId, definition, templateId: 't', warnings: [], until: null, now: this.tick(), ...more };
    const event = decideChild(this.state, stepId, input);
    const seq = this.journal.length + 1;
    this.journal.push({ seq, json: toEventJson(event) });
    evolveParent(this.state, event, seq);
  }

  /** The child of a step has ended. */
  return(stepId: string, more: Partial<ChildEnd> = {}): Change {
    const done = { error: null, metrics: null, isSimulated: false, outputs: { json: '{"steps":{}}' } };
    return this.apply(decideReturn(this.state, stepId, { child: childId, ...done, ...more }, this.tick()));
  }

  elapse(id: string): Change {
    return this.apply(flow.decideElapsed(this.state, this.step(id), this.tick()));
  }

  decide(id: string, approved: boolean, more: Partial<flow.Decision> = {}): Change {
    const decision = { approved, by: null, comment: null, data: null, ...more };
    return this.apply(flow.decideDecision(this.state, id, decision, this.tick()));
  }

  /** It fails before an attempt. */
  unready(id: string, code: FailureCode = 'BINDING'): Change {
    return this.apply(flow.decideUnready(this.state, id, { code, error: `${code} for the test` }, this.tick()));
  }

  give(input: Partial<ExternalInput>): Change {
    return this.apply(decideExternalData(this.state, external({ now: this.tick(), ...input })));
  }
}

export function completed(change: Partial<Extract<decide.AttemptResult, { kind: 'completed' }>> = {}) {
  const outputs = { json: '{"content":"done"}' };
  return {
    kind: 'completed' as const,
    outputs,
    metadata: null,
    metrics: null,
    logs: [],
    simulated: false,
    ...change,
  };
}

export function failed(code: FailureCode, change: Partial<Extract<decide.AttemptResult, { kind: 'failed' }>> = {}) {
  const message = `${code} for the test`;
  return {
    kind: 'failed' as const,
    code,
    message,
    retryAfterMs: null,
    metadata: null,
    metrics: null,
    logs: [],
    ...change,
  };
}

export function external(change: Partial<ExternalInput> = {}): ExternalInput {
  return {
    stepId: null,
    stepName: null,
    add: false,
    sourceUrl: null,
    action: 'external_data',
    outputs: { json: '{"content":"data"}' },
    metadata: {},
    suffix: '0a1b2c3d',
    now: bornAt,
    ...change,
  };
}

/** The workflow that a journal alone gives. */
export function replay(journal: readonly Fact[]): WorkflowState {
  const [first, ...rest] = journal;
  const state = createWorkflow(readEventJson(first!.json) as Born, first!.seq);
  for (const { seq, json } of rest) {
    const event = readEventJson(json);
    if (event.kind === 'workflow.created') evolveParent(state, event, seq);
    else evolve(state, event, seq);
  }
  return state;
}

/** The workflow that its state file alone gives. */
export function throughFile(state: WorkflowState): WorkflowState {
  const file: unknown = JSON.parse(new ViewEncoder().encode(state));
  return readWorkflow(file, JSON.parse(JSON.stringify(toMeta(state))), 0);
}

/** All that is not derived. */
export function toKept(state: WorkflowState) {
  return { header: state.header, steps: state.steps };
}

/** All that is derived (ST1). */
export function toDerived(state: WorkflowState) {
  const { index, downstream, missing, ends, counts, totals, resultsSize, outcomes, timed, paused } = state;
  const tallies = [...state.tallies].map(([group, tally]) => {
    const { places, next, openItems, failedItems } = tally;
    const items = places.map((_, item) => [tally.isOpen(item), tally.isFailed(item)]);
    return { group, places, items, next, openItems, failedItems };
  });
  const ended = ends.map(({ lost, skipped, tolerated }) => `${lost} ${skipped} ${tolerated}`).join();
  const own = { index, downstream, missing, ended, counts, totals, resultsSize, outcomes, timed, paused };
  return { ...own, tallies: tallies.sort((a, b) => a.group - b.group) };
}

/** The same steps with everything derived afresh. */
export function derivedAfresh(state: WorkflowState): WorkflowState {
  return new WorkflowState(state.header, [...state.steps]);
}
