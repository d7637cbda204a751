/** The command line as its users meet it: a process, with what it wrote and how it ended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { emitted } from '../fixtures/emitted.ts';

export interface CliResult {
  status: number | null;
  stdout: string;
  stderr: string;
}

export interface CliOptions {
  cwd: string;
  env?: Record<string, string>;
  /** The file of the command; the one that all tests share when not given. */
  command?: string;
}

export function startCli(
  args: readonly string[],
  { cwd, env = {}, command = emitted('src/cli/cli.ts') }: CliOptions,
): ChildProcess {
  // Only what a process needs: settings of whoever runs the tests must not reach it.
  const { PATH = '', HOME = '', TMPDIR } = process.env;
  return spawn(process.execPath, [command, ...args], {
    cwd,
    env: { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

export async function runCli(args: readonly string[], options: CliOptions): Promise<CliResult> {
  return finishCli(startCli(args, options));
}

export async function finishCli(child: ChildProcess): Promise<CliResult> {
  let stdout = '';
  let stderr = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [status] = (await once(child, 'close')) as [number | null];
  return { status, stdout, stderr };
}
