/**
 * Goal: a bulk call that a SIGKILL cuts off is finished by the same call, and nothing is done twice (BK1). Method: the engine
 * in a process of its own, killed at the 40th of 200 workflows that the call stops; after the start the call with its key.
 */
import { expect, onTestFinished, test } from 'vitest';
import type { BulkResult } from '../../src/contract/bulk.ts';
import type { ListReply } from '../../src/contract/engine.ts';
import type { Workflow } from '../../src/contract/workflow.ts';
import { emitted } from '../fixtures/emitted.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { EngineProcess, ProcessGone } from '../fixtures/engine-process.ts';

const count = 200;
const killAt = 40;

test('a bulk call goes on after SIGKILL where it was, under the same key', { timeout: 240_000 }, async () => {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const begin = async (onEvent: (kind: string) => void = () => undefined): Promise<EngineProcess> => {
    const engine = new EngineProcess((event) => onEvent(event.kind), emitted('test/fixtures/engine-child.ts'));
    onTestFinished(() => engine.kill());
    await engine.start({ settings: { ...dir.settings, logLevel: 'fatal' } }, 0);
    return engine;
  };
  let stopped = 0;
  const first = await begin((kind) => {
    if (kind === 'workflow.stopped') stopped += 1;
    if (stopped === killAt) void first.kill();
  });
  const ids: string[] = [];
  for (let k = 0; k < count; k += 1) {
    const { id } = await first.call('submit', { name: `w${k}`, steps: [{ id: 'page', action: 'external_data' }] });
    ids.push(id);
  }
  const read = async (engine: EngineProcess, id: string) =>
    JSON.parse((await engine.call('get', id, {})).json) as Workflow & { version: number };
  const before = (await read(first, ids[0]!)).version;
  const call = (engine: EngineProcess): Promise<BulkResult[]> =>
    engine.call('bulk', { action: 'stop', ids }, { idempotencyKey: 'stop-all' });
  await expect(call(first)).rejects.toBeInstanceOf(ProcessGone);

  const second = await begin();
  const results = await call(second);
  expect(results.map(({ id, ok, status }) => ({ id, ok, status }))).toEqual(
    ids.map((id) => ({ id, ok: true, status: 'STOPPED' })),
  );
  const versions = new Set<number>();
  for (const id of ids) versions.add((await read(second, id)).version);
  expect([...versions]).toEqual([before + 1]);
  // A third time changes nothing either.
  expect(await call(second)).toEqual(results);
  const { total } = (await second.call('list', { status: ['STOPPED'] })) as ListReply;
  expect(total).toBe(count);
});
