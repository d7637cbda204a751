/**
 * Goal: the drawer shows the picked step as it is now, whatever came first. Method: a store and a worker that answer when
 * the test says so, and a clock of the test's own.
 */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { StepDetail } from '../../web/run/run-messages.ts';
import { StepLoader, type StoreListener } from '../../web/run/step-loader.ts';

interface Asked {
  readonly stepId: string;
  answer(error: string | null): Promise<void>;
  refuse(error: Error): Promise<void>;
}

function createStore() {
  const asked: Asked[] = [];
  let listener: StoreListener | undefined;
  const settled = async () => void (await vi.advanceTimersByTimeAsync(0));
  const call = (_name: 'step', { stepId }: { stepId: string }) => {
    let resolve: ((it: { detail: StepDetail }) => void) | undefined;
    let reject: ((error: Error) => void) | undefined;
    asked.push({
      stepId,
      answer(error) {
        resolve?.({ detail: { id: stepId, error } as StepDetail });
        return settled();
      },
      refuse(error) {
        reject?.(error);
        return settled();
      },
    });
    return new Promise<{ detail: StepDetail }>((toResolve, toReject) => {
      resolve = toResolve;
      reject = toReject;
    });
  };
  const listen = (given: StoreListener) => {
    listener = given;
    return () => {
      listener = undefined;
    };
  };
  const loader = new StepLoader({ id: 'w', worker: { call }, listen });
  return { asked, loader, tell: (what: (to: StoreListener) => void) => listener && what(listener) };
}

const shown = ({ loaded }: StepLoader) => loaded.value?.detail.error;

describe('the picked step', () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
  afterEach(() => void vi.useRealTimers());

  it('is read again when something has happened to it, and not when to another', async () => {
    const { asked, loader, tell } = createStore();
    loader.show('a');
    await asked[0]!.answer('failed');
    tell((to) => to.onStep('b'));
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked).toHaveLength(1);
    tell((to) => to.onStep('a'));
    await vi.advanceTimersByTimeAsync(1_000);
    await asked[1]!.answer(null);
    expect([asked.length, shown(loader)]).toEqual([2, null]);
  });

  it('is read again when the run was read as a whole: events that it was known from tell nobody then', async () => {
    const { asked, loader, tell } = createStore();
    loader.show('a');
    await asked[0]!.answer('failed');
    tell((to) => to.onAll());
    await vi.advanceTimersByTimeAsync(1_000);
    await asked[1]!.answer(null);
    expect([asked.length, shown(loader)]).toEqual([2, null]);
  });

  it('is read again after a reading that failed, when the engine is back', async () => {
    const { asked, loader, tell } = createStore();
    loader.show('a');
    await asked[0]!.refuse(new Error('The engine cannot be reached'));
    expect(loader.failure.value).not.toBeNull();
    tell((to) => to.onAll());
    await vi.advanceTimersByTimeAsync(1_000);
    await asked[1]!.answer(null);
    expect([loader.failure.value, shown(loader)]).toEqual([null, null]);
  });

  it('is that of the last reading, whichever answer comes first', async () => {
    const { asked, loader } = createStore();
    loader.show('a');
    loader.refresh();
    await asked[1]!.answer(null);
    await asked[0]!.answer('an older answer');
    expect(shown(loader)).toBeNull();
    loader.show('b');
    loader.show('a');
    await asked[2]!.answer('of another step');
    expect(loader.loaded.value).toBeNull();
  });

  it('of none is nothing', async () => {
    const { asked, loader, tell } = createStore();
    tell((to) => to.onAll());
    await vi.advanceTimersByTimeAsync(1_000);
    expect(asked).toEqual([]);
    loader.close();
  });
});
