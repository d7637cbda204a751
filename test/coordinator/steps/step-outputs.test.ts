/** Goal: outputs stay inline up to their bound, what cannot be kept now is tried again each second, and nothing of it stays when the engine ends. Method: a store that refuses, a clock whose timers are counted. */
import { expect, test } from 'vitest';
import { limits } from '../../../src/contract/limits.ts';
import { DiskFailedError, DiskFullError, OutOfHandlesError, type StorePort } from '../../../src/contract/store.ts';
import type { Clock } from '../../../src/coordinator/clock.ts';
import { StepOutputs } from '../../../src/coordinator/steps/step-outputs.ts';
import { toEnd, toTime } from '../../../src/coordinator/steps/wait-times.ts';
import { BindingError } from '../../../src/core/bindings.ts';

function outputsOf(write: () => void = () => undefined) {
  const timers = new Map<() => void, number>();
  const clock = {
    soon: (act: () => void) => queueMicrotask(act),
    timer(ms: number, act: () => void) {
      timers.set(act, ms);
      return () => timers.delete(act);
    },
  } as unknown as Clock;
  let written = 0;
  const store = {
    async writeBlob() {
      write();
      written += 1;
      return 'name';
    },
    async readBlob() {
      write();
      return Buffer.from('{"a":1}');
    },
  } as unknown as StorePort;
  return { outputs: new StepOutputs(store, clock), timers, written: () => written };
}

const most = limits.outputsInlineBytesMax;
const jsonOf = (bytes: number) => `"${'x'.repeat(bytes - 2)}"`;
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('outputs of the bound are inline, a byte more is a blob, counted in bytes', async () => {
  const { outputs, written } = outputsOf();
  expect(await outputs.toOutputs('w', jsonOf(most))).toEqual({ json: jsonOf(most) });
  expect(written()).toBe(0);
  expect(await outputs.toOutputs('w', jsonOf(most + 1))).toEqual({ blob: 'name', bytes: most + 1 });
  const wide = `"${'ü'.repeat(most / 2)}"`;
  expect(await outputs.toOutputs('w', wide)).toEqual({ blob: 'name', bytes: most + 2 });
  // What looks like a reference to a blob must not be taken for one.
  expect(await outputs.toOutputs('w', '{"blob":"x","bytes":3}')).toEqual({ blob: 'name', bytes: 22 });
});

test('at once there is room for a quarter of it: a character may take four bytes', () => {
  const { outputs } = outputsOf();
  expect(outputs.toOutputsNow(jsonOf(most / 4))).toEqual({ json: jsonOf(most / 4) });
  expect(outputs.toOutputsNow(jsonOf(most / 4 + 1))).toBeNull();
  expect(outputs.toOutputsNow('{"blob":"x","bytes":3}')).toBeNull();
});

test.each([
  ['a full disk', new DiskFullError('full')],
  ['no handles', new OutOfHandlesError('none')],
])('with %s a blob is tried again a second later', async (_, fault) => {
  let failures = 2;
  const { outputs, timers, written } = outputsOf(() => {
    failures -= 1;
    if (failures >= 0) throw fault;
  });
  const kept = outputs.keep('w', jsonOf(most + 1));
  for (let tries = 0; tries < 2; tries += 1) {
    await turn();
    const [[again, ms] = []] = timers;
    expect(ms).toBe(1_000);
    if (again === undefined) throw new Error('nothing is tried again');
    timers.delete(again);
    again();
  }
  expect(await kept).toEqual({ blob: 'name', bytes: most + 1 });
  expect([written(), timers.size]).toEqual([1, 0]);
});

test('a disk that has failed is not tried again, and an engine that ends leaves no timer and makes none', async () => {
  const failed = outputsOf(() => {
    throw new DiskFailedError('gone');
  });
  await expect(failed.outputs.keep('w', jsonOf(most + 1))).rejects.toThrow('gone');
  const { outputs, timers } = outputsOf(() => {
    throw new DiskFullError('full');
  });
  void outputs.keep('w', jsonOf(most + 1));
  await turn();
  expect(timers.size).toBe(1);
  outputs.halt();
  expect(timers.size).toBe(0);
  void outputs.keep('w', jsonOf(most + 1));
  await turn();
  expect(timers.size).toBe(0);
});

test('how long to wait is said by a duration or not at all; an empty text is neither', () => {
  expect([toEnd(undefined, 5), toEnd('30s', 5), toEnd('2h', 5)]).toEqual([null, 30_005, 7_200_005]);
  for (const within of ['', 0, null, false, '30', 30]) expect(() => toEnd(within, 5)).toThrow(BindingError);
  expect(toTime({ for: '90s' }, 100)).toBe(90_100);
  expect(toTime({ until: '2026-01-31T12:00:00+01:00' }, 0)).toBe(Date.UTC(2026, 0, 31, 11));
  for (const until of ['2026-01-31T12:00:00', '2026-01-31', '', 0])
    expect(() => toTime({ until }, 0)).toThrow(BindingError);
});
