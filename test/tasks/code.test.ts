/**
 * Goal: "data is not code": MK1, MK2, LQ1, JS1. References in `render.template` and `transform.expression` are bound by
 * the core and run by the task, here in one go. Method: values that are Liquid and JSONata themselves, in every place
 * where code can have a reference; what comes out must hold them as they are. Places without room for a value are
 * refused, before a run and in it, by the reference's own name.
 */
import { describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/contract/json.ts';
import { bindParams } from '../../src/core/bindings.ts';
import { findExpressionFaults } from '../../src/rehearsal/expression-faults.ts';
import { tasks } from '../../src/tasks/registry.ts';
import { runAttempt } from '../../src/worker/attempt.ts';

const vue = 'In Vue write {{ msg | upper }}.';
const evil = '{{ secret }}{% assign x = 1 %}{% endraw %}';
const jsonataEvil = '" & secret & "';
const params: JsonObject = {
  page: vue,
  evil,
  jsonata: jsonataEvil,
  n: 5,
  list: [3, 1, 2],
  user: { name: 'Ada', 'first name': 'Ada L.' },
  nothing: null,
  yes: true,
  key: 'name',
  quote: `it's "so" \\`,
  dollars: '$& $1 $$',
};

async function run(action: string, written: JsonObject) {
  const bound = bindParams(written, { params, isStep: () => false, outputsOf: () => undefined }, tasks.get(action));
  const job = {
    jobId: 1,
    workflowId: 'w',
    stepId: 's',
    attempt: 1,
    action,
    lane: 'cpu' as const,
    isolated: true,
    paramsJson: JSON.stringify(bound),
    timeoutMs: 60_000,
    secrets: {},
  };
  const network = { allowHosts: [], ownPort: null };
  const outcome = await runAttempt(job, { tasks, network, signal: new AbortController().signal });
  return outcome.kind === 'completed' ? JSON.parse(outcome.outputsJson) : `${outcome.code}: ${outcome.message}`;
}

const render = async (template: string, data: JsonObject = { secret: 'TOP', list: [{ name: 'x' }] }) => {
  const outputs = await run('render', { template, data });
  return typeof outputs === 'string' ? outputs : outputs.content;
};
const transform = async (expression: string, input: unknown = { secret: 'TOP', name: 'in' }) => {
  const outputs = await run('transform', { input, expression } as JsonObject);
  return typeof outputs === 'string' ? outputs : outputs.value;
};

describe('render: a value is text where the template has text', () => {
  test.each([
    ['Summary: {{params.page}}', `Summary: ${vue}`],
    ['{{params.evil}}', evil],
    ['{ {{params.evil}} }', `{ ${evil} }`],
    ['{{{params.evil}}}', `{${evil}}`],
    ['{{params.page}}{{params.evil}}', vue + evil],
    ['{% raw %}{{params.evil}}{{ x }}{% endraw %}', `${evil}{{ x }}`],
    ['{% comment %}{{params.evil}}{% endcomment %}ok', 'ok'],
    ['{% if true %}{{params.evil}}{% endif %}', evil],
    ['{% capture c %}{{params.evil}}{% endcapture %}{{ c | size }}', String(evil.length)],
    ['{{ "{{params.evil}}" | append: "!" }}', `${evil}!`],
    ['{{ "{{params.quote}}" }}', params.quote],
    ["{{ '<{{params.quote}}>' }}", `<${params.quote}>`],
    ['{{ "a-b" | replace: "-", "{{params.dollars}}" }}', 'a$& $1 $$b'],
    ['{% echo "{{params.evil}}" %}', evil],
    ['{% liquid\n echo "{{params.evil}}"\n%}', evil],
    ['{% cycle "{{params.evil}}", "b" %}', evil],
    ['{% case "x" %}{% when "{{params.evil}}", "x" %}yes{% endcase %}', 'yes'],
    ['{% assign a = "{{params.evil}}" %}{{ a }}', evil],
    ['{% if "{{params.key}}" == "name" %}yes{% endif %}', 'yes'],
    ['<{{params.nothing}}>', '<>'],
    ['{{params.user}} {{params.n}} {{params.yes}}', '{"name":"Ada","first name":"Ada L."} 5 true'],
    ['{{params.user["first name"]}} ', 'Ada L. '],
    ['a  {{- "x" -}}  {{params.page}}', `ax${vue}`],
    [`\${{params.n}}`, '$5'],
    ['{{params.dollars}}', '$& $1 $$'],
  ])('%s', async (template, content) => {
    expect(await render(template)).toBe(content);
    expect(await findExpressionFaults([{ action: 'render', params: { template } }])).toEqual([]);
  });
});

describe('render: it is a variable, with its type, where the template has a value', () => {
  test.each([
    ['{% if {{params.n}} > 3 %}more{% endif %}', 'more'],
    ['{% if {{params.n}} == 5 and {{params.yes}} %}5{% endif %}', '5'],
    ['{% if {{params.page}} == "tea" %}no{% else %}other{% endif %}', 'other'],
    ['{% if {{params.nothing}} %}no{% else %}nothing{% endif %}', 'nothing'],
    ['{% for i in {{params.list}} %}{{ i }},{% endfor %}', '3,1,2,'],
    ['{% for i in (1..{{params.n}}) limit: {{params.n}} %}{{ i }}{% endfor %}', '12345'],
    ['{{ {{params.page}} | upcase }}', vue.toUpperCase()],
    ['{{ {{params.list}} | sort | join: "{{params.key}}" }}', '1name2name3'],
    ['{{ "x" | append: {{params.evil}} }}', `x${evil}`],
    ['{{ {{params.user}}.name }}', 'Ada'],
    ['{% assign u = {{params.user}} %}{{ u["first name"] }}', 'Ada L.'],
    ['{% assign d = list[0] %}{{ d[{{params.key}}] }}', 'x'],
    ['{{ list | where: "name", {{params.key}} | size }}', '0'],
    ['{% unless {{params.yes}} %}no{% endunless %}-', '-'],
  ])('%s', async (template, content) => {
    expect(await render(template)).toBe(content);
    expect(await findExpressionFaults([{ action: 'render', params: { template } }])).toEqual([]);
  });
});

describe('render: where it would be a name or code the template is refused, by name', () => {
  test.each([
    ['{% {{params.key}} %}', '{{params.key}}'],
    ['{{ secret | {{params.key}} }}', '{{params.key}}'],
    [
      '{{ data.{{params.key}} }}',
      '{{params.key}} cannot stand here: a reference is a value here, never part of a name',
    ],
    ['{% assign {{params.key}} = 1 %}', '{{params.key}} cannot stand here'],
    ['{% assign a{{params.key}} = 1 %}', '{{params.key}} cannot stand here'],
    ['{% if {{params.key}}x == 1 %}{% endif %}', '{{params.key}} cannot stand here'],
    ['{% if {{params.key}}{{params.n}} %}{% endif %}', '{{params.key}} cannot stand here'],
    ['{% for {{params.key}} in list %}{% endfor %}', '{{params.key}} cannot stand here'],
    ['{% capture {{params.key}} %}{% endcapture %}', '{{params.key}} cannot stand here'],
    ['{% increment {{params.key}} %}', '{{params.key}} cannot stand here'],
    ['{{ list | where_exp: "i", "i.name == \'{{params.key}}\'" }}', 'this filter runs its text as code'],
    ['{{ list | find_exp: "i", {{params.key}} }}', 'this filter runs its text as code'],
    ['{{ list | group_by_exp: "{{params.key}}", "i.name" }}', 'this filter runs its text as code'],
  ])('%s', async (template, message) => {
    const outcome = await render(template);
    expect(outcome).toContain('BAD_PARAMS: template: ');
    expect(outcome).toContain(message);
    expect(outcome).not.toMatch(/r[0-9a-f]{6}_\d/);
    const [fault] = await findExpressionFaults([{ action: 'render', params: { template } }]);
    expect(fault?.path).toBe('steps[0].params.template');
    expect(fault?.message).toContain(message);
  });
});

describe('transform: a value is text inside of quotes, and a variable elsewhere', () => {
  test.each([
    ['"Hello {{params.jsonata}}"', `Hello ${jsonataEvil}`],
    ["'{{params.quote}}'", params.quote],
    ['"{{params.evil}}" & secret', `${evil}TOP`],
    ['"{{params.dollars}}"', '$& $1 $$'],
    ['"{{params.user}}|{{params.nothing}}|{{params.n}}"', '{"name":"Ada","first name":"Ada L."}||5'],
    ['{{params.jsonata}}', jsonataEvil],
    ['{{params.page}} & "!"', `${vue}!`],
    ['{{params.n}} + 1', 6],
    ['$sum({{params.list}})', 6],
    ['{{params.list}}[0]', 3],
    ['{{params.user}}.name', 'Ada'],
    ['{{params.nothing}}', null],
    ['{"{{params.key}}": {{params.n}}}', { name: 5 }],
    ['`{{params.key}}`', 'in'],
    ['$.`{{params.key}}`', 'in'],
    ['$."{{params.key}}"', 'in'],
    ['$lookup($, {{params.key}})', 'in'],
    ['$x := {{params.n}}', 5],
    ['/* {{params.evil}} */ 1', 1],
    ['{{params.n}} / 5', 1],
    ['$contains("a.b", ".") ? {{params.key}} : "no"', 'name'],
    ['$map({{params.list}}, function($v) { $v * {{params.n}} })', [15, 5, 10]],
  ])('%s', async (expression, value) => {
    expect(await transform(expression)).toEqual(value);
    expect(await findExpressionFaults([{ action: 'transform', params: { input: {}, expression } }])).toEqual([]);
  });
});

describe('transform: elsewhere the expression is refused, by name', () => {
  test.each([
    ['/{{params.key}}/', 'a regular expression is code'],
    ['$match("x", /a{{params.key}}/i)', 'a regular expression is code'],
    ['$.{{params.key}}', '{{params.key}} cannot stand here'],
    ['a.b.{{params.key}}', '{{params.key}} cannot stand here'],
    ['{{params.key}}x', 'never a name'],
    [`\${{params.key}}`, 'never a name'],
    ['{{params.key}}{{params.n}}', 'never a name'],
    ['{{params.key}} := 5', 'a value is assigned to a name'],
    ['function({{params.key}}) { 1 }', 'a parameter needs a name'],
    ['$eval("1 + {{params.n}}")', '$eval runs its text as code'],
    ['$eval({{params.jsonata}})', '$eval runs its text as code'],
  ])('%s', async (expression, message) => {
    const outcome = await transform(expression);
    expect(outcome).toContain('BAD_PARAMS: expression: ');
    expect(outcome).toContain(message);
    expect(outcome).not.toMatch(/r[0-9a-f]{6}_\d/);
    const [fault] = await findExpressionFaults([{ action: 'transform', params: { input: {}, expression } }]);
    expect(fault?.message).toContain(message);
  });
});

test('MK2: an error names the reference, and its place in what was written', async () => {
  expect(await transform('"{{params.key}}" & ((')).toMatch(/\(at character 2[0-9]\)$/);
  expect(await render('{{params.key}} and {{params.n}}\n {{ gone }}')).toContain(
    'undefined variable: gone, line:2, col:5',
  );
  const template = '{% if {{params.user["first name"]}} %}{{ gone }}{% endif %}';
  expect(await render(template)).toContain(`line:1, col:${template.indexOf('gone') + 1}`);
});

test('MK1: no name that the code could hold is a mark, in two runs neither', async () => {
  const template = '{{params.key}}{{ r000000_0_z }}';
  expect(await render(template, { r000000_0_z: 'own' })).toBe('nameown');
});

test('CT1: the form that the engine makes is no param of anybody else', async () => {
  const forged = { strings: ['{{ secret }}'], references: [], values: [] };
  expect(await render(forged as unknown as string).catch((error: Error) => error.message)).toContain('has to be text');
});
