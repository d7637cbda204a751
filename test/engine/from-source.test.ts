/**
 * Goal: an engine runs from source, without a build: its coordinator's thread, the pool's threads and the processes of
 * isolated jobs find their loader by themselves. Method: a process with the loader, in another working directory.
 */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { EngineDir } from '../fixtures/engine-dir.ts';

test('an engine that is started from source runs steps of every lane', { timeout: 120_000 }, async () => {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const definition = {
    name: 'every lane',
    steps: [
      { id: 'io', action: 'delay', params: { ms: 1 } },
      { id: 'cpu', action: 'text_split', params: { text: 'a' }, dependencies: ['io'] },
      {
        id: 'process',
        action: 'transform',
        params: { input: '{{steps.cpu.outputs.chunks}}', expression: '$count($)' },
        dependencies: ['cpu'],
      },
    ],
  };
  const program = `
    import { createEngine } from ${JSON.stringify(new URL('../../src/main.ts', import.meta.url).href)};
    const engine = await createEngine({ settings: ${JSON.stringify({ ...dir.settings, poolThreads: 1 })} });
    const { workflow } = await engine.submit(${JSON.stringify(definition)}, { waitMs: 60_000 });
    await engine.close();
    console.log(JSON.stringify(workflow.steps.map(({ status, outputs, error }) => ({ status, outputs, error }))));
  `;
  const loader = import.meta.resolve('tsx');
  const child = spawn(process.execPath, ['--import', loader, '--input-type=module', '-e', program], { cwd: dir.root });
  onTestFinished(() => void child.kill('SIGKILL'));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect(stderr).toBe('');
  expect(JSON.parse(stdout)).toMatchObject([
    { status: 'COMPLETED' },
    { status: 'COMPLETED', outputs: { chunks: ['a'] } },
    { status: 'COMPLETED', outputs: { value: 1 } },
  ]);
});
