/** Goal: what a list, a jump and a comparison show follows from their data alone. Method: pure functions, each border. */
import { describe, expect, it } from 'vitest';
import type { EngineEvent } from '../../src/contract/event.ts';
import type { Workflow, WorkflowStep, WorkflowSummary } from '../../src/contract/workflow.ts';
import { compareStep, toFacts } from '../../web/diff/compare-runs.ts';
import { toLineParts } from '../../web/diff/line-parts.ts';
import { deepEqual, matchRuns, toLines } from '../../web/diff/match-runs.ts';
import { rank, ranked } from '../../web/jump/rank.ts';
import { applyEvent } from '../../web/runs/apply-row.ts';
import { hasFilters, readFilters, toApiQuery, toggled, toSearch } from '../../web/runs/filters.ts';
import { shortId } from '../../web/ui/short-id.ts';

describe('filters', () => {
  const search =
    '?status=FAILED,RUNNING&tag=tea&tag=a+b&q=green&from=2026-01-31&to=2026-02-01&template=page-digest&sort=cost';

  it('are the address, and read from it', () => {
    const filters = readFilters(new URLSearchParams(search));
    expect(filters).toEqual({
      status: ['FAILED', 'RUNNING'],
      tag: ['tea', 'a b'],
      q: 'green',
      from: '2026-01-31',
      to: '2026-02-01',
      template: 'page-digest',
      sort: 'cost',
    });
    expect(toSearch(filters)).toBe(search.replace(/&q=.*?&/, '&q=green&'));
    expect(hasFilters(filters)).toBe(true);
  });

  it('drop what is none, and are nothing then', () => {
    const filters = readFilters(new URLSearchParams('?status=NO,COMPLETED,&tag=&from=soon&sort=name'));
    expect(filters).toMatchObject({ status: ['COMPLETED'], tag: [], from: '', sort: 'created' });
    const none = readFilters(new URLSearchParams());
    expect([toSearch(none), hasFilters(none)]).toEqual(['', false]);
  });

  it('ask for whole days of the zone that is shown', () => {
    const filters = readFilters(new URLSearchParams(search));
    expect(toApiQuery(filters, true)).toMatchObject({
      status: 'FAILED,RUNNING',
      from: '2026-01-31T00:00:00.000Z',
      to: '2026-02-01T23:59:59.999Z',
    });
    expect(toApiQuery(filters, false).from).toBe(new Date(2026, 0, 31).toISOString());
  });

  it('go in and out', () => {
    expect(toggled(['a', 'b'], 'a')).toEqual(['b']);
    expect(toggled(['b'], 'a')).toEqual(['b', 'a']);
  });
});

describe('a row after an event', () => {
  const row = {
    id: 'w',
    version: 5,
    status: 'RUNNING',
    updatedAt: 'before',
    progress: 10,
    steps_total: 4,
    metrics: { total_cost: 1, total_tokens: 10, cost_is_floor: false },
  } as WorkflowSummary;
  const event = {
    kind: 'step.completed',
    workflow_id: 'w',
    at: 'then',
    status: 'COMPLETED',
    version: 6,
  } as EngineEvent;

  it('shows what the event says', () => {
    const told = {
      ...event,
      progress: 50,
      steps_total: 6,
      step_counts: { COMPLETED: 3 },
      total_cost: 2,
      cost_is_floor: true,
    };
    expect(applyEvent(row, told)).toMatchObject({
      version: 6,
      status: 'COMPLETED',
      updatedAt: 'then',
      progress: 50,
      steps_total: 6,
      step_counts: { COMPLETED: 3 },
      metrics: { total_cost: 2, total_tokens: 10, cost_is_floor: true },
    });
  });

  it('stays what it was after an older one, or the same again', () => {
    expect(applyEvent(row, { ...event, version: 5 })).toBe(row);
    expect(applyEvent(row, { ...event, version: 4 })).toBe(row);
  });
});

describe('a jump', () => {
  it.each([
    ['rsm', 'Research summary', true],
    ['smr', 'Research summary', true],
    ['xyz', 'Research summary', false],
    ['', 'anything', true],
  ])('by %s finds %s: %s', (typed, text, isFound) => {
    expect(rank(typed, text) !== null).toBe(isFound);
  });

  it('puts whole words first, then starts of words, then the rest', () => {
    const texts = ['a big tea pot', 'steal a cat', 'Tea'];
    expect(ranked('tea', texts, (text) => text)).toEqual(['Tea', 'a big tea pot', 'steal a cat']);
    expect(ranked('rs', ['errors', 'run stop'], (text) => text)[0]).toBe('errors');
    expect(ranked('rst', ['arrest', 'run stop it'], (text) => text)[0]).toBe('run stop it');
  });
});

describe('two runs', () => {
  const step = (id: string, change: Partial<WorkflowStep> = {}) =>
    ({
      id,
      name: `Step ${id}`,
      action: 'noop',
      status: 'COMPLETED',
      params: { a: 1 },
      outputs: { content: 'x' },
      error: null,
      startTime: '2026-01-31T12:00:00.000Z',
      endTime: '2026-01-31T12:00:01.000Z',
      execution_metrics: null,
      ...change,
    }) as WorkflowStep;

  it('are matched by id: what differs first, then what one of them alone has', () => {
    const left = [step('same'), step('gone'), step('changed')];
    const right = [
      step('new'),
      step('changed', { outputs: { content: 'y' }, status: 'FAILED', error: 'no' }),
      step('same', { endTime: '2026-01-31T12:00:03.500Z' }),
    ];
    const { steps, counts } = matchRuns({ steps: left }, { steps: right });
    expect(steps.map(({ id, pair, parts, deltaMs }) => [id, pair, parts, deltaMs])).toEqual([
      ['changed', 'changed', ['status', 'outputs', 'error'], 0],
      ['gone', 'only-left', [], null],
      ['new', 'only-right', [], null],
      ['same', 'same', [], 2_500],
    ]);
    expect(counts).toEqual({ changed: 1, 'only-left': 1, 'only-right': 1, same: 1 });
  });

  it('differ in cost where both are known', () => {
    const cost = (amount: number | null) => step('a', { execution_metrics: { cost: amount } });
    const delta = (one: WorkflowStep, two: WorkflowStep) =>
      matchRuns({ steps: [one] }, { steps: [two] }).steps[0]?.deltaCost;
    expect(delta(cost(0.5), cost(0.75))).toBe(0.25);
    expect(delta(cost(null), cost(0.75))).toBeNull();
    expect(delta(step('a'), cost(0.75))).toBeNull();
  });

  it.each([
    [{ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1 }, true],
    [{ a: 1 }, { a: 1, b: undefined }, false],
    [[1, 2], [2, 1], false],
    [[], {}, false],
    [null, {}, false],
    ['1', 1, false],
  ])('have the values %o and %o: equal %s', (left, right, isEqual) => {
    expect(deepEqual(left, right)).toBe(isEqual);
  });

  it('are written as lines with their keys in one order', () => {
    expect(toLines({ b: 1, a: { d: 2, c: 3 } })).toBe(toLines({ a: { c: 3, d: 2 }, b: 1 }));
    expect([toLines('a\nb'), toLines(null)]).toEqual(['a\nb', '']);
  });

  it('count the time of what they have run themselves', () => {
    const steps = [
      step('over', { startTime: '2026-01-31T11:00:00.000Z', endTime: '2026-01-31T11:00:09.000Z' }),
      step('own'),
    ];
    expect(toFacts({ steps, createdAt: '2026-01-31T12:00:00.000Z' } as unknown as Workflow).spanMs).toBe(1_000);
  });

  it('show the lines of a step that differ, and only the parts that do', () => {
    const run = (outputs: object) =>
      ({ steps: [step('a', { outputs: outputs as WorkflowStep['outputs'] })] }) as unknown as Workflow;
    const { parts } = compareStep(run({ content: 'one\ntwo' }), run({ content: 'one\nthree' }), 'a');
    expect(parts.map(({ part }) => part)).toEqual(['outputs']);
    expect(parts[0]?.lines?.near).toEqual([
      { kind: 'same', text: 'one' },
      { kind: 'gone', text: 'two' },
      { kind: 'new', text: 'three' },
    ]);
    expect(compareStep(run({}), run({}), 'b').parts).toEqual([]);
  });

  it('show the lines of a text around a difference, and say what was left out', () => {
    const lines = Array.from({ length: 100 }, (_, k) => `line ${k}`);
    const long = '\u{1f600}'.repeat(4_000);
    const parts = toLineParts(lines.join('\n'), lines.map((line, k) => (k === 50 ? long : line)).join('\n'));
    const same = ['same', 'same', 'same'];
    expect(parts?.near.map(({ kind }) => kind)).toEqual(['fold', ...same, 'gone', 'new', ...same, 'fold']);
    expect(parts?.near[0]?.text).toBe('47');
    expect(parts?.near[5]?.text).toBe(`${'\u{1f600}'.repeat(2_000)}…`);
    // Never through a character of two units.
    expect(toLineParts('x', `a${long}`)?.near[1]?.text).toBe(`a${'\u{1f600}'.repeat(1_999)}…`);
    expect(parts?.all).toHaveLength(101);
    expect([parts?.isCut, parts?.nearLeft, parts?.allLeft]).toEqual([false, 0, 0]);
    expect(toLineParts('a', 'b'.repeat(300 * 1024))?.isCut).toBe(true);
    const many = toLineParts('x', Array.from({ length: 3_000 }, (_, k) => `${k}`).join('\n'));
    expect([many?.near.length, many?.nearLeft]).toEqual([2_000, 1_001]);
  });

  it('have short ids that differ where the runs were made together', () => {
    expect(shortId('01a22d56-ac21-70c4-a7ac-6ac2984017c1')).toBe('01a22d56…17c1');
    expect(shortId('short')).toBe('short');
  });
});
