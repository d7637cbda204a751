// Goal: call order under one key, a bound over all keys, and no turn lost to an error.
import { expect, test } from 'vitest';
import { KeyedQueue } from '../../src/store/keyed-queue.ts';

test('work under one key runs in call order, one at a time', async () => {
  const turns = new KeyedQueue(8);
  const seen: string[] = [];
  const work = (name: string) => async () => {
    seen.push(`${name} begins`);
    await Promise.resolve();
    seen.push(`${name} ends`);
  };
  await Promise.all([turns.run('k', work('a')), turns.run('k', work('b')), turns.run('k', work('c'))]);
  expect(seen).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
});

test('work under different keys shares the places, all of them and no more', async () => {
  const turns = new KeyedQueue(3);
  let running = 0;
  let most = 0;
  const releases: (() => void)[] = [];
  const work = async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise<void>((resolve) => releases.push(resolve));
    running -= 1;
  };
  const all = Promise.all(Array.from({ length: 10 }, (_, index) => turns.run(String(index), work)));
  for (let done = 0; done < 10; done += 1) {
    while (releases.length === 0) await Promise.resolve();
    releases.shift()?.();
  }
  await all;
  expect(most).toBe(3);
});

test('an error goes to its caller, and the next in line still runs', async () => {
  const turns = new KeyedQueue(1);
  const failed = turns.run('k', () => Promise.reject(new Error('no')));
  const next = turns.run('k', () => Promise.resolve('yes'));
  await expect(failed).rejects.toThrow('no');
  expect(await next).toBe('yes');
  await turns.idle();
});

test('idle waits for work that was asked for while it waited', async () => {
  const turns = new KeyedQueue(1);
  const seen: string[] = [];
  void turns.run('a', async () => {
    seen.push('first');
    void turns.run('b', async () => {
      seen.push('second');
    });
  });
  await turns.idle();
  expect(seen).toEqual(['first', 'second']);
});
