// biome-ignore-all lint/suspicious/noTemplateCurlyInString: payloads are texts.
/**
 * Goal: references reach own values of params and outputs and nothing else, and a value that is put in is never read again
 * (X12, X7). Method: 200 payloads of other template languages and of this one, each in the place of a reference and in the
 * place of a value.
 */
import { describe, expect, test } from 'vitest';
import { BindingError, bindParams } from '../../src/core/bindings.ts';
import { readReferences } from '../../src/core/references.ts';

const outputs: Record<string, unknown> = { a: { content: 'text', list: [1], n: 1 } };
const isStep = (id: string) => Object.hasOwn(outputs, id);
const secret = 'the value nobody asked for';
const sourcesWith = (value: unknown) => ({
  params: { value, secret } as never,
  isStep,
  outputsOf: (id: string) => outputs[id],
});

const inherited = ['constructor', '__proto__', 'prototype', 'toString', 'valueOf', 'hasOwnProperty', 'isPrototypeOf'];
const more = [
  '__defineGetter__',
  '__lookupGetter__',
  'toLocaleString',
  'propertyIsEnumerable',
  'call',
  'apply',
  'bind',
];
const ofLists = [
  'size',
  'flat',
  'map',
  'constructor.constructor',
  'at',
  'concat',
  'push',
  '-1',
  '1',
  '[-1]',
  '[1]',
  '["0"]',
];
const names = [...inherited, ...more];

/** Well formed, and they lead nowhere. */
const nowhere = [
  ...names.flatMap((name) => [
    `{{params.${name}}}`,
    `{{params.value.${name}}}`,
    `{{steps.a.outputs.${name}}}`,
    `{{steps.a.outputs.content.${name}}}`,
    `{{steps.a.outputs.list.${name}}}`,
    `{{steps.a.outputs.${name}.${name}}}`,
  ]),
  ...ofLists.filter((name) => !name.startsWith('[')).map((name) => `{{steps.a.outputs.list.${name}}}`),
];

/** Nothing of this language: the text stays what it is. */
const foreign = [
  ...[
    '{{7*7}}',
    '${7*7}',
    '#{7*7}',
    '<%= 7*7 %>',
    '{%raw%}',
    '{{=7*7}}',
    '{{{7}}}',
    '[[${7*7}]]',
    '@(7*7)',
    '${{7*7}}',
  ],
  ...[
    '{{constructor.constructor("return process")()}}',
    '{{this.constructor}}',
    '{{self}}',
    '{{config}}',
    '{{_self.env}}',
  ],
  ...[
    '{{process.env}}',
    '{{global.process}}',
    '{{globalThis}}',
    '{{require("fs")}}',
    '{{import("fs")}}',
    '{{eval("1")}}',
  ],
  ...[
    '{{range.constructor("return global")()}}',
    "{{'a'.constructor.prototype.charAt=[].join}}",
    '{{$on.constructor(1)()}}',
  ],
  ...[
    '${process.env.HOME}',
    '$(id)',
    '`id`',
    '%{7*7}',
    '{{request.application}}',
    '{{lipsum.__globals__}}',
    '{{joiner}}',
    '{{namespace}}',
    '{{dict}}',
    '{{get_flashed_messages()}}',
    '{{cycler}}',
  ],
  ...["{{''.__class__.__mro__}}", '{{[].__class__}}', '{{url_for.__globals__}}', '{{"".class}}', '{{().__class__}}'],
  ...[
    '{% for x in y %}{{x}}{% endfor %}',
    '{%import os%}',
    '{{ "a"|upper }}',
    '{{ x|attr("y") }}',
    '{{#with "s"}}{{/with}}',
  ],
  ...[
    '{{#each .}}{{/each}}',
    '{{> partial}}',
    '{{! comment }}',
    '{{&raw}}',
    '{{^x}}{{/x}}',
    '{{lookup . "x"}}',
    '{{log 1}}',
  ],
  ...[
    '#set($x=7)',
    '$x.class',
    '$!{x}',
    '${T(java.lang.Runtime)}',
    '*{7*7}',
    '__${7*7}__::.x',
    '@{7*7}',
    '~{x}',
    '#{x}',
  ],
  ...[
    '<#assign x=1>',
    '${"freemarker".new()}',
    '<%- include("x") %>',
    '<?php 7 ?>',
    '<?= 7 ?>',
    '{php}7{/php}',
    '{$smarty.now}',
  ],
  ...['{{= it.x }}', '{{~it.x}}', '<% 7 %>', '{{{{raw}}}}', '{{ }}', '{{}}', '{{', '}}', '{{{', '{ {params.secret} }'],
  ...[
    '{{params}',
    '{params.secret}}',
    '{{\u200bparams.secret}}',
    '{{\uff50arams.secret}}',
    '{{PARAMS.secret}}',
    '{{Params.secret}}',
  ],
  ...[
    '{{secret}}',
    '{{param.secret}}',
    '{{step.a.outputs}}',
    '{{output.secret}}',
    '{{ctx.secret}}',
    '{{workflow}}',
    '\\{{x}}',
  ],
  ...[
    '$&',
    '$1',
    '$`',
    "$'",
    '$$',
    '$<name>',
    '%s',
    '%n',
    '{0}',
    '{}',
    '\u202e{{x}}',
    '\u0000',
    '{{x}}{{y}}',
    '{{x|y??z}}',
  ],
];

const known = [
  '{{params.secret}}',
  '{{ params.secret }}',
  '{{steps.a.outputs}}',
  '{{steps.a.outputs.content}}',
  '{{params}}',
];
const payloads = [...nowhere, ...foreign, ...known];

describe(`${payloads.length} payloads`, () => {
  test('are 200 at least, no two alike', () => {
    expect(new Set(payloads).size).toBe(payloads.length);
    expect(payloads.length).toBeGreaterThanOrEqual(200);
  });

  test.each(payloads)('as a value, %j is put in as it is, alone and within a text', (payload) => {
    const sources = sourcesWith(payload);
    expect(bindParams({ text: '{{params.value}}' }, sources)).toEqual({ text: payload });
    expect(bindParams({ text: '<{{params.value}}|{{params.value}}>' }, sources)).toEqual({
      text: `<${payload}|${payload}>`,
    });
    const ofStep = { ...sources, outputsOf: () => ({ content: payload }) };
    expect(bindParams({ text: '<{{steps.a.outputs.content}}>' }, ofStep)).toEqual({ text: `<${payload}>` });
    expect(bindParams({ [payload]: 1 }, sources)).toEqual({ [payload]: 1 });
  });

  test.each(nowhere)('as a reference, %s leads nowhere', (payload) => {
    expect(() => bindParams({ text: `see ${payload}` }, sourcesWith({}))).toThrow(BindingError);
  });

  test.each(foreign)('as a text of a definition, %j takes nothing from params or outputs', (payload) => {
    const kinds = readReferences(payload, isStep).map(({ kind }) => kind);
    expect(kinds.filter((kind) => kind === 'params' || kind === 'step')).toEqual([]);
    let bound: unknown = payload;
    try {
      bound = bindParams({ text: payload }, sourcesWith('x')).text;
    } catch (error) {
      expect(error).toBeInstanceOf(BindingError);
    }
    expect(JSON.stringify(bound)).not.toContain(secret);
    expect(String(bound)).not.toContain('49');
  });
});
