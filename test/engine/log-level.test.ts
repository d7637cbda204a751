/**
 * Goal: a program that uses the engine hears of what is wrong and no more, unless it asks (README, "As a library").
 * Method: a process of its own, which runs one workflow; what it writes to standard error.
 */
import { spawnSync } from 'node:child_process';
import { expect, onTestFinished, test } from 'vitest';
import { emittedUrl } from '../fixtures/emitted.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';

function run(more: object) {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  const settings = JSON.stringify({ ...dir.settings, poolThreads: 1, ...more });
  const program = `
    import { createEngine } from ${JSON.stringify(emittedUrl('src/main.ts').href)};
    const engine = await createEngine({ settings: ${settings} });
    const { id } = await engine.submit({ name: 'w', steps: [{ id: 'a', action: 'noop' }] });
    const { status } = await engine.finished(id);
    await engine.close();
    console.log(status);`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    encoding: 'utf8',
    timeout: 120_000,
  });
  return { stdout, stderr };
}

test('logLevel is warn in the library: a workflow that goes well is not spoken of', { timeout: 240_000 }, () => {
  expect(run({})).toEqual({ stdout: 'COMPLETED\n', stderr: '' });
  expect(run({ logLevel: 'info' })).toEqual({
    stdout: 'COMPLETED\n',
    stderr: expect.stringMatching(/"level":30,.*COMPLETED/),
  });
});
