/**
 * Goal: progress tells each change once whatever the order of snapshots and events, and the live picture overwrites
 * itself without clearing first. Method: made-up workflows and events into a stream that remembers.
 */
import { afterEach, expect, test, vi } from 'vitest';
import { LiveProgress } from '../../src/cli/live-progress.ts';
import { createPlainProgress } from '../../src/cli/plain-progress.ts';
import { widthOf } from '../../src/cli/printable.ts';
import { StepBoard } from '../../src/cli/step-board.ts';
import type { EngineEvent, EventKind } from '../../src/contract/event.ts';
import type { JobStatus, Workflow, WorkflowStep } from '../../src/contract/workflow.ts';

const atMs = Date.parse('2026-01-31T12:00:00.000Z');
const iso = (ms: number) => new Date(atMs + ms).toISOString();

function step(id: string, fields: Partial<WorkflowStep> = {}): WorkflowStep {
  return {
    id,
    name: id,
    action: 'noop',
    status: 'PENDING',
    dependencies: [],
    params: {},
    outputs: null,
    error: null,
    startTime: null,
    endTime: null,
    duration: null,
    logs: [],
    metadata: null,
    execution_metrics: null,
    attempt: 0,
    timeoutMs: null,
    retry: null,
    ...fields,
  };
}

function workflow(version: number, status: JobStatus, steps: WorkflowStep[], name = 'Tea'): Workflow {
  return { id: 'w', name, version, status, steps, createdAt: iso(0), updatedAt: iso(1500) } as Workflow;
}

function event(kind: EventKind, version: number, ms: number, fields: Partial<EngineEvent> = {}): EngineEvent {
  return { seq: version, kind, workflow_id: 'w', at: iso(ms), status: 'RUNNING', version, ...fields };
}

class Screen {
  readonly writes: string[] = [];
  columns = 60;
  rows = 10;
  write(text: string): boolean {
    this.writes.push(text);
    return true;
  }
  hasColors(): boolean {
    return false;
  }
  asStream(): NodeJS.WriteStream {
    return this as unknown as NodeJS.WriteStream;
  }
}

afterEach(() => {
  vi.useRealTimers();
});

function startPlain(steps: WorkflowStep[]) {
  const screen = new Screen();
  const created = workflow(1, 'PENDING', steps);
  const progress = createPlainProgress(created, new StepBoard(created), screen.asStream());
  return { progress, lines: () => screen.writes.map((line) => line.trimEnd()) };
}

test('plain progress has one line per change, with times taken from the events', () => {
  const { progress, lines } = startPlain([step('a'), step('b')]);
  progress.apply(event('step.started', 2, 100, { step_id: 'a', step_status: 'RUNNING' }));
  progress.apply(event('step.retrying', 3, 200, { step_id: 'a', step_status: 'PENDING' }));
  progress.apply(event('step.started', 4, 300, { step_id: 'a', step_status: 'RUNNING' }));
  progress.apply(event('step.completed', 5, 1300, { step_id: 'a', step_status: 'COMPLETED' }));
  expect(lines()).toEqual([
    'workflow w Tea (2 steps)',
    '[0/2] a (noop) RUNNING',
    '[0/2] a (noop) PENDING 100 ms',
    '[0/2] a (noop) RUNNING attempt 2',
    '[1/2] a (noop) COMPLETED attempt 2 1.0 s',
  ]);
});

test('a snapshot catches up on what no event told, and events that it contains change nothing', () => {
  const { progress, lines } = startPlain([step('a'), step('b')]);
  const done = { status: 'COMPLETED', startTime: iso(100), endTime: iso(350), attempt: 1 } as const;
  progress.show(workflow(6, 'RUNNING', [step('a', done), step('b')]));
  progress.apply(event('step.started', 2, 100, { step_id: 'a', step_status: 'RUNNING' }));
  progress.show(workflow(5, 'RUNNING', [step('a', { status: 'RUNNING' }), step('b')]));
  const failed = {
    status: 'FAILED',
    startTime: iso(400),
    endTime: iso(1500),
    attempt: 1,
    error: 'no\u001b[2J way',
  } as const;
  progress.end(workflow(8, 'FAILED', [step('a', done), step('b', failed)]));
  expect(lines()).toEqual([
    'workflow w Tea (2 steps)',
    '[1/2] a (noop) COMPLETED 250 ms',
    '[1/2] b (noop) FAILED 1.1 s',
    'b: no\\u001b[2J way',
    'workflow w FAILED: 1 of 2 steps in 1.5 s',
  ]);
});

test('events of one version are all told: one change may start several steps', () => {
  const { progress, lines } = startPlain([step('a'), step('b')]);
  progress.apply(event('step.started', 2, 1, { step_id: 'a', step_status: 'RUNNING' }));
  progress.apply(event('step.started', 2, 1, { step_id: 'b', step_status: 'RUNNING' }));
  expect(lines()).toHaveLength(3);
});

test('the live picture is redrawn in one write that goes up over the last one and clears only what is left', () => {
  vi.useFakeTimers({ now: atMs });
  const screen = new Screen();
  const board = new StepBoard(workflow(1, 'PENDING', [step('extract'), step('report')]));
  const progress = new LiveProgress(board, screen.asStream());
  expect(screen.writes[0]).toBe('\x1b[?25l');
  expect(screen.writes[1]).toBe(
    `\rTea ${'░'.repeat(24)} 0/2  0 ms\x1b[K\n  · extract  noop\x1b[K\n  · report   noop\x1b[K\n\x1b[J`,
  );
  progress.apply(event('step.started', 2, 0, { step_id: 'extract', step_status: 'RUNNING' }));
  vi.advanceTimersByTime(100);
  expect(screen.writes).toHaveLength(3);
  expect(screen.writes[2]).toContain(
    `\r\x1b[3ATea ${'░'.repeat(24)} 0/2  100 ms\x1b[K\n  ▶ extract  noop  100 ms\x1b[K\n`,
  );
  progress.note('a note');
  expect(screen.writes[3]).toContain('\r\x1b[3Aa note\x1b[K\nTea ');
  const done = { status: 'COMPLETED', startTime: iso(0), endTime: iso(700), attempt: 1 } as const;
  progress.end(workflow(9, 'COMPLETED', [step('extract', done), step('report', done)]));
  expect(screen.writes[4]).toBe(
    `\r\x1b[3ATea ${'█'.repeat(24)} 2/2  1.5 s\x1b[K\n  ✓ extract  noop  700 ms\x1b[K\n  ✓ report   noop  700 ms\x1b[K\nworkflow w COMPLETED: 2 of 2 steps in 1.5 s\x1b[K\n\x1b[J`,
  );
  expect(screen.writes.at(-1)).toBe('\x1b[?25h');
  vi.advanceTimersByTime(1000);
  expect(screen.writes).toHaveLength(6);
});

test('where the steps do not fit, running and failed ones stay in sight and no line is wider than the terminal', () => {
  vi.useFakeTimers({ now: atMs });
  const screen = new Screen();
  const steps = Array.from({ length: 50 }, (_, i) => step(`step-${i}`, { status: i < 20 ? 'COMPLETED' : 'PENDING' }));
  steps[3] = step('broken', { status: 'FAILED', error: 'x'.repeat(500) });
  steps[40] = step('busy', { status: 'RUNNING', startTime: iso(0) });
  new LiveProgress(new StepBoard(workflow(1, 'RUNNING', steps, 'n'.repeat(200))), screen.asStream()).end(
    workflow(2, 'STOPPED', steps),
  );
  const frame = (screen.writes[1] ?? '').split('\x1b[K\n').slice(0, -1);
  expect(frame).toHaveLength(7);
  expect(Math.max(...frame.map((line) => line.replace('\r', '').length))).toBeLessThan(60);
  expect(frame.join()).toMatch(/✗ broken.*✓ step-18.*✓ step-19.*▶ busy/s);
  expect(frame.at(-1)).toBe('  … and 45 more');
});

test('names that take two columns a character do not make a line wider', () => {
  vi.useFakeTimers({ now: atMs });
  const screen = new Screen();
  const steps = [step('要約', { status: 'FAILED', error: '失敗'.repeat(100) }), step('tea', { status: 'COMPLETED' })];
  new LiveProgress(new StepBoard(workflow(1, 'RUNNING', steps, '翻訳'.repeat(50))), screen.asStream()).end(
    workflow(2, 'FAILED', steps),
  );
  const frame = (screen.writes[1] ?? '').replace('\r', '').split('\x1b[K\n');
  expect(Math.max(...frame.map((line) => widthOf(line)))).toBeLessThan(60);
  expect(frame.slice(1, 3)).toEqual([
    expect.stringMatching(/^ {2}✗ 要約 {2}noop/),
    expect.stringMatching(/^ {2}✓ tea {3}noop/),
  ]);
});

test('beside a running step stands the end of its text, on its line, until the step ends', () => {
  vi.useFakeTimers({ now: atMs });
  const screen = new Screen();
  const board = new StepBoard(workflow(1, 'PENDING', [step('ask')]));
  const progress = new LiveProgress(board, screen.asStream());
  const piece = { kind: 'step.tokens', workflow_id: 'w', step_id: 'ask' } as const;
  progress.apply(event('step.started', 2, 0, { step_id: 'ask', step_status: 'RUNNING' }));
  progress.tell({ ...piece, attempt: 1, offset: 0, text: 'No line is ' });
  progress.tell({ ...piece, attempt: 1, offset: 11, text: 'longer\n than\u001b[2J the screen.' });
  progress.tell({ ...piece, attempt: 2, offset: 0, text: 'Of another attempt.' });
  vi.advanceTimersByTime(100);
  const [, running = ''] = screen.writes.at(-1)?.split('\n') ?? [];
  expect(running).toBe('  ▶ ask  noop  100 ms  …is longer than\\u001b[2J the screen.\x1b[K');
  expect(running.length - '\x1b[K'.length).toBeLessThan(screen.columns);
  progress.tell({ ...piece, attempt: 1, offset: 0, text: 'Anew.' });
  vi.advanceTimersByTime(100);
  expect(screen.writes.at(-1)).toContain('ms  Anew.');
  progress.apply(event('step.completed', 3, 300, { step_id: 'ask', step_status: 'COMPLETED' }));
  vi.advanceTimersByTime(100);
  expect(screen.writes.at(-1)).not.toContain('Anew');
  progress.end(workflow(4, 'COMPLETED', [step('ask', { status: 'COMPLETED', attempt: 1 })]));
});

test('steps that appear at run time are counted and told from the event on', () => {
  const { progress, lines } = startPlain([
    step('m', {
      forEach: '{{params.urls}}',
      action: 'steps',
      body: [
        { id: 'x', action: 'noop' },
        { id: 'y', action: 'render' },
      ],
    }),
    step('l', { repeat: { until: 'true', max: 2 }, action: 'noop' }),
    step('s', { when: 'false' }),
  ]);
  progress.apply(event('step.mapped', 2, 100, { step_id: 'm', step_status: 'WAITING_FOR_DEPENDENCY', count: 2 }));
  progress.apply(event('step.repeated', 3, 100, { step_id: 'l', step_status: 'WAITING_FOR_DEPENDENCY', round: 0 }));
  progress.apply(event('step.skipped', 4, 200, { step_id: 's', step_status: 'COMPLETED' }));
  progress.apply(event('step.started', 5, 200, { step_id: 'm.1.y', step_status: 'RUNNING' }));
  progress.apply(event('step.started', 6, 200, { step_id: 'l.0', step_status: 'RUNNING' }));
  progress.apply(
    event('step.completed', 7, 1200, { step_id: 'm.1.y', step_status: 'COMPLETED', completed_steps: ['m.0.y', 'm'] }),
  );
  expect(lines()).toEqual([
    'workflow w Tea (3 steps)',
    '[0/7] m (steps) WAITING_FOR_DEPENDENCY',
    '[0/8] l (noop) WAITING_FOR_DEPENDENCY',
    '[1/8] s (noop) COMPLETED',
    '[1/8] m.1.y (render) RUNNING attempt 1'.replace(' attempt 1', ''),
    '[1/8] l.0 (noop) RUNNING',
    expect.stringMatching(/^\[4\/8\] m\.1\.y \(render\) COMPLETED 1/),
    '[4/8] m.0.y (render) COMPLETED',
    '[4/8] m (steps) COMPLETED',
  ]);
});

test('steps of a group within a group are known too, and a snapshot knows better', () => {
  const inner = { id: 'i', forEach: ['a'], steps: [{ id: 'z', action: 'noop' }] };
  const created = workflow(1, 'RUNNING', [step('o', { forEach: ['p'], action: 'steps', body: [inner] })]);
  const board = new StepBoard(created);
  board.apply(event('step.mapped', 2, 0, { step_id: 'o', count: 1 }));
  board.apply(event('step.mapped', 3, 0, { step_id: 'o.0.i', count: 1 }));
  expect([...board.steps.keys()]).toEqual(['o', 'o.0.i', 'o.0.i.0.z']);
  expect(board.apply(event('step.started', 4, 0, { step_id: 'o.0.i.0.z', step_status: 'RUNNING' }))).toHaveLength(1);
  board.show(workflow(5, 'RUNNING', [step('o'), step('o.0.i'), step('o.0.i.0.z', { status: 'COMPLETED' })]));
  expect(board.completed).toBe(1);
});
