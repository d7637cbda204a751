/**
 * Goal: the layout of the run page keeps its rules LA1 to LA3, also for 20,000 steps, and groups keep GR1 to GR3.
 * Method: random graphs from fast-check, and graphs whose right answer can be seen.
 */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { arrange, card, toCells, toKindLabel } from '../../web/run/arrange.ts';
import { type Links, reverseLinks, shape, toLinks } from '../../web/run/columns.ts';
import { boxForm, type GroupingChoice, groupSteps, type Structure } from '../../web/run/grouping.ts';
import { findAt, rectOf, stepBeside } from '../../web/run/hit.ts';
import { type LayoutInput, layOut, type Placement } from '../../web/run/layout.ts';

interface Graph {
  readonly sizes: readonly { along: number; across: number }[];
  readonly edges: readonly (readonly [number, number])[];
}

const graphs: fc.Arbitrary<Graph> = fc.integer({ min: 0, max: 40 }).chain((boxes) =>
  fc.record({
    sizes: fc.array(fc.record({ along: fc.integer({ min: 1, max: 400 }), across: fc.integer({ min: 1, max: 300 }) }), {
      minLength: boxes,
      maxLength: boxes,
    }),
    edges: fc
      .array(fc.tuple(fc.nat({ max: 39 }), fc.nat({ max: 39 })), { maxLength: 120 })
      .map((pairs) => [
        ...new Map(
          pairs
            .filter(([a, b]) => a !== b && a < boxes && b < boxes)
            .map(([a, b]) => [`${Math.min(a, b)}-${Math.max(a, b)}`, [Math.min(a, b), Math.max(a, b)] as const]),
        ).values(),
      ]),
  }),
);

function toInput({ sizes, edges }: Graph): LayoutInput {
  return {
    along: Float64Array.from(sizes, ({ along }) => along),
    across: Float64Array.from(sizes, ({ across }) => across),
    rank: Uint32Array.from(sizes, (_, box) => box),
    from: Uint32Array.from(edges, ([from]) => from),
    to: Uint32Array.from(edges, ([, to]) => to),
    gapAlong: 58,
    gapAcross: 12,
  };
}

/** Pairs of boxes that share a point, or stand nearer than the gaps allow. */
function findOverlaps({ along, across }: LayoutInput, placement: Placement): string[] {
  const found: string[] = [];
  for (let a = 0; a < along.length; a += 1) {
    for (let b = a + 1; b < along.length; b += 1) {
      const isBeside =
        placement.along[a]! + along[a]! <= placement.along[b]! + 0.01 ||
        placement.along[b]! + along[b]! <= placement.along[a]! + 0.01;
      const isAbove =
        placement.across[a]! + across[a]! + 11.9 <= placement.across[b]! ||
        placement.across[b]! + across[b]! + 11.9 <= placement.across[a]!;
      if (!isBeside && !isAbove) found.push(`${a} and ${b}`);
    }
  }
  return found;
}

describe('the layout', () => {
  it('LA1 and LA2: no two boxes overlap, edges lead forward, and everything lies within the bounds', () => {
    fc.assert(
      fc.property(graphs, (graph) => {
        const input = toInput(graph);
        const placement = layOut(input);
        expect(findOverlaps(input, placement)).toEqual([]);
        for (const [from, to] of graph.edges) {
          expect(placement.level[from]!).toBeLessThan(placement.level[to]!);
          expect(placement.along[from]! + input.along[from]!).toBeLessThan(placement.along[to]! + 0.01);
        }
        input.along.forEach((size, box) => {
          expect(placement.along[box]!).toBeGreaterThanOrEqual(0);
          expect(placement.along[box]! + size).toBeLessThanOrEqual(placement.length + 0.01);
          expect(placement.across[box]!).toBeGreaterThanOrEqual(-0.01);
          expect(placement.across[box]! + input.across[box]!).toBeLessThanOrEqual(placement.breadth + 0.01);
        });
      }),
      { numRuns: 300 },
    );
  });

  it('LA3: other numbers and another order of the edges give the same positions', () => {
    const shuffled = graphs.chain((graph) =>
      fc.record({
        graph: fc.constant(graph),
        order: fc.shuffledSubarray([...graph.sizes.keys()], { minLength: graph.sizes.length }),
        edges: fc.shuffledSubarray([...graph.edges.keys()], { minLength: graph.edges.length }),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ graph, order, edges }) => {
        const input = toInput(graph);
        const straight = layOut(input);
        const numberOf = new Map(order.map((box, number) => [box, number]));
        const other = layOut({
          ...input,
          along: Float64Array.from(order, (box) => input.along[box]!),
          across: Float64Array.from(order, (box) => input.across[box]!),
          rank: Uint32Array.from(order),
          from: Uint32Array.from(edges, (e) => numberOf.get(graph.edges[e]![0])!),
          to: Uint32Array.from(edges, (e) => numberOf.get(graph.edges[e]![1])!),
        });
        order.forEach((box, number) => {
          expect(other.along[number]).toBe(straight.along[box]);
          expect(other.across[number]).toBe(straight.across[box]);
        });
        edges.forEach((e, at) => {
          const via = (placement: Placement, edge: number) => [
            ...placement.via.subarray(2 * placement.viaAt[edge]!, 2 * placement.viaAt[edge + 1]!),
          ];
          expect(via(other, at)).toEqual(via(straight, e));
        });
      }),
      { numRuns: 200 },
    );
  });

  it('columns stand in the order of the longest way, and a late source beside what uses it', () => {
    // 0 → 1 → 2, and 3 → 2: the source 3 stands beside 1, not beside 0.
    const sizes = [100, 120, 140, 160].map((along) => ({ along, across: 46 }));
    const placement = layOut(
      toInput({
        sizes,
        edges: [
          [0, 1],
          [1, 2],
          [3, 2],
        ],
      }),
    );
    expect([...placement.level]).toEqual([0, 1, 2, 1]);
    expect([...placement.along]).toEqual([0, 178, 376, 158]);
    expect(placement.length).toBe(516);
  });

  it('a chain is a straight line, and what a step leads to stands around it', () => {
    const sizes = Array.from({ length: 4 }, () => ({ along: 196, across: 46 }));
    const chain = layOut(
      toInput({
        sizes,
        edges: [
          [0, 1],
          [1, 2],
          [2, 3],
        ],
      }),
    );
    expect(new Set(chain.across).size).toBe(1);
    const fan = layOut(
      toInput({
        sizes,
        edges: [
          [0, 1],
          [0, 2],
          [0, 3],
        ],
      }),
    );
    expect([...fan.across]).toEqual([58, 0, 58, 116]);
  });

  it('a long edge has a lane between the boxes that it passes', () => {
    const sizes = Array.from({ length: 3 }, () => ({ along: 196, across: 46 }));
    const placement = layOut(
      toInput({
        sizes,
        edges: [
          [0, 1],
          [1, 2],
          [0, 2],
        ],
      }),
    );
    expect([...placement.viaAt]).toEqual([0, 0, 0, 1]);
    const [along, across] = placement.via;
    expect(along).toBe(254 + 98);
    const [top, bottom] = [placement.across[1]!, placement.across[1]! + 46];
    expect(across! + 6 <= top - 11.9 || across! - 6 >= bottom + 11.9).toBe(true);
  });

  it('20,000 boxes of a lattice are laid out without an overlap in any column', () => {
    const width = 100;
    const count = 20_000;
    const sizes = Array.from({ length: count }, () => ({ along: 196, across: 46 }));
    const edges: [number, number][] = [];
    for (let box = 0; box + width < count; box += 1) {
      edges.push([box, box + width]);
      if (box % width > 0) edges.push([box, box + width - 1]);
    }
    const placement = layOut(toInput({ sizes, edges }));
    const columns = new Map<number, number[]>();
    for (const box of sizes.keys()) {
      const column = columns.get(placement.level[box]!) ?? [];
      columns.set(placement.level[box]!, column);
      column.push(box);
    }
    expect(columns.size).toBe(200);
    for (const column of columns.values()) {
      const sorted = column.map((box) => placement.across[box]!).sort((a, b) => a - b);
      expect(column.length).toBe(100);
      for (let k = 1; k < 100; k += 1) expect(sorted[k]! - sorted[k - 1]!).toBeGreaterThan(57.9);
    }
  });
});

interface StepSketch {
  readonly id: string;
  readonly deps?: readonly number[];
  readonly name?: string;
  readonly action?: string;
  readonly shape?: number;
  readonly group?: number;
  readonly item?: number;
}

function toStructure(steps: readonly StepSketch[]) {
  const parents = toLinks(steps.map(({ deps = [] }) => deps));
  const kinds = new Map<string, number>();
  const structure: Structure = {
    parents,
    children: reverseLinks(parents),
    kind: Uint32Array.from(steps, ({ action = 'noop', name = '', id }) => {
      const kind = `${action}|${(name || id).replace(/\d+/g, '#')}`;
      if (!kinds.has(kind)) kinds.set(kind, kinds.size);
      return kinds.get(kind)!;
    }),
    shape: Uint8Array.from(steps, (step) => step.shape ?? shape.plain),
    group: Int32Array.from(steps, ({ group = -1 }) => group),
  };
  const names = {
    ids: steps.map(({ id }) => id),
    names: steps.map(({ id, name }) => name ?? id),
    item: Int32Array.from(steps, ({ item = -1 }) => item),
  };
  return { structure, names };
}

/** One start, `count` pages with `stages` steps each, one end. */
function pages(count: number, stages: number): StepSketch[] {
  const steps: StepSketch[] = [{ id: 'list' }];
  for (let page = 0; page < count; page += 1) {
    for (let stage = 0; stage < stages; stage += 1) {
      const before = stage === 0 ? 0 : steps.length - 1;
      steps.push({ id: `stage${'abc'[stage]}-${page}`, deps: [before] });
    }
  }
  steps.push({ id: 'end', deps: Array.from({ length: count }, (_, page) => 1 + page * stages + stages - 1) });
  return steps;
}

const listOf = (links: Links, i: number) => [...links.to.subarray(links.at[i], links.at[i + 1])];

describe('groups', () => {
  it('GR1 and GR2: every step is in one box, and the boxes make no circle', () => {
    const structures = fc
      .array(fc.record({ deps: fc.array(fc.nat(), { maxLength: 3 }), kind: fc.nat({ max: 1 }) }), { maxLength: 60 })
      .map((rows) =>
        rows.map(({ deps, kind }, i) => ({
          id: `${'ab'[kind]}${i}`,
          deps: i === 0 ? [] : [...new Set(deps.map((dep) => dep % i))],
        })),
      );
    const choices = fc.constantFrom<GroupingChoice>('auto', 'steps', 'siblings', 'kinds');
    fc.assert(
      fc.property(structures, choices, (sketch, choice) => {
        const { structure, names } = toStructure(sketch);
        const boxes = groupSteps(structure, choice);
        const seen = boxes.cells.to.slice().sort();
        expect([...seen]).toEqual([...sketch.keys()]);
        const layout = arrange(structure, names, { choice, direction: 'across' });
        layout.from.forEach((from, e) => {
          expect(layout.level[from]!).toBeLessThan(layout.level[layout.to[e]!]!);
        });
      }),
      { numRuns: 300 },
    );
  });

  it('steps with the same dependencies, dependents and kind are siblings from eight on, not before', () => {
    const sketch = (count: number) => toStructure(pages(count, 1)).structure;
    const seven = groupSteps(sketch(7), 'siblings');
    expect(seven.form.length).toBe(9);
    const eight = groupSteps(sketch(8), 'siblings');
    expect([...eight.form]).toEqual([boxForm.card, boxForm.grid, boxForm.card]);
    expect(listOf(eight.cells, 1)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('one more dependency or dependent, or another action, keeps a step on a card of its own', () => {
    const steps = pages(9, 1).map((step, i) => (i === 3 ? { ...step, action: 'delay' } : step));
    const boxes = groupSteps(toStructure(steps).structure, 'siblings');
    expect(boxes.form.length).toBe(4);
    expect(boxes.head[boxes.boxOf[3]!]).toBe(3);
    const used = groupSteps(toStructure([...pages(9, 1), { id: 'extra', deps: [5] }]).structure, 'siblings');
    expect(used.form.length).toBe(5);
    expect(used.head[used.boxOf[5]!]).toBe(5);
  });

  it('auto: cards up to 20 steps, siblings above, kinds where these leave more than 90 boxes', () => {
    const groupingOf = (steps: StepSketch[]) => groupSteps(toStructure(steps).structure, 'auto');
    expect(groupingOf(pages(18, 1)).form.length).toBe(20);
    expect(groupingOf(pages(19, 1)).form.length).toBe(3);
    expect(groupingOf(pages(30, 3))).toMatchObject({ grouping: 'kinds' });
    expect(groupingOf(pages(29, 3))).toMatchObject({ grouping: 'siblings' });
    expect(groupingOf(pages(3_332, 3)).form.length).toBe(5);
  });

  it('a list and all that was made from it are one box, with a section for each inner step', () => {
    const steps: StepSketch[] = [
      { id: 'urls' },
      { id: 'pages', name: 'Read the pages', deps: [0], shape: shape.map },
      { id: 'join', deps: [1] },
    ];
    for (let item = 0; item < 3; item += 1) {
      steps.push({ id: `pages.${item}.fetch`, name: `Fetch: u${item}`, group: 1, item });
      steps.push({ id: `pages.${item}.keep`, name: `Keep: u${item}`, group: 1, item, deps: [3 + 2 * item] });
    }
    const { structure, names } = toStructure(steps);
    const layout = arrange(structure, names, { choice: 'auto', direction: 'across' });
    expect([...layout.form]).toEqual([boxForm.card, boxForm.map, boxForm.card]);
    expect(listOf(layout.cells, 1)).toEqual([3, 5, 7, 4, 6, 8]);
    expect(layout.label[1]).toBe('Read the pages');
    expect(layout.sectionLabel.slice(1, 3)).toEqual(['Fetch', 'Keep']);
    expect([...layout.from]).toEqual([0, 1]);
    expect([...layout.to]).toEqual([1, 2]);
    const asCards = arrange(structure, names, { choice: 'steps', direction: 'across' });
    expect(asCards.form.length).toBe(9);
    expect(asCards.level[3]).toBe(2);
  });

  it('a list that is not known yet has its box already, without cells', () => {
    const steps = [{ id: 'urls' }, { id: 'pages', deps: [0], shape: shape.map }];
    const { structure, names } = toStructure(steps);
    const layout = arrange(structure, names, { choice: 'auto', direction: 'across' });
    expect(listOf(layout.cells, 1)).toEqual([]);
    expect(layout.head[1]).toBe(1);
    expect(layout.height[1]).toBe(63);
  });

  it('cells are smaller where there are more', () => {
    expect(toCells(400).size).toBe(13);
    expect(toCells(401).size).toBe(9);
    expect(toCells(2_000).size).toBe(9);
    expect(toCells(2_001)).toEqual({ size: 6, columns: 55 });
    expect(toCells(3_327, 362)).toEqual({ size: 6, columns: 56 });
    expect(toCells(2).columns).toBe(8);
  });

  it('a group is called by what its steps have in common', () => {
    expect(toKindLabel('Summarise section 12')).toBe('Summarise section');
    expect(toKindLabel('fetch-3')).toBe('fetch');
    expect(toKindLabel('42')).toBe('42');
  });
});

describe('a point of the graph', () => {
  const steps = pages(30, 1);
  const { structure, names } = toStructure(steps);

  for (const direction of ['across', 'down'] as const) {
    const layout = arrange(structure, names, { choice: 'siblings', direction });

    it(`the middle of a step's card or cell leads to that step, ${direction}`, () => {
      steps.forEach((_, step) => {
        const { x, y, width, height } = rectOf(layout, step);
        expect(findAt(layout, x + width / 2, y + height / 2)).toEqual({ box: layout.boxOf[step], step });
      });
    });

    it(`beside the boxes there is nothing, and beside the cells only the box, ${direction}`, () => {
      expect(findAt(layout, -1, -1)).toEqual({ box: -1, step: -1 });
      expect(findAt(layout, layout.x[1]! + 4, layout.y[1]! + 60)).toEqual({ box: 1, step: -1 });
    });
  }

  it('flows down on a narrow screen', () => {
    const down = arrange(structure, names, { choice: 'siblings', direction: 'down', widthMax: 362 });
    expect(down.y[0]!).toBeLessThan(down.y[1]!);
    expect(down.width[1]).toBe(26 * 13 + 24);
    expect(down.fullWidth).toBe(362);
  });

  it('arrow keys walk along dependencies, and within a box from cell to cell', () => {
    const layout = arrange(structure, names, { choice: 'siblings', direction: 'across' });
    expect(stepBeside(layout, structure, 0, 'forth')).toBe(1);
    expect(stepBeside(layout, structure, 31, 'back')).toBe(1);
    expect(stepBeside(layout, structure, 5, 'after')).toBe(6);
    expect(stepBeside(layout, structure, 5, 'before')).toBe(4);
    expect(stepBeside(layout, structure, 1, 'before')).toBe(-1);
    expect(stepBeside(layout, structure, 0, 'back')).toBe(-1);
    const cards = arrange(structure, names, { choice: 'steps', direction: 'across' });
    const [top, next] = [...steps.keys()].slice(1, 31).sort((a, b) => cards.y[a]! - cards.y[b]!);
    expect(stepBeside(cards, structure, top!, 'after')).toBe(next);
    expect(stepBeside(cards, structure, next!, 'before')).toBe(top);
    expect(cards.height[0]).toBe(card.height);
  });
});
