// Goal: a start that cannot be says so in one line. Method: the command as its users start it, with few open files.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { isOutOfHandles, outOfHandlesLine } from '../../src/out-of-handles.ts';
import { emitted } from '../fixtures/emitted.ts';

it.skipIf(process.platform === 'win32').each([24, 30, 45, 60])(
  'with %i open files: one line, and status 1',
  async (files) => {
    const cwd = mkdtempSync(join(tmpdir(), 'hybrid-handles-'));
    onTestFinished(() => rmSync(cwd, { recursive: true, force: true }));
    const command = `ulimit -n ${files}; exec "${process.execPath}" "${emitted('src/cli/bin.ts')}" serve`;
    const env = { PATH: process.env.PATH, PORT: '0' };
    const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
      execFile('sh', ['-c', command], { cwd, env }, (error, _stdout, text) =>
        resolve({ code: error?.code, stderr: text }),
      );
    });
    expect([code, stderr]).toEqual([1, `${outOfHandlesLine}\n`]);
  },
);

it.each([
  [Object.assign(new Error('x'), { code: 'EMFILE' }), true],
  [Object.assign(new Error('x'), { code: 'ENFILE' }), true],
  [Object.assign(new Error('x'), { code: 'ENOENT' }), false],
  ["Error: the pool's threads cannot start: EMFILE: too many open files, open '/a.js'", true],
  ['EMFILES', false],
  [null, false],
])('%s is a lack of handles: %s', (error, expected) => {
  expect(isOutOfHandles(error)).toBe(expected);
});
