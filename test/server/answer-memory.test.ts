// Goal: what requests hold in memory is bounded, first come is first served, and all of it is given back (AM1 to AM4).
// Method: a stepped clock; each bound is met from both sides.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Refusal } from '../../src/contract/failures.ts';
import { AnswerMemory, type HeldMemory } from '../../src/server/answer-memory.ts';

const bounds = { bytesMax: 1_000, freeBytes: 10, patienceMs: 2_000, readingMsMax: 10_000 };
const cuts: string[] = [];

function open(memory: AnswerMemory, name: string): HeldMemory {
  const hold = memory.open(() => {
    cuts.push(name);
    hold.close();
  });
  return hold;
}

/** What has become of a promise once everything that can happen now has happened. */
async function outcome(promise: Promise<void>): Promise<string> {
  let now = 'waits';
  promise.then(
    () => {
      now = 'has room';
    },
    (error: unknown) => {
      now = error instanceof Refusal ? `${error.status}, again in ${error.retryAfterSeconds} s` : String(error);
    },
  );
  await vi.advanceTimersByTimeAsync(0);
  return now;
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
  cuts.length = 0;
});
afterEach(() => {
  expect(vi.getTimerCount()).toBe(0);
  vi.useRealTimers();
});

describe('AM1: the bytes of all requests together', () => {
  it('fit up to the bound, and not one beyond it', async () => {
    const memory = new AnswerMemory(bounds);
    const [first, second, third] = [open(memory, 'a'), open(memory, 'b'), open(memory, 'c')];
    expect(await outcome(first.room(600))).toBe('has room');
    expect(await outcome(second.room(400))).toBe('has room');
    expect(memory.bytes).toBe(1_000);
    second.keep(399);
    expect(await outcome(third.room(11))).toBe('waits');
    second.keep(389);
    expect(memory.bytes).toBe(1_000);
    for (const hold of [first, second, third]) hold.close();
    expect(memory.bytes).toBe(0);
  });

  it('do not count against a request that holds next to nothing', async () => {
    const memory = new AnswerMemory(bounds);
    const [large, small] = [open(memory, 'large'), open(memory, 'small')];
    await large.room(1_000);
    expect(await outcome(small.room(10))).toBe('has room');
    expect(await outcome(small.room(11))).toBe('waits');
    large.close();
    small.close();
  });

  it('let the one request through that is larger than the bound, when it is alone', async () => {
    const memory = new AnswerMemory(bounds);
    const [huge, other] = [open(memory, 'huge'), open(memory, 'other')];
    expect(await outcome(huge.room(5_000))).toBe('has room');
    const later = other.room(100);
    expect(await outcome(later)).toBe('waits');
    huge.close();
    await later;
    other.close();
  });

  it('count a body beside its answer', async () => {
    const memory = new AnswerMemory(bounds);
    const [one, other] = [open(memory, 'one'), open(memory, 'other')];
    one.takeBody(300);
    await one.room(300);
    expect(memory.bytes).toBe(600);
    expect(() => other.takeBody(401)).toThrow(Refusal);
    other.takeBody(400);
    one.sending(50);
    expect(memory.bytes).toBe(750);
    one.close();
    other.close();
  });
});

describe('AM2: an answer without room', () => {
  it('waits its turn: a smaller one behind it does not overtake it', async () => {
    const memory = new AnswerMemory(bounds);
    const [holder, first, second] = [open(memory, 'holder'), open(memory, 'first'), open(memory, 'second')];
    await holder.room(900);
    const large = first.room(500);
    const small = second.room(50);
    expect([await outcome(large), await outcome(small)]).toEqual(['waits', 'waits']);
    holder.close();
    expect([await outcome(large), await outcome(small)]).toEqual(['has room', 'has room']);
    expect(memory.bytes).toBe(550);
    first.close();
    second.close();
  });

  it('is refused when its patience ends, and those behind it move up', async () => {
    const memory = new AnswerMemory(bounds);
    const [holder, first, second] = [open(memory, 'holder'), open(memory, 'first'), open(memory, 'second')];
    await holder.room(900);
    const large = first.room(500);
    large.catch(() => undefined);
    await vi.advanceTimersByTimeAsync(1_500);
    const small = second.room(50);
    await vi.advanceTimersByTimeAsync(499);
    expect(await outcome(large)).toBe('waits');
    await vi.advanceTimersByTimeAsync(1);
    expect(await outcome(large)).toBe('503, again in 1 s');
    expect(await outcome(small)).toBe('has room');
    for (const hold of [holder, first, second]) hold.close();
    expect(memory.bytes).toBe(0);
  });

  it('waits without end when its call has had its effect, until its client goes', async () => {
    const memory = new AnswerMemory(bounds);
    const [holder, change] = [open(memory, 'holder'), open(memory, 'change')];
    await holder.room(1_000);
    const answer = change.room(500, true);
    await vi.advanceTimersByTimeAsync(3_600_000);
    const gone = outcome(answer);
    change.close();
    expect(await gone).toBe('ClientGoneError: the client closed the connection');
    holder.close();
    expect(memory.bytes).toBe(0);
  });
});

describe('AM3: while one waits', () => {
  it('cuts the answer that a client has been reading longest, once it has had its time', async () => {
    const memory = new AnswerMemory({ ...bounds, patienceMs: 60_000 });
    const [old, young, waiting] = [open(memory, 'old'), open(memory, 'young'), open(memory, 'waiting')];
    await old.room(500);
    old.sending(500);
    await vi.advanceTimersByTimeAsync(4_000);
    await young.room(500);
    young.sending(500);
    await vi.advanceTimersByTimeAsync(5_000);
    const room = waiting.room(100);
    await vi.advanceTimersByTimeAsync(500);
    expect([cuts, await outcome(room)]).toEqual([[], 'waits']);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([cuts, await outcome(room)]).toEqual([['old'], 'has room']);
    young.close();
    waiting.close();
    expect(memory.bytes).toBe(0);
  });

  it('cuts one at a time, though several have had their time', async () => {
    const memory = new AnswerMemory(bounds);
    const [young, old, waiting] = [open(memory, 'young'), open(memory, 'old'), open(memory, 'waiting')];
    old.sending(500);
    await vi.advanceTimersByTimeAsync(1);
    young.sending(500);
    await vi.advanceTimersByTimeAsync(20_000);
    expect(await outcome(waiting.room(100))).toBe('has room');
    expect(cuts).toEqual(['old']);
    young.close();
    waiting.close();
  });

  it('cuts none that is small or not yet made', async () => {
    const memory = new AnswerMemory({ ...bounds, patienceMs: 30_000 });
    const [made, small, waiting] = [open(memory, 'making'), open(memory, 'small'), open(memory, 'waiting')];
    await made.room(1_000);
    small.sending(10);
    const room = outcome(waiting.room(100));
    await vi.advanceTimersByTimeAsync(30_000);
    expect([cuts, await room]).toEqual([[], 'waits']);
    for (const hold of [made, small, waiting]) hold.close();
  });

  it('leaves a slow reader alone when nobody waits', async () => {
    const memory = new AnswerMemory(bounds);
    const slow = open(memory, 'slow');
    slow.sending(1_000);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(cuts).toEqual([]);
    slow.close();
  });
});

it('AM4: gives back what a request held once, however often it is closed', async () => {
  const memory = new AnswerMemory(bounds);
  const [one, other] = [open(memory, 'one'), open(memory, 'other')];
  await one.room(100);
  await other.room(30);
  one.close();
  one.close();
  one.sending(500);
  expect(memory.bytes).toBe(30);
  other.close();
  expect(memory.bytes).toBe(0);
});
