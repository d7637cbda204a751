/** Goal: a test file that changes its process for others has a process of its own (test/fixtures/sharing.ts). */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { alone, sharing } from './fixtures/sharing.ts';

const changesProcess = /\bvi\.(?:mock|doMock|hoisted|stubGlobal|stubEnv)\b|\bprocess\.env\.\w+ = |\bprocess\.chdir\(/;

it('files that mock modules, globals or the environment share no process', () => {
  const folders = sharing.map((glob) => glob.split('/').slice(0, 2).join('/'));
  const files = folders.flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.test.ts'))
      .map((name) => path.posix.join(folder, name)),
  );
  const found = files.filter((file) => changesProcess.test(readFileSync(file, 'utf8')));
  expect(found.length).toBeGreaterThan(0);
  expect(found.filter((file) => !alone.includes(file))).toEqual([]);
});
