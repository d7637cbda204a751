/**
 * Goal: what `doctor` says of the file of a finished workflow is what happens: a start leaves it alone, and the next call
 * that asks for it takes it over or sets it aside. Method: each damage, the line for it, then an engine on the directory.
 */
import { randomUUID } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import type { CliContext } from '../../src/cli/context.ts';
import { doctor } from '../../src/cli/doctor.ts';
import { refusalOf } from '../engine/running-engine.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { openInline } from '../fixtures/inline-engine.ts';

const dir = new EngineDir();
let id: string;
beforeAll(async () => {
  const { engine } = await openInline(dir);
  ({ id } = await engine.submit({ name: 'w', steps: [{ id: 'a', action: 'noop' }] }, { waitMs: 60_000 }));
  await engine.close();
});
afterAll(() => dir.remove());

function copy(from = dir): EngineDir {
  const copied = new EngineDir();
  onTestFinished(() => copied.remove());
  // The socket and the lock of a living owner are not what is looked at.
  const isData = (path: string) => !/owner-\d+\.sock$|\/lock$/.test(path);
  cpSync(from.root, copied.root, { recursive: true, filter: isData });
  return copied;
}

async function problemsOf({ root, workflowsDir, queueStateFile }: EngineDir): Promise<string[]> {
  let text = '';
  const stdout = { write: (part: string) => (text += part) };
  const env = { WORKFLOWS_DIR: workflowsDir, QUEUE_STATE_FILE: queueStateFile };
  await doctor({ json: true }, { env, cwd: root, stdout, stderr: stdout } as unknown as CliContext);
  return (JSON.parse(text) as { problems: string[] }).problems;
}

const whenAsked = 'it is taken over if it is valid, else set aside, when it is next asked for';

test.each([
  [
    'edited',
    (text: string) => text.replace('"name": "w"', '"name": "edited"'),
    'was not written by the engine',
    'taken over',
  ],
  ['no workflow', () => '{"id": 1}', 'was not written by the engine', 'set aside'],
  ['no JSON', () => '{', 'cannot be used (not JSON', 'set aside'],
] as const)('%s', async (_, damage, told, fate) => {
  const copied = copy();
  const file = copied.stateFile(id);
  writeFileSync(file, damage(readFileSync(file, 'utf8')));
  const damaged = readFileSync(file, 'utf8');
  const problems = await problemsOf(copied);
  expect(problems).toEqual([expect.stringContaining(`workflow ${id}: state.json ${told}`)]);
  expect(problems[0]).toMatch(new RegExp(`; ${whenAsked}$`));
  const { engine } = await openInline(copied);
  onTestFinished(() => engine.close());
  expect((await engine.list()).total).toBe(1);
  expect(readFileSync(file, 'utf8')).toBe(damaged);
  if (fate === 'taken over') {
    expect((await engine.get(id)).workflow).toMatchObject({
      name: 'edited',
      warnings: [expect.stringContaining('taken over')],
    });
    expect(existsSync(file)).toBe(true);
  } else {
    expect((await refusalOf(engine.get(id))).code).toBe('SET_ASIDE');
    expect(existsSync(file)).toBe(false);
    expect(copied.quarantined()).toHaveLength(1);
  }
});

test('a missing file is named, and a call that asks for it is told so', async () => {
  const copied = copy();
  rmSync(copied.stateFile(id));
  expect(await problemsOf(copied)).toEqual([
    `workflow ${id}: state.json is missing though the workflow had finished; a call that asks for it is answered that it was set aside`,
  ]);
  const { engine } = await openInline(copied);
  onTestFinished(() => engine.close());
  expect((await refusalOf(engine.get(id))).code).toBe('SET_ASIDE');
});

test('a missing directory is forgotten', async () => {
  const copied = copy();
  rmSync(copied.directory(id), { recursive: true });
  expect(await problemsOf(copied)).toEqual([`workflow ${id}: its directory is missing; a start forgets it`]);
  const { engine } = await openInline(copied);
  onTestFinished(() => engine.close());
  expect((await refusalOf(engine.get(id))).code).toBe('NOT_FOUND');
});

test('a finished file of another maker that was adopted as it stood is no problem', async () => {
  const copied = copy();
  const other = randomUUID();
  const file = {
    id: other,
    name: 'other',
    status: 'COMPLETED',
    steps: [{ id: 'a', action: 'noop', status: 'COMPLETED' }],
  };
  mkdirSync(copied.directory(other));
  writeFileSync(copied.stateFile(other), JSON.stringify(file));
  expect(await problemsOf(copied)).toEqual([]);
  const { engine } = await openInline(copied);
  await engine.close();
  expect(await problemsOf(copied)).toEqual([]);
  writeFileSync(copied.stateFile(other), JSON.stringify({ ...file, name: 'edited' }));
  expect(await problemsOf(copied)).toEqual([
    `workflow ${other}: state.json was not written by the engine; ${whenAsked}`,
  ]);
});

test('while the journal holds what the index does not, a start rebuilds it', async () => {
  const living = new EngineDir();
  onTestFinished(() => living.remove());
  const { engine } = await openInline(living);
  onTestFinished(() => engine.close());
  const waiting = (
    await engine.submit({ name: 'w', steps: [{ id: 'a', action: 'external_data' }] }, { waitMs: 60_000 })
  ).id;
  const killed = copy(living);
  writeFileSync(killed.stateFile(waiting), '{}');
  expect(await problemsOf(killed)).toEqual([
    `workflow ${waiting}: state.json was not written by the engine; a start rebuilds it where the journal still holds it`,
  ]);
  const second = await openInline(killed);
  onTestFinished(() => second.engine.close());
  expect((await second.engine.get(waiting)).workflow.name).toBe('w');
});
