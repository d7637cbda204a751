/**
 * Goal: one owner, whoever comes at once, by whichever path, from whichever namespace, and the next one at once after a
 * kill (G13; L1 to L3). Method: processes that open the store and nothing else, because twenty whole engines at once would
 * take a small machine half a minute; test/crash/start.test.ts has the whole engine's answer. `LOCK_ROUNDS` raises the
 * number of rounds. What the lock file alone decides is in test/store/lock.test.ts.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { emitted } from '../fixtures/emitted.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { reportFigures } from '../fixtures/figures.ts';

/** Its own processes and its own network, as a container has by default. */
const container = ['unshare', '--net', '--pid', '--fork', '--mount-proc', '--kill-child'];
const rounds = Number(process.env.LOCK_ROUNDS ?? 1);
const starters = 20;

function newDir(): EngineDir {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  return dir;
}

/** Opens the store when told to. */
class Starter {
  readonly child: ChildProcess;
  readonly loaded: Promise<void>;
  /** Whether it has opened the store; a refusal is the status and what it said. */
  readonly outcome: Promise<'open' | { status: number | null; stderr: string }>;

  constructor(
    dir: { workflowsDir: string; queueStateFile: string },
    through: readonly string[] = [],
    more: readonly string[] = [],
  ) {
    const line = [
      ...through,
      process.execPath,
      emitted('test/store/lock-owner.ts'),
      dir.workflowsDir,
      dir.queueStateFile,
      'waits',
      ...more,
    ];
    this.child = spawn(line[0]!, line.slice(1));
    onTestFinished(async () => {
      if (this.child.exitCode === null && this.child.signalCode === null) await this.kill();
    });
    let stdout = '';
    let stderr = '';
    this.child.stderr!.on('data', (chunk) => {
      stderr += String(chunk);
    });
    // One that has been refused no longer listens.
    this.child.stdin!.on('error', () => undefined);
    const says = (word: string) =>
      new Promise<void>((resolve) => {
        this.child.stdout!.on('data', (chunk) => {
          stdout += String(chunk);
          if (stdout.includes(word)) resolve();
        });
      });
    this.loaded = says('loaded');
    this.outcome = Promise.race([
      says('open').then(() => 'open' as const),
      once(this.child, 'close').then(() => ({ status: this.child.exitCode, stderr })),
    ]);
  }

  open(): Promise<'open' | { status: number | null; stderr: string }> {
    this.child.stdin!.write('go');
    return this.outcome;
  }

  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await once(this.child, 'exit');
  }
}

async function loaded(dir: EngineDir, through?: readonly string[], more?: readonly string[]): Promise<Starter> {
  const starter = new Starter(dir, through, more);
  await starter.loaded;
  return starter;
}

test(`of ${starters} that start at once one owns the data, ${rounds} times, each after a kill of the owner before`, {
  timeout: rounds * 30_000 + 60_000,
}, async () => {
  const startedAt = performance.now();
  const dir = newDir();
  for (let round = 0; round < rounds; round += 1) {
    const all = Array.from({ length: starters }, () => new Starter(dir));
    await Promise.all(all.map((starter) => starter.loaded));
    const outcomes = await Promise.all(all.map((starter) => starter.open()));
    const owners = all.filter((_, i) => outcomes[i] === 'open');
    expect(owners).toHaveLength(1);
    for (const outcome of outcomes) {
      if (outcome === 'open') continue;
      expect(outcome.status).toBe(75);
      expect(outcome.stderr).toContain(`WORKFLOWS_DIR ${dir.workflowsDir} is in use`);
    }
    // What it leaves is a lock file with a dead pid.
    await owners[0]!.kill();
  }
  expect(await (await loaded(dir)).open()).toBe('open');
  reportFigures('one owner', startedAt, {
    cases: rounds,
    lostAcknowledged: 0,
    changedResults: 0,
    repeatedSteps: 0,
    unreadableFiles: 0,
    starts: rounds * starters,
  });
});

const canUnshare = spawnSync('unshare', ['-n', 'true']).status === 0;
test.skipIf(!canUnshare)(
  canUnshare
    ? 'from two network namespaces, in which neither sees the other one’s sockets, one owns the data'
    : 'two network namespaces: SKIPPED, unshare -n is not allowed here',
  async () => {
    const dir = newDir();
    const [first, second] = [await loaded(dir, ['unshare', '-n']), await loaded(dir, ['unshare', '-n'])];
    expect(await first.open()).toBe('open');
    expect(await second.open()).toMatchObject({ status: 75, stderr: expect.stringContaining(`${first.child.pid}`) });
    expect(await (await loaded(dir)).open()).toMatchObject({ status: 75 });
    await first.kill();
    expect(await (await loaded(dir, ['unshare', '-n'])).open()).toBe('open');
  },
);

const canContain = spawnSync(container[0]!, [...container.slice(1), 'true']).status === 0;
const containers = canContain ? '' : ' (SKIPPED: unshare -n -p is not allowed here)';

/** Kills what runs in the container, from outside; unshare ends with it. */
async function killInside({ child }: Starter): Promise<void> {
  const inner = fs.readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
  process.kill(Number(inner), 'SIGKILL');
  await once(child, 'exit');
}

test.skipIf(!canContain)(
  `of eight containers that start at once one owns the data, ${rounds} times, each after a kill (OS1, OS2)${containers}`,
  { timeout: rounds * 90_000 + 60_000 },
  async () => {
    // Longer than the name of a socket may be: it is reached through /proc/self/fd.
    const parent = fs.mkdtempSync(path.join(os.tmpdir(), 'l'.repeat(110)));
    onTestFinished(() => fs.rmSync(parent, { recursive: true, force: true }));
    const short = newDir();
    const long = new EngineDir(parent);
    for (const dir of [short, long]) {
      let last: Starter | null = null;
      for (let round = 0; round < rounds; round += 1) {
        const all = await Promise.all(Array.from({ length: 8 }, () => loaded(dir, container)));
        const outcomes = await Promise.all(all.map((starter) => starter.open()));
        const owners = all.filter((_, i) => outcomes[i] === 'open');
        expect(owners).toHaveLength(1);
        for (const outcome of outcomes) {
          if (outcome === 'open') continue;
          expect(outcome.status).toBe(75);
          expect(outcome.stderr).toMatch(
            /is in use by (process \d+ of another container or machine|another process): /,
          );
        }
        // What the dead owner left behind is not counted as an owner, and does not pile up.
        expect(sockets(dir)).toHaveLength(1);
        last = owners[0]!;
        await killInside(last);
      }
      expect(last).not.toBeNull();
      const outside = await loaded(dir);
      expect(await outside.open()).toBe('open');
      outside.child.stdin!.end();
      await once(outside.child, 'close');
      expect(sockets(dir)).toEqual([]);
    }
  },
);

function sockets(dir: EngineDir): string[] {
  return fs.readdirSync(path.join(dir.workflowsDir, '.engine')).filter((name) => name.endsWith('.sock'));
}

test.skipIf(!canContain)(
  `where the volume holds no socket, the heartbeat keeps a second container out, and ends with its owner (LF2)${containers}`,
  { timeout: 60_000 },
  async () => {
    const dir = newDir();
    const start = () => loaded(dir, container, ['file-only']);
    const [first, second, third] = await Promise.all([start(), start(), start()]);
    expect(await first.open()).toBe('open');
    expect(sockets(dir)).toEqual([]);
    expect(await second.open()).toEqual({
      status: 75,
      stderr: expect.stringContaining('is in use by process 1 of another container or machine'),
    });
    await killInside(first);
    expect(await third.open()).toBe('open');
  },
);

const canBind = ((): boolean => {
  const dir = new EngineDir();
  try {
    const isBound = spawnSync('mount', ['--bind', dir.root, dir.root]).status === 0;
    return isBound && spawnSync('umount', [dir.root]).status === 0;
  } finally {
    dir.remove();
  }
})();
test.skipIf(!canBind)(
  canBind
    ? 'through a bind mount it is the same directory, and the same queue file'
    : 'a bind mount: SKIPPED, mount --bind is not allowed here',
  async () => {
    const dir = newDir();
    expect(await (await loaded(dir)).open()).toBe('open');
    const bound = newDir();
    expect(spawnSync('mount', ['--bind', dir.root, bound.root]).status).toBe(0);
    onTestFinished(() => void spawnSync('umount', ['-l', bound.root]));
    const starter = new Starter(bound);
    await starter.loaded;
    expect(await starter.open()).toMatchObject({
      status: 75,
      stderr: expect.stringContaining(`WORKFLOWS_DIR ${bound.workflowsDir}`),
    });
    const another = new Starter({ workflowsDir: `${newDir().root}/workflows`, queueStateFile: bound.queueStateFile });
    await another.loaded;
    expect(await another.open()).toMatchObject({ status: 75, stderr: expect.stringContaining('QUEUE_STATE_FILE') });
    expect(fs.readdirSync(bound.root).sort()).toEqual(['queue-state.json', 'workflows']);
  },
);
