/**
 * Builds `dist`, where it is older than what it is made of: one file for what each thread and process begins with, and
 * files for what they share or load later. They lie side by side, so a path that a source names from `src` itself, or a
 * thread's file that it names beside it, is right from whichever file it has ended up in. `build-web.js` adds the
 * dashboard, `build-extension.js` the browser extension.
 *
 * Types are checked by `npm run check`; here they would make a start wait. `npm pack` adds the declarations.
 */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const { outdir } = parseArgs({ options: { outdir: { type: 'string', default: 'dist' } } }).values;
const stamp = `${outdir}/.built`;

/** Latest change of anything that the build reads, in milliseconds since 1970. */
function lastChange() {
  const sources = ['src', 'web', 'extension'].flatMap((place) =>
    readdirSync(place, { recursive: true }).map((name) => `${place}/${name}`),
  );
  const settings = [
    'src',
    'web',
    'extension',
    'scripts/build.js',
    'scripts/build-web.js',
    'scripts/build-extension.js',
    'tsconfig.json',
    'scripts/entries.json',
    'package.json',
    'package-lock.json',
  ];
  return Math.max(...[...sources, ...settings].map((path) => statSync(path).mtimeMs));
}

if (!existsSync(stamp) || statSync(stamp).mtimeMs < lastChange()) {
  const startedAt = Date.now();
  // Built beside it and then put in its place, because an engine may be running from there.
  const fresh = `${outdir}.new-${process.pid}`;
  const old = `${outdir}.old-${process.pid}`;
  try {
    // Not before it is needed: what is built runs without it.
    const [{ build }, { buildWeb }, { buildExtension }] = await Promise.all([
      import('esbuild'),
      import('./build-web.js'),
      import('./build-extension.js'),
    ]);
    await build({
      // Also what tests start (test/fixtures/emission.ts).
      entryPoints: JSON.parse(readFileSync('scripts/entries.json', 'utf8')),
      outdir: fresh,
      bundle: true,
      splitting: true,
      format: 'esm',
      platform: 'node',
      target: 'node20.19',
      packages: 'external',
      logLevel: 'warning',
    });
    await buildWeb(fresh);
    await buildExtension(fresh);
  } catch (error) {
    // Faults of the sources it has printed itself.
    if (!('errors' in error)) process.stderr.write(`dist cannot be built: ${error.message}\n`);
    rmSync(fresh, { recursive: true, force: true });
    process.exit(1);
  }
  // What the page /docs shows: these files alone, so that no user installs the package and what it brings.
  const swagger = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
  mkdirSync(`${fresh}/swagger-ui`);
  for (const name of ['swagger-ui.css', 'swagger-ui-bundle.js', 'favicon-32x32.png', 'LICENSE', 'NOTICE']) {
    copyFileSync(`${swagger}/${name}`, `${fresh}/swagger-ui/${name}`);
  }
  // npx links the command once, and expects that it can be executed from then on.
  chmodSync(`${fresh}/cli.js`, 0o755);
  writeFileSync(`${fresh}/.built`, '');
  if (existsSync(outdir)) renameSync(outdir, old);
  renameSync(fresh, outdir);
  rmSync(old, { recursive: true, force: true });
  process.stderr.write(`Built ${outdir} in ${((Date.now() - startedAt) / 1000).toFixed(1)} s\n`);
}
