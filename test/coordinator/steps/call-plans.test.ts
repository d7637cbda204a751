/**
 * Goal: the call that is planned for a step is the one that its attempt makes. Method: plans of `chat` steps, whose address
 * holds references, beside the params that the attempt binds; once an engine, where a budget has no room.
 */
import { expect, onTestFinished, test } from 'vitest';
import type { EngineSettings } from '../../../src/contract/settings.ts';
import { createClock } from '../../../src/coordinator/clock.ts';
import { CallPlans } from '../../../src/coordinator/steps/call-plans.ts';
import { readWorkflow } from '../../../src/core/state-file.ts';
import { createActionCatalogue } from '../../../src/tasks/registry.ts';
import { startInline, stepOf } from '../../engine/running-engine.ts';

const catalogue = createActionCatalogue();

/** `blob`: how the outputs of step `a` lie; null for inline. */
function plan(
  baseUrl: string,
  x: unknown,
  blob: { blob: string; bytes: number } | null = null,
  blobs?: Map<string, unknown>,
) {
  const file = {
    id: 'w',
    params: { x },
    steps: [
      { id: 'a', action: 'noop', status: 'COMPLETED', outputs: blob ?? { x } },
      {
        id: 'b',
        action: 'chat',
        status: 'PENDING',
        dependencies: ['a'],
        params: { base_url: baseUrl, model: 'm', prompt: 'hi' },
      },
    ],
  };
  const state = readWorkflow(file, {}, 0);
  const settings = { secrets: {} } as unknown as EngineSettings;
  return new CallPlans(settings, catalogue, createClock()).plan(state, state.stepAt(1), blobs);
}

test.each([
  ['http://h:1/{{params.x}}/v1', 'R&D', 'http://h:1/R%26D/v1'],
  ['http://h:1/{{steps.a.outputs.x}}/v1', 'a b/c?d', 'http://h:1/a%20b/c%3Fd/v1'],
  ['{{params.x}}/v1', 'http://h:1/as it is', 'http://h:1/as it is/v1'],
  ['{{params.x}}', 'http://h:1/a&b', 'http://h:1/a&b'],
])('%s with %j is planned for %s', (written, x, baseUrl) => {
  expect(plan(written, x)).toMatchObject({ provider: 'h:1', model: 'm', baseUrl });
});

test.each([['..'], ['.'], [null]])('an address that the attempt refuses is no call: %j', (x) => {
  expect(plan('http://h:1/{{params.x}}/v1', x)).toBeNull();
});

test('an address with outputs that lie in a blob is planned when they are read', () => {
  const ref = { blob: 'a'.repeat(64), bytes: 100_000 };
  const written = 'http://h:1/{{steps.a.outputs.x}}/v1';
  expect(plan(written, null, ref)).toBe('unread');
  const blobs = (x: unknown) => new Map<string, unknown>([[ref.blob, { x }]]);
  expect(plan(written, null, ref, blobs('R&D'))).toMatchObject({ baseUrl: 'http://h:1/R%26D/v1' });
  expect(plan(written, null, ref, blobs('..'))).toBeNull();
});

test('a step whose address is refused fails, and waits for no budget', async () => {
  const { engine } = await startInline();
  const step = (x: string) => ({
    name: x,
    params: { x },
    budget: { usd: 1 },
    steps: [
      { id: 'b', action: 'chat', params: { base_url: 'http://127.0.0.1:1/{{params.x}}/v1', model: 'm', prompt: 'hi' } },
    ],
  });
  const refused = await engine.submit(step('..'), { waitMs: 60_000 });
  const { workflow } = await engine.get(refused.id);
  expect([workflow.status, stepOf(workflow, 'b').error]).toEqual([
    'FAILED',
    '{{params.x}} makes the segment ".." in an address, which leads to another path',
  ]);
  // Its partner: a call that has no price has no room in a budget in dollars.
  const { id } = await engine.submit(step('v2'), { waitMs: 60_000 });
  const paused = (await engine.get(id)).workflow;
  expect([paused.status, stepOf(paused, 'b').reason]).toEqual([
    'WAITING_FOR_DEPENDENCY',
    expect.stringMatching(/price/),
  ]);
  onTestFinished(async () => void (await engine.stop(id)));
});
