/**
 * Goal: what `npm run build` makes is the whole product. Method: it is built into a directory of its own, and each thing
 * that is a file of its own there is put to work: command, coordinator, threads, child processes, dry run, library.
 */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { version } from '../src/version.ts';
import { runCli } from './cli/cli-process.ts';

const execute = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));
const definition = {
  name: 'Every lane',
  steps: [
    { id: 'process', action: 'transform', params: { input: { a: 1 }, expression: 'a + 1' } },
    { id: 'thread', action: 'text_keywords', params: { text: 'An engine drives the engine.' } },
    { id: 'shared', action: 'delay', dependencies: ['process', 'thread'], params: { ms: 1 } },
    {
      id: 'last',
      action: 'render',
      dependencies: ['shared'],
      params: { template: 'Two is {{ two }}', data: { two: '{{steps.process.outputs.value}}' } },
    },
  ],
};

let place: string;
beforeAll(async () => {
  place = realpathSync(mkdtempSync(join(tmpdir(), 'hybrid-built-')));
  for (const name of ['node_modules', 'package.json', 'workflows']) symlinkSync(join(root, name), join(place, name));
  writeFileSync(join(place, 'lanes.json'), JSON.stringify(definition));
  await execute(process.execPath, [join(root, 'scripts/build.js'), '--outdir', join(place, 'dist')]);
}, 60_000);
afterAll(() => rmSync(place, { recursive: true, force: true }));

const cli = (...args: string[]) => runCli(args, { cwd: place, command: join(place, 'dist/cli.js') });

test('the command knows its version and the templates of the package', async () => {
  expect((await cli('--version')).stdout).toBe(`${version}\n`);
  const rehearsed = await cli('run', 'page-digest', '--param', 'html=<p>An engine.</p>', '--dry-run');
  expect(rehearsed.stdout).toMatch(/^dry run of .*: COMPLETED, 6 steps/);
}, 60_000);

test('a workflow runs on threads and in child processes', async () => {
  expect(await cli('run', 'lanes.json')).toMatchObject({ status: 0, stdout: 'Two is 2\n' });
}, 60_000);

test('the library starts an engine', async () => {
  const library = pathToFileURL(join(place, 'dist/main.js')).href;
  const script = `const { createEngine, version } = await import(${JSON.stringify(library)});
    const engine = await createEngine({ settings: { workflowsDir: 'kept/workflows', queueStateFile: 'kept/queue-state.json' } });
    const { workflow } = await engine.submit({ name: 'n', steps: [{ id: 'a', action: 'noop' }] }, { waitMs: 60_000 });
    console.log(version, workflow.status);
    await engine.close();`;
  const { stdout } = await execute(process.execPath, ['--input-type=module', '-e', script], { cwd: place });
  expect(stdout).toBe(`${version} COMPLETED\n`);
}, 60_000);

test('the page /docs lies beside it, so that users need no package for it', () => {
  const names = ['LICENSE', 'NOTICE', 'favicon-32x32.png', 'swagger-ui-bundle.js', 'swagger-ui.css'];
  expect(readdirSync(join(place, 'dist/swagger-ui')).sort()).toEqual(names);
  for (const name of names) {
    const original = readFileSync(join(root, 'node_modules/swagger-ui-dist', name));
    expect(readFileSync(join(place, 'dist/swagger-ui', name)).equals(original)).toBe(true);
  }
});

test.skipIf(process.platform === 'win32')(
  'SIGTERM to `npm start` ends the engine in good order',
  async () => {
    // Without `exec` the shell between npm and the engine takes the signal, and the engine lives on without a parent.
    const env = { ...process.env, PORT: '0', LOG_LEVEL: 'info', WORKFLOWS_DIR: join(place, 'started') };
    const child = spawn('npm', ['start', '--ignore-scripts'], {
      cwd: place,
      env,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let stdout = '';
    let url: string | undefined;
    child.stdout.on('data', (chunk) => {
      stdout += String(chunk);
    });
    while (url === undefined) {
      await once(child.stdout, 'data');
      url = /listening on (http:\S+)/.exec(stdout)?.[1];
    }
    const exit = once(child, 'close');
    child.kill('SIGTERM');
    expect(await exit).toEqual([0, null]);
    expect(stdout).toContain('SIGTERM: stopping');
    await expect(fetch(`${url}/api/health`)).rejects.toThrow();
  },
  60_000,
);
