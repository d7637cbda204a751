/**
 * Goal: WA1 to WA6, what a definition says that is seldom meant. Method: the whole list of lines for each slip, and its
 * partner: what is meant that way, and gets no line.
 */
import { describe, expect, test } from 'vitest';
import { findWarnings } from '../../src/core/warnings.ts';
import { createActionCatalogue } from '../../src/tasks/registry.ts';

const catalogue = createActionCatalogue();
const warn = (step: object, more: object = {}) =>
  findWarnings({
    steps: [{ id: 'a', action: 'noop', ...step }],
    params: ['topic', 'first name'],
    catalogue,
    namesSimulated: true,
    ...more,
  });
const x = (text: string) => warn({ params: { x: text } });
const generic = 'write {{params.<name>}} or {{steps.<id>.outputs.<path>}}';
const stays = 'is no reference and stays as it is';

describe('WA1 within groups', () => {
  const group = (step: object) =>
    findWarnings({
      steps: [{ id: 'g', forEach: { url: ['a'] }, label: '{{url}}', output: '{{topic}}', steps: [step] }],
      finally: [{ id: 'f', action: 'noop', params: { a: '{{workflow.outcome}}', b: '{{url}}' } }],
      params: ['topic'],
      catalogue,
      namesSimulated: true,
    });

  test('the name of an item is a reference within its group alone', () => {
    expect(group({ id: 'i', action: 'noop', params: { x: '{{url}} {{index}} {{round}}' } })).toEqual([
      `steps[0].output: {{topic}} ${stays}; write {{params.topic}}`,
      `steps[0].steps[0].params.x: {{round}} ${stays}; ${generic}`,
      `finally[0].params.b: {{url}} ${stays}; ${generic}`,
    ]);
  });

  test('a group within a loop, as a workflow that exists shows it', () => {
    const steps = [
      {
        id: 'l',
        repeat: { until: 'round == 1', max: 2 },
        body: [{ id: 'm', forEach: '{{ item }}', action: 'odd', params: { x: '{{item}} {{previous.m.outputs}}' } }],
      },
      { id: 'end', action: 'noop', final: true, params: { x: '{{workflow.id}}' } },
    ];
    expect(findWarnings({ steps, params: [], catalogue, namesSimulated: true })).toEqual([
      'steps[0].steps[0].action: no task has the name "odd", so the step is simulated',
      `steps[0].steps[0].forEach: {{ item }} ${stays}; ${generic}`,
    ]);
  });
});

describe('WA1: names that are known in some steps alone', () => {
  const stray = (path: string, text: string) => `${path}: {{${text}}} ${stays}; ${generic}`;
  const inner = {
    id: 'i',
    action: 'noop',
    params: { x: '{{url}} {{index}} {{round}} {{previous.i.outputs.x}} {{item}}' },
  };

  test('of a map, its action gets its items by name', () => {
    const params = { x: '{{url}} of {{index}}', y: '{{size}}', z: '{{item}} {{round}}' };
    expect(warn({ forEach: { url: [], size: [] }, params })).toEqual([
      stray('steps[0].params.z', 'item'),
      stray('steps[0].params.z', 'round'),
    ]);
    expect(warn({ forEach: [], params: { x: '{{item}}' } })).toEqual([]);
  });

  test('of a map and a loop, the inner steps know the names of both', () => {
    const loop = { id: 'l', repeat: { until: 'true', max: 2 }, steps: [inner] };
    const place = 'steps[0].steps[0].steps[0].params.x';
    expect(warn({ action: undefined, forEach: { url: [] }, steps: [loop] })).toEqual([stray(place, 'item')]);
    expect(warn({ action: undefined, forEach: { url: [] }, body: [loop] })).toEqual([stray(place, 'item')]);
    expect(warn(loop)).toEqual([
      stray('steps[0].steps[0].params.x', 'url'),
      stray('steps[0].steps[0].params.x', 'index'),
      stray('steps[0].steps[0].params.x', 'item'),
    ]);
  });

  test('of finally, the workflow', () => {
    const last = { id: 'z', action: 'noop', params: { x: '{{workflow.outcome}} {{round}}' } };
    expect(warn({}, { finally: [last] })).toEqual([stray('finally[0].params.x', 'round')]);
    expect(warn({ ...last, final: true })).toEqual([stray('steps[0].params.x', 'round')]);
    expect(warn({ params: { x: '{{workflow.outcome}}' } })).toEqual([stray('steps[0].params.x', 'workflow.outcome')]);
  });

  test('steps that a group has made are not looked at', () => {
    expect(warn({ of: { step: 'm', index: 0 }, params: { x: '{{url}}' } })).toEqual([]);
  });
});

describe('WA1: braces without a reference', () => {
  test.each([
    ['{{topic}}', [`{{topic}} ${stays}; write {{params.topic}}`]],
    ['about {{ topic }}!', [`{{ topic }} ${stays}; write {{params.topic}}`]],
    ['{{inputs.topic}}', [`{{inputs.topic}} ${stays}; write {{params.topic}}`]],
    ['{{param.topic}}', [`{{param.topic}} ${stays}; write {{params.topic}}`]],
    ['{{tea}}', [`{{tea}} ${stays}; ${generic}`]],
    ['{{params}}', [`{{params}} ${stays}; ${generic}`]],
    ['{{steps}}', [`{{steps}} ${stays}; ${generic}`]],
    ['{{step.a.outputs.value}}', [`{{step.a.outputs.value}} ${stays}; ${generic}`]],
    [
      '{{params.topic | upcase}}',
      [`{{params.topic | upcase}} ${stays}; a reference takes no filter: the action render has those`],
    ],
    ['{{ topic', [`{{ topic ${stays}; write {{params.topic}}`]],
    ['{{}}', [`{{}} ${stays}; ${generic}`]],
    ['{params.topic}', [`{params.topic} ${stays}; write {{params.topic}}`]],
    [`\${params.topic}`, [`\${params.topic} ${stays}; write {{params.topic}}`]],
    ['{steps.a.outputs.x}', [`{steps.a.outputs.x} ${stays}; write {{steps.a.outputs.x}}`]],
    [
      '{{topic}} {{params.topic}} {{tea}} {{topic}}',
      [`{{topic}} ${stays}; write {{params.topic}}`, `{{tea}} ${stays}; ${generic}`],
    ],
    [`{{${'t'.repeat(80)}}}`, [`{{${'t'.repeat(58)}… ${stays}; ${generic}`]],
  ])('%s', (text, lines) => {
    expect(x(text)).toEqual(lines.map((line) => `steps[0].params.x: ${line}`));
  });

  test.each(['{{params.topic}}', '{{steps.a.outputs["x"]}}', '{topic}', '{"a": {"b": 1}}', 'a } b }} c', `\${topic}`])(
    '%s is meant',
    (text) => {
      expect(x(text)).toEqual([]);
    },
  );

  test('at every depth, in keys, and in names that are never bound', () => {
    const params = { list: [{ deep: '{{tea}}' }], '{{params.topic}}': 1, in: { 'k{{steps.a.outputs.x}}': '' } };
    const alone = "references are replaced in the values of a step's params alone";
    expect(
      warn({ name: 'About {{params.topic}}', params }, { texts: { name: '{{params.topic}}', description: 'x' } }),
    ).toEqual([
      `name: {{params.topic}} stays as it is here; ${alone}`,
      `steps[0].name: {{params.topic}} stays as it is here; ${alone}`,
      `steps[0].params.list[0].deep: {{tea}} ${stays}; ${generic}`,
      `steps[0].params.in.k{{steps.a.outputs.x}}: {{steps.a.outputs.x}} stays as it is here; ${alone}`,
    ]);
  });

  test('braces in names that are no reference are a name', () => {
    expect(warn({ name: 'About {{topic}}' }, { texts: { name: '{{topic}}' } })).toEqual([]);
  });

  test('what is no step, and params that are none, get no line', () => {
    const sources = { params: [], catalogue, namesSimulated: true };
    expect(findWarnings({ steps: [null, 5, 'x', {}, { action: 'noop', params: 5 }], ...sources })).toEqual([]);
  });
});

describe('WA2: code', () => {
  const inTag = "is a name in `data` there, not one of the workflow's; write";
  test.each([
    ['{% if params.topic %}x{% endif %}', {}, `params.topic ${inTag} {{params.topic}}`],
    ['{% if params.topic %}x{% endif %}', undefined, `params.topic ${inTag} {{params.topic}}`],
    ['{{ params.topic | upcase }}', {}, `params.topic ${inTag} {{params.topic}}`],
    [
      '{{params.topic}}{% if steps.a.outputs.x == 1 %}',
      { params: 1 },
      `steps.a.outputs.x ${inTag} {{steps.a.outputs.x}}`,
    ],
    ['{% if params["topic"] %}', {}, `params[] ${inTag} {{params[]}}`],
  ])('render %s with %j', (template, data, line) => {
    expect(warn({ action: 'render', params: { template, data } })).toEqual([`steps[0].params.template: ${line}`]);
  });

  test.each([
    ['{{ topic }}{% if topic %}x{% endif %}', {}],
    ['{% if params.topic %}x{% endif %}', { params: {} }],
    ['{% if params.topic %}x{% endif %}', '{{params.data}}'],
    ['{% if {{params.topic}} %}x{% endif %}', {}],
    ['{% if "params.topic" == x %}x{% endif %}', {}],
    ['params.topic', {}],
    ['{{ data.params.topic }}', {}],
  ])('render %s with %j is meant', (template, data) => {
    expect(warn({ action: 'render', params: { template, data } })).toEqual([]);
  });

  test.each([
    [
      'params.topic & "x"',
      ["params.topic is a field of `input` there, not one of the workflow's; write {{params.topic}}"],
    ],
    [
      'steps.a.outputs',
      ["steps.a.outputs is a field of `input` there, not one of the workflow's; write {{steps.a.outputs}}"],
    ],
    ['params.other', []],
    ['steps.b.outputs', []],
    ['x.params.topic', []],
    ['"params.topic"', []],
    ['{{params.topic}} & "x"', []],
    ['{"a": {"b": $}}', []],
    [
      '{{params.topic}}',
      ['{{params.topic}} is data here and is not run; write the expression itself into the definition'],
    ],
    [
      ' {{params.topic}}\n',
      ['{{params.topic}} is data here and is not run; write the expression itself into the definition'],
    ],
  ])('transform %s', (expression, lines) => {
    expect(warn({ action: 'transform', params: { input: {}, expression } })).toEqual(
      lines.map((line) => `steps[0].params.expression: ${line}`),
    );
  });
});

describe('WA6: the item of a list in a template', () => {
  const map = (template: string, params: object = {}, more: object = { forEach: '{{params.topic}}' }) =>
    warn({ action: 'render', params: { template, ...params }, ...more });
  const line = (name: string) => [
    `steps[0].params.template: ${name} is no name of this template: write data: { ${name}: '{{${name}}}' }`,
  ];

  test.each([
    ['Item: {{ item }}', {}, 'item'],
    ['{{item.title | upcase}}', { data: { title: 1 } }, 'item'],
    ['{% if index > 1 %}x{% endif %}', {}, 'index'],
    ['{% for y in item %}{{ y }}{% endfor %}', {}, 'item'],
    ['{{ params.topic }} {{ "item" }} {{ x | append: item }}', { data: {} }, 'item'],
  ])('%s', (template, params, name) => {
    expect(map(template, params)).toEqual(line(name));
  });

  test.each([
    ['{{ item }}', { data: { item: '{{item}}' } }],
    ['{{ item }}', { data: '{{params.topic}}' }],
    ['item {{ x.item }} {{ "item" }} {{ x | item }} {{ x | f: item: 1 }}', { data: { x: 1 } }],
    ['{% assign item = 1 %}{{ item }}', {}],
    ['{%- for item in list %}{{ item }}{% endfor %}', { data: { list: [1] } }],
    ['{{ items }} {{ item-x }}', { data: { items: [1] } }],
  ])('is none in %s with %o', (template, params) => {
    expect(map(template, params)).toEqual([]);
  });

  test('outside of a list, and of what a loop has, nothing is said', () => {
    expect(map('{{ item }}', {}, {})).toEqual([]);
    expect(map('{{ x | round }} {{ previous }}', { data: { x: 1 } }, { repeat: { until: 'true', max: 1 } })).toEqual(
      [],
    );
    expect(map('{{ round }}', {}, { repeat: { until: 'true', max: 1 } })).toEqual(line('round'));
  });
});

describe('WA3: actions that nobody knows', () => {
  test('are named with the one that was meant', () => {
    expect(warn({ action: 'http_reqest' })).toEqual([
      'steps[0].action: no task has the name "http_reqest", so the step is simulated; did you mean "http_request"?',
    ]);
    expect(warn({ action: 'teleport', params: { x: '{{tea}}' } })).toEqual([
      'steps[0].action: no task has the name "teleport", so the step is simulated',
      `steps[0].params.x: {{tea}} ${stays}; ${generic}`,
    ]);
    expect(warn({ action: 'teleport' }, { namesSimulated: false })).toEqual([]);
  });
});

test('WA4: 50 lines are kept, and one counts the others', () => {
  const many = (count: number) => x(Array.from({ length: count }, (_, i) => `{{t${i}}}`).join(' '));
  expect(many(50)).toHaveLength(50);
  expect(many(52)).toHaveLength(51);
  expect(many(52).at(-1)).toBe('and 2 more like these');
});

test('WA4: a long key is cut, and so is a long path', () => {
  const [line, ...others] = warn({ params: { ['k'.repeat(1_000_000)]: Array.from({ length: 49 }, () => '{{tea}}') } });
  expect(others).toHaveLength(48);
  expect(line).toBe(`steps[0].params.${'k'.repeat(100)}…[0]: {{tea}} ${stays}; ${generic}`);
  let deep: unknown = '{{tea}}';
  for (let level = 0; level < 10; level += 1) deep = { ['k'.repeat(99)]: deep };
  expect(warn({ params: { deep } })[0]?.split(': ')[0]).toHaveLength(301);
});

test('WA5: what is told stands first, and counts as the others do', () => {
  const told = (count: number) => Array.from({ length: count }, (_, i) => `params.x${i}: lost`);
  expect(warn({ params: { x: '{{tea}}' } }, { told: told(1) })).toEqual([
    'params.x0: lost',
    `steps[0].params.x: {{tea}} ${stays}; ${generic}`,
  ]);
  expect(warn({ params: { x: '{{tea}}' } }, { told: told(50) })).toEqual([...told(50), 'and 1 more like these']);
  expect(warn({ params: { x: '{{tea}}' } }, { told: told(60) })).toEqual([...told(50), 'and 11 more like these']);
});
