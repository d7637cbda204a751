/** Goal: rules D1 to D6 of the schedule. Method: steps by hand, names taken in order. */
import { describe, expect, test } from 'vitest';
import { type Admission, type Hold, type ReadyStep, Schedule } from '../../src/core/schedule.ts';

function ready(stepId: string, change: Partial<ReadyStep> = {}): ReadyStep {
  return { workflowId: 'w', stepId, lane: 'io', rankMs: 0, readyAt: 0, ...change };
}

function scheduleOf(slotsMax: number, cpuMax: number, steps: ReadyStep[]): Schedule {
  const schedule = new Schedule(slotsMax, cpuMax);
  for (const step of steps) schedule.add(step);
  return schedule;
}

const take = (schedule: Schedule, most?: number) => schedule.take(most).map((step) => step.stepId);
const letters = (text: string, change: Partial<ReadyStep> = {}) => text.split('').map((id) => ready(id, change));

describe('D1: slots are bounded', () => {
  test('at most slotsMax attempts hold one', () => {
    const schedule = scheduleOf(3, 3, letters('abcde'));
    expect(take(schedule)).toEqual(['a', 'b', 'c']);
    expect(take(schedule)).toEqual([]);
    expect([schedule.running, schedule.ready]).toEqual([3, 2]);
  });

  test('at most cpuMax of them in the CPU lane, and I/O steps pass those that wait for a thread', () => {
    const schedule = scheduleOf(4, 1, [...letters('AB', { lane: 'cpu', rankMs: 9 }), ...letters('cd')]);
    expect(take(schedule)).toEqual(['A', 'c', 'd']);
    schedule.release('io');
    expect(take(schedule)).toEqual([]);
    schedule.release('cpu');
    expect(take(schedule)).toEqual(['B']);
  });

  test('the CPU lane is never wider than the slots', () => {
    expect(new Schedule(2, 8).cpuMax).toBe(2);
    expect(take(scheduleOf(2, 8, letters('ABC', { lane: 'cpu' })))).toEqual(['A', 'B']);
  });

  test('takes no more than asked for', () => {
    const schedule = scheduleOf(4, 4, letters('abc'));
    expect([take(schedule, 1), take(schedule, 0), take(schedule, 5)]).toEqual([['a'], [], ['b', 'c']]);
  });
});

describe('D1: the bounds may change while steps run', () => {
  test('with more room, more start at the next take', () => {
    const schedule = scheduleOf(1, 1, letters('abc'));
    expect(take(schedule)).toEqual(['a']);
    schedule.resize(2, 2);
    expect(take(schedule)).toEqual(['b']);
    expect([schedule.slotsMax, schedule.cpuMax]).toEqual([2, 2]);
  });

  test('with less, those that run keep their slots, and none starts until there is room', () => {
    const schedule = scheduleOf(3, 3, letters('abcde'));
    expect(take(schedule)).toEqual(['a', 'b', 'c']);
    schedule.resize(2, 2);
    expect(take(schedule)).toEqual([]);
    schedule.release('io');
    expect(take(schedule)).toEqual([]);
    schedule.release('io');
    expect(take(schedule)).toEqual(['d']);
  });

  test('the CPU lane has its own, and I/O steps pass it', () => {
    const schedule = scheduleOf(4, 2, [...letters('AB', { lane: 'cpu', rankMs: 9 }), ready('c')]);
    schedule.resize(4, 0);
    expect(take(schedule)).toEqual(['c']);
    schedule.resize(4, 1);
    expect(take(schedule)).toEqual(['A']);
  });

  test('with no room at all nothing starts, also no suspect', () => {
    const schedule = scheduleOf(0, 0, [ready('a', { isSuspect: true }), ready('b')]);
    schedule.letSuspectsRun();
    expect(take(schedule)).toEqual([]);
    schedule.resize(1, 1);
    expect(take(schedule)).toEqual(['a']);
  });
});

describe('D1 and D4: slots that are not there are a broken rule', () => {
  test('to start in', () => {
    // An admission that takes steps itself, while it is asked.
    let isAsked = false;
    const hold = () => {
      if (!isAsked) {
        isAsked = true;
        schedule.take();
      }
      return null;
    };
    const schedule = new Schedule(1, 1, { hold, begin: () => undefined });
    schedule.add(ready('a', { gate: 'g' }));
    expect(() => schedule.take()).toThrow('broken rule D1: 2 attempts for 1 slots');
  });

  test('to give back', () => {
    const schedule = scheduleOf(2, 2, letters('ab'));
    schedule.take();
    schedule.release('io');
    schedule.release('io');
    expect(() => schedule.release('io')).toThrow('broken rule D4: a slot of the io lane');
    expect(() => scheduleOf(2, 2, []).release('cpu')).toThrow('broken rule D4: a slot of the cpu lane');
  });
});

describe('D2: the longest remaining path goes first', () => {
  test('over both lanes', () => {
    const steps = [ready('a', { rankMs: 1 }), ready('b', { rankMs: 30, lane: 'cpu' }), ready('c', { rankMs: 20 })];
    expect(take(scheduleOf(4, 4, steps))).toEqual(['b', 'c', 'a']);
  });

  test('in order of readiness where nothing is known', () => {
    const steps = [
      ready('late', { readyAt: 9 }),
      ready('early', { readyAt: 1 }),
      ready('middle', { readyAt: 5, lane: 'cpu' }),
    ];
    expect(take(scheduleOf(4, 4, steps))).toEqual(['early', 'middle', 'late']);
  });

  test('in order of arrival where all is equal', () => {
    expect(take(scheduleOf(9, 9, [ready('a'), ready('b', { lane: 'cpu' }), ready('c'), ready('d')]))).toEqual([
      'a',
      'b',
      'c',
      'd',
    ]);
  });
});

test('D3: a step that has waited longer than another’s path is long goes before it', () => {
  const schedule = scheduleOf(1, 1, [ready('patient', { readyAt: 0, rankMs: 10 })]);
  for (let at = 100; at < 2_000; at += 100) schedule.add(ready(`at ${at}`, { readyAt: at, rankMs: 1_000 }));
  const order: string[] = [];
  for (let [next] = take(schedule); next; [next] = take(schedule)) {
    order.push(next);
    schedule.release('io');
  }
  expect(order.indexOf('patient')).toBe(9);
  expect(order[8]).toBe('at 900');
});

test('D4: a slot is free only after release, also when its step is removed or comes again', () => {
  const schedule = scheduleOf(1, 1, letters('ab'));
  expect(take(schedule)).toEqual(['a']);
  schedule.remove('w', 'a');
  schedule.add(ready('a'));
  expect([take(schedule), schedule.running]).toEqual([[], 1]);
  schedule.release('io');
  expect(take(schedule)).toEqual(['b']);
});

describe('what is ready', () => {
  test('counts once, however often it is added', () => {
    const schedule = scheduleOf(4, 4, [ready('a'), ready('a', { rankMs: 50 }), ready('b', { rankMs: 20 })]);
    expect(schedule.ready).toBe(2);
    expect(take(schedule)).toEqual(['b', 'a']);
  });

  test('is not taken after it was removed, and once when it came back', () => {
    const schedule = scheduleOf(4, 4, letters('abc'));
    for (const id of 'ab') schedule.remove('w', id);
    schedule.remove('w', 'unknown');
    schedule.add(ready('a'));
    expect(take(schedule)).toEqual(['c', 'a']);
    expect([schedule.ready, take(schedule)]).toEqual([0, []]);
  });

  test('has the place of its last coming', () => {
    const schedule = scheduleOf(1, 1, [ready('a', { rankMs: 99 }), ready('b', { rankMs: 50 })]);
    schedule.remove('w', 'a');
    schedule.add(ready('a'));
    expect(take(schedule)).toEqual(['b']);
  });

  test('the same step id in two workflows is two steps', () => {
    const schedule = scheduleOf(4, 4, [ready('a'), ready('a', { workflowId: 'v' })]);
    expect(schedule.take().map((step) => step.workflowId)).toEqual(['w', 'v']);
  });

  test('says how long the oldest has been', () => {
    const schedule = scheduleOf(1, 1, []);
    expect(schedule.oldestReadyAt()).toBeNull();
    for (const readyAt of [7, 3, 5]) schedule.add(ready(`${readyAt}`, { readyAt }));
    expect(schedule.oldestReadyAt()).toBe(3);
  });
});

describe('D5: a suspect runs alone', () => {
  test('not before it may, then before all others, once the rest has ended, and with nothing beside it', () => {
    const schedule = scheduleOf(4, 4, [ready('s', { isSuspect: true }), ...letters('ab')]);
    expect(take(schedule)).toEqual(['a', 'b']);
    schedule.letSuspectsRun();
    schedule.add(ready('c'));
    expect(take(schedule)).toEqual([]);
    schedule.release('io');
    schedule.release('io');
    expect(take(schedule)).toEqual(['s']);
    expect(take(schedule)).toEqual([]);
    schedule.release('io');
    expect(take(schedule)).toEqual(['c']);
  });

  test('one that is no longer ready keeps nobody waiting', () => {
    const schedule = scheduleOf(4, 4, [ready('s', { isSuspect: true }), ready('a')]);
    schedule.letSuspectsRun();
    schedule.remove('w', 's');
    expect(take(schedule)).toEqual(['a']);
  });
});

/** Lets as many steps of a gate start as it is told to, and counts what it is asked. */
class Gates implements Admission {
  readonly begun: string[] = [];
  readonly heldOwners = new Set<string>();
  asked = 0;
  readonly #left: Map<string, number>;

  constructor(left: Record<string, number> = {}) {
    this.#left = new Map(Object.entries(left));
  }

  open(gate: string, places: number): void {
    this.#left.set(gate, places);
  }

  hold({ gate, own = '' }: ReadyStep): Hold | null {
    this.asked += 1;
    if (this.heldOwners.has(own)) return { waitsFor: `room for ${own}`, until: null, isOwn: true };
    const until = gate === 'm' ? 700 : gate === 'n' ? 300 : null;
    return (this.#left.get(gate!) ?? 0) > 0 ? null : { waitsFor: `calls of ${gate}`, until };
  }

  begin({ gate, stepId }: ReadyStep): void {
    this.#left.set(gate!, this.#left.get(gate!)! - 1);
    this.begun.push(stepId);
  }
}

describe('D6: a step with a gate waits for its admission', () => {
  const withGates = (gates: Gates, steps: ReadyStep[], slotsMax = 4, cpuMax = slotsMax) => {
    const schedule = new Schedule(slotsMax, cpuMax, gates);
    for (const step of steps) schedule.add(step);
    return schedule;
  };

  test('without a slot, and holds up its own gate alone', () => {
    const gates = new Gates({ n: 1 });
    const steps = [...letters('abc', { gate: 'm', rankMs: 99 }), ...letters('de', { gate: 'n', rankMs: 50 })];
    const schedule = withGates(gates, [...steps, ...letters('fg')]);
    expect(take(schedule)).toEqual(['d', 'f', 'g']);
    expect([schedule.running, schedule.ready]).toEqual([3, 4]);
    gates.open('m', 9);
    expect(take(schedule)).toEqual(['a']);
    expect(gates.begun).toEqual(['d', 'a']);
  });

  test('in the order of its gate, which is that of the whole where nothing is held', () => {
    const gates = new Gates({ m: 9, n: 9 });
    const steps = [
      ready('a', { gate: 'm', rankMs: 40 }),
      ready('b', { gate: 'n', rankMs: 30 }),
      ready('c', { rankMs: 20 }),
      ready('d', { gate: 'm', rankMs: 10 }),
    ];
    expect(take(withGates(gates, steps))).toEqual(['a', 'b', 'c', 'd']);
  });

  test('asked after by the first of its gate alone, and not at all where there is no slot', () => {
    const gates = new Gates();
    const many = Array.from({ length: 20_000 }, (_, i) => ready(`${i}`, { gate: i % 2 === 0 ? 'm' : 'n' }));
    const schedule = withGates(gates, [...many, ...letters('ab')], 2);
    expect(take(schedule)).toEqual(['a', 'b']);
    expect(gates.asked).toBe(2);
    expect(take(schedule)).toEqual([]);
    expect([schedule.ready, gates.asked]).toEqual([20_000, 2]);
  });

  test('and says what is held, why, and until when', () => {
    const gates = new Gates({ o: 1 });
    const steps = [...letters('ab', { gate: 'm' }), ...letters('c', { gate: 'n' }), ...letters('de', { gate: 'o' })];
    const schedule = withGates(gates, [...steps, ready('f')], 3);
    expect([schedule.held(), schedule.heldUntil]).toEqual([[], null]);
    expect(take(schedule)).toEqual(['d', 'f']);
    const held = schedule.held().map(({ gate, waitsFor, until, steps: all }) => [gate, waitsFor, until, all.length]);
    expect(held).toEqual([
      ['m', 'calls of m', 700, 2],
      ['n', 'calls of n', 300, 1],
      ['o', 'calls of o', null, 1],
    ]);
    expect(schedule.heldUntil).toBe(300);
    schedule.remove('w', 'c');
    gates.open('m', 1);
    // With no slot left nobody else is asked after: what was told last stands, and is not asked again in time.
    expect([take(schedule), schedule.heldUntil]).toEqual([['a'], null]);
    expect(schedule.held().map(({ gate, steps: all }) => [gate, all.length])).toEqual([['o', 1]]);
  });

  test('in a line of its own where that is what is held, and then holds up that line alone', () => {
    const gates = new Gates({ m: 9 });
    gates.heldOwners.add('v');
    const of = (workflowId: string, steps: string) => letters(steps, { workflowId, gate: 'm', own: workflowId });
    const schedule = withGates(gates, [...of('v', 'abc'), ...of('w', 'de'), ...letters('f', { gate: 'm' })], 3);
    expect(take(schedule, 2)).toEqual(['d', 'e']);
    expect(gates.asked).toBe(3);
    const held = schedule.held().map(({ waitsFor, steps }) => [waitsFor, steps.map(({ stepId }) => stepId)]);
    expect(held).toEqual([['room for v', ['a', 'b', 'c']]]);
    expect(take(schedule)).toEqual(['f']);
    for (const _ of 'def') schedule.release('io');
    expect(take(schedule)).toEqual([]);
    gates.heldOwners.delete('v');
    expect([take(schedule), schedule.held()]).toEqual([['a', 'b', 'c'], []]);
  });

  test('from the moment on at which it gets a line of its own, in its place', () => {
    const gates = new Gates({ m: 9 });
    gates.heldOwners.add('w');
    const suspect = ready('s', { gate: 'm', isSuspect: true });
    const schedule = withGates(gates, [
      ...letters('ab', { gate: 'm' }),
      ready('c', { workflowId: 'v', gate: 'm' }),
      suspect,
    ]);
    schedule.add(ready('free'));
    schedule.separate('w');
    schedule.letSuspectsRun();
    expect(take(schedule)).toEqual(['c', 'free']);
    expect([schedule.ready, schedule.held().map(({ own, steps }) => [own, steps.length])]).toEqual([3, [['w', 3]]]);
    gates.heldOwners.clear();
    for (const _ of 'cf') schedule.release('io');
    expect(take(schedule)).toEqual(['s']);
    schedule.release('io');
    expect(take(schedule)).toEqual(['a', 'b']);
  });

  test('of 20,000 lines of a gate that is held one is asked after', () => {
    const gates = new Gates();
    const steps = Array.from({ length: 20_000 }, (_, i) => ready('a', { workflowId: `${i}`, gate: 'm', own: `${i}` }));
    const schedule = withGates(gates, steps, 4);
    expect([take(schedule), gates.asked]).toEqual([[], 1]);
    gates.open('m', 2);
    expect(schedule.take().map(({ workflowId }) => workflowId)).toEqual(['0', '1']);
    expect(gates.asked).toBe(4);
    expect(schedule.held().map(({ gate, steps: all }) => [gate, all.length])).toEqual([['m', 19_998]]);
  });

  test('whatever comes to a line, leaves it or comes back, its first is asked after', () => {
    const gates = new Gates({ m: 9 });
    const of = (stepId: string, rankMs: number) => ready(stepId, { gate: 'm', own: 'w', rankMs });
    const schedule = withGates(gates, [of('b', 20), of('c', 10)], 9);
    schedule.add(of('a', 30));
    schedule.remove('w', 'b');
    schedule.add(of('b', 5));
    expect(take(schedule, 2)).toEqual(['a', 'c']);
    schedule.remove('w', 'b');
    expect([take(schedule), schedule.ready]).toEqual([[], 0]);
    schedule.add(of('d', 1));
    schedule.add(of('e', 2));
    for (const id of 'de') schedule.remove('w', id);
    expect(take(schedule)).toEqual([]);
    schedule.add(of('f', 1));
    expect(take(schedule)).toEqual(['f']);
    gates.open('m', 0);
    schedule.add(of('g', 1));
    expect([take(schedule), schedule.held()]).toMatchObject([[], [{ gate: 'm' }]]);
    schedule.remove('w', 'g');
    expect(schedule.held()).toEqual([]);
  });

  test('in either lane', () => {
    const gates = new Gates();
    const schedule = withGates(gates, [...letters('a', { gate: 'm', lane: 'cpu' }), ...letters('bc', { lane: 'cpu' })]);
    expect(take(schedule)).toEqual(['b', 'c']);
    gates.open('m', 1);
    expect(take(schedule)).toEqual(['a']);
  });

  test('a suspect too, that meanwhile keeps nobody waiting', () => {
    const gates = new Gates();
    const schedule = withGates(gates, [ready('s', { isSuspect: true, gate: 'm' }), ...letters('ab')]);
    schedule.letSuspectsRun();
    expect(take(schedule)).toEqual(['a', 'b']);
    gates.open('m', 1);
    expect(take(schedule)).toEqual([]);
    schedule.release('io');
    schedule.release('io');
    expect(take(schedule)).toEqual(['s']);
  });

  test('of a schedule that nobody watches, at once', () => {
    expect(take(scheduleOf(2, 2, letters('ab', { gate: 'm' })))).toEqual(['a', 'b']);
  });
});

test('steps of both lanes are running, each counted once', () => {
  const schedule = scheduleOf(5, 3, [...letters('AB', { lane: 'cpu' }), ...letters('cde')]);
  schedule.take();
  expect(schedule.running).toBe(5);
  schedule.release('cpu');
  expect(schedule.running).toBe(4);
});

test('a workflow that is set apart takes along its steps with a gate and no line of their own, and no others', () => {
  const schedule = scheduleOf(9, 9, [
    ready('a', { gate: 'g' }),
    ready('b', { gate: 'g', workflowId: 'v' }),
    ready('c'),
    ready('d', { gate: 'g', own: 'x' }),
    ready('e', { gate: 'g', isSuspect: true }),
  ]);
  schedule.separate('w');
  expect(schedule.take().map(({ stepId, own }) => [stepId, own])).toEqual([
    ['a', 'w'],
    ['b', undefined],
    ['c', undefined],
    ['d', 'x'],
  ]);
});
