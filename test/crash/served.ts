/** The product as its users start it: `serve` in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { onTestFinished } from 'vitest';
import { emitted } from '../fixtures/emitted.ts';
import type { EngineDir } from '../fixtures/engine-dir.ts';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export class Served {
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  stdout = '';
  stderr = '';
  #wakes: (() => void)[] = [];

  constructor(dir: EngineDir, env: Record<string, string> = {}) {
    this.child = spawn(process.execPath, [emitted('src/cli/cli.ts'), 'serve'], {
      cwd: dir.root,
      env: {
        PATH: process.env.PATH,
        PORT: '0',
        WORKFLOWS_DIR: dir.workflowsDir,
        QUEUE_STATE_FILE: dir.queueStateFile,
        POOL_THREADS: '1',
        SIMULATION_MS: '1',
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    onTestFinished(() => void this.child.kill('SIGKILL'));
    this.child.stdout!.on('data', (chunk) => this.#take('stdout', String(chunk)));
    this.child.stderr!.on('data', (chunk) => this.#take('stderr', String(chunk)));
    this.exited = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        this.#wake();
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
  }

  /** The server's address, once it listens. */
  async listening(): Promise<string> {
    const [, url] = await this.until(/listening on (http:\/\/\S+)/);
    return url!;
  }

  /** Resolves when the output holds it; rejects when the process ends before. */
  async until(text: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = text.exec(this.stdout);
      if (found) return found;
      if (this.child.exitCode !== null || this.child.signalCode !== null)
        throw new Error(
          `ended (${this.child.exitCode ?? this.child.signalCode}) before it wrote ${text}: ${this.stderr}`,
        );
      await new Promise<void>((resolve) => this.#wakes.push(resolve));
    }
  }

  #take(stream: 'stdout' | 'stderr', text: string): void {
    this[stream] += text;
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#wakes.splice(0)) wake();
  }
}

export async function api(
  url: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<{ status: number; json: unknown }> {
  const response = await fetch(`${url}/api${path}`, {
    method,
    ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
  });
  return { status: response.status, json: await response.json() };
}
