import path from 'node:path';
import { defineConfig, type Plugin } from 'vitest/config';
import { LongFirst } from './test/fixtures/long-first.ts';
import { alone, sharing, simulated } from './test/fixtures/sharing.ts';

/**
 * The threads and processes of an engine that a test starts from source run the same sources as plain JavaScript (see
 * test/fixtures/emission.ts), where each would load a loader first. That they run from source as well is what
 * test/engine/from-source.test.ts is for.
 */
const threadsAreEmitted: Plugin = {
  name: 'threads are emitted',
  enforce: 'pre',
  transform(code, id) {
    const source = path.relative(import.meta.dirname, id);
    const namesFiles =
      /^(?:src\/|test\/pool\/harness\.ts$)/.test(source) && code.includes("import.meta.url.endsWith('.ts')");
    if (!namesFiles) return null;
    const url = `\`file://\${process.env.EMITTED_DIRECTORY}/${source.replace(/\.ts$/, '.js')}\``;
    return { code: code.replaceAll('import.meta.url', url), map: null };
  },
};

export default defineConfig({
  plugins: [threadsAreEmitted],
  test: {
    globalSetup: ['test/fixtures/emission.ts'],
    // A test that hangs is to fail; one on a machine that is busy with other things is not.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    pool: 'forks',
    // One more than the two cores of the smallest machine that runs them: files wait for disks and processes half the time.
    maxWorkers: 3,
    sequence: { sequencer: LongFirst },
    server: { deps: { external: [/\/hybrid-emitted-/] } },
    projects: [
      {
        extends: true,
        test: { name: 'alone', include: ['test/**/*.test.ts'], exclude: [...sharing, ...simulated], isolate: true },
      },
      { extends: true, test: { name: 'sharing', include: sharing, exclude: alone, isolate: false } },
      {
        extends: true,
        // Histories make much that is forgotten at once: with room for it, a tenth of their time is no longer collection.
        test: { name: 'simulated', include: simulated, isolate: true, execArgv: ['--max-semi-space-size=64'] },
      },
      { extends: true, test: { name: 'alone in a folder', include: alone, isolate: true } },
    ],
  },
});
