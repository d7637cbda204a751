/**
 * Goal: the client of docs/rest.md compiles against the types of the document, and works. Method: its code is taken out of
 * the page, compiled beside types that are made from a live server's document, and run against that server.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import openapiTS, { astToString } from 'openapi-typescript';
import ts from 'typescript';
import { expect, it, onTestFinished } from 'vitest';
import { startInlineServer } from './inline-server.ts';

/** Where packages are found from. */
const home = resolve('node_modules');

function readExample(): string {
  const blocks = [...readFileSync('docs/rest.md', 'utf8').matchAll(/^```ts\n(.*?)^```$/gms)];
  expect(blocks).toHaveLength(1);
  return blocks[0]?.[1] ?? '';
}

function faultsOf(file: string): string[] {
  const program = ts.createProgram([file], {
    strict: true,
    noEmit: true,
    noUncheckedIndexedAccess: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2023.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    types: [],
  });
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

it.each([null, 'a-long-token'])(
  'compiles and follows a run, with the token %s',
  { timeout: 120_000 },
  async (apiToken) => {
    const running = await startInlineServer({ settings: { apiToken } });
    const dir = mkdtempSync(join(home, '.rest-client-'));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    const { text } = await running.call('GET', '/openapi.json');
    writeFileSync(join(dir, 'api.ts'), astToString(await openapiTS(text)));
    writeFileSync(join(dir, 'package.json'), '{"type": "module"}');
    const example = readExample();
    writeFileSync(join(dir, 'client.ts'), example);
    expect(faultsOf(join(dir, 'client.ts'))).toEqual([]);
    // A call that the document does not know is a fault: the types are really those.
    writeFileSync(join(dir, 'wrong.ts'), example.replace("'/api/workflows/{id}'", "'/api/workflow/{id}'"));
    expect(faultsOf(join(dir, 'wrong.ts')).join()).toContain('/api/workflow/{id}');
    const { outputText } = ts.transpileModule(example, {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
    });
    writeFileSync(join(dir, 'client.mjs'), outputText);
    const { runAndFollow } = await import(/* @vite-ignore */ pathToFileURL(join(dir, 'client.mjs')).href);
    expect(await runAndFollow(running.url, apiToken ?? undefined)).toEqual({ first: 'COMPLETED', second: 'COMPLETED' });
  },
);
