/** One life of an engine on golden data: `serve` in a process of its own, driven over REST, ended by a signal. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { StandIn } from '../stand-in/stand-in.ts';

export interface Reply {
  status: number;
  text: string;
  isReplayed: boolean;
}

export interface LifeOptions {
  /** The command as JavaScript: `dist/cli.js` of a build. */
  command: string;
  /** Holds `workflows` and `queue-state.json`. */
  place: string;
  standIn: StandIn;
  maxParallelNodes?: number;
}

export class Life {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown[]>;
  #output = '';
  #url = '';

  static async start(options: LifeOptions): Promise<Life> {
    const life = new Life(options);
    await life.#listen();
    return life;
  }

  private constructor({ command, place, standIn, maxParallelNodes = 16 }: LifeOptions) {
    const prices = path.join(place, 'prices.json');
    const price = { input_per_million: 30, output_per_million: 60 };
    writeFileSync(prices, JSON.stringify({ [`${standIn.host}/gpt-4`]: price }));
    this.#child = spawn(process.execPath, [command, 'serve'], {
      cwd: place,
      env: {
        PATH: process.env.PATH,
        PORT: '0',
        WORKFLOWS_DIR: path.join(place, 'workflows'),
        QUEUE_STATE_FILE: path.join(place, 'queue-state.json'),
        PRICES_FILE: prices,
        OPENAI_BASE_URL: standIn.baseUrl,
        MAX_PARALLEL_NODES: String(maxParallelNodes),
        POOL_THREADS: '1',
        SIMULATION_MS: '1',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#exited = once(this.#child, 'close');
  }

  async #listen(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const take = (chunk: unknown) => {
        this.#output += String(chunk);
        const url = /listening on (http:\/\/\S+)/.exec(this.#output)?.[1];
        if (url === undefined) return;
        this.#url = url;
        resolve();
      };
      this.#child.stdout?.on('data', take);
      this.#child.stderr?.on('data', take);
      this.#child.once('close', () => reject(new Error(`the engine ended before it listened: ${this.#output}`)));
    });
  }

  async call(method: string, route: string, body?: unknown, key?: string): Promise<Reply> {
    const headers = {
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    };
    const response = await fetch(`${this.#url}/api${route}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const isReplayed = response.headers.get('idempotency-replayed') === 'true';
    return { status: response.status, text: await response.text(), isReplayed };
  }

  /** SIGTERM; resolves with the exit status. */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    const [code] = await this.#exited;
    return code as number | null;
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}
