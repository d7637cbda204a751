/**
 * Plants every bug of the list in a copy of the project, one at a time, and runs the test that must notice it.
 * `npm run mutants -- [--jobs N] [--only <text in a name>] [--names <file>]`; ends with 1 unless all are killed.
 *
 * Killed means: the test ran, a test case failed, and the same run is green without the bug. The first failure ends a run.
 * A run that has no end (a loop that no deadline of a test case can break) is killed too, after five minutes or five times
 * what it takes without the bug, whichever is more.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { mutants } from './list.ts';
import type { Mutant } from './mutant.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const copied = ['src', 'test', 'web', 'extension', 'workflows', 'docs', 'bench', 'scripts'];
const runMsMin = 300_000;
/** What hangs on a bug is waited for so many times as long as the whole run without it took: the machine may be busy. */
const slowerMax = 5;
const caseMsMin = 30_000;

const { values } = parseArgs({
  options: {
    jobs: { type: 'string', default: '2' },
    only: { type: 'string', default: '' },
    // A file of names, a line each: those that a run before this one has left.
    names: { type: 'string' },
  },
});
const named = values.names === undefined ? null : new Set(fs.readFileSync(values.names, 'utf8').trim().split('\n'));

interface TestRun {
  readonly ran: number;
  readonly failed: readonly string[];
  readonly seconds: number;
}

/** A bug is a new source, of which a bundle would be made for threads and processes: these tests start none. */
const withoutEmission = (test: string) => (/^test\/(?:core|config)\b/.test(test) ? { WITHOUT_EMISSION: '1' } : {});

/** A copy of the project to plant bugs in; what is installed is shared. */
class Field {
  readonly #dir = fs.mkdtempSync(path.join(os.tmpdir(), 'hybrid-engine-mutants-'));

  constructor() {
    // Some tests start the product as another user.
    fs.chmodSync(this.#dir, 0o755);
    for (const name of fs.readdirSync(root)) {
      if (copied.includes(name) || fs.statSync(path.join(root, name)).isFile()) {
        fs.cpSync(path.join(root, name), path.join(this.#dir, name), { recursive: true });
      }
    }
    fs.symlinkSync(path.join(root, 'node_modules'), path.join(this.#dir, 'node_modules'));
  }

  async withBug(mutant: Mutant, caseMsMax: number): Promise<TestRun> {
    const file = path.join(this.#dir, mutant.file);
    const text = fs.readFileSync(file, 'utf8');
    fs.writeFileSync(
      file,
      text.replace(mutant.find, () => mutant.replace),
    );
    try {
      return await this.run(mutant, caseMsMax);
    } finally {
      fs.writeFileSync(file, text);
    }
  }

  async run({ test, only, env }: Mutant, caseMsMax = caseMsMin): Promise<TestRun> {
    const results = path.join(this.#dir, 'results.json');
    fs.rmSync(results, { force: true });
    const started = performance.now();
    const filter = only === undefined ? [] : ['--testNamePattern', only.replaceAll(/[^\w ]/g, '.')];
    const vitest = path.join(root, 'node_modules', 'vitest', 'vitest.mjs');
    const child = spawn(
      process.execPath,
      [
        vitest,
        'run',
        test,
        ...filter,
        '--bail=1',
        `--testTimeout=${caseMsMax}`,
        '--reporter=json',
        `--outputFile=${results}`,
      ],
      {
        cwd: this.#dir,
        // What a run with a bug counts is no figure of the matrix.
        env: { ...process.env, ...env, ...withoutEmission(test), FIGURES_FILE: undefined },
        stdio: 'ignore',
        // A group of its own: a worker of the tests that loops on the bug is ended with the run, and not left to loop.
        detached: true,
      },
    );
    let isEndless = false;
    const deadline = setTimeout(
      () => {
        isEndless = true;
        process.kill(-(child.pid as number), 'SIGKILL');
      },
      Math.max(runMsMin, caseMsMax),
    );
    await new Promise((resolve) => child.once('exit', resolve));
    clearTimeout(deadline);
    const seconds = Math.round((performance.now() - started) / 100) / 10;
    if (!fs.existsSync(results)) return { ran: 0, failed: isEndless ? ['the run has no end'] : [], seconds };
    const { testResults } = JSON.parse(fs.readFileSync(results, 'utf8')) as {
      testResults: { status: string; name: string; assertionResults: { status: string; fullName: string }[] }[];
    };
    const cases = testResults.flatMap(({ assertionResults }) => assertionResults);
    const failed = cases.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName);
    // A file that fails as a whole (a fault outside any test case) has no failed case to name.
    if (failed.length === 0 && cases.some(({ status }) => status === 'passed')) {
      failed.push(...testResults.filter(({ status }) => status === 'failed').map(() => 'the run as a whole'));
    }
    return { ran: cases.filter(({ status }) => status !== 'skipped' && status !== 'pending').length, failed, seconds };
  }

  remove(): void {
    fs.rmSync(this.#dir, { recursive: true, force: true });
  }
}

const chosen = mutants.filter(({ name }) => name.includes(values.only) && (named === null || named.has(name)));
const waiting = [...chosen];
/** By what is run: whether it is green without a bug. */
const healthy = new Map<string, Promise<TestRun>>();
let killed = 0;
const survivors: string[] = [];

async function work(): Promise<void> {
  const field = new Field();
  try {
    for (let mutant = waiting.shift(); mutant; mutant = waiting.shift()) {
      const key = JSON.stringify([mutant.test, mutant.only, mutant.env]);
      const sound = healthy.get(key) ?? field.run(mutant);
      healthy.set(key, sound);
      const before = await sound;
      if (before.ran === 0 || before.failed.length > 0) {
        survivors.push(mutant.name);
        console.log(`UNKNOWN   ${mutant.name}: ${mutant.test} is not green without the bug (${before.ran} ran)`);
        continue;
      }
      const { failed, ran, seconds } = await field.withBug(
        mutant,
        Math.max(caseMsMin, before.seconds * slowerMax * 1_000),
      );
      if (failed.length > 0) {
        killed += 1;
        const others = failed.length > 1 ? ` and ${failed.length - 1} more` : '';
        const settings = Object.entries(mutant.env ?? {}).map(([name, value]) => `${name}=${value} `);
        console.log(`killed    ${seconds.toFixed(1).padStart(5)} s  ${mutant.name} [${mutant.breaks}]`);
        console.log(`                   by ${settings.join('')}${mutant.test}: ${failed[0]}${others}`);
      } else {
        survivors.push(mutant.name);
        console.log(
          `SURVIVED  ${seconds.toFixed(1).padStart(5)} s  ${mutant.name} [${mutant.breaks}] (${ran} tests ran)`,
        );
      }
    }
  } finally {
    field.remove();
  }
}

await Promise.all(Array.from({ length: Number(values.jobs) }, work));
console.log(`${killed} of ${chosen.length} killed${survivors.map((name) => `\n  not killed: ${name}`).join('')}`);
process.exitCode = survivors.length === 0 && chosen.length > 0 ? 0 : 1;
