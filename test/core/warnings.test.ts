/**
 * Goal: WA1 to WA5, what a definition says that is seldom meant. Method: the whole list of lines for each slip, and its
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
