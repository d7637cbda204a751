/** Goal: SC4, cached answers are held up to 16 of them and 32 Mi characters, and each gives its room back when its step has taken it. Method: a store whose answers have the length of the test's choice, and counted reads. */
import { expect, test } from 'vitest';
import { toEntryJson } from '../../../src/contract/cache-entry.ts';
import { OutOfHandlesError } from '../../../src/contract/store.ts';
import { type Question, StepCache } from '../../../src/coordinator/steps/step-cache.ts';

const Mi = 1024 * 1024;
const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

/** Answers of this many characters; 0: nothing is kept. */
function cacheOf(characters: () => number) {
  const timers: { ms: number; act: () => void }[] = [];
  let reads = 0;
  const store = {
    async readCached() {
      reads += 1;
      const length = characters();
      if (length === 0) return { kind: 'absent' };
      const from = { workflow: 'w', step: 's', at: '2026-01-31T12:00:00.000Z' };
      const outputsJson = `"${'x'.repeat(length - 2)}"`;
      return {
        kind: 'whole',
        json: toEntryJson({ format: 1, action: 'a', from, metadata: null, metrics: null, outputsJson }),
      };
    },
  };
  const clock = { timer: (ms: number, act: () => void) => void timers.push({ ms, act }) };
  const options = { settings: { secrets: {} }, store, clock, onNotice: () => undefined, onFatal: () => undefined };
  const cache = new StepCache(options as never);
  let asked = 0;
  const ask = () => {
    asked += 1;
    const params = { n: asked };
    return cache.ask(
      { action: 'a' } as never,
      async () => ({ params, use: undefined }) as never,
      () => undefined,
    );
  };
  return { cache, ask, timers, reads: () => reads };
}

const known = (questions: Question[]) => questions.filter(({ phase }) => phase === 'known').length;

test('a third answer of 16 Mi characters is read when one of the first two is taken', async () => {
  const { cache, ask, reads } = cacheOf(() => 16 * Mi);
  const questions = [ask()];
  await turn();
  questions.push(ask());
  await turn();
  questions.push(ask());
  await turn();
  expect([reads(), known(questions)]).toEqual([2, 2]);
  expect(cache.take(questions[0]!)?.outputsJson).toHaveLength(16 * Mi);
  await turn();
  expect([reads(), known(questions)]).toEqual([3, 3]);
  // What is let go gives its room back as well, and once.
  cache.letGo(questions[1]!);
  cache.letGo(questions[1]!);
  for (let n = 0; n < 2; n += 1) {
    questions.push(ask());
    await turn();
  }
  expect([reads(), known(questions)]).toEqual([4, 3]);
});

test('a seventeenth small answer is read when one of sixteen is taken', async () => {
  const { cache, ask, reads } = cacheOf(() => 100);
  const questions = Array.from({ length: 18 }, ask);
  await turn();
  expect([reads(), known(questions)]).toEqual([16, 16]);
  cache.take(questions[3]!);
  await turn();
  expect(reads()).toBe(17);
});

test('without handles an answer is read again a second later, and not after the engine has ended', async () => {
  let fails = true;
  const { cache, ask, timers, reads } = cacheOf(() => {
    if (fails) throw new OutOfHandlesError('none');
    return 100;
  });
  const [first, second] = [ask(), ask()];
  await turn();
  expect([timers.map(({ ms }) => ms), reads()]).toEqual([[1_000, 1_000], 2]);
  fails = false;
  timers[0]!.act();
  await turn();
  expect([known([first]), reads()]).toEqual([1, 3]);
  cache.halt();
  timers[1]!.act();
  await turn();
  expect(reads()).toBe(3);
  expect(cache.take(second)).toBeNull();
});
