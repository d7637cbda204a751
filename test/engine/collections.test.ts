// Goal: a step that collects several pieces of data (ED6): each takes the next place, none is lost or doubled over a restart.
import { describe, expect, onTestFinished, test } from 'vitest';
import { withCollections } from '../../src/core/collect.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { openInline } from '../fixtures/inline-engine.ts';
import { expectRefusal, startInline, stepOf } from './running-engine.ts';

const collecting = (params: object = {}, rest: object = {}) => ({
  name: 'collects',
  steps: [
    { id: 'pages', name: 'Pages', action: 'external_data', params: { collect: 3, ...params }, ...rest },
    {
      id: 'all',
      action: 'text_join',
      dependencies: ['pages'],
      params: { texts: '{{steps.pages.outputs.items}}', separator: '|' },
    },
  ],
});

describe('the definition', () => {
  test('a collection gets a list of its places; everything else stays as it is', () => {
    const plain = { id: 'a', action: 'external_data', params: { within: '2d' } };
    const own = { id: 'b', action: 'external_data', params: { collect: 2 }, forEach: ['x'] };
    const [first, second, third] = (
      withCollections({ steps: [plain, own, collecting().steps[0]] }) as { steps: unknown[] }
    ).steps;
    expect([first, second]).toEqual([plain, own]);
    expect(third).toMatchObject({ id: 'pages', forEach: [0, 1, 2] });
    for (const odd of [null, 'x', [], { steps: 'x' }, { steps: [1, { params: { collect: 2.5 } }] }]) {
      expect(withCollections(odd)).toEqual(odd);
    }
  });

  test.each([1, 1_001, 2.5, '3'])('collect: %j is refused', async (collect) => {
    const { engine } = await startInline();
    await expectRefusal(engine.submit(collecting({ collect })), 'INVALID', /not valid/);
  });
});

test('takes what comes by its id, its name or alone, in this order, byte for byte, over a restart', async () => {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const first = await openInline(dir);
  const { id } = await first.engine.submit(collecting(), { waitMs: 5_000 });
  const large = `Grüße \r\n\u2028 ${'x'.repeat(100_000)}`;
  expect(await first.engine.externalData(id, { content: large })).toMatchObject({ step_id: 'pages.0' });
  expect((await first.engine.waiting()).items).toMatchObject([
    { step_id: 'pages', name: 'Pages', for: 'data', collect: 3, collected: 1 },
  ]);
  await first.engine.close();

  const { engine } = await openInline(dir);
  onTestFinished(() => engine.close());
  expect(await engine.externalData(id, { content: 'two', step_id: 'pages' })).toMatchObject({ step_id: 'pages.1' });
  expect((await engine.waiting()).items).toMatchObject([{ collected: 2 }]);
  expect(await engine.externalData(id, { content: 'three', step_name: 'Pages' })).toMatchObject({ step_id: 'pages.2' });
  await expectRefusal(engine.externalData(id, { content: 'four', step_id: 'pages' }), 'CONFLICT', /has all its data/);
  const { workflow } = await engine.finished(id);
  expect(workflow.status).toBe('COMPLETED');
  expect(stepOf(workflow, 'pages').outputs).toEqual({ count: 3, failed: 0, skipped: 0 });
  const gathered = (await engine.getStep(id, 'pages')).outputs?.items as { content: string }[];
  expect(gathered.map(({ content }) => content)).toEqual([large, 'two', 'three']);
  expect((await engine.waiting()).items).toEqual([]);
});

test('of a key that comes again, one piece', async () => {
  const { engine } = await startInline();
  const { id } = await engine.submit(collecting(), { waitMs: 5_000 });
  const send = (key: string) => engine.externalData(id, { content: key }, { idempotencyKey: key });
  expect([(await send('a')).step_id, (await send('a')).step_id, (await send('b')).step_id]).toEqual([
    'pages.0',
    'pages.0',
    'pages.1',
  ]);
});

test('beside another step that waits, several could be meant; a rule of it chooses', async () => {
  const { engine } = await startInline();
  const other = { id: 'other', action: 'external_data', params: {} };
  const { steps } = collecting();
  const both = await engine.submit({ name: 'both', steps: [...steps, other] }, { waitMs: 5_000 });
  await expectRefusal(engine.externalData(both.id, { content: 'x' }), 'INVALID', /2 steps/);
  const ruled = collecting({ take: { content_type: ['html'] } });
  const { id } = await engine.submit({ ...ruled, steps: [...ruled.steps, other] }, { waitMs: 5_000 });
  const html = { content: '<p>', content_type: 'html' };
  expect((await engine.externalData(id, html)).step_id).toBe('pages.0');
  expect((await engine.externalData(id, { content: 'x' })).step_id).toBe('other');
});

test('before it begins data are refused, and not taken for a step of their own', async () => {
  const { engine } = await startInline();
  const gate = { id: 'gate', action: 'approval', params: { message: 'Now?' } };
  const { steps } = collecting({}, { dependencies: ['gate'] });
  const { id } = await engine.submit({ name: 'later', steps: [gate, ...steps] }, { waitMs: 5_000 });
  await expectRefusal(engine.externalData(id, { content: 'x' }), 'CONFLICT', /has not begun to collect/);
  await expectRefusal(engine.externalData(id, { content: 'x', step_id: 'pages' }), 'CONFLICT', /has not begun/);
  expect((await engine.externalData(id, { content: 'x', add: true })).added).toBe(true);
  await engine.decide(id, 'gate', { approved: true });
  await engine.get(id, { waitMs: 5_000 });
  expect((await engine.externalData(id, { content: 'x' })).step_id).toBe('pages.0');
});

test('when its time is over it goes on with what has come, where it tolerates that', async () => {
  const { engine } = await startInline();
  const { id } = await engine.submit(collecting({ within: '1ms' }, { tolerate: true }));
  const { workflow } = await engine.finished(id);
  expect([workflow.status, stepOf(workflow, 'pages').outputs]).toEqual([
    'COMPLETED',
    { count: 3, failed: 3, skipped: 0 },
  ]);
});
