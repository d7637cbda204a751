/**
 * Goal: a disk that is slow, or hangs, is told by health, and what waits for it is bounded (E7, G16).
 * Method: a coordinator that never answers behind the real client and engine; and a journal whose fdatasync takes its time.
 */
import { expect, onTestFinished, test } from 'vitest';
import { Refusal } from '../../src/contract/failures.ts';
import { limits } from '../../src/contract/limits.ts';
import { CoordinatedEngine } from '../../src/engine/engine.ts';
import { startCoordinatorThread } from '../../src/engine/thread-client.ts';
import { createActionCatalogue } from '../../src/tasks/registry.ts';
import { findDataSchemaFaults } from '../../src/templates/data-schema-faults.ts';
import { emittedUrl } from '../fixtures/emitted.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { createFaultDisk } from '../store/fault-disk.ts';
import { bounded, lookAgain, openLife } from './lives.ts';
import { Script } from './script.ts';

const stuckUrl = emittedUrl('test/disk/stuck-coordinator.ts');

test('E7: while the coordinator hangs health is degraded and says why, and calls beyond the bound get 503', {
  timeout: 20_000,
}, async () => {
  const coordinator = await startCoordinatorThread({
    url: stuckUrl,
    worker: { execArgv: [] },
    onFatal: () => undefined,
  });
  const templates = {
    list: async () => [],
    get: async () => undefined,
    problems: async () => [],
    close: async () => undefined,
  };
  const catalogue = createActionCatalogue();
  const engine = new CoordinatedEngine({
    coordinator,
    catalogue,
    settings: {} as never,
    unknownActions: 'simulate',
    checkData: async (_, data) => ({ data, errors: [] }),
    findDataSchemaFaults,
    templates: templates as never,
    healthPatienceMs: 50,
  });
  onTestFinished(() => engine.close());
  expect(await engine.health()).toMatchObject({ status: 'degraded', notices: [expect.stringMatching(/disk is slow/)] });
  // Calls that wait on purpose are not what the bound is for.
  for (let n = 0; n < limits.inboxCommandsMax; n += 1)
    void engine.finished('00000000-0000-4000-8000-000000000000').catch(() => undefined);
  const outcomes: string[] = [];
  const calls = limits.inboxCommandsMax + 10;
  for (let n = 0; n < calls; n += 1) {
    void engine.list().then(
      () => outcomes.push('answered'),
      (error: unknown) => outcomes.push(error instanceof Refusal ? String(error.status) : 'lost'),
    );
  }
  for (let turns = 0; turns < 10; turns += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(outcomes).toEqual(Array.from({ length: 10 }, () => '503'));
  expect(await engine.health()).toMatchObject({ status: 'degraded' });
});

test.each([50, 500])(
  'E7: an fdatasync that takes %s ms longer loses nothing and refuses nothing',
  { timeout: 120_000 },
  async (delayMs) => {
    const dir = new EngineDir();
    onTestFinished(() => dir.remove());
    let slowLeft = 2_000 / delayMs;
    const { disk } = createFaultDisk(
      ({ name }) => {
        // Held up like the real one, which is a synchronous call: so many times in all that the test stays short.
        if (name === 'fdatasyncSync' && slowLeft > 0) {
          slowLeft -= 1;
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, delayMs);
        }
        return undefined;
      },
      { syncs: false },
    );
    const life = await openLife(dir, disk);
    const script = new Script(life, { ended: life.ended, onRefused: async () => undefined });
    await bounded(script.run(), 'the run on a slow disk');
    await life.engine.close();
    expect(script.refused).toBe(0);
    expect(life.fatal).toEqual([]);
    expect(await lookAgain(dir, script.acknowledged)).toEqual({ missing: [], notices: [] });
  },
);
