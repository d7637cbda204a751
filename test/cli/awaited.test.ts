/** Goal: what a workflow waits for from outside is told whole and in bounds, with the command that fits. Method: no engine; steps as REST shows them. */
import { expect, test } from 'vitest';
import { awaitsData, isAwaitingDecision, toDecisionLines } from '../../src/cli/awaited.ts';
import type { CliEngine } from '../../src/cli/context.ts';
import { Refusal } from '../../src/contract/failures.ts';
import type { Workflow, WorkflowStep } from '../../src/contract/workflow.ts';

const step = (id: string, more: object = {}) => ({ id, action: 'approval', status: 'WAITING_FOR_DEPENDENCY', ...more });
const decision = (id: string, more: object = {}) => step(id, { waits: { for: 'decision', ...more } });
const workflow = (steps: object[]) => ({ id: 'w1', steps }) as unknown as Workflow;

/** What getStep knows of each; null: it is refused. */
function accessTo(known: Record<string, object | null>, { serverUrl = null as string | null, keepsData = false } = {}) {
  const engine = {
    async getStep(_id: string, stepId: string) {
      const found = known[stepId];
      if (found === null) throw new Refusal({ code: 'NOT_FOUND', detail: 'gone' });
      return { id: stepId, message: `decide ${stepId}?`, params: {}, ...found };
    },
  } as unknown as CliEngine;
  return { engine, serverUrl, keepsData, close: async () => undefined };
}

const numbered = (count: number) => workflow(Array.from({ length: count }, (_, i) => decision(`d${i + 1}`)));
const lastLine =
  'what is done is gone with this run: run it with --server, or with --data and serve that directory, so that it can be decided';

test('ten decisions are told, and of eleven the last is counted', async () => {
  const ten = await toDecisionLines(numbered(10), accessTo({}));
  expect(ten).toEqual([
    ...Array.from({ length: 10 }, (_, i) => `waits for a decision: d${i + 1}: decide d${i + 1}?`),
    lastLine,
  ]);
  const eleven = await toDecisionLines(numbered(11), accessTo({}));
  expect(eleven).toEqual([...ten.slice(0, 10), 'and 1 more decisions', lastLine]);
  expect(await toDecisionLines(workflow([step('a')]), accessTo({}))).toEqual([]);
});

test('the advice is for the first of them, and asks for data where that one wants some', async () => {
  const until = { waits: { for: 'decision', until: '2026-01-31T12:00:00.000Z' } };
  const schema = { params: { data: { type: 'object' } }, ...until };
  const both = workflow([decision('a'), decision('b/c')]);
  const where = { serverUrl: 'http://127.0.0.1:8000' };
  expect(await toDecisionLines(both, accessTo({ a: schema }, where))).toEqual([
    'waits for a decision: a: decide a? (until 2026-01-31T12:00:00.000Z)',
    'waits for a decision: b/c: decide b/c?',
    [
      "to decide: hybrid-engine decide w1 a --approve --data '{…}' --server http://127.0.0.1:8000 (or --reject)",
      '       or: curl -X POST http://127.0.0.1:8000/api/workflows/w1/steps/a/decision -H \'Content-Type: application/json\' -d \'{"approved": true, "data": {…}}\'',
    ].join('\n'),
  ]);
  const [, , advice] = await toDecisionLines(both, accessTo({ 'b/c': schema }, where));
  expect(advice).not.toContain('data');
  const [, kept] = await toDecisionLines(workflow([decision('b/c')]), accessTo({}, { keepsData: true }));
  expect(kept).toBe('to decide: serve this data directory, then hybrid-engine decide w1 b/c --approve (or --reject)');
});

test('a step that has gone meanwhile is told as the workflow shows it; another fault is none of ours', async () => {
  const one = workflow([decision('a')]);
  expect(await toDecisionLines(one, accessTo({ a: null }))).toEqual(['waits for a decision: a: ', lastLine]);
  const broken = { ...accessTo({}), engine: { getStep: () => Promise.reject(new TypeError('x')) } as never };
  await expect(toDecisionLines(one, broken)).rejects.toThrow(TypeError);
});

test('data is awaited by steps that say so, and by those of an engine that says nothing', () => {
  const steps = [
    step('told', { waits: { for: 'data' } }),
    step('silent', { action: 'external_data' }),
    step('done', { action: 'external_data', status: 'COMPLETED' }),
    step('timed', { action: 'external_data', waits: { for: 'time' } }),
    decision('decided'),
    step('other'),
  ] as unknown as WorkflowStep[];
  expect(awaitsData({ steps }).map(({ id }) => id)).toEqual(['told', 'silent']);
  expect(steps.filter(isAwaitingDecision).map(({ id }) => id)).toEqual(['decided']);
});
