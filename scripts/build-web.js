/**
 * Builds the dashboard: `web/` into `<outdir>/web`. Names carry a hash of what is in them, so that a browser may keep them
 * for ever. Scripts and styles lie there compressed alone; the server unpacks them for the rare client that wants them so.
 */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';

const shared = {
  bundle: true,
  minify: true,
  target: ['es2022', 'chrome120', 'firefox120', 'safari17'],
  logLevel: 'warning',
  metafile: true,
  write: false,
  legalComments: 'none',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  assetNames: '[name]-[hash]',
  loader: { '.woff2': 'file', '.svg': 'copy' },
};

/** What most chunks of the run page use; the rest of what they share is small. */
const runShared = ['columns', 'view-state', 'look', 'run-context', 'grouping', 'glyph', 'stage', 'use-shown', 'bands']
  .concat(['hit', 'run-store', 'run-keys', 'allowed'])
  .map((name) => `web/run/${name}.ts`);

/**
 * Puts what most chunks use into one, and what those of the run page use into another: by itself the bundler makes a chunk
 * for each set of chunks that share something, and thirty crumbs take 10 KB more than two pieces. It goes by which chunks
 * reach a module, so each reaches all of these.
 */
const sharedChunks = {
  name: 'shared chunks',
  setup({ onResolve, onLoad }) {
    const chunks = new Set();
    onResolve({ filter: /^\.{1,2}\// }, ({ kind, path, resolveDir }) => {
      if (kind === 'dynamic-import') chunks.add(resolve(resolveDir, path));
      return undefined;
    });
    onResolve({ filter: /^shared-by-/ }, ({ path }) => ({ path, namespace: 'shared' }));
    onLoad({ filter: /.*/, namespace: 'shared' }, ({ path: by }) => {
      const paths = by === 'shared-by-run' ? runShared : sharedByAll();
      return { contents: paths.map((path) => `import './${path}';`).join('\n'), resolveDir: '.' };
    });
    onLoad({ filter: /[\\/]web[\\/].*\.tsx?$/ }, ({ path }) => {
      if (!chunks.has(path) && !path.endsWith('app.tsx')) return undefined;
      const ofRun = /[\\/]run[\\/]/.test(path) ? "import 'shared-by-run';\n" : '';
      const contents = `import 'shared-by-all';\n${ofRun}${readFileSync(path, 'utf8')}`;
      return { contents, loader: path.endsWith('x') ? 'tsx' : 'ts' };
    });
  },
};

function sharedByAll() {
  const modules = ['web/ui', 'web/wire'].flatMap((place) =>
    readdirSync(place)
      .filter((name) => /\.tsx?$/.test(name))
      .map((name) => `${place}/${name}`),
  );
  return [...modules, 'web/route.ts', 'web/keys.ts', 'web/jump/sources.ts', 'web/output/safe-text.ts'];
}

/** Resolves when all files are written; rejects with the faults of the sources. */
export async function buildWeb(outdir) {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
  const assets = join(outdir, 'web/assets');
  mkdirSync(assets, { recursive: true });
  const worker = await bundle(assets, ['web/run/run-worker.ts'], { splitting: true });
  const sheets = await bundle(assets, ['web/screens.css', 'web/runs/runs.css', 'web/run/drawer-sheet.css'], {});
  const define = {
    SCREENS_STYLE_PATH: JSON.stringify(`/assets/${sheets.nameOf('web/screens.css')}`),
    RUNS_STYLE_PATH: JSON.stringify(`/assets/${sheets.nameOf('web/runs/runs.css')}`),
    DRAWER_STYLE_PATH: JSON.stringify(`/assets/${sheets.nameOf('web/run/drawer-sheet.css')}`),
    BUILD_VERSION: JSON.stringify(version),
    WORKER_PATH: JSON.stringify(`/assets/${worker.nameOf('web/run/run-worker.ts')}`),
  };
  const start = await bundle(assets, ['web/theme-start.ts'], { format: 'iife' });
  const app = await bundle(assets, ['web/app.tsx', 'web/icon.svg'], {
    define,
    splitting: true,
    plugins: [sharedChunks],
  });
  const page = {
    ICON: app.nameOf('web/icon.svg'),
    FONT: app.nameOf('inter-latin-wght-normal.woff2'),
    STYLE: app.styleOf('web/app.tsx'),
    THEME: start.nameOf('web/theme-start.ts'),
    APP: app.nameOf('web/app.tsx'),
  };
  // Else a browser learns of each chunk only when it has read the one before.
  const preloads = app.chunksOf('web/app.tsx').map((name) => `<link rel="modulepreload" href="/assets/${name}">`);
  const html = readFileSync('web/index.html', 'utf8')
    .replace('%CHUNKS%', preloads.join('\n    '))
    .replaceAll(/%([A-Z]+)%/g, (_, name) => `/assets/${page[name]}`);
  writeFileSync(join(outdir, 'web/index.html'), html);
  writeFileSync(join(outdir, 'web/LICENSES.txt'), licencesOf([worker, sheets, start, app]));
}

async function bundle(outdir, entryPoints, options) {
  const { outputFiles, metafile } = await build({ ...shared, format: 'esm', ...options, entryPoints, outdir });
  for (const { path, contents } of outputFiles) {
    if (/\.(?:js|css|svg)$/.test(path)) writeFileSync(`${path}.gz`, gzipSync(contents, { level: 9 }));
    else writeFileSync(path, contents);
  }
  const outputs = Object.entries(metafile.outputs);
  return {
    inputs: Object.keys(metafile.inputs),
    nameOf(source) {
      const found = outputs.find(
        ([, { entryPoint, inputs }]) =>
          entryPoint === source || Object.keys(inputs).some((path) => path.endsWith(source)),
      );
      const path = outputs.find(([name]) => name.endsWith('.js') && metafile.outputs[name].entryPoint === source)?.[0];
      return basename(path ?? found?.[0] ?? '');
    },
    /** All that it imports before it runs. */
    chunksOf(source) {
      const found = new Set();
      const visit = (path) => {
        for (const { path: next, kind } of metafile.outputs[path]?.imports ?? []) {
          if (kind !== 'import-statement' || found.has(next)) continue;
          found.add(next);
          visit(next);
        }
      };
      visit(outputs.find(([, { entryPoint }]) => entryPoint === source)?.[0]);
      return [...found].map((path) => basename(path));
    },
    styleOf: (source) => basename(outputs.find(([, { entryPoint }]) => entryPoint === source)?.[1].cssBundle ?? ''),
  };
}

/**
 * The licences of all packages that went into the bundle: their notices must travel with it.
 */
export function licencesOf(bundles) {
  const paths = bundles.flatMap(({ inputs }) => inputs);
  const packages = [
    ...new Set(paths.map((path) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]).filter(Boolean)),
  ];
  const licences = new Map();
  for (const path of packages.sort()) {
    const { name, version, license } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
    const { notices, terms } = splitLicence(licenceText(path).trim());
    const key = terms.replaceAll(/[\s"“”]+/g, ' ');
    const known = licences.get(key) ?? { terms, byNotice: new Map() };
    licences.set(key, known);
    known.byNotice.set(notices, [...(known.byNotice.get(notices) ?? []), `${name} ${version} (${license})`]);
  }
  return [...licences.values()]
    .map(({ terms, byNotice }) => {
      const heads = [...byNotice].map(([notices, names]) =>
        [...names, ...(notices === '' ? [] : [notices])].join('\n'),
      );
      return `${heads.join('\n\n')}\n\n${terms}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}

/** The copyright lines are each package's own; terms that are the same but for their line breaks are told once. */
function splitLicence(text) {
  const lines = text.split('\n');
  const start = lines.findIndex((line) => /^(?:Permission is hereby granted|Permission to use)/.test(line.trim()));
  if (start < 0) return { notices: '', terms: text };
  return { notices: lines.slice(0, start).join('\n').trim(), terms: lines.slice(start).join('\n').trim() };
}

function licenceText(path) {
  for (const name of ['LICENSE', 'LICENSE.md', 'LICENSE.txt', 'license']) {
    try {
      return readFileSync(join(path, name), 'utf8');
    } catch {
      // Packages name the file in different ways.
    }
  }
  return 'No text of it is in the package.\n';
}
