/**
 * Goal: `doctor` says what is wrong with a directory, whatever JSON stands in its files; it never ends with a stack
 * trace. Method: the directory of a living engine, each file of it replaced by each kind of JSON value, and by none.
 */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { CliContext } from '../../src/cli/context.ts';
import { doctor } from '../../src/cli/doctor.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { openInline } from '../fixtures/inline-engine.ts';

const dir = new EngineDir();
let ids: { finished: string; waiting: string };
beforeAll(async () => {
  const { engine } = await openInline(dir);
  const begin = async (action: string) =>
    (await engine.submit({ name: 'w', steps: [{ id: 'a', action }] }, { waitMs: 60_000 })).id;
  ids = { finished: await begin('noop'), waiting: await begin('external_data') };
  await engine.close();
});
afterAll(() => dir.remove());

interface Diagnosis {
  status: number;
  problems: string[];
  notes: string[];
  statuses: Record<string, number>;
}

async function diagnose(root: string): Promise<Diagnosis> {
  let text = '';
  const stdout = { write: (part: string) => (text += part) };
  const env = { WORKFLOWS_DIR: join(root, 'workflows'), QUEUE_STATE_FILE: join(root, 'queue-state.json') };
  const context = { env, cwd: root, stdout, stderr: stdout } as unknown as CliContext;
  const status = await doctor({ json: true }, context);
  return { status, ...(JSON.parse(text) as Omit<Diagnosis, 'status'>) };
}

function copy(): EngineDir {
  const copied = new EngineDir();
  onTestFinished(() => copied.remove());
  cpSync(dir.root, copied.root, { recursive: true });
  return copied;
}

const junk = [
  'null',
  'true',
  '5',
  '1e400',
  '"text"',
  '[]',
  '[null]',
  '{}',
  '{"_meta":null}',
  '{"id":null,"steps":[null]}',
  '',
];

describe.each(junk)('%s', (text) => {
  test('as the state of a workflow that is finished, of one that waits, of one that is unknown', async () => {
    const { root, workflowsDir } = copy();
    expect(await diagnose(root)).toMatchObject({ status: 0, problems: [] });
    const unknown = '00000000-0000-4000-8000-000000000001';
    mkdirSync(join(workflowsDir, unknown));
    for (const id of [ids.finished, ids.waiting, unknown]) writeFileSync(join(workflowsDir, id, 'state.json'), text);
    const { status, problems, statuses } = await diagnose(root);
    expect(statuses).toEqual({ unreadable: 3 });
    expect(status).toBe(1);
    for (const id of [ids.finished, ids.waiting, unknown]) {
      expect(problems.filter((line) => line.includes(id))).toHaveLength(1);
    }
  });

  test('as each other file', async () => {
    for (const file of [
      'checkpoint.json',
      'finished.jsonl',
      'format.json',
      'lock',
      'journal/000001.hj',
      'journal/000002.hj',
    ]) {
      const { root, workflowsDir } = copy();
      writeFileSync(join(workflowsDir, '.engine', file), `${text}\n`);
      const told = await diagnose(root).then(
        () => 'diagnosed',
        (error: Error) => error.name,
      );
      expect([file, told]).toEqual([file, expect.stringMatching(/^(diagnosed|StartError)$/)]);
    }
    const { root } = copy();
    writeFileSync(join(root, 'queue-state.json'), text);
    await diagnose(root);
  });
});
