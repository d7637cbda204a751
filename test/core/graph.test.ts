/** Goal: order, circles and reach of a step graph. Method: small graphs by name; larger ones are in random-dags. */
import { describe, expect, test } from 'vitest';
import {
  Ancestry,
  createGraph,
  findCycles,
  type Graph,
  topologicalOrder,
  withDownstream,
} from '../../src/core/graph.ts';

type Short = Record<string, string>;

function graphOf(steps: Short): Graph {
  return createGraph(Object.entries(steps).map(([id, up]) => ({ id, dependencies: up.split(' ').filter(Boolean) })));
}

function names(steps: Short, places: Iterable<number>): string[] {
  return [...places].map((i) => Object.keys(steps)[i]!);
}

describe('the graph', () => {
  test('knows for each step whom it waits for and who waits for it', () => {
    const graph = graphOf({ c: 'a b', a: '', b: 'a' });
    expect(graph.upstream).toEqual([[1, 2], [], [1]]);
    expect(graph.downstream).toEqual([[], [0, 2], [0]]);
    expect([...graph.index]).toEqual([
      ['c', 0],
      ['a', 1],
      ['b', 2],
    ]);
  });

  test('counts a repeated dependency once and leaves out one that is not there', () => {
    const graph = graphOf({ a: '', b: 'a a nowhere' });
    expect(graph.upstream[1]).toEqual([0]);
    expect(graph.downstream[0]).toEqual([1]);
  });

  test('takes the first of two steps with one id', () => {
    const graph = createGraph([
      { id: 'a', dependencies: [] },
      { id: 'a', dependencies: [] },
      { id: 'b', dependencies: ['a'] },
    ]);
    expect(graph.downstream).toEqual([[2], [], []]);
  });
});

describe('topologicalOrder', () => {
  test('puts every step behind all it waits for', () => {
    const steps = { d: 'b c', b: 'a', c: 'a', a: '' };
    expect(names(steps, topologicalOrder(graphOf(steps)))).toEqual(['a', 'b', 'c', 'd']);
  });

  test('leaves out what lies on a circle or behind one', () => {
    const steps = { a: '', b: 'c', c: 'b', d: 'c a' };
    expect(names(steps, topologicalOrder(graphOf(steps)))).toEqual(['a']);
  });
});

describe('findCycles', () => {
  const cycles = (steps: Short, max?: number) => findCycles(graphOf(steps), max).map((cycle) => names(steps, cycle));

  test('finds none where there is an order', () => {
    expect(cycles({ a: '', b: 'a', c: 'a b' })).toEqual([]);
  });

  test('names a step that waits for itself', () => {
    expect(cycles({ a: '', b: 'b a' })).toEqual([['b']]);
  });

  test('names the steps in the order of waiting, without what merely hangs on the circle', () => {
    expect(cycles({ behind: 'x', x: 'y', y: 'z', z: 'x before', before: '' })).toEqual([['x', 'y', 'z']]);
  });

  test('names every one of several circles that share no step', () => {
    expect(cycles({ a: 'b', b: 'a', c: 'd', d: 'c a' })).toEqual([
      ['a', 'b'],
      ['c', 'd'],
    ]);
  });

  test('looks on where a circle is cut out of another', () => {
    expect(cycles({ a: 'a b', b: 'a c', c: 'b' })).toEqual([['a'], ['b', 'c']]);
  });

  test('stops at the number asked for, 20 when none is', () => {
    const loops = Object.fromEntries(Array.from({ length: 25 }, (_, i) => [`s${i}`, `s${i}`]));
    expect(cycles(loops, 2).length).toBe(2);
    expect(cycles(loops).length).toBe(20);
  });

  test('a circle of 20,000 steps is found without running out of stack', () => {
    const steps = Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`s${i}`, `s${(i + 1) % 20_000}`]));
    expect(findCycles(graphOf(steps)).map((cycle) => cycle.length)).toEqual([20_000]);
  });
});

describe('withDownstream', () => {
  const steps = { a: '', b: 'a', c: 'b', d: 'a', e: '' };

  test('reaches the steps and all that hangs on them', () => {
    expect(names(steps, withDownstream(graphOf(steps), [1, 3]))).toEqual(['b', 'd', 'c']);
  });

  test('does not go into or past an end', () => {
    expect(
      names(
        steps,
        withDownstream(graphOf(steps), [0], (i) => i === 1),
      ),
    ).toEqual(['a', 'd']);
  });
});

describe('Ancestry', () => {
  const ancestryOf = (steps: Short) => {
    const graph = graphOf(steps);
    const ancestry = new Ancestry(graph);
    return (up: string, of: string) => ancestry.isUpstream(graph.index.get(up)!, graph.index.get(of)!);
  };

  test('holds over any distance, and in that direction alone', () => {
    const isUpstream = ancestryOf({ d: 'c', c: 'b', b: 'a', a: '', x: 'a' });
    expect([isUpstream('c', 'd'), isUpstream('a', 'd'), isUpstream('b', 'd')]).toEqual([true, true, true]);
    expect([isUpstream('d', 'a'), isUpstream('x', 'd'), isUpstream('b', 'x'), isUpstream('a', 'a')]).toEqual([
      false,
      false,
      false,
      false,
    ]);
  });

  test('agrees with a walk downstream for every pair of 100 steps', () => {
    const steps = Object.fromEntries(
      Array.from({ length: 100 }, (_, i) => [`s${i}`, i === 0 ? '' : `s${(i * 7) % i} s${Math.floor(i / 3)}`]),
    );
    const graph = graphOf(steps);
    const ancestry = new Ancestry(graph);
    for (let up = 0; up < 100; up += 1) {
      const below = withDownstream(graph, graph.downstream[up]!);
      for (let of = 0; of < 100; of += 1) expect(ancestry.isUpstream(up, of)).toBe(below.has(of));
    }
  });

  test('finds no fault on a circle or behind one, and still does elsewhere', () => {
    const isUpstream = ancestryOf({ a: 'b', b: 'a', behind: 'a', free: '', other: '' });
    expect([isUpstream('free', 'a'), isUpstream('free', 'behind'), isUpstream('free', 'other')]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

describe('what lies upstream of every way to a step', () => {
  const steps = {
    a: '',
    b: 'a',
    c: 'a',
    lone: '',
    any: 'b c',
    one: 'b',
    three: 'b c lone',
    behind: 'any lone',
    self: 'a b',
  };
  const ids = Object.keys(steps);
  const ancestry = new Ancestry(graphOf(steps), (i) => ['any', 'one', 'three', 'self'].includes(ids[i]!));
  const upstreamOf = (id: string) => ids.filter((_, up) => ancestry.isUpstream(up, ids.indexOf(id)));

  test.each([
    ['any', ['a']],
    ['one', ['a', 'b']],
    ['three', []],
    ['self', ['a']],
    ['behind', ['a', 'lone', 'any']],
  ])('%s', (id, expected) => {
    expect(upstreamOf(id)).toEqual(expected);
  });
});

test('IA1: a step that the graph does not have is a broken rule', () => {
  const ancestry = new Ancestry(graphOf({ a: '', b: 'a' }));
  expect(() => ancestry.isUpstream(0, 9)).toThrow('place 9 of a list of 2');
});
