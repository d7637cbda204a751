/**
 * Goal: no text that a client sends costs more processor time than its length earns (X11). Method: each function that
 * reads such text on the server's or the coordinator's thread, with ten times the input: less than fifteen times the
 * processor time of this process, in the best of a few rounds. Shapes are those that once were quadratic, and their kin.
 */
import { expect, test } from 'vitest';
import { z } from 'zod';
import { toFieldErrors } from '../../src/contract/field-errors.ts';
import { didYouMean } from '../../src/contract/nearest.ts';
import { isSlowPattern } from '../../src/contract/slow-pattern.ts';
import { bindParams } from '../../src/core/bindings.ts';
import { toCanonicalJson } from '../../src/core/canonical-json.ts';
import { findExcess } from '../../src/core/file-bounds.ts';
import { createGraph, findCycles, topologicalOrder } from '../../src/core/graph.ts';
import { findReferences, readReferences } from '../../src/core/references.ts';
import { findSecretParams } from '../../src/core/secret-params.ts';
import { validateDefinition, validateStepParams } from '../../src/core/validate.ts';
import { toBodyBounds } from '../../src/server/bounds.ts';
import { scanJson } from '../../src/server/json-scan.ts';
import { quoted } from '../../src/server/problem.ts';
import { createActionCatalogue } from '../../src/tasks/registry.ts';
import { findJsonComment } from '../../src/templates/json-comments.ts';
import { createParamsSchema } from '../../src/templates/params-schema.ts';
import { readTemplateText } from '../../src/templates/template-file.ts';
import { growthOf } from '../fixtures/growth.ts';

const options = { catalogue: createActionCatalogue(), unknownActions: 'reject' as const };
const list = <T>(size: number, item: (i: number) => T): T[] => Array.from({ length: size }, (_, i) => item(i));
const workflow = (...steps: unknown[]) => ({ name: 'w', steps });
const step = (more: object) => ({ id: 'a', action: 'noop', ...more });
const validate = (input: unknown) => () => void validateDefinition(input, options);
const text = (value: string) => validate(workflow(step({ params: { t: value } })));
const schema = (written: Record<string, unknown>, params: Record<string, unknown>) => {
  const made = createParamsSchema(written);
  if (made.kind === 'faulty') throw new Error(made.faults[0]?.message);
  return () => void made.schema.check(params);
};

/** What is done with an input of a size. */
const cases: [name: string, size: number, prepare: (size: number) => () => void][] = [
  ['a step id of .outputs', 4_000, (n) => text(`{{steps.${'.outputs'.repeat(n)}}}`)],
  ['quoted keys without an end', 4_000, (n) => text('{{params["a'.repeat(n))],
  ['references inside of references', 4_000, (n) => text('{{params.'.repeat(n))],
  ['brackets', 20_000, (n) => text(`{{params.${'['.repeat(n)}}}`)],
  ['braces', 20_000, (n) => text('{'.repeat(n))],
  ['spaces in braces', 20_000, (n) => text(`{{${' '.repeat(n)}`)],
  ['references', 2_000, (n) => text('{{params.a}} '.repeat(n))],
  ['secrets', 2_000, (n) => text('{{secrets.A}} '.repeat(n))],
  ['secrets without an end', 4_000, (n) => text(`{{secrets.${' '.repeat(n)}{{ secrets`.repeat(9))],
  [
    'values of secrets to look for',
    20_000,
    (n) => {
      const store = Object.fromEntries(list(50, (i) => [`S${i}`, { value: `aaaaaaaa-${i}` }]));
      return () => void findSecretParams({ t: 'aaaaaaaa'.repeat(n) }, [], {}, store);
    },
  ],
  [
    'references in places of their own',
    2_000,
    (n) => validate(workflow(step({ params: { t: list(n, () => '{{params.a}}') } }))),
  ],
  [
    'faults beside references in one step',
    1_000,
    (n) => {
      const headers = Object.fromEntries(list(n, (i) => [`h${i}`, 1]));
      const body = list(n, () => '{{params.a}}');
      return validate(workflow(step({ action: 'http_request', params: { url: 'http://a.test', headers, body } })));
    },
  ],
  ['unknown dependencies', 1_500, (n) => validate(workflow(step({ dependencies: list(n, (i) => `d${i}`) })))],
  ['repeated ids', 1_500, (n) => validate(workflow(...list(n, () => step({}))))],
  [
    'one circle',
    1_500,
    (n) => validate(workflow(...list(n, (i) => step({ id: `s${i}`, dependencies: [`s${(i + 1) % n}`] })))),
  ],
  [
    'many circles',
    1_000,
    (n) => validate(workflow(...list(n, (i) => step({ id: `s${i}`, dependencies: [`s${i ^ 1}`] })))),
  ],
  ['unknown actions', 1_000, (n) => validate(workflow(...list(n, (i) => step({ id: `s${i}`, action: `noopp${i}` }))))],
  [
    'references within a field of a long name',
    200,
    (n) => validate(workflow(step({ params: { ['k'.repeat(500 * n)]: list(n, () => '{{params.a}}') } }))),
  ],
  [
    'unknown dependencies of a step with a long id',
    200,
    (n) => validate(workflow(step({ id: 'k'.repeat(500 * n), dependencies: list(n, (i) => `d${i}`) }))),
  ],
  [
    'keys within a field of a long name',
    200,
    (n) => {
      const key = 'sk-0123456789';
      const params = { [key + 'k'.repeat(500 * n)]: list(n, () => key) };
      return () => void findSecretParams(params, ['params'], { OPENAI_API_KEY: key });
    },
  ],
  [
    'references to none of many params',
    500,
    (n) => {
      const params = Object.fromEntries(list(n, (i) => [`parameter${i}`, 1]));
      return validate({ ...workflow(step({ params: { t: '{{params.paramter}} '.repeat(n) } })), params });
    },
  ],
  [
    'references to none of many steps',
    500,
    (n) => validate(workflow(...list(n, (i) => step({ id: `s${i}`, params: { t: '{{steps.stp.outputs}}' } })))),
  ],
  [
    'references to steps that are upstream',
    300,
    (n) =>
      validate(
        workflow(
          ...list(n, (i) =>
            step({
              id: `s${i}`,
              dependencies: i === 0 ? [] : [`s${i - 1}`],
              params: i === 0 ? {} : { t: '{{steps.s0.outputs}}' },
            }),
          ),
        ),
      ),
  ],
  [
    'actions that are simulated',
    500,
    (n) => () =>
      void validateDefinition(workflow(...list(n, (i) => step({ id: `s${i}`, action: `noopp${i}` }))), {
        ...options,
        unknownActions: 'simulate',
      }),
  ],
  [
    'names in code beside fields of its data',
    1_000,
    (n) => {
      const data = { ...Object.fromEntries(list(n, (i) => [`d${i}`, 1])), params: 1 };
      return validate(workflow(step({ action: 'render', params: { template: '{{ params.x }}'.repeat(n), data } })));
    },
  ],
  [
    'new params of a step',
    2_000,
    (n) => {
      const params = { t: list(n, () => '{{params.a}}') };
      return () => void validateStepParams([{ id: 'a', action: 'noop', dependencies: [] }], 'a', params, {}, options);
    },
  ],
  [
    'values in place of references',
    2_000,
    (n) => {
      const params = { t: '{{params.a}} '.repeat(n) };
      return () => void bindParams(params, { params: { a: 'x' }, isStep: () => false, outputsOf: () => undefined });
    },
  ],
  ['places of references', 20_000, (n) => () => void findReferences('{{ params["x"].y }} {{'.repeat(n))],
  ['one reference', 20_000, (n) => () => void readReferences(`steps${'["a"]'.repeat(n)}.outputs`, () => false)],
  [
    // No larger: what does not fit a processor's caches costs four times as much a step.
    'an order of steps',
    1_000,
    (n) => () =>
      void topologicalOrder(createGraph(list(n, (i) => ({ id: `${i}`, dependencies: i ? [`${i - 1}`] : [] })))),
  ],
  [
    'circles',
    1_000,
    (n) => () => void findCycles(createGraph(list(n, (i) => ({ id: `${i}`, dependencies: [`${(i + 1) % n}`] })))),
  ],
  [
    'canonical JSON',
    5_000,
    (n) => () => void toCanonicalJson(Object.fromEntries(list(n, (i) => [`k${(i * 7919) % n}`, i]))),
  ],
  ['bounds of a file', 20_000, (n) => () => void findExcess({ steps: list(n, () => ({ a: [1] })) })],
  ['a scan of tokens', 20_000, (n) => scan(`{"a":[${'1,'.repeat(n)}1]}`)],
  ['a scan of keys', 4_000, (n) => scan(`{${list(n, (i) => `"k${i}":{}`).join()}}`)],
  ['a scan of escapes', 20_000, (n) => scan(`{"a":"${'\\u0041'.repeat(n)}"}`)],
  ['quoted text', 200_000, (n) => () => void quoted('\u202e'.repeat(n))],
  ['a pattern to judge', 20_000, (n) => () => void isSlowPattern('(a|b)'.repeat(n))],
  ['escaped brackets of a pattern', 10_000, (n) => () => void isSlowPattern('\\('.repeat(n))],
  [
    'escaped brackets of a template',
    10_000,
    (n) => () => void readTemplateText(`id: t\nname: '${'\\('.repeat(n)}'\nsteps: [{id: a, action: noop}]\n`),
  ],
  ['comments in JSON', 4_000, (n) => () => void findJsonComment(`{"a": 1 ${'/*'.repeat(n)}`)],
  ['strings in JSON', 4_000, (n) => () => void findJsonComment(`{"a": ${'"\\"'.repeat(n)}`)],
  [
    'keywords that a schema does not know',
    1_000,
    (n) => () => void createParamsSchema(Object.fromEntries(list(n, (i) => [`keyword${i}`, 1]))),
  ],
  [
    'fields that a step does not know',
    1_000,
    (n) => validate(workflow(step(Object.fromEntries(list(n, (i) => [`dependancies${i}`, 1]))))),
  ],
  [
    'numbers to search for secrets',
    20_000,
    (n) => () => void findSecretParams({ t: list(n, (i) => i) }, [], { OPENAI_API_KEY: 'sk-0123456789' }),
  ],
  [
    'nearest names',
    2_000,
    (n) => () =>
      void didYouMean(
        'abcdefgh',
        list(n, (i) => `abcdefg${i}`),
      ),
  ],
  [
    'issues of a schema',
    2_000,
    (n) => {
      const issues = z.array(z.string()).safeParse(list(n, () => 1)).error?.issues ?? [];
      return () => void toFieldErrors(issues);
    },
  ],
  [
    'items that fit none of several forms',
    300,
    (n) =>
      schema(
        { properties: { a: { items: { anyOf: [{ type: 'string' }, { type: 'null' }] } } } },
        { a: list(n, () => 1) },
      ),
  ],
  [
    'params that nobody knows',
    1_000,
    (n) => schema({ properties: {}, additionalProperties: false }, Object.fromEntries(list(n, (i) => [`p${i}`, 1]))),
  ],
  [
    'names that a template requires',
    2_000,
    (n) => () => void createParamsSchema({ required: list(n, (i) => `p${i}`) }),
  ],
  [
    'a template file',
    500,
    (n) => () =>
      void readTemplateText(`id: t\nname: T\nsteps:\n${list(n, (i) => `  - {id: s${i}, action: noop}\n`).join('')}`),
  ],
  [
    'a template file with faults',
    500,
    (n) => () =>
      void readTemplateText(`id: t\nname: T\nsteps:\n${list(n, (i) => `  - {id: s${i}, actio: noop}\n`).join('')}`),
  ],
];

function scan(json: string): () => void {
  const bytes = Buffer.from(json);
  const bounds = toBodyBounds(
    { bodyBytesMax: 1e9, bodyTokensMax: 1e9, creatingBodyBytesMax: 1e9, creatingBodyTokensMax: 1e9 } as never,
    'creating',
  );
  return () => void scanJson(bytes, bounds);
}

/** Below so many microseconds it is the measuring that costs. */
const baseMin = 100;

test.each(cases)('%s: ten times the input, less than fifteen times the work', async (_, size, prepare) => {
  const { ratio, ratioMax } = await growthOf(prepare(size), prepare(10 * size), baseMin);
  expect(ratio).toBeLessThan(ratioMax);
});
