/** Goal: whoever waits is told once, when the status, the time or the caller says so, and nothing of the wait stays. Method: a clock whose timers are counted. */
import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { isOver, Waits } from '../../../src/coordinator/followers/waits.ts';
import { WorkingClock } from '../files/working-clock.ts';

class CountingClock extends WorkingClock {
  readonly delays: number[] = [];
  left = 0;

  override timer(ms: number, callback: () => void): () => void {
    this.delays.push(ms);
    this.left += 1;
    const cancel = super.timer(ms, callback);
    return () => {
      this.left -= 1;
      cancel();
    };
  }
}

function waiting({
  waitMs = 5_000 as number | null,
  until = 'finished' as 'rest' | 'finished',
  signal = new AbortController().signal,
} = {}) {
  const clock = new CountingClock();
  const waits = new Waits(clock);
  let isEnded = false;
  const wait = waits.wait('w', until, waitMs, signal).then(() => {
    isEnded = true;
  });
  return { clock, waits, wait, signal, isEnded: () => isEnded };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

test('a status that ends the wait takes its timer and its listener along', async () => {
  const { clock, waits, wait, signal } = waiting();
  expect(clock.delays).toEqual([5_000]);
  waits.settle('other', 'COMPLETED');
  waits.settle('w', 'WAITING_FOR_DEPENDENCY');
  expect(getEventListeners(signal, 'abort')).toHaveLength(1);
  waits.settle('w', 'COMPLETED');
  await wait;
  expect(clock.left).toBe(0);
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});

test('a wait for rest ends where one for the end goes on; a workflow that is gone ends both', async () => {
  const rest = waiting({ until: 'rest' });
  rest.waits.settle('w', 'WAITING_FOR_DEPENDENCY');
  await rest.wait;
  const { waits, wait, isEnded } = waiting();
  waits.settle('w', 'WAITING_FOR_DEPENDENCY');
  await settled();
  expect(isEnded()).toBe(false);
  waits.settle('w', null);
  await wait;
  expect([isOver('WAITING_FOR_DEPENDENCY', 'rest'), isOver('WAITING_FOR_DEPENDENCY', 'finished')]).toEqual([
    true,
    false,
  ]);
  expect([isOver('FAILED', 'rest'), isOver('FAILED', 'finished'), isOver('RUNNING', 'rest')]).toEqual([
    true,
    true,
    false,
  ]);
});

test('a caller that goes away ends the wait; one that has gone begins none', async () => {
  const caller = new AbortController();
  const { clock, wait } = waiting({ signal: caller.signal });
  caller.abort();
  await wait;
  expect(clock.left).toBe(0);
  const late = waiting({ signal: caller.signal });
  await late.wait;
  expect(late.clock.delays).toEqual([]);
});

test('the time that it may take ends it, without a bound nothing but the status does', async () => {
  const { clock, wait, isEnded } = waiting();
  expect(clock.step(4_999)).toBe(false);
  await settled();
  expect(isEnded()).toBe(false);
  expect(clock.step(5_000)).toBe(true);
  await wait;
  const endless = waiting({ waitMs: null });
  expect(endless.clock.delays).toEqual([]);
  endless.waits.endAll();
  await endless.wait;
});
