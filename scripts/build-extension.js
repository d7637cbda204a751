/**
 * Builds the browser extension: `extension/` into `<outdir>/extension/chrome` and `/firefox`. Both have the same files and
 * differ in their manifests (extension/browsers.json). What the dashboard has too (tokens, font, shapes) comes from `web/`.
 */
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { licencesOf } from './build-web.js';

const shared = {
  bundle: true,
  minify: true,
  target: ['es2022', 'chrome120', 'firefox128'],
  logLevel: 'warning',
  metafile: true,
  legalComments: 'none',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  entryNames: '[name]',
  assetNames: '[name]',
  loader: { '.woff2': 'file' },
};

/** Resolves when all files are written; rejects with the faults of the sources. */
export async function buildExtension(outdir) {
  const { version } = readJson('package.json');
  const manifest = readJson('extension/manifest.json');
  for (const [browser, own] of Object.entries(readJson('extension/browsers.json'))) {
    const place = join(outdir, 'extension', browser);
    mkdirSync(place, { recursive: true });
    const scripts = await build({
      ...shared,
      format: 'esm',
      entryPoints: ['extension/background.ts', 'extension/popup.tsx', 'extension/popup.css'],
      outdir: place,
      define: { PATTERNS_HAVE_PORTS: String(browser !== 'firefox') },
    });
    // A module would run after the first paint.
    const theme = await build({
      ...shared,
      format: 'iife',
      entryPoints: { theme: 'extension/theme.ts' },
      outdir: place,
    });
    cpSync('extension/popup.html', join(place, 'popup.html'));
    cpSync('extension/icons', join(place, 'icons'), { recursive: true });
    writeFileSync(join(place, 'manifest.json'), `${JSON.stringify({ ...manifest, version, ...own }, null, 2)}\n`);
    const inputs = [scripts, theme].flatMap(({ metafile }) => Object.keys(metafile.inputs));
    writeFileSync(join(place, 'LICENSES.txt'), licencesOf([{ inputs }]));
  }
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}
