/**
 * Goal: the five steps of docs/tasks.md work as they stand there. Method: they are applied, from the document's own code,
 * to a copy of the source, and the new action runs on the copy's pool.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createActionCatalogue } from '../../src/tasks/registry.ts';
import { createJob, createTestPool } from '../pool/harness.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const document = readFileSync(join(root, 'docs/tasks.md'), 'utf8');
let copy: string;

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'new-action-'));
  for (const path of [
    'src/contract',
    'src/pool',
    'src/worker',
    'src/tasks',
    'test/tasks/run-task.ts',
    'package.json',
    'tsconfig.json',
  ]) {
    cpSync(join(root, path), join(copy, path), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
  for (const [, file = '', code = ''] of document.matchAll(/<!-- file: (\S+) -->\n```ts\n([\s\S]*?)```/g)) {
    mkdirSync(dirname(join(copy, file)), { recursive: true });
    writeFileSync(join(copy, file), code);
  }
  const registry = join(copy, 'src/tasks/registry.ts');
  const [, importLine = '', list = ''] = /<!-- registry -->\n```ts\n(import .*\n)\n(.*)\];\n```/.exec(document) ?? [];
  const before = readFileSync(registry, 'utf8');
  // Who follows the document here already has them.
  const isThere = before.includes(importLine);
  const after = isThere
    ? before
    : before.replace(/^import /m, () => `${importLine}import `).replace(/^const actions: .*\[/m, () => `${list}, `);
  writeFileSync(registry, after);
});
afterAll(() => rmSync(copy, { recursive: true }));

describe('the five steps', () => {
  it('make an action that the pool runs', async () => {
    const { pool, run } = await createTestPool(
      { cpuThreads: 1, ioThreads: 1 },
      { threadUrl: pathToFileURL(join(copy, 'src/worker/thread.ts')) },
    );
    const outcomes = await run(
      createJob('word_count', { lane: 'cpu', params: { text: 'one two, three' } }),
      createJob('word_count', { lane: 'cpu', params: { txt: 'one' } }),
      createJob('text_split', { lane: 'cpu', params: { text: 'still there' } }),
    );
    await pool.close();
    expect(outcomes).toMatchObject([
      { kind: 'completed', outputsJson: '{"words":3}', logs: ['Counted 3 words'] },
      { kind: 'failed', code: 'BAD_PARAMS' },
      { kind: 'completed', outputsJson: '{"chunks":["still there"]}' },
    ]);
  });

  it('make a test that passes', () => {
    const vitest = join(root, 'node_modules/vitest/vitest.mjs');
    const args = [vitest, 'run', '--root', copy, '--pool', 'threads', 'test/tasks/word-count.test.ts'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      cwd: copy,
      encoding: 'utf8',
      timeout: 50_000,
    });
    expect(status, stdout + stderr).toBe(0);
    expect(stdout).toContain('1 passed');
  });
});

describe('the list of actions', () => {
  it('has an entry for each action, with its lane and all its params', () => {
    const lanes = { io: 'I/O', cpu: 'CPU', none: 'none' };
    const entries = document.slice(document.indexOf('\n## The actions\n')).split(/\n(?=- )/);
    for (const { action, lane, params } of createActionCatalogue().values()) {
      const entry = entries.find((text) => text.split('\n')[0]?.includes(`\`${action}\``));
      expect(entry, action).toContain(`(${lanes[lane]})\n`);
      const shownParams = entry?.slice(entry.indexOf('params:'), entry.indexOf('outputs:'));
      const { properties = {} } = z.toJSONSchema(params, { io: 'input' });
      for (const name of Object.keys(properties)) expect(shownParams, action).toContain(`\`${name}\``);
    }
  });
});
