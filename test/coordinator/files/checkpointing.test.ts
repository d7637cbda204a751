/**
 * Goal: a checkpoint lets the journal forget only what is durable elsewhere. Method: stores whose operations the
 * test delays and notes.
 */
import { expect, test } from 'vitest';
import type { Manifest, StorePort } from '../../../src/contract/store.ts';
import { live, newDir, restart } from '../restarts.ts';

const noop = { name: 'noop', steps: [{ id: 'a', action: 'noop' }] };
const waits = { name: 'waits', steps: [{ id: 'in', action: 'external_data' }] };

/** The store with some of its members replaced. */
function replacing(members: (store: StorePort) => Partial<StorePort>): (store: StorePort) => StorePort {
  return (store) => {
    const replaced = members(store);
    return new Proxy(store, {
      get: (target, key) => {
        const value = Reflect.get(key in replaced ? replaced : target, key) as unknown;
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
  };
}

test('an engine that has to end writes no manifest over files that it has not written', async () => {
  const manifests: Manifest[] = [];
  let hold: Promise<void> | null = null;
  let onHeld = () => {};
  const held = new Promise<void>((resolve) => {
    onHeld = resolve;
  });
  let release = () => {};
  const { engine, coordinator, dir } = await live(newDir(), {
    wrapStore: replacing((store) => ({
      writeState: async (...args) => {
        if (hold !== null) onHeld();
        await hold;
        return store.writeState(...args);
      },
      checkpoint: (manifest) => {
        manifests.push(manifest);
        return store.checkpoint(manifest);
      },
    })),
  });
  const { id } = await engine.submit(waits, { waitMs: 60_000 });
  hold = new Promise<void>((resolve) => {
    release = resolve;
  });
  await engine.externalData(id, { step_name: 'one', content: '1' });
  await held;
  await engine.externalData(id, { step_name: 'two', content: '2' });
  const ended = coordinator.parts.checkpoints.make();
  coordinator.parts.incidents.fatal(new Error('a broken rule'));
  release();
  await ended;
  await engine.close();
  expect(manifests).toEqual([]);
  const second = await restart(dir);
  expect((await second.engine.get(id)).workflow.steps.map(({ name }) => name)).toEqual(['in', 'one', 'two']);
});

test('it waits for the files of what was deleted, also in the batch that brought it about', async () => {
  const order: string[] = [];
  let bytes = 0;
  const { engine, coordinator } = await live(newDir(), {
    wrapStore: (store) =>
      new Proxy(
        replacing(() => ({
          removeWorkflow: async (id) => {
            // Long enough for a checkpoint that does not wait.
            await new Promise((resolve) => setTimeout(resolve, 100));
            await store.removeWorkflow(id);
            order.push('files gone');
          },
          checkpoint: async (manifest) => {
            order.push('manifest');
            await store.checkpoint(manifest);
          },
        }))(store),
        { get: (target, key) => (key === 'bytesSinceCut' ? bytes : Reflect.get(target, key)) },
      ),
  });
  const { id } = await engine.submit(waits, { waitMs: 60_000 });
  bytes = 100 * 1024 * 1024;
  const deleted = engine.delete(id);
  await deleted;
  bytes = 0;
  await coordinator.parts.checkpoints.make();
  expect(order.slice(0, 2)).toEqual(['files gone', 'manifest']);
});

test('one that is deleted while its line goes into the index is taken out again', async () => {
  const lines: unknown[][] = [];
  let during: (() => Promise<void>) | null = null;
  const { engine, coordinator, dir } = await live(newDir(), {
    wrapStore: replacing((store) => ({
      indexFinished: async (entries) => {
        await during?.();
        during = null;
        lines.push(entries.map((entry) => ('removed' in entry ? 'removed' : 'finished')));
        await store.indexFinished(entries);
      },
    })),
  });
  const { id } = await engine.submit(noop, { waitMs: 60_000 });
  await dir.untilState(id, ({ status }) => status === 'COMPLETED');
  during = () => engine.delete(id);
  await coordinator.parts.checkpoints.make();
  await coordinator.parts.checkpoints.make();
  expect(lines).toEqual([['finished'], ['removed']]);
});

test('a removal that fails holds up no checkpoint, is tried again, and its workflow never comes back', async () => {
  const manifests: Manifest[] = [];
  let failures = 0;
  const { engine, coordinator, dir } = await live(newDir(), {
    wrapStore: replacing((store) => ({
      removeWorkflow: async (id) => {
        if (failures === 0) return store.removeWorkflow(id);
        failures -= 1;
        throw Object.assign(new Error('EACCES'), { code: 'EACCES' });
      },
      checkpoint: (manifest) => {
        manifests.push(manifest);
        return store.checkpoint(manifest);
      },
    })),
  });
  const submit = async (name: string) => {
    const { id } = await engine.submit({ ...noop, name }, { waitMs: 60_000 });
    await dir.untilState(id, ({ status }) => status === 'COMPLETED');
    return id;
  };
  const [once, stays] = [await submit('once'), await submit('stays')];
  await coordinator.parts.checkpoints.make();
  failures = 1;
  await engine.delete(once);
  expect(dir.hasState(once)).toBe(true);
  await coordinator.parts.checkpoints.make();
  expect(dir.hasState(once)).toBe(false);
  failures = Number.POSITIVE_INFINITY;
  await engine.delete(stays);
  await coordinator.parts.checkpoints.make();
  await coordinator.parts.checkpoints.make();
  await engine.close();
  expect(manifests.map(({ deleted, stopped }) => [deleted, stopped])).toEqual([
    [undefined, undefined],
    [undefined, undefined],
    [[stays], undefined],
    [[stays], undefined],
    [[stays], true],
  ]);
  // Also by a start that cannot remove it either.
  const second = await restart(dir, undefined, {
    wrapStore: replacing(() => ({ removeWorkflow: () => Promise.reject(new Error('EACCES')) })),
  });
  expect((await second.engine.list()).total).toBe(0);
  await second.engine.close();
  const third = await restart(second.dir);
  expect((await third.engine.list()).total).toBe(0);
  expect(third.dir.hasState(stays)).toBe(false);
  await third.coordinator.parts.checkpoints.make();
  await third.engine.close();
  expect((await restart(third.dir)).coordinator.parts.store.found.manifest?.deleted).toBeUndefined();
});
