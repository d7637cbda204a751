/**
 * Goal: a workflow's text is its JSON, indented by two save for large outputs, and only what changed is encoded anew.
 * Method: against plain JSON.stringify; reads of JSON are counted.
 */
import { describe, expect, test, vi } from 'vitest';
import type { OutputsRef } from '../../src/contract/journal-event.ts';
import { workflowSchema, workflowStepSchema, workflowSummarySchema } from '../../src/contract/workflow.ts';
import { hasBlobs as hasBlobsInFile } from '../../src/core/state-file.ts';
import { toCostBreakdown, toStepView, toSummary, ViewEncoder } from '../../src/core/view.ts';
import { bornAt, completed, LiveWorkflow, workflowId } from './live-workflow.ts';

function sample(): LiveWorkflow {
  const live = LiveWorkflow.of({ a: '', b: 'a' }, { description: 'line\nbreak', params: { x: { y: [1, 'two\n'] } } });
  live.start('a');
  const outputs = { json: '{"content":"line\\nbreak","list":[]}' };
  live.end('a', completed({ outputs, metrics: { tokens: 12, cost: 0.1, model: 'm' }, logs: ['a\nb'] }));
  return live;
}

function complete(live: LiveWorkflow, id: string, outputs: OutputsRef): void {
  live.start(id);
  live.end(id, completed({ outputs }));
}

describe('toStepView', () => {
  test('shows a step as the contract has it', () => {
    const { state } = sample();
    expect(workflowStepSchema.parse(toStepView(state.steps[0]!))).toEqual({
      id: 'a',
      name: 'a',
      action: 'noop',
      status: 'COMPLETED',
      dependencies: [],
      params: {},
      outputs: { content: 'line\nbreak', list: [] },
      error: null,
      queuedAt: '2026-01-31T12:00:00.000Z',
      startTime: '2026-01-31T12:00:01.000Z',
      endTime: '2026-01-31T12:00:01.500Z',
      duration: '0 sec',
      logs: [
        'Started execution at 2026-01-31T12:00:01.000Z',
        'a\nb',
        'Completed successfully at 2026-01-31T12:00:01.500Z',
      ],
      metadata: null,
      execution_metrics: { tokens: 12, cost: 0.1, model: 'm' },
      attempt: 1,
      timeoutMs: null,
      retry: null,
    });
  });

  test('has no duration before the end, and shows outputs in a blob by name and size', () => {
    const live = LiveWorkflow.of({ a: '' });
    expect(toStepView(live.step('a'))).toMatchObject({ startTime: null, endTime: null, duration: null, outputs: null });
    live.start('a');
    expect(toStepView(live.step('a'))).toMatchObject({ startTime: '2026-01-31T12:00:01.000Z', duration: null });
    live.end('a', completed({ outputs: { blob: 'b'.repeat(64), bytes: 9 } }));
    expect(toStepView(live.step('a')).outputs).toEqual({ blob: 'b'.repeat(64), bytes: 9 });
  });
});

describe('ViewEncoder', () => {
  test('gives the text that JSON.stringify would give, byte for byte', () => {
    const text = new ViewEncoder().encode(sample().state);
    expect(text).toBe(JSON.stringify(JSON.parse(text), null, 2));
    expect(workflowSchema.parse(JSON.parse(text))).toMatchObject({
      id: workflowId,
      status: 'RUNNING',
      progress: 50,
      description: 'line\nbreak',
      params: { x: { y: [1, 'two\n'] } },
      cost_breakdown: { m: 0.1 },
      metrics: {
        total_tokens: 12,
        total_cost: 0.1,
        completed_steps: 1,
        failed_steps: 0,
        total_steps: 2,
        cost_is_floor: false,
      },
      branches: [],
    });
  });

  test('an encoder that is used again gives what a fresh one gives, after every change', () => {
    const live = sample();
    const encoder = new ViewEncoder();
    const same = () => expect(encoder.encode(live.state)).toBe(new ViewEncoder().encode(live.state));
    same();
    live.run('b');
    same();
    live.give({});
    same();
    live.state.setHeader({ params: { other: 1 }, branches: [{ id: 'x', stepId: 'a', createdAt: bornAt }] });
    same();
    expect(JSON.parse(encoder.encode(live.state)).branches).toEqual([
      { id: 'x', stepId: 'a', createdAt: '2026-01-31T12:00:00.000Z' },
    ]);
  });

  test('encodes only the steps that changed', () => {
    const live = sample();
    const encoder = new ViewEncoder();
    encoder.encode(live.state);
    const untouched = live.state.steps[0] as { name: string };
    untouched.name = 'changed behind the back of setStep';
    expect(JSON.parse(encoder.encode(live.state)).steps[0].name).toBe('a');
  });

  test('parses no large outputs, and small ones once', () => {
    const live = LiveWorkflow.of({ large: '', small: '', last: '' });
    const table = JSON.stringify({ rows: Array.from({ length: 500 }, (_, i) => ({ row: i })) });
    complete(live, 'large', { json: table });
    complete(live, 'small', { json: '{"row":1}' });
    const encoder = new ViewEncoder();
    const parsed: string[] = [];
    const encode = () => {
      const parse = vi.spyOn(JSON, 'parse');
      const text = encoder.encode(live.state);
      parsed.push(...parse.mock.calls.map(([json]) => json));
      parse.mockRestore();
      return text;
    };
    const first = encode();
    complete(live, 'last', { json: '{}' });
    const second = encode();
    expect(parsed).toEqual(['{"row":1}']);
    for (const text of [first, second]) {
      expect(text).toContain(`"outputs": ${table},\n`);
      expect(JSON.parse(text).steps.map((step: { outputs: unknown }) => step.outputs)).toEqual([
        JSON.parse(table),
        { row: 1 },
        text === first ? null : {},
      ]);
    }
  });

  test('gives the same text in pieces, large outputs as one of them', () => {
    const live = LiveWorkflow.of({ a: '' });
    const table = JSON.stringify({ rows: Array.from({ length: 500 }, (_, i) => ({ row: i })) });
    complete(live, 'a', { json: table });
    const encoder = new ViewEncoder();
    const pieces = encoder.encodePieces(live.state);
    expect(pieces).toContain(table);
    expect(pieces.join('')).toBe(encoder.encode(live.state));
  });

  test('counts the outputs that lie in blobs; what only looks like one is none', () => {
    const live = LiveWorkflow.of({ a: '', b: '' });
    const encoder = new ViewEncoder();
    const hasBlobs = () => {
      const shown = JSON.parse(encoder.encode(live.state));
      expect(hasBlobsInFile(shown)).toBe(encoder.hasBlobs);
      return encoder.hasBlobs;
    };
    complete(live, 'a', { json: JSON.stringify({ page: { blob: 'x' }, text: '"blob": "' }) });
    expect(hasBlobs()).toBe(false);
    complete(live, 'b', { blob: 'b'.repeat(64), bytes: 9 });
    expect([hasBlobs(), hasBlobs()]).toEqual([true, true]);
    live.state.setStep(1, { outputs: null });
    expect(hasBlobs()).toBe(false);
  });

  test('follows a workflow that a shorter file has replaced', () => {
    const encoder = new ViewEncoder();
    encoder.encode(LiveWorkflow.of({ a: '', b: '', c: '' }).state);
    const { state } = LiveWorkflow.of({ z: '' });
    expect(encoder.encode(state)).toBe(new ViewEncoder().encode(state));
  });

  test('a workflow without steps has an empty list', () => {
    const text = new ViewEncoder().encode(LiveWorkflow.of({}).state);
    expect(text).toBe(JSON.stringify(JSON.parse(text), null, 2));
    expect(JSON.parse(text)).toMatchObject({ steps: [], progress: 0 });
  });
});

test('a summary is the workflow without steps, params and branches', () => {
  const summary = workflowSummarySchema.parse(toSummary(sample().state));
  expect(summary).toMatchObject({ id: workflowId, steps_total: 2, version: 3, status: 'RUNNING' });
  expect(summary).not.toHaveProperty('steps');
});

test('the total is the sum of the breakdown to the last digit, and a floor when a price was not known', () => {
  const live = LiveWorkflow.of({ a: '', b: '', c: '' });
  live.start('a', 'b', 'c');
  live.end('a', completed({ metrics: { cost: 0.1, model: 'm' } }));
  live.end('b', completed({ metrics: { cost: 0.2, model: 'm' } }));
  live.end('c', completed({ metrics: { cost: null, model: 'free' } }));
  expect(toCostBreakdown(live.state.totals)).toEqual({ m: 0.3 });
  expect(toSummary(live.state).metrics).toMatchObject({ total_cost: 0.3, cost_is_floor: true });
});

describe('groups, skips and waits', () => {
  const live = LiveWorkflow.with([
    {
      id: 'm',
      forEach: '{{params.l}}',
      tolerate: 1,
      params: { long: 'prompt' },
      timeoutMs: 9,
      retry: { attemptsMax: 2 },
    },
    { id: 's', when: 'false' },
    { id: 'ask', action: 'approval' },
    { id: 'wait', action: 'delay', params: { for: '5s' } },
  ]);
  live.map('m', 2);
  live.runToFailure('m.0');
  live.skip('s');
  live.wait('ask', 'decision');
  live.wait('wait', 'time', live.now + 5_000);
  const until = new Date(live.now + 4_000).toISOString();
  const view = JSON.parse(new ViewEncoder().encode(live.state));
  const step = (id: string) => view.steps.find((each: { id: string }) => each.id === id);

  test('a step that a group has made says of what, and leaves what its definition says to the group', () => {
    expect(step('m')).toMatchObject({
      forEach: '{{params.l}}',
      tolerate: 1,
      count: 2,
      params: { long: 'prompt' },
      timeoutMs: 9,
    });
    expect(step('m.1')).toMatchObject({ of: { step: 'm', index: 1 }, params: {}, timeoutMs: null, retry: null });
    expect('count' in step('m.1') || 'tolerate' in step('m.1') || 'of' in step('m')).toBe(false);
    expect(step('m.0')).toMatchObject({ outcome: 'tolerated', error: 'BINDING for the test', outputs: {} });
    expect(step('s')).toMatchObject({ outcome: 'skipped', outputs: {}, when: 'false', startTime: null });
  });

  test('a step that waits says for what, and until when', () => {
    expect(step('ask')).toMatchObject({ reason: 'waits for a decision', waits: { for: 'decision' } });
    expect(step('wait')).toMatchObject({ reason: `waits for its time until ${until}`, waits: { for: 'time', until } });
    expect('waits' in step('m')).toBe(false);
  });

  test('the workflow counts what was skipped and tolerated, and says nothing of it where nothing was', () => {
    expect(view.metrics).toMatchObject({ skipped_steps: 1, tolerated_steps: 1, completed_steps: 2, failed_steps: 0 });
    const { metrics } = JSON.parse(new ViewEncoder().encode(LiveWorkflow.of({ a: '' }).state));
    expect('skipped_steps' in metrics || 'tolerated_steps' in metrics).toBe(false);
  });

  test('each step alone is shown as within the workflow', () => {
    expect(live.state.steps.map((each) => JSON.parse(JSON.stringify(toStepView(each))))).toEqual(view.steps);
  });
});
