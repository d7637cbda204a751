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
  expect((await engine.submit(definition, { declaredParams: ['day'] })).status).toBe('PENDING');
});
