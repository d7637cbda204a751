/** Goal: a template file with a fault is told, with its line, by every way that asks for it. Method: files in a directory. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { openEngine, refusalOf } from './running-engine.ts';

const sound = 'id: good\nname: Good\nsteps:\n  - { id: a, action: noop }\n';

async function start(files: Record<string, string>, onTemplateProblems?: (lines: string[]) => void) {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const { templatesDir } = dir.settings;
  mkdirSync(templatesDir, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(templatesDir, name), text);
  const engine = await openEngine(dir, onTemplateProblems ? { onTemplateProblems } : {});
  onTestFinished(() => engine.close());
  return { engine, templatesDir };
}

test.each([
  ['page-digest.yaml', 'id: digest\nname: D\nsteps:\n  - id: a\n    acton: noop\n', ['digest', 'page-digest']],
  ['page-digest.yaml', 'id: "digest"\nname: D\nsteps:\n\t- id: a\n', ['digest', 'page-digest']],
  ['page-digest.yml', 'name: D\nsteps:\n  - id: a\n    params: { x: {{params.x}} }\n', ['page-digest']],
  ['page-digest.json', '{\n  "id": "digest",\n  "name": 5\n}', ['digest', 'page-digest']],
])('%s %j is refused under each of its ids with file, line and fault', async (file, text, ids) => {
  const { engine } = await start({ [file]: text, 'good.yaml': sound });
  const problems = await engine.templateProblems();
  expect(problems.length).toBeGreaterThan(0);
  expect(problems[0]).toMatchObject({ file, ids, line: expect.any(Number), column: expect.any(Number) });
  expect((await engine.health()).problems).toEqual(problems);
  expect((await engine.templates()).map(({ id }) => id)).toEqual(['good']);
  const [{ line, column, message }] = problems as [(typeof problems)[0]];
  for (const id of ids) {
    for (const call of [engine.submitTemplate(id, {}), engine.template(id)]) {
      const refusal = await refusalOf(call);
      expect([refusal.status, refusal.detail]).toEqual([
        422,
        expect.stringMatching(new RegExp(`^The template "${id}" cannot be used: ${file}:${line}:${column}: `)),
      ]);
      expect(refusal.detail).toContain(message);
      expect(refusal.errors).toHaveLength(problems.length);
    }
  }
  expect((await engine.submitTemplate('good', {})).workflow.warnings).toEqual([]);
});

test('two files of one id: the first is used, the other is told', async () => {
  const { engine } = await start({ 'a.yaml': sound, 'b.yaml': sound });
  expect((await engine.template('good')).name).toBe('Good');
  expect((await refusalOf(engine.template('b'))).detail).toContain('b.yaml: id: good is taken by a.yaml');
});

test('what is mended is used at once, and an id that nobody has is still simulated or not found', async () => {
  const { engine, templatesDir } = await start({ 'bad.yaml': 'id: bad\n' });
  expect((await refusalOf(engine.template('bad'))).status).toBe(422);
  writeFileSync(join(templatesDir, 'bad.yaml'), sound);
  expect((await engine.template('good')).name).toBe('Good');
  expect(await engine.templateProblems()).toEqual([]);
  const refusal = await refusalOf(engine.template('goood'));
  expect([refusal.status, refusal.detail]).toEqual([
    404,
    'There is no template with the id "goood"; did you mean "good"?',
  ]);
  expect((await engine.submitTemplate('teleport', {})).workflow.warnings).toEqual([
    'steps[0].action: no task has the name "teleport", so the step is simulated',
  ]);
});

test('faults are told at the start, when a file changes, and when all are gone', async () => {
  const told: string[][] = [];
  let wake = () => {};
  /** The first that has so many lines: what is seen between two changes of the directory is told as well. */
  const next = async (count: number) => {
    for (;;) {
      const lines = told.shift();
      if (lines?.length === count) return lines;
      if (lines === undefined)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
    }
  };
  const { templatesDir } = await start({ 'bad.yaml': 'id: bad\nname: B\n' }, (lines) => {
    told.push(lines);
    wake();
  });
  expect(await next(1)).toEqual(['bad.yaml:1:1: steps: is missing; expected array']);
  writeFileSync(join(templatesDir, 'worse.yaml'), 'a: "x\n');
  expect(await next(2)).toEqual([
    'bad.yaml:1:1: steps: is missing; expected array',
    expect.stringMatching(/^worse\.yaml:\d+:\d+: a quote or a bracket is not closed/),
  ]);
  rmSync(join(templatesDir, 'bad.yaml'));
  rmSync(join(templatesDir, 'worse.yaml'));
  expect(await next(0)).toEqual([]);
});
