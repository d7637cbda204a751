/**
 * Goal: each fault of the words that say when and how often a step runs is named, with its path and the way out; rule N8
 * among them. Method: definitions with one fault each, and beside them the ones that are right.
 */
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { StepDefinition } from '../../src/contract/definition.ts';
import { validateDefinition, validateStepParams } from '../../src/core/validate.ts';
import { LiveWorkflow } from './live-workflow.ts';

const info = (name: string, more = {}) =>
  [
    name,
    { action: name, lane: 'io', description: '', params: z.looseObject({}), secrets: [], timeoutMs: 1, ...more },
  ] as const;
const catalogue = new Map([info('noop'), info('render', { code: ['template'] }), info('workflow')] as never);
const options = { catalogue, unknownActions: 'reject' } as never;

type Written = Partial<StepDefinition> & Record<string, unknown>;

function faults(steps: Written[], more: object = {}): string[] {
  const whole = steps.map((step) => ('steps' in step || 'action' in step ? step : { action: 'noop', ...step }));
  const result = validateDefinition({ name: 'w', params: { list: [1], n: 1 }, ...more, steps: whole }, options);
  return result.ok ? [] : result.errors.map(({ path, message }) => `${path}: ${message}`);
}

const a = { id: 'a' };
const list = '{{params.list}}';
const inner = (...steps: Written[]) => steps.map((step) => ({ action: 'noop', ...step })) as StepDefinition[];
const x = { id: 'x', action: 'noop' };

describe('what does not go together', () => {
  test.each<[string, Written[], string[]]>([
    [
      'nothing to do',
      [{ id: 'a', action: undefined }],
      ['steps[0].action: is missing; a step has an action, or `steps` of its own'],
    ],
    [
      'what only a step with a task has, on one that runs a workflow',
      [{ id: 'a', action: 'workflow', retry: { attemptsMax: 2 }, timeoutMs: 5, cache: true }],
      [
        'steps[0].retry: is for steps that run themselves: write it in the steps of the template',
        'steps[0].timeoutMs: is for steps that run themselves: write it in the steps of the template; params.within bounds the time of the whole',
        'steps[0].cache: is for steps that run themselves: write it in the steps of the template',
      ],
    ],
    ['nothing, on one that runs a workflow', [{ id: 'a', action: 'workflow', params: { template: 't' } }], []],
    [
      'an action and steps',
      [{ id: 'a', action: 'noop', forEach: list, steps: [x] }],
      ['steps[0].steps: a step has an action, or `steps` of its own, not both; make the action one of the steps'],
    ],
    [
      'steps without a list or a loop',
      [{ id: 'a', steps: [x] }],
      ['steps[0].steps: inner steps need forEach or repeat; or write them among the others'],
    ],
    [
      'a list and a loop',
      [{ id: 'a', forEach: list, repeat: { until: 'true', max: 1 } }],
      ['steps[0].repeat: forEach and repeat do not go together; put one into the `steps` of the other'],
    ],
    [
      'words of lists without one',
      [{ id: 'a', concurrency: 1, batch: 1, label: 'l', output: 1 }],
      ['concurrency', 'batch', 'label', 'output'].map((field) => `steps[0].${field}: is for steps with forEach`),
    ],
    [
      'an end of nothing',
      [{ id: 'a', join: 'ended' }],
      ['steps[0].join: ended asks how the dependencies have ended, and there are none'],
    ],
    [
      'a failure of nothing',
      [{ id: 'a', join: 'failed' }],
      ['steps[0].join: failed asks how the dependencies have ended, and there are none'],
    ],
    [
      'a share without items',
      [
        { id: 'a', tolerate: '10%' },
        { id: 'b', tolerate: 2, repeat: { until: 'true', max: 1 } },
      ],
      [0, 1].map(
        (i) => `steps[${i}].tolerate: a number or a share counts items, and this step has no forEach; write true`,
      ),
    ],
    [
      'text beside the list',
      [
        { id: 'a', forEach: 'see {{params.list}}' },
        { id: 'b', forEach: { url: 'none' } },
      ],
      [
        'steps[0].forEach: takes a list, or a reference to one and nothing beside it, as in "{{params.urls}}"',
        'steps[1].forEach.url: takes a list, or a reference to one and nothing beside it, as in "{{params.urls}}"',
      ],
    ],
    [
      'pieces of several lists',
      [{ id: 'a', batch: 2, forEach: { u: [1], v: [2] } }],
      ['steps[0].batch: cuts one list into pieces; there are several'],
    ],
    [
      'too many items',
      [{ id: 'a', forEach: { u: Array(150).fill(1), v: Array(100).fill(1) }, steps: inner(x, { id: 'y' }) }],
      [
        'steps[0].forEach: would make 30000 steps, and a workflow has at most 20000; put several items into one with batch',
      ],
    ],
    [
      'ids that a group will need',
      [
        { id: 'a', forEach: list },
        { id: 'a.1' },
        { id: 'a.b.c' },
        { id: 'b.a.1' },
        { id: 'l', repeat: { until: 'true', max: 1 } },
        { id: 'l.0' },
      ],
      ['1:a', '2:a', '5:l'].map((at) => {
        const [i, group] = at.split(':');
        return `steps[${i}].id: an id that begins with "${group}." is taken by the steps that "${group}" makes; choose another`;
      }),
    ],
  ])('%s', (_, steps, expected) => {
    expect(faults(steps)).toEqual(expected);
  });

  test('a step that cannot be read takes no id', () => {
    expect(faults([{ id: 'm', forEach: list }, { id: 5 } as never]).map((fault) => fault.slice(0, 11))).toEqual([
      'steps[1].id',
    ]);
  });

  test('an id that leaves room for those of its steps: 128 characters are the most', () => {
    const named = (length: number) => faults([{ id: 'a'.repeat(length), forEach: list, steps: inner({ id: 'long' }) }]);
    expect(named(117)).toEqual([]);
    expect(named(118)).toEqual([
      `steps[0].id: the ids of its steps, such as ${'a'.repeat(118)}.19999.long, would have 129 characters; 128 is the most`,
    ]);
  });

  test('lengths of ids are summed over the levels, by the longest of the inner steps', () => {
    const deep = inner({
      id: 'l',
      repeat: { until: 'true', max: 1 },
      steps: inner({ id: 'y' }, { id: 'longest' }),
      action: undefined,
    });
    const [fault] = faults([{ id: 'a'.repeat(115), forEach: list, steps: deep }]);
    expect(fault).toContain(`such as ${'a'.repeat(115)}.19999.l.999.longest, would have 135 characters`);
  });

  test('groups go three deep', () => {
    const wrap = (depth: number): StepDefinition[] =>
      depth === 0 ? inner(x) : [{ id: `g${depth}`, forEach: [1], steps: wrap(depth - 1) }];
    expect(faults(wrap(3) as Written[])).toEqual([]);
    expect(faults(wrap(4) as Written[])).toEqual([
      'steps[0].steps[0].steps[0].steps[0]: groups within groups go 3 deep at most',
    ]);
  });

  test('a literal list may be cut to fit', () => {
    expect(faults([{ id: 'a', batch: 2, forEach: Array(20_001).fill(1) }])).toEqual([]);
    expect(faults([{ id: 'a', forEach: { u: Array(200).fill(1), v: list } }])).toEqual([]);
  });
});

describe('inner steps', () => {
  test('wait for each other alone', () => {
    const steps = inner({ id: 'x', dependencies: ['a'] }, { id: 'y', dependencies: ['x'] }, { id: 'y' });
    expect(faults([a, { id: 'm', forEach: list, steps }])).toEqual(
      [
        'steps[1].steps[2].id: step id "y" is used before, by steps[1].steps[1]; ids must be unique',
        'steps[1].steps[0].dependencies[0]: step "x" depends on "a", which is not a step of this workflow',
      ].sort((p, q) => (p.includes('steps[0]') ? -1 : q.includes('steps[0]') ? 1 : 0)),
    );
  });

  test('see what their group sees, and each other by their own ids', () => {
    const params = { v: '{{steps.a.outputs.v}} {{steps.x.outputs.v}} {{url}} {{index}} {{params.n}}' };
    const steps = inner({ id: 'x' }, { id: 'y', dependencies: ['x'], params });
    expect(faults([a, { id: 'm', dependencies: ['a'], forEach: { url: list }, steps }])).toEqual([]);
    expect(faults([a, { id: 'm', forEach: { url: list }, steps }])).toEqual([
      'steps[1].steps[1].params.v: {{steps.a.outputs.v}}: step "a" is not upstream of "m"; add it to its dependencies',
    ]);
  });

  test('are no names outside', () => {
    const refer = (text: string) =>
      faults([
        { id: 'm', forEach: list, steps: inner(x) },
        { id: 'z', dependencies: ['m'], params: { v: text } },
      ]);
    expect(refer('{{steps.m.3.outputs.v}}')).toEqual([
      'steps[1].params.v: {{steps.m.3.outputs.v}}: there is no step "m.3"; write {{steps.m.outputs.items[3]}} for what an item has made',
    ]);
    expect(refer('{{steps.m.3.x.outputs.v}}')[0]).toContain('write {{steps.m.outputs.items[3]}}');
    expect(refer('{{steps.n.3.outputs.v}}')[0]).toBe(
      'steps[1].params.v: {{steps.n.3.outputs.v}}: there is no step "n.3"',
    );
    expect(refer('{{steps.m.outputs.items[0].v}} {{steps.m.outputs}} {{steps.m.outputs.errors}}')).toEqual([]);
  });

  test('names of items are known within their step alone, and in code nowhere', () => {
    const label = 'no {{index}} {{item}}';
    expect(faults([{ id: 'm', forEach: list, label, params: { v: '{{item.x}} {{index}}' } }])).toEqual([]);
    expect(faults([{ id: 'm', params: { v: '{{item.x}}' } }])).toEqual([]);
    const code = { template: '{{item}} {{index}}', data: '{{item}}' };
    expect(faults([{ id: 'm', forEach: list, action: 'render', params: code }])).toEqual([]);
    expect(faults([{ id: 'm', forEach: list, label: '{{steps.q.outputs}}' }])).toEqual([
      'steps[0].label: {{steps.q.outputs}}: there is no step "q"',
    ]);
    expect(faults([{ id: 'm', forEach: ['{{params.q}}'] }])).toEqual([
      'steps[0].forEach[0]: {{params.q}}: the workflow has no param "q"',
    ]);
  });
});

describe('N8: what is certain to have run', () => {
  const may = (id: string, of = 'z') =>
    `step "${id}" may not have run when "${of}" does; say what stands in for it, as in {{`;
  const refer = (steps: Written[], text: string, more: Written) => {
    const found = faults([...steps, { id: 'z', params: { v: text }, ...more }]);
    return found.map((fault) => fault.slice(fault.indexOf('}}: ') + 4));
  };
  const chain = [a, { id: 'b', dependencies: ['a'] }, { id: 'c', dependencies: ['a'] }];
  const of = (id: string) => `{{steps.${id}.outputs.v}}`;

  test.each([
    ['all', ['b', 'c'], 'b', true],
    ['all', ['b', 'c'], 'a', true],
    ['any', ['b'], 'b', true],
    ['any', ['b', 'c'], 'b', false],
    ['any', ['b', 'c'], 'a', true],
    ['any', ['a', 'b'], 'a', true],
    ['ended', ['b'], 'b', false],
    ['ended', ['b'], 'a', false],
    ['failed', ['b'], 'a', false],
  ] as const)('join %s of %j: "%s" is certain: %s', (join, dependencies, id, isCertain) => {
    const more = { join, dependencies: [...dependencies] };
    expect(refer(chain, of(id), more)).toEqual(isCertain ? [] : [`${may(id)}steps.${id}.outputs.v ?? null}}`]);
    expect(refer(chain, `{{steps.${id}.outputs.v ?? null}}`, more)).toEqual([]);
  });

  test('what lies behind an uncertain step is as uncertain', () => {
    const steps = [a, { id: 'e', join: 'ended' as const, dependencies: ['a'] }];
    expect(refer(steps, of('a'), { dependencies: ['e'] })).toEqual([`${may('a')}steps.a.outputs.v ?? null}}`]);
    expect(refer(steps, of('e'), { dependencies: ['e'] })).toEqual([]);
  });

  test.each([
    ['{{steps.b.outputs.v ?? steps.c.outputs.v}}', true],
    ['{{steps.b.outputs.v ?? steps.a.outputs.v}}', true],
    ['{{steps.b.outputs.v ?? steps.d.outputs.v}}', false],
    ["{{steps.b.outputs.v ?? 'text'}}", true],
    ['{{steps.b.outputs.v ?? text}}', false],
    ['{{steps.b.outputs.v ?? params.n}}', true],
  ])('%s stands for any of b, c and d behind c: %s', (text, isFine) => {
    const steps = [...chain, { id: 'd', dependencies: ['c'] }];
    const more = { join: 'any' as const, dependencies: ['b', 'c', 'd'] };
    expect(refer(steps, text, more).length).toBe(isFine ? 0 : 2);
  });

  test('a stand-in must be there itself: an item is, a step of another scope is where it is certain', () => {
    const steps = inner(
      { id: 'x', when: 'true' },
      { id: 'y', join: 'any', dependencies: ['x', 'w'], params: {} },
      { id: 'w' },
    );
    const at = (text: string) =>
      faults([
        a,
        {
          id: 'm',
          dependencies: ['a'],
          forEach: list,
          steps: steps.map((step) => (step.id === 'y' ? { ...step, params: { v: text } } : step)),
        },
      ]);
    expect(at('{{steps.x.outputs.v ?? item}}')).toEqual([]);
    expect(at('{{steps.x.outputs.v ?? steps.a.outputs.v}}')).toEqual([]);
    expect(at('{{steps.x.outputs.v ?? steps.w.outputs.v}}')).toEqual([]);
    expect(at('{{steps.x.outputs.v}}')).toHaveLength(1);
    expect(at('{{steps.x.outputs.v ?? steps.q.outputs.v}}')).toHaveLength(2);
  });

  test('`output` is bound when its item has ended: what can be skipped there is not certain', () => {
    const steps = inner(
      { id: 'x' },
      { id: 'w', when: 'true' },
      { id: 't', tolerate: true },
      { id: 'e', join: 'ended', dependencies: ['x'] },
      { id: 'y', dependencies: ['w'] },
      { id: 'z', dependencies: ['x'] },
    );
    const at = (text: string) => faults([{ id: 'm', forEach: list, output: { v: text }, steps }]);
    for (const id of ['x', 'z']) expect(at(of(id))).toEqual([]);
    for (const id of ['w', 't', 'e', 'y']) {
      expect(at(of(id))).toEqual([
        `steps[0].output.v: {{steps.${id}.outputs.v}}: step "${id}" may not have run when output does; say what stands in for it, as in {{steps.${id}.outputs.v ?? null}}`,
      ]);
      expect(at(`{{steps.${id}.outputs.v ?? item}}`)).toEqual([]);
    }
    expect(at('{{steps.w.outputs.v ?? steps.x.outputs.v}}')).toEqual([]);
  });

  test('a map within an item has run, whatever it tolerates: that is about items', () => {
    const within = (tolerate?: true | number | string) => [
      {
        id: 'm',
        forEach: list,
        steps: inner({ id: 'n', forEach: list, tolerate }),
        output: '{{steps.n.outputs.items}}',
      },
    ];
    for (const tolerate of [undefined, true, '100%', 2] as const)
      expect(faults(within(tolerate) as Written[])).toEqual([]);
  });

  test('a param that a run may leave out needs a stand-in', () => {
    const check = (text: string) => {
      const steps = [{ id: 'a', action: 'noop', params: { v: text } }];
      const result = validateDefinition({ name: 'w', steps }, {
        ...(options as object),
        declaredParams: ['opt'],
      } as never);
      return result.ok ? [] : result.errors.map(({ message }) => message);
    };
    expect(check('{{params.opt}}')).toEqual([
      '{{params.opt}}: a run may leave the param "opt" out; say what stands in for it, as in {{params.opt ?? null}}',
    ]);
    expect(check('{{params.opt ?? null}}')).toEqual([]);
    expect(check('{{params.no}}')[0]).toContain('has no param "no"');
  });
});

describe('what a group has as outputs', () => {
  const loop = { id: 'l', repeat: { until: 'true', max: 2 }, steps: inner(x) };
  const refer = (text: string) =>
    faults([
      { id: 'm', forEach: list },
      loop,
      { id: 'k', repeat: { until: 'true', max: 2 } },
      { id: 'z', dependencies: ['m', 'l', 'k'], params: { v: text } },
    ]);

  test.each([
    [
      '{{steps.m.outputs.result}}',
      'the outputs of a step with forEach are count, failed, skipped, items, errors, and have no "result"',
    ],
    ['{{steps.l.outputs.content}}', 'the outputs of a loop are rounds, done, last, and have no "content"'],
    ['{{steps.l.outputs.last.y.v}}', 'a round has no step "y"; it has x'],
  ])('%s', (text, fault) => {
    expect(refer(text)).toEqual([`steps[3].params.v: ${text}: ${fault}`]);
  });

  test.each([
    '{{steps.m.outputs.count}}',
    '{{steps.l.outputs.last}}',
    '{{steps.l.outputs.last.x.v}}',
    '{{steps.k.outputs.last.v}}',
    '{{steps.l.outputs}}',
    '{{steps.l.outputs.done}}',
  ])('%s', (text) => {
    expect(refer(text)).toEqual([]);
  });
});

describe('previous', () => {
  const at = (text: string) =>
    faults([
      { id: 'l', repeat: { until: 'true', max: 2 }, steps: inner({ id: 'x', params: { v: text } }, { id: 'y' }) },
    ]);

  test.each([
    [
      '{{previous.y.outputs.v}}',
      'there is no round before the first; say what stands in for it, as in {{previous.y.outputs.v ?? null}}',
    ],
    ['{{previous.q.outputs.v ?? null}}', 'a round has no step "q"'],
  ])('%s', (text, fault) => {
    expect(at(text)[0]).toContain(fault);
  });

  test('with a stand-in it is right, also within a map in the round; `round` is a number', () => {
    expect(at('{{previous.x.outputs.v ?? null}} {{round}}')).toEqual([]);
    const map = inner({ id: 'm', forEach: list, params: { v: '{{previous.m.outputs.count ?? 0}} {{item}}' } });
    expect(faults([{ id: 'l', repeat: { until: 'true', max: 2 }, steps: map }])).toEqual([]);
  });

  test('in a loop of one action the round has the name of the loop, in `until` too', () => {
    const l = (until: string, v = '', id = 'l') => ({ id, repeat: { until, max: 2 }, params: { v } });
    const asked = 'steps.l.outputs.x >= 8.0 && (round == 0 || has(previous.l.outputs.x))';
    expect(faults([l(asked, '{{previous.l.outputs.x ?? null}}')])).toEqual([]);
    const within = {
      id: 'o',
      forEach: list,
      steps: inner(l('steps.l.outputs.x == index', '{{previous.l.outputs ?? 1}}')),
    };
    expect(faults([within])).toEqual([]);
    const behind = {
      id: 'z',
      dependencies: ['l'],
      params: { v: '{{steps.l.outputs.last.x}} {{steps.l.outputs.done}}' },
    };
    expect(faults([l('true'), behind])).toEqual([]);
    expect(faults([l('true', '{{steps.l.outputs.x}}')])).toEqual([
      'steps[0].params.v: {{steps.l.outputs.x}}: step "l" cannot refer to itself; the round before is {{previous.l.outputs ?? null}}',
    ]);
    expect(faults([{ id: 'a', params: { v: '{{steps.a.outputs.x}}' } }])).toEqual([
      'steps[0].params.v: {{steps.a.outputs.x}}: step "a" cannot refer to itself',
    ]);
    expect(faults([l('outputs.x == 1')])[0]).toContain('there is no "outputs"; results are in steps.<id>.outputs');
    expect(faults([{ ...l('true'), when: 'steps.l.outputs.x == 1' }])[0]).toContain(
      'step "l" asks this itself before it begins',
    );
    expect(faults([{ id: 'm', forEach: list, output: '{{steps.m.outputs.x}}' }])[0]).toContain('step "m" cannot refer');
  });

  test('outside of a loop it is text, and in a round there are no other names', () => {
    expect(faults([{ id: 'a', params: { v: '{{previous.x.outputs.v}}' } }])).toEqual([]);
    const one = { id: 'l', repeat: { until: 'true', max: 2 }, params: { v: '{{previous.x.outputs.v ?? null}}' } };
    expect(faults([one])[0]).toContain('a round has no step "x"');
  });
});

describe('finally', () => {
  const last = (...steps: Written[]) => ({ finally: inner(...steps) });

  test('sees the workflow, and steps with a stand-in', () => {
    const v = "{{workflow.outcome}} {{workflow.id}} {{workflow.failed}} {{steps.a.outputs.v ?? 'none'}}";
    expect(faults([a], last({ id: 'f', params: { v }, when: 'workflow.outcome == "failed"' }))).toEqual([]);
    expect(faults([a], last({ id: 'f', params: { v: '{{steps.a.outputs.v}}' } }))[0]).toContain(
      'finally[0].params.v: {{steps.a',
    );
    expect(faults([a], last({ id: 'f', params: { v: '{{workflow.name}}' } }))).toEqual([
      'finally[0].params.v: {{workflow.name}}: in finally there are workflow.id, workflow.outcome, workflow.failed',
    ]);
    expect(faults([a], last({ id: 'f', params: { v: '{{workflow}}' } }))[0]).toContain('in finally there are');
    expect(faults([{ id: 'a', params: { v: '{{workflow.name}}' } }])).toEqual([]);
  });

  test('waits for steps of its own, and for those of `steps` as it is', () => {
    expect(faults([a], last({ id: 'f' }, { id: 'g', dependencies: ['f'] }))).toEqual([]);
    expect(faults([a], last({ id: 'f', dependencies: ['a'] }))).toEqual([
      'finally[0].dependencies[0]: step "f" of finally waits for every step of `steps` as it is; leave "a" out',
    ]);
    expect(faults([{ id: 'a', dependencies: ['f'] }], last({ id: 'f' }))[0]).toContain('in a circle: a → f → a');
    expect(faults([a], last({ id: 'a' }))).toEqual([
      'finally[0].id: step id "a" is used before, by step 0; ids must be unique',
    ]);
    expect(faults([a], last({ id: 'f' }, { id: 'f' }))).toEqual([
      'finally[1].id: step id "f" is used before, by finally[0]; ids must be unique',
    ]);
  });

  test('waits for no more than can be', () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => ({ id: `s${i}` }));
    const ends = (count: number) => last(...Array.from({ length: count }, (_, i) => ({ id: `f${i}` })));
    expect(faults(many(2_001), ends(100))).toEqual([
      'finally: its 100 steps wait for 2001 each; 200000 such waits is the most. Write fewer',
    ]);
    expect(faults(many(20_000), ends(1))).toEqual([
      'finally: makes 20001 steps with those of `steps`; a workflow has at most 20000',
    ]);
  });

  test.each([[{ finally: 5 }], [{ finally: [null] }]])('%j is refused, not thrown at', (more) => {
    expect(faults([a], more).length).toBeGreaterThan(0);
  });
});

describe('conditions', () => {
  test.each<[string, Written[], string]>([
    ['that cannot be read', [{ id: 'a', when: '1 +' }], 'steps[0].when: '],
    [
      'of a step that is not upstream',
      [a, { id: 'b', when: 'steps.a.status == "COMPLETED"' }],
      'steps[1].when: step "a" is not upstream',
    ],
    [
      'of a step that is not there',
      [a, { id: 'b', when: 'steps.q.status == "x"' }],
      'steps[1].when: there is no step "q"',
    ],
    [
      'of a param that is not there',
      [{ id: 'a', when: 'params.q == 1' }],
      'steps[0].when: the workflow has no param "q"',
    ],
    ['that is neither true nor false', [{ id: 'a', when: '"text"' }], 'steps[0].when: '],
    [
      'of a group, which see no item',
      [{ id: 'm', forEach: list, when: 'item == 1' }],
      'steps[0].when: there is no "item"',
    ],
    [
      'of items that are gathered',
      [
        { id: 'm', forEach: list },
        { id: 'b', dependencies: ['m'], when: 'size(steps.m.outputs.items) > 1' },
      ],
      'steps[1].when: ',
    ],
    ['of a loop', [{ id: 'l', repeat: { until: 'nope', max: 1 } }], 'steps[0].repeat.until: there is no "nope"'],
    [
      'of what finally alone sees',
      [{ id: 'a', when: 'workflow.outcome == "failed"' }],
      'steps[0].when: workflow is known',
    ],
  ])('%s', (_, steps, fault) => {
    expect(faults(steps)[0]).toContain(fault);
    expect(faults(steps)).toHaveLength(1);
  });

  test('see what is upstream, items, rounds, and the steps of a round after it', () => {
    const steps = inner(
      { id: 'x' },
      {
        id: 'y',
        dependencies: ['x'],
        when: 'round > 0 && has(previous.x.outputs) && steps.x.outcome == "ran" && steps.a.status == "COMPLETED"',
      },
      { id: 'm', forEach: [1] },
      { id: 'l', repeat: { until: 'round > 1', max: 2 } },
      { id: 'z', dependencies: ['m', 'l'], when: 'steps.m.outputs.count > 1 && steps.l.outputs.rounds > 1' },
    );
    const until = 'steps.y.outcome == "ran" || round == 3';
    expect(faults([a, { id: 'o', dependencies: ['a'], repeat: { until, max: 5 }, steps }])).toEqual([]);
    const items = inner({ id: 'x', when: 'url != "" && index < 5' });
    expect(faults([{ id: 'm', forEach: { url: list }, steps: items }])).toEqual([]);
  });
});

describe('new params for a step of a workflow', () => {
  test('know the names of its items, what has surely run before it, and `workflow` in finally', () => {
    const live = LiveWorkflow.with(
      [a, { id: 'm', forEach: { url: list }, dependencies: ['a'] }, { id: 'e', join: 'ended', dependencies: ['a'] }],
      { finally: [{ id: 'f', action: 'noop' }] },
    );
    const check = (stepId: string, v: string) =>
      validateStepParams(live.state.steps, stepId, { v }, {}, options).map(
        ({ path, message }) => `${path}: ${message}`,
      );
    expect(check('m', '{{url}} {{index}} {{steps.a.outputs.v}}')).toEqual([]);
    expect(check('e', '{{steps.a.outputs.v}}')[0]).toContain(
      'params.v: {{steps.a.outputs.v}}: step "a" may not have run',
    );
    expect(check('f', '{{workflow.name}}')[0]).toContain('in finally there are');
  });
});
