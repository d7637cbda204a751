/** Goal: a param that a template's schema declares may be left out where `??` says what stands in for it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { refusalOf, startInline, stepOf } from './running-engine.ts';

const step = (day: string) => ({ id: 'a', action: 'hold', params: { name: 'a', outputs: { day } } });
const template = (id: string, day: string) => ({
  id,
  name: id,
  params: { type: 'object', properties: { day: { type: 'string' } } },
  steps: [step(day)],
});

test('a run without the param takes what stands in, and one with it the param', async () => {
  const { engine, dir, holds } = await startInline();
  mkdirSync(dir.settings.templatesDir, { recursive: true });
  const write = (id: string, day: string) =>
    writeFileSync(join(dir.settings.templatesDir, `${id}.json`), JSON.stringify(template(id, day)));
  write('sound', "{{params.day ?? 'today'}}");
  write('bare', '{{params.day}}');
  const days: unknown[] = [];
  for (const params of [{}, { day: 'Monday' }]) {
    const { id } = await engine.submitTemplate('sound', params);
    await holds.arrived('a', days.length + 1);
    holds.release('a');
    days.push(stepOf((await engine.finished(id)).workflow, 'a').outputs?.day);
  }
  expect(days).toEqual(['today', 'Monday']);
  expect((await refusalOf(engine.submitTemplate('bare', {}))).errors?.[0]?.message).toMatch(
    /may leave the param "day" out/,
  );
  const definition = { name: 'inline', steps: [step("{{params.day ?? 'today'}}")] };
  expect((await refusalOf(engine.submit(definition))).errors?.[0]?.message).toMatch(/has no param "day"/);
  const { id } = await engine.submit(definition, { declaredParams: ['day'] });
  // A branch has the params that its original has declared, and no others.
  const branch = (day: string) => engine.branch(id, { stepId: 'a', params: step(day).params });
  expect((await branch("{{params.day ?? 'tomorrow'}}")).status).toBe('PENDING');
  expect((await refusalOf(branch('{{params.day}}'))).errors).toMatchObject([
    { path: 'params.outputs.day', message: expect.stringMatching(/may leave the param "day" out/) },
  ]);
  expect((await refusalOf(branch("{{params.night ?? 'today'}}"))).errors?.[0]?.message).toMatch(/has no param "night"/);
});

test('an approval whose schema of data has a fault is refused when the workflow is made, with step and fault', async () => {
  const { engine } = await startInline();
  const approval = (data: unknown) => ({ id: 'ask', action: 'approval', params: { message: 'go?', data } });
  const submit = (data: unknown) => engine.submit({ name: 'asks', steps: [approval(data)] });
  const path = 'steps[0].params.data.properties.size.type';
  expect((await refusalOf(submit({ properties: { size: { type: 'big' } } }))).errors).toMatchObject([{ path }]);
  const inner = { id: 'm', forEach: [1], steps: [approval({ type: 'big' })] };
  expect((await refusalOf(engine.submit({ name: 'asks', steps: [inner] }))).errors).toMatchObject([
    { path: 'steps[0].steps[0].params.data.type' },
  ]);
  const last = { name: 'asks', steps: [step('today')], finally: [approval({ required: 5 })] };
  expect((await refusalOf(engine.submit(last))).errors).toMatchObject([{ path: 'finally[0].params.data.required' }]);
  // What looks like a slip is allowed: `validate` tells of it.
  expect((await submit({ properties: { size: { typ: 'number' } } })).status).toBe('PENDING');
});
