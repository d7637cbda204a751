/** Goal: `within` of a decision and of data from outside is a duration, also where a reference gives it, and is recorded. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Engine } from '../../src/contract/engine.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { expectRefusal, openEngine, stepOf } from './running-engine.ts';

const dir = new EngineDir();
let engine: Engine;

beforeAll(async () => {
  engine = await openEngine(dir);
});
afterAll(async () => {
  await engine.close();
  dir.remove();
});

const toWorkflow = (action: string, within: unknown, time: unknown) => ({
  name: 'waits',
  params: { time },
  steps: [{ id: 'a', action, params: { message: 'Go on?', otherwise: 'fail', within } }],
});

test.each(['approval', 'external_data'])('%s waits as long as a reference says', async (action) => {
  const { workflow, status } = await engine.submit(toWorkflow(action, '{{params.time}}', '90m'), { waitMs: 60_000 });
  expect(status).toBe('WAITING_FOR_DEPENDENCY');
  const { waits, startTime } = stepOf(workflow, 'a');
  expect(waits?.for).toBe(action === 'approval' ? 'decision' : 'data');
  expect(Date.parse(String(waits?.until)) - Date.parse(String(startTime))).toBe(90 * 60 * 1000);
});

test.each([
  ['approval', 'nobody decided'],
  ['external_data', 'no data came'],
])('%s expires at its time', async (action, what) => {
  const { id } = await engine.submit(toWorkflow(action, '{{params.time}}', '0ms'));
  const { workflow } = await engine.finished(id);
  expect(stepOf(workflow, 'a')).toMatchObject({ status: 'FAILED', error: expect.stringContaining(what) });
});

test.each([
  ['approval', 'a while', '"a while"'],
  ['external_data', 'a while', '"a while"'],
  ['external_data', 5, '5'],
])('%s within %j fails, and does not expire at once', async (action, time, shown) => {
  const { id } = await engine.submit(toWorkflow(action, '{{params.time}}', time));
  const { workflow } = await engine.finished(id);
  expect(stepOf(workflow, 'a').error).toBe(`within is no duration as in 30m or 2d: ${shown}`);
});

test('a `within` that is written as no duration is refused', async () => {
  const submitted = engine.submit(toWorkflow('external_data', '2 days', null));
  await expectRefusal(submitted, 'INVALID', /steps\[0\]\.params\.within: expected a duration/);
});
