/**
 * Builds `dist`, where it is older than what it is made of. The compiler writes into a directory of its own that then takes
 * the place of the old one, because an engine may be running from there.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const stamp = 'dist/.built';

/** Latest change of anything that the build reads, in milliseconds since 1970. */
function lastChange() {
  const sources = readdirSync('src', { recursive: true }).map((name) => `src/${name}`);
  const settings = ['src', 'tsconfig.json', 'tsconfig.build.json', 'package.json', 'package-lock.json'];
  return Math.max(...[...sources, ...settings].map((path) => statSync(path).mtimeMs));
}

if (!existsSync(stamp) || statSync(stamp).mtimeMs < lastChange()) {
  const startedAt = Date.now();
  const fresh = `dist.new-${process.pid}`;
  const old = `dist.old-${process.pid}`;
  const compiler = createRequire(import.meta.url).resolve('typescript/bin/tsc');
  // Types are checked by `npm run check`; here they would make a start wait.
  const { status } = spawnSync(
    process.execPath,
    [compiler, '-p', 'tsconfig.build.json', '--noCheck', '--outDir', fresh],
    {
      stdio: 'inherit',
    },
  );
  if (status !== 0) {
    rmSync(fresh, { recursive: true, force: true });
    process.exit(status ?? 1);
  }
  // npx links the command once, and expects that it can be executed from then on.
  chmodSync(`${fresh}/cli/cli.js`, 0o755);
  writeFileSync(`${fresh}/.built`, '');
  if (existsSync('dist')) renameSync('dist', old);
  renameSync(fresh, 'dist');
  rmSync(old, { recursive: true, force: true });
  process.stderr.write(`Built dist in ${((Date.now() - startedAt) / 1000).toFixed(1)} s\n`);
}
