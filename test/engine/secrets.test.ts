/** Goal (F17): a key of the settings that stands in params is refused at creation, and reaches no file. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { shortSecretNames } from '../../src/contract/secret-values.ts';
import { refusalOf, startInline } from './running-engine.ts';

const key = 'sk-canary-8';
const settings = { secrets: { OPENAI_API_KEY: key, CHAT_API_KEY: 'ollama' } };
const fault = (path: string) => ({ path, message: expect.stringMatching(/^holds the value of OPENAI_API_KEY: /) });

function filesOf(dir: string): string[] {
  return readdirSync(dir).flatMap((name) => {
    const path = join(dir, name);
    return statSync(path).isDirectory() ? filesOf(path) : [path];
  });
}

test('params of a step, of the workflow and of a branch are searched', async () => {
  const { engine, dir } = await startInline({ settings });
  const step = (params: object) => ({ id: 'a', action: 'noop', params });
  const refused = await refusalOf(
    engine.submit({ name: 'x', params: { note: `Bearer ${key}` }, steps: [step({ header: key })] }),
  );
  expect(refused.code).toBe('INVALID');
  expect(refused.errors).toEqual([fault('params.note'), fault('steps[0].params.header')]);
  expect((await refusalOf(engine.submitTemplate('noop', { note: key }))).errors).toEqual([
    fault('params.note'),
    fault('steps[0].params.note'),
  ]);
  const { id } = await engine.submit({ name: 'x', steps: [step({ header: 'ollama' })] });
  await engine.finished(id);
  const branched = await refusalOf(engine.branch(id, { stepId: 'a', params: { header: key } }));
  expect(branched.errors).toEqual([fault('params.header')]);
  for (const text of [
    JSON.stringify([refused, branched]),
    ...filesOf(dir.root)
      .filter((file) => !file.endsWith('.sock'))
      .map((file) => readFileSync(file, 'utf8')),
  ]) {
    expect(text).not.toContain(key);
  }
});

test('keys of fewer than eight characters are named for the warning, addresses and longer keys are not', () => {
  const secrets = { A_KEY: '1234567', B_KEY: '12345678', CHAT_BASE_URL: 'http:' };
  expect(shortSecretNames(secrets)).toEqual(['A_KEY']);
});

test('a key of the settings is refused in every field of a step that may hold text, within groups and finally too', async () => {
  const { engine } = await startInline({ settings: { secrets: { OPENAI_API_KEY: 'sk-of-the-settings' } } });
  const refusal = await refusalOf(
    engine.submit({
      name: 'nested',
      steps: [
        {
          id: 'g',
          forEach: ['sk-of-the-settings'],
          label: 'sk-of-the-settings',
          output: { x: ['sk-of-the-settings'] },
          steps: [{ id: 'i', action: 'noop', when: '"sk-of-the-settings" == ""', params: { x: 'sk-of-the-settings' } }],
        },
        { id: 'r', repeat: { until: '"sk-of-the-settings" == ""', max: 1 }, action: 'noop' },
      ],
      finally: [{ id: 'f', action: 'noop', params: { x: 'sk-of-the-settings' } }],
    }),
  );
  expect(refusal.errors?.map(({ path }) => path)).toEqual([
    'steps[0].forEach[0]',
    'steps[0].output.x[0]',
    'steps[0].label',
    'steps[0].steps[0].params.x',
    'steps[0].steps[0].when',
    'steps[1].repeat.until',
    'finally[0].params.x',
  ]);
});

test('a key in the name, the description or a tag of a workflow, or in the id, name or action of a step, is refused', async () => {
  const { engine } = await startInline({ settings });
  const refusal = await refusalOf(
    engine.submit({
      name: `to ${key}`,
      description: key,
      tags: ['fine', key],
      steps: [{ id: key, name: `${key}.`, action: `x-${key}` }],
    }),
  );
  expect(refusal.errors).toEqual(
    ['name', 'description', 'tags[1]', 'steps[0].id', 'steps[0].name', 'steps[0].action'].map(fault),
  );
  expect(JSON.stringify(refusal)).not.toContain(key);
});
