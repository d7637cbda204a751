/**
 * Changes the sources one place at a time, as a tired developer would, and asks the tests whether they notice:
 * `npm run mutation -- [--area <name>,…] [--lines N] [--seed N] [--jobs N]`. The tool is StrykerJS; this file says which
 * tests stand for which folder, and draws the lines: all of a folder's mutants would take hours.
 *
 * Prints every mutant that survived, and each area's score: killed mutants in percent of all that could be run. The bugs
 * of `test/mutants` are chosen by hand and must all be killed; these are drawn, and their score is to grow.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { reportFigures } from '../fixtures/figures.ts';
import { areas } from './areas.ts';
import { drawLines } from './draw-lines.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const { values } = parseArgs({
  options: {
    area: { type: 'string', default: areas.map(({ name }) => name).join(',') },
    lines: { type: 'string', default: '0' },
    seed: { type: 'string', default: '1' },
    jobs: { type: 'string', default: '2' },
  },
});

interface Report {
  readonly files: Record<string, { source: string; mutants: readonly ReportedMutant[] }>;
}
interface ReportedMutant {
  readonly mutatorName: string;
  readonly replacement?: string;
  readonly status: string;
  readonly location: { start: { line: number; column: number }; end: { line: number; column: number } };
}

for (const name of values.area.split(',')) {
  const area = areas.find((each) => each.name === name);
  if (!area)
    throw new Error(`--area ${name}: there is no such area; there are ${areas.map((each) => each.name).join(', ')}`);
  await run(area);
}

async function run({ name, sources, without, tests }: (typeof areas)[number]): Promise<void> {
  const startedAt = performance.now();
  const work = fs.mkdtempSync(path.join(os.tmpdir(), 'hybrid-engine-mutation-'));
  const files = sources.flatMap(listSources).filter((file) => without === undefined || !file.startsWith(`${without}/`));
  const reportFile = path.join(work, 'report.json');
  const options = {
    testRunner: 'vitest',
    vitest: { configFile: 'test/mutation/vitest.config.ts', related: true },
    mutate: drawLines(root, files, { lines: Number(values.lines), seed: Number(values.seed) }),
    coverageAnalysis: 'perTest',
    ignoreStatic: true,
    concurrency: Number(values.jobs),
    timeoutMS: 30_000,
    reporters: ['json'],
    jsonReporter: { fileName: reportFile },
    ignorePatterns: ['bench', 'dist', 'docs/nightly'],
    tempDirName: path.join(work, 'sandbox'),
    allowEmpty: true,
    allowConsoleColors: false,
  };
  const configFile = path.join(work, 'stryker.config.json');
  fs.writeFileSync(configFile, JSON.stringify(options));
  const child = spawn('npx', ['--no', 'stryker', 'run', configFile], {
    cwd: root,
    env: { ...process.env, MUTATION_TESTS: JSON.stringify(tests) },
    stdio: 'inherit',
  });
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  if (status !== 0) throw new Error(`stryker ended with ${status} for ${name}`);
  tell(name, JSON.parse(fs.readFileSync(reportFile, 'utf8')) as Report, startedAt);
  fs.rmSync(work, { recursive: true, force: true });
}

function listSources(from: string): string[] {
  if (from.endsWith('.ts')) return [from];
  const names = fs.readdirSync(path.join(root, from), { recursive: true, encoding: 'utf8' });
  return names.flatMap((name) => (/(?<!\.d)\.ts$/.test(name) ? [`${from}/${name}`] : [])).toSorted();
}

function tell(area: string, { files }: Report, startedAt: number): void {
  const counts = { killed: 0, survived: 0, uncovered: 0 };
  for (const [file, { source, mutants }] of Object.entries(files)) {
    const lines = source.split('\n');
    for (const mutant of mutants) {
      if (mutant.status === 'Killed' || mutant.status === 'Timeout') counts.killed += 1;
      if (mutant.status !== 'Survived' && mutant.status !== 'NoCoverage') continue;
      counts[mutant.status === 'Survived' ? 'survived' : 'uncovered'] += 1;
      const { line } = mutant.location.start;
      const what = (mutant.replacement ?? '').replaceAll(/\s+/g, ' ').slice(0, 80);
      console.log(`${mutant.status} ${file}:${line} ${mutant.mutatorName} -> ${what} | ${lines[line - 1]?.trim()}`);
    }
  }
  const cases = counts.killed + counts.survived + counts.uncovered;
  const score = cases === 0 ? 0 : Math.round((1000 * counts.killed) / cases) / 10;
  reportFigures(`mutation of ${area}`, startedAt, { cases, ...counts, scorePercent: String(score) });
}
