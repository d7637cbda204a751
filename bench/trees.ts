/**
 * The checkouts of the engine that a bench compares. Each is built, and all are measured in turn, so that a slow
 * minute of the machine meets every one of them.
 *
 *   --tree DIR     a checkout with its node_modules; give it once for each, the older first (default: this one)
 *   --rounds 3     how often each is measured
 */
import { execFileSync } from 'node:child_process';
import { loadavg } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine, percentile } from './fixtures.ts';

export interface Tree {
  /** Its commit; `+` where its sources differ from that. */
  name: string;
  /** The built command line. */
  cli: string;
}

interface Comparison<T> {
  machine: string;
  rounds: number;
  /** `results`: one for each round. */
  measured: { tree: Tree; results: T[] }[];
}

/** This checkout. */
export const ownDir = fileURLToPath(new URL('..', import.meta.url));

/** Prints the heading of a bench, then measures every tree `rounds` times. */
export async function measureTrees<T>(
  title: string,
  measure: (tree: Tree, round: number) => Promise<T>,
): Promise<Comparison<T>> {
  const { values } = parseArgs({
    options: { tree: { type: 'string', multiple: true }, rounds: { type: 'string', default: '3' } },
  });
  const rounds = Number(values.rounds);
  const measured = (values.tree ?? [ownDir]).map((dir) => ({ tree: openTree(dir), results: [] as T[] }));
  const load = loadavg()[0]!.toFixed(1);
  const machine = `${describeMachine()}, load ${load} at the start`;
  const names = measured.map(({ tree }) => tree.name).join(', ');
  console.log(`${title}\n${machine}\nEngines: ${names}; ${rounds} rounds.\n`);
  for (let round = 0; round < rounds; round += 1) {
    const turn = round % 2 === 0 ? measured : measured.toReversed();
    for (const { tree, results } of turn) {
      results.push(await measure(tree, round));
      process.stderr.write(`round ${round + 1}: ${tree.name} measured\n`);
    }
  }
  return { machine, rounds, measured };
}

export function openTree(dir: string): Tree {
  const cwd = path.resolve(dir);
  execFileSync(process.execPath, ['scripts/build.js'], { cwd, stdio: ['ignore', 'ignore', 'inherit'] });
  const git = (...args: string[]) => execFileSync('git', args, { cwd, encoding: 'utf8' }).trim();
  const isChanged = git('status', '--porcelain', '--', 'src') !== '';
  return { name: `${git('rev-parse', '--short', 'HEAD')}${isChanged ? '+' : ''}`, cli: path.join(cwd, 'dist/cli.js') };
}

/** A row of the comparison: one number for each round, or the times of every probe in it. */
export type Figure<T> =
  | { name: string; of: (result: T) => number; digits?: number }
  | { name: string; probes: (result: T) => readonly number[] };

/** A table of all figures with a column for each tree, then one line of JSON. */
export function printComparison<T>(
  bench: string,
  { machine, rounds, measured }: Comparison<T>,
  figures: Figure<T>[],
): void {
  console.log(
    `| | ${measured.map(({ tree }) => tree.name).join(' | ')} |\n|---|${measured.map(() => '---:|').join('')}`,
  );
  for (const figure of figures)
    console.log(`| ${figure.name} | ${measured.map(({ results }) => toCell(figure, results)).join(' | ')} |`);
  const results = measured.map(({ tree, results }) => ({ tree: tree.name, results }));
  const toShort = (key: string, value: unknown) => (key === 'probes' ? toPercentiles(value as number[]) : value);
  console.log(`\n${JSON.stringify({ bench, machine, rounds, results }, toShort)}`);
}

/** `median (lowest to highest)` of the rounds, or `p50, p95, p99` of all probes. */
function toCell<T>(figure: Figure<T>, results: readonly T[]): string {
  if ('probes' in figure) {
    const times = results.flatMap((result) => figure.probes(result));
    return toPercentiles(times).join(', ');
  }
  const sorted = results.map(figure.of).sort((a, b) => a - b);
  const text = (value: number) => value.toFixed(figure.digits ?? 0);
  const median = sorted[Math.floor(sorted.length / 2)]!;
  return `${text(median)} (${text(sorted[0]!)} to ${text(sorted.at(-1)!)})`;
}

function toPercentiles(times: readonly number[]): string[] {
  const sorted = [...times].sort((a, b) => a - b);
  return [50, 95, 99].map((p) => percentile(sorted, p).toFixed(1));
}
