/**
 * Runs a part of the tests on the oldest Nodes that the engine supports and on the newest one with long support, and
 * starts the command on one that it does not support. The nodes come from npm's packages `node-<platform>-<arch>`,
 * which hold the program and run no script. One that npm does not give is skipped, and the last line says so.
 *
 *   node scripts/other-nodes.js [path of tests ...]
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

process.chdir(fileURLToPath(new URL('..', import.meta.url)));

/** What hangs on the version most: HTTP, streams, threads, files. */
const tests = ['test/core', 'test/server', 'test/stand-in', 'test/store', 'test/watchdog', 'test/pool/pool.test.ts'];
const supported = ['20.19.0', '22.13.0', '24'];
const unsupported = '18';

const given = process.argv.slice(2);
const place = mkdtempSync(join(tmpdir(), 'other-nodes-'));
const results = [];
let hasFailed = false;

/** The path of that Node's program; null when npm does not give it. */
function install(version) {
  const name = `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;
  const prefix = join(place, version);
  const npm = spawnSync(
    'npm',
    ['install', '--no-save', '--ignore-scripts', '--engine-strict=false', '--prefix', prefix, `${name}@${version}`],
    { cwd: place, stdio: 'ignore', shell: process.platform === 'win32' },
  );
  const program = join(prefix, 'node_modules', name, 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  return npm.status === 0 && existsSync(program) ? program : null;
}

function record(version, isFine, what) {
  results.push(`Node ${version}: ${what}`);
  if (!isFine) hasFailed = true;
}

try {
  for (const version of supported) {
    const node = install(version);
    if (node === null) {
      record(version, true, 'skipped, npm does not give it');
      continue;
    }
    const actual = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim();
    process.stdout.write(`\nNode ${actual}\n`);
    const args = ['node_modules/vitest/vitest.mjs', 'run', ...(given.length > 0 ? given : tests)];
    const { status } = spawnSync(node, args, { stdio: 'inherit' });
    record(actual, status === 0, status === 0 ? 'passed' : `failed with status ${status}`);
  }
  const old = install(unsupported);
  if (old === null) record(unsupported, true, 'skipped, npm does not give it');
  else {
    spawnSync(process.execPath, ['scripts/build.js'], { stdio: 'inherit' });
    const { status, stdout, stderr } = spawnSync(old, ['dist/cli.js', '--version'], { encoding: 'utf8' });
    const isFine = status === 1 && stdout === '' && /^Hybrid Engine needs Node .+\n$/.test(stderr);
    record(
      unsupported,
      isFine,
      isFine ? 'refused in one line' : `not refused in one line: ${status} ${stdout}${stderr}`,
    );
  }
} finally {
  rmSync(place, { recursive: true, force: true });
}
process.stdout.write(`\n${results.join('\n')}\n`);
process.exitCode = hasFailed ? 1 : 0;
