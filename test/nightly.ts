/**
 * The fault matrix at full scale, one part after the other: `npm run nightly -- [--only <part>] [--jobs N]`.
 *
 * Each part's output goes to `docs/nightly/<part>.txt` with the commit and the machine it ran on, and all figures to the
 * table in `docs/nightly/README.md`. Ends with 1 when a part failed; the others are run all the same.
 */
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { Figures } from './fixtures/figures.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const results = path.join(root, 'docs', 'nightly');
const tailLines = 25;

const { values } = parseArgs({
  options: { only: { type: 'string' }, jobs: { type: 'string', default: String(os.availableParallelism()) } },
});

interface Part {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const vitest = (...files: string[]) => ['vitest', 'run', ...files];

const parts: readonly Part[] = [
  {
    name: 'simulation',
    command: ['tsx', 'test/sim/run.ts', '--from', '1', '--count', '200000', '--jobs', values.jobs],
  },
  {
    name: 'crash-points',
    command: vitest('test/enumerate'),
    env: { ENUMERATE_OUTCOMES: '200', ENUMERATE_SECOND: 'all' },
  },
  { name: 'kills', command: vitest('test/crash/kill.test.ts'), env: { CRASH_CYCLES: '1000' } },
  { name: 'map-kills', command: vitest('test/crash/maps.test.ts'), env: { CRASH_MAP_KILLS: '300' } },
  { name: 'schedule-kills', command: vitest('test/crash/schedules.test.ts'), env: { CRASH_SCHEDULE_KILLS: '200' } },
  { name: 'power-cuts', command: vitest('test/crash/power-cut.test.ts'), env: { POWER_CUTS: '200' } },
  { name: 'stops', command: vitest('test/crash/stop.test.ts'), env: { STOP_CASES: '50' } },
  { name: 'locks', command: vitest('test/store/lock.test.ts', 'test/crash/owner.test.ts'), env: { LOCK_ROUNDS: '20' } },
  {
    name: 'containers',
    command: vitest('test/crash/containers.test.ts'),
    env: { CONTAINER_ROUNDS: '20', CONTAINER_BURNERS: '4' },
  },
  {
    name: 'damage',
    command: vitest('test/damage'),
    env: { DAMAGE_FLIPS: '100000', DAMAGE_BITS_WITH_VIEWS_EVERY: '1', DAMAGE_WHOLE_START_EVERY: '1' },
  },
  {
    name: 'disk',
    command: vitest('test/disk'),
    env: { DISK_OUTCOMES: 'all', DISK_CYCLES: '10', DISK_LOST_WRITEBACKS: '3', DISK_STRACE_PLACES: '1,2,5' },
  },
  {
    name: 'workers',
    command: vitest('test/pool', 'test/crash-loop'),
    env: { WORKER_FAULTS: '1000', WORKER_OOMS: '40', CRASH_LOOPS: '5' },
  },
  {
    name: 'conditions',
    command: [
      ...vitest('test/core/condition-bounds.test.ts', 'test/coordinator/steps/condition-cost.test.ts'),
      '--testTimeout=1200000',
    ],
    env: { CONDITION_RUNS: '100000' },
  },
  {
    name: 'load',
    command: vitest('test/load'),
    env: { LOAD_SOCKETS: '200', LOAD_SECONDS: '60', EXTREME_BODIES: '1000' },
  },
  { name: 'soak', command: ['tsx', 'test/load/soak.ts'], env: { SOAK_SECONDS: '300' } },
  { name: 'mutants', command: ['tsx', 'test/mutants/run.ts', '--jobs', values.jobs] },
  { name: 'mutation', command: ['tsx', 'test/mutation/run.ts', '--lines', '300', '--jobs', values.jobs] },
];

interface Report {
  readonly name: string;
  readonly commit: string;
  readonly ok: boolean;
  readonly seconds: number;
  readonly figures: readonly (Figures & { part: string })[];
}

async function run({ name, command, env = {} }: Part): Promise<boolean> {
  const figuresFile = path.join(os.tmpdir(), `hybrid-engine-figures-${process.pid}.jsonl`);
  fs.rmSync(figuresFile, { force: true });
  const startedAt = performance.now();
  const lines: string[] = [];
  const child = spawn('npx', ['--no', ...command], {
    cwd: root,
    env: { ...process.env, ...env, FIGURES_FILE: figuresFile, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      process.stdout.write(text);
      lines.push(...text.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('npm warn')));
    });
  }
  const status = await new Promise<number | null>((resolve) => child.once('close', resolve));
  const figures = fs.existsSync(figuresFile) ? fs.readFileSync(figuresFile, 'utf8').trim().split('\n') : [];
  fs.rmSync(figuresFile, { force: true });
  const settings = Object.entries(env).map(([key, value]) => `${key}=${value} `);
  const kept =
    name === 'mutants' || name === 'mutation'
      ? lines.filter((line) => !line.includes(' INFO '))
      : lines.filter((line) => !line.startsWith('figures ')).slice(-tailLines);
  const text = [
    `$ ${settings.join('')}${command.join(' ')}`,
    `commit ${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', 'src') === '' ? '' : ' with changes'}, Node ${process.version}, ${os.availableParallelism()} cores`,
    `ended with ${status} after ${Math.round((performance.now() - startedAt) / 1000)} s`,
    ...figures.map((line) => `figures ${line}`),
    '',
    ...kept,
  ].join('\n');
  fs.mkdirSync(results, { recursive: true });
  fs.writeFileSync(
    path.join(results, `${name}.txt`),
    `${text.replaceAll(root, './').replaceAll(root.slice(0, -1), '.').replaceAll(os.tmpdir(), '<tmp>')}\n`,
  );
  return status === 0;
}

function git(...args: string[]): string {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
}

function readReport(name: string): Report | null {
  const file = path.join(results, `${name}.txt`);
  if (!fs.existsSync(file)) return null;
  const lines = fs.readFileSync(file, 'utf8').split('\n');
  const ended = /^ended with (\S+) after (\d+) s$/.exec(lines[2] ?? '');
  return {
    name,
    commit: /^commit (.*), Node/.exec(lines[1] ?? '')?.[1] ?? '?',
    ok: ended?.[1] === '0',
    seconds: Number(ended?.[2]),
    figures: lines.flatMap((line) => (line.startsWith('figures {') ? [JSON.parse(line.slice(8))] : [])),
  };
}

/** A part that ran in several files is one row for each name: counts are added, other figures listed. */
function toRows({ name, commit, ok, seconds, figures }: Report): string[] {
  const byPart = new Map<string, typeof figures>();
  for (const each of figures) byPart.set(each.part, [...(byPart.get(each.part) ?? []), each]);
  const outcome = ok ? 'passed' : '**failed**';
  if (byPart.size === 0) return [`| ${name} | | | | | | | ${outcome}, ${seconds} s, ${commit} |`];
  return [...byPart].map(([part, all]) => {
    const sum = (key: keyof Figures) => all.reduce((total, each) => total + Number(each[key]), 0);
    const shown = [
      'part',
      'seconds',
      'cases',
      'lostAcknowledged',
      'changedResults',
      'repeatedSteps',
      'unreadableFiles',
    ];
    const more = Object.keys(all[0] ?? {}).filter((key) => !shown.includes(key));
    const others = more.map((key) => {
      const values = all.map((each) => each[key]);
      const isSum = values.every((value) => typeof value === 'number' && Number.isInteger(value));
      return `${key} ${isSum ? sum(key) : values.join(', ')}`;
    });
    const zeros = (['lostAcknowledged', 'changedResults', 'repeatedSteps', 'unreadableFiles'] as const).map((key) =>
      all.some((each) => each[key] !== undefined) ? sum(key) : '',
    );
    return `| ${part} | ${sum('cases')} | ${zeros.join(' | ')} | ${others.join('; ')} | ${outcome}, ${sum('seconds').toFixed(0)} s, ${commit} |`;
  });
}

const chosen = parts.filter(({ name }) => values.only === undefined || values.only.split(',').includes(name));
if (chosen.length === 0) {
  console.error(`--only ${values.only}: there is no such part; there are ${parts.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}
const failed: string[] = [];
for (const part of chosen) if (!(await run(part))) failed.push(part.name);

const rows = parts.flatMap(({ name }) => readReport(name) ?? []).flatMap(toRows);
fs.writeFileSync(
  path.join(results, 'README.md'),
  `# The fault matrix at full scale

Written by \`npm run nightly\` (test/nightly.ts); the output of each part lies beside this page. What each part does stands
in [durability.md](../durability.md).

| part | cases | lost acknowledged | changed results | repeated steps | unreadable files | also counted | outcome, time, commit |
|---|---|---|---|---|---|---|---|
${rows.join('\n')}

Parts that are not in the table have not been run at full scale yet.
`,
);
console.log(failed.length === 0 ? 'all parts passed' : `failed: ${failed.join(', ')}`);
process.exitCode = failed.length === 0 ? 0 : 1;
