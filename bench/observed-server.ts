/**
 * A built server in a process of its own, as a user starts it, measured from outside: the CPU time of its threads,
 * the messages between them, the counters it publishes, and how fast it answers.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { createDataDir, type DataDir } from './fixtures.ts';
import type { Tree } from './trees.ts';

const observer = new URL('./thread-observer.js', import.meta.url).href;
/** The kernel counts CPU time in hundredths of a second. */
const msPerTick = 10;
const probePauseMs = 20;

/** CPU milliseconds, user and system. */
export interface CpuTimes {
  /** The thread that serves HTTP. */
  server: number;
  coordinator: number;
  /** All threads: pool, garbage collection and compiler too. */
  process: number;
}

export interface ServerOptions {
  env?: Record<string, string>;
  /** Where standard output, with the log, goes. */
  log?: 'file' | 'pipe';
}

export class ObservedServer {
  readonly dir: DataDir;
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #http: Pool;
  readonly #coordinatorThread: string;
  readonly #log: ServerLog;
  /** REST calls answered. */
  calls = 0;

  private constructor(dir: DataDir, child: ChildProcess, log: ServerLog, url: string, coordinatorThread: string) {
    this.dir = dir;
    this.url = url;
    this.#child = child;
    this.#log = log;
    this.#coordinatorThread = coordinatorThread;
    this.#http = new Pool(url, { connections: 64, headersTimeout: 120_000, bodyTimeout: 120_000 });
  }

  static async start(tree: Tree, { env = {}, log: target = 'file' }: ServerOptions = {}): Promise<ObservedServer> {
    const dir = createDataDir();
    const cwd = path.dirname(dir.settings.workflowsDir);
    const log = new ServerLog(path.join(cwd, 'log'), target);
    const child = spawn(process.execPath, ['--import', observer, tree.cli, 'serve'], {
      cwd,
      env: {
        PATH: process.env.PATH,
        PORT: '0',
        WORKFLOWS_DIR: dir.settings.workflowsDir,
        QUEUE_STATE_FILE: dir.settings.queueStateFile,
        LOG_LEVEL: 'warn',
        ...env,
      },
      stdio: ['ignore', log.stdio, 'inherit', 'ipc'],
    });
    // A bench that fails leaves no server behind.
    const abandon = () => {
      child.kill('SIGKILL');
      dir.remove();
    };
    process.once('exit', abandon);
    child.once('close', () => process.off('exit', abandon));
    log.readFrom(child);
    const url = await log.findAddress(child);
    const { coordinatorThread } = await ask(child);
    assert.ok(coordinatorThread, 'the coordinator has a thread of its own');
    return new ObservedServer(dir, child, log, url, coordinatorThread);
  }

  cpu(): CpuTimes {
    const { pid } = this.#child;
    return {
      server: readCpuMs(`/proc/${pid}/task/${pid}/stat`),
      coordinator: readCpuMs(`/proc/${pid}/task/${this.#coordinatorThread}/stat`),
      process: readCpuMs(`/proc/${pid}/stat`),
    };
  }

  /** The most memory that the process has held, in MiB. */
  peakMiB(): number {
    const status = fs.readFileSync(`/proc/${this.#child.pid}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1_024;
  }

  /** From the coordinator's thread to the server's, since the start. */
  async messages(): Promise<number> {
    return (await ask(this.#child)).messages;
  }

  /** Lines of standard output so far. */
  get logLines(): number {
    return this.#log.lines;
  }

  /** Resolves with the workflow's id; with `wait`, when it has come to rest. */
  async submit(definition: object, { wait = false } = {}): Promise<string> {
    const query = wait ? '?wait=60' : '';
    const { text, headers } = await this.#call('POST', `/api/workflows${query}`, JSON.stringify(definition));
    if (wait) assert.match(text.slice(0, 20_000), /"status": ?"COMPLETED"/);
    const id = /[0-9a-f-]{36}/.exec(String(headers.location))?.[0];
    assert.ok(id, 'the answer names the new workflow');
    return id;
  }

  async get<T>(target: string): Promise<T> {
    return JSON.parse((await this.#call('GET', target)).text) as T;
  }

  async post(target: string, body: object): Promise<void> {
    await this.#call('POST', target, JSON.stringify(body));
  }

  /** A counter or gauge of `/metrics`, without the engine's prefix. */
  async metric(...names: string[]): Promise<number[]> {
    const { text } = await this.#call('GET', '/metrics');
    return names.map((name) => {
      const value = new RegExp(`^hybrid_engine_${name} (\\S+)$`, 'm').exec(text)?.[1];
      assert.ok(value !== undefined, `/metrics has ${name}`);
      return Number(value);
    });
  }

  async countCompleted(): Promise<number> {
    const { headers } = await this.#call('GET', '/api/workflows?limit=1&view=summary&status=COMPLETED');
    return Number(headers['x-total-count']);
  }

  /** Milliseconds of one small question to the coordinator every 20 ms, until `isOver` says so of the answer. */
  async probe(isOver: (completed: number) => boolean): Promise<number[]> {
    const times: number[] = [];
    for (;;) {
      const startedAt = performance.now();
      const completed = await this.countCompleted();
      times.push(performance.now() - startedAt);
      if (isOver(completed)) return times;
      await sleep(probePauseMs);
    }
  }

  /** Nothing runs, and every state.json is written. */
  async settled(): Promise<void> {
    while ((await this.metric('workflows_in_memory'))[0] !== 0) await sleep(probePauseMs);
  }

  /** Resolves with how many lines standard output has had in all. */
  async close(): Promise<number> {
    await this.#http.close();
    this.#child.kill('SIGTERM');
    const [status] = await once(this.#child, 'close');
    assert.equal(status, 0);
    const lines = this.#log.lines;
    this.#log.close();
    this.dir.remove();
    return lines;
  }

  async #call(method: 'GET' | 'POST', target: string, body?: string) {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    const answer = await this.#http.request({ method, path: target, headers, body: body ?? null });
    const text = await answer.body.text();
    this.calls += 1;
    assert.ok(answer.statusCode < 300, `${method} ${target}: ${answer.statusCode} ${text.slice(0, 300)}`);
    return { text, headers: answer.headers };
  }
}

/** Standard output of the server: a file, or a pipe that is read here. */
class ServerLog {
  readonly stdio: number | 'pipe';
  readonly #file: string;
  #piped = 0;
  #head = '';

  constructor(file: string, target: 'file' | 'pipe') {
    this.#file = file;
    this.stdio = target === 'file' ? fs.openSync(file, 'a') : 'pipe';
  }

  readFrom(child: ChildProcess): void {
    child.stdout?.on('data', (chunk: Buffer) => {
      this.#piped += countLines(chunk);
      if (this.#head.length < 1_000) this.#head += chunk.toString();
    });
  }

  async findAddress(child: ChildProcess): Promise<string> {
    while (child.exitCode === null) {
      const head = this.stdio === 'pipe' ? this.#head : fs.readFileSync(this.#file, 'utf8');
      const url = /listening on (\S+)/.exec(head)?.[1];
      if (url !== undefined) return url;
      await sleep(5);
    }
    throw new Error('the server ended before it listened');
  }

  get lines(): number {
    return this.stdio === 'pipe' ? this.#piped : countLines(fs.readFileSync(this.#file));
  }

  close(): void {
    if (typeof this.stdio === 'number') fs.closeSync(this.stdio);
  }
}

function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(10); at !== -1; at = bytes.indexOf(10, at + 1)) lines += 1;
  return lines;
}

async function ask(child: ChildProcess): Promise<{ coordinatorThread: string | null; messages: number }> {
  const answer = once(child, 'message');
  child.send('ask');
  return (await answer)[0];
}

function readCpuMs(file: string): number {
  const fields = fs.readFileSync(file, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) * msPerTick;
}

export function subtract(after: CpuTimes, before: CpuTimes): CpuTimes {
  return {
    server: after.server - before.server,
    coordinator: after.coordinator - before.coordinator,
    process: after.process - before.process,
  };
}

export function add(a: CpuTimes, b: CpuTimes): CpuTimes {
  return {
    server: a.server + b.server,
    coordinator: a.coordinator + b.coordinator,
    process: a.process + b.process,
  };
}
