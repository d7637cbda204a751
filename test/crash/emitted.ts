/**
 * The sources as plain JavaScript in a directory of their own. A process that is started from there loads in half the time
 * and with half the work of one that goes through a loader: what the many short lives of the crash tests mostly cost.
 * It is made from `src` as it stands, so no build has to come first. Types are checked by `npm run check`.
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { afterAll } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Beside `src`, what a child process runs that belongs to the tests. */
const scripts = ['test/fixtures/engine-child.ts', 'test/store/lock-owner.ts'];

const compilerOptions: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2023,
  module: ts.ModuleKind.ESNext,
  verbatimModuleSyntax: true,
  rewriteRelativeImportExtensions: true,
};

/** For the top of a test file; the directory goes when the file's tests are over. */
export function emitSources(): (source: string) => string {
  const directory = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'hybrid-emitted-')));
  afterAll(() => fs.rmSync(directory, { recursive: true, force: true }));
  const sources = fs.readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' });
  for (const file of [...sources.map((name) => `src/${name}`), ...scripts]) {
    if (!file.endsWith('.ts') || file.endsWith('.d.ts')) continue;
    const text = fs.readFileSync(path.join(root, file), 'utf8');
    const target = path.join(directory, toEmitted(file));
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, ts.transpileModule(text, { compilerOptions, fileName: file }).outputText);
  }
  for (const name of ['node_modules', 'package.json', 'workflows'])
    fs.symlinkSync(path.join(root, name), path.join(directory, name));
  return (source) => path.join(directory, toEmitted(source));
}

function toEmitted(source: string): string {
  return source.replace(/\.ts$/, '.js');
}
