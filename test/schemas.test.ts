/**
 * Goal: editors check a file by the form that the engine takes. Method: the schemas in docs/schema are made anew and
 * compared; every shipped file fits the one for templates, and slips do not.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { type Schema, Validator } from '@cfworker/json-schema';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { toSchemaFiles } from '../scripts/schemas.ts';

const readSchema = (name: string) => JSON.parse(readFileSync(`docs/schema/${name}.schema.json`, 'utf8')) as Schema;
const template = new Validator(readSchema('template'), '2020-12', false);
const workflow = new Validator(readSchema('workflow'), '2020-12', false);

test.each([...toSchemaFiles()])('%s is current (npm run schema)', (name, text) => {
  expect(readFileSync(path.join('docs/schema', name), 'utf8')).toBe(text);
});

describe('the schema of templates', () => {
  const files = ['workflows/templates', 'workflows/examples'].flatMap((directory) =>
    readdirSync(directory).map((name) => path.join(directory, name)),
  );

  test.each(files)('takes %s', (file) => {
    expect(template.validate(parse(readFileSync(file, 'utf8'), { merge: true })).errors).toEqual([]);
  });

  const step = { id: 'a', action: 'noop' };
  test.each([
    ['no id', { name: 'T', steps: [step] }],
    ['an unknown field', { id: 't', name: 'T', steps: [step], stepz: [] }],
    [
      'an unknown field of an inner step',
      { id: 't', name: 'T', steps: [{ ...step, steps: [{ ...step, foreach: [] }] }] },
    ],
    ['a join that there is none of', { id: 't', name: 'T', steps: [{ ...step, join: 'some' }] }],
    ['a loop without a bound', { id: 't', name: 'T', steps: [{ ...step, repeat: { until: 'true' } }] }],
  ])('refuses %s', (_what, value) => {
    expect(template.validate(value).valid).toBe(false);
  });
});

test('the schema of workflows takes params as values, and notes of the author', () => {
  const steps = [{ id: 'a', action: 'noop', forEach: [1, 2], tolerate: '10%' }];
  expect(workflow.validate({ name: 'W', params: { n: 1 }, steps, 'x-notes': 'mine' }).valid).toBe(true);
  expect(workflow.validate({ name: 'W', params: 1, steps }).valid).toBe(false);
});
