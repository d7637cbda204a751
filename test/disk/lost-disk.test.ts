/**
 * Goal: a disk that is lost under a running engine ends it with 74, and the next start has all that was acknowledged
 * (G12, E4 to E6). Method: the product in a process of its own on real file systems that fail for real: an fdatasync whose
 * error the kernel reports, an ext4 that turns read-only, a data directory that is taken away, a write-back that is lost
 * because the storage below is full (the first fdatasync fails, a second one would report success).
 */
import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Workflow } from '../../src/contract/workflow.ts';
import { Served } from '../crash/served.ts';
import { EngineDir } from '../fixtures/engine-dir.ts';
import { reportFigures } from '../fixtures/figures.ts';
import { makeImage, mountLoop, mountTmpfs, named, noLoop, noStrace, repair } from './mount.ts';

const lostWritebacks = Number(process.env.DISK_LOST_WRITEBACKS ?? 1);
const timeout = 240_000;
const tracerCommand = 'strace';
const callsMax = 4_000;

/** Makes workflows, one after the other, until no answer comes; keeps what was acknowledged. */
async function createUntilGone(url: string, acknowledged: Map<string, number>): Promise<void> {
  for (let n = 0; n < callsMax; n += 1) {
    const made = await create(url);
    if (made === null) return;
    acknowledged.set(made.id, made.version);
  }
  throw new Error(`still answering after ${callsMax} calls`);
}

async function create(url: string): Promise<Workflow | null> {
  const body = JSON.stringify({ name: 'kept', steps: [{ id: 'in', action: 'external_data' }] });
  let response: Response;
  try {
    response = await fetch(`${url}/api/workflows`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body,
    });
  } catch {
    return null; // The process has ended: nothing is acknowledged.
  }
  if (response.status === 201) {
    try {
      return (await response.json()) as Workflow;
    } catch {
      return null; // It ended over the answer.
    }
  }
  await response.arrayBuffer().catch(() => undefined);
  return response.status === 507 ? create(url) : null;
}

async function createSome(url: string, acknowledged: Map<string, number>, count = 5): Promise<void> {
  for (let n = 0; n < count; n += 1) {
    const made = await create(url);
    if (made === null) throw new Error('not answered');
    acknowledged.set(made.id, made.version);
  }
}

async function expectAllThere(dir: EngineDir, acknowledged: ReadonlyMap<string, number>): Promise<void> {
  const again = new Served(dir, { LOG_LEVEL: 'error' });
  const url = await again.listening();
  const missing: string[] = [];
  for (const [id, version] of acknowledged) {
    const response = await fetch(`${url}/api/workflows/${id}`);
    const workflow = (await response.json()) as Workflow;
    if (response.status !== 200 || workflow.version < version) missing.push(`${id}: ${response.status}`);
  }
  again.child.kill('SIGKILL');
  await again.exited;
  expect(missing).toEqual([]);
}

function newDir(): EngineDir {
  const dir = new EngineDir();
  onTestFinished(() => dir.remove());
  return dir;
}

test.skipIf(noStrace !== null)(
  named('E4: an fdatasync that the kernel fails ends the process with 74, whatever its number', noStrace),
  { timeout },
  async () => {
    const startedAt = performance.now();
    const dir = newDir();
    const acknowledged = new Map<string, number>();
    const places = (process.env.DISK_STRACE_PLACES ?? '1').split(',');
    for (const place of places) {
      const served = new Served(dir, { LOG_LEVEL: 'error', UV_THREADPOOL_SIZE: '1' });
      const url = await served.listening();
      await createSome(url, acknowledged, 3);
      // Counted for each thread: the journal's is the coordinator's own.
      const inject = `inject=fdatasync:error=EIO:when=${place}+`;
      const tracer = spawn(
        tracerCommand,
        ['-f', '-o', '/dev/null', '-e', 'trace=fdatasync', '-e', inject, '-p', String(served.child.pid)],
        {
          stdio: ['ignore', 'ignore', 'pipe'],
        },
      );
      onTestFinished(() => void tracer.kill('SIGKILL'));
      await new Promise((resolve) => tracer.stderr.once('data', resolve));
      await createUntilGone(url, acknowledged);
      const exit = await served.exited;
      expect(exit.code).toBe(74);
      expect(exit.stderr).toMatch(/exit status 74/);
      tracer.kill('SIGKILL');
      await expectAllThere(dir, acknowledged);
    }
    reportFigures('disk errors: real EIO', startedAt, {
      cases: places.length,
      lostAcknowledged: 0,
      changedResults: 0,
      repeatedSteps: 0,
      unreadableFiles: dir.quarantined().length,
      acknowledged: acknowledged.size,
    });
  },
);

test.skipIf(noLoop !== null)(
  named('E6: a file system that turns read-only ends the process with 74', noLoop),
  { timeout },
  async () => {
    const dir = newDir();
    const image = makeImage(`${dir.root}.img`, '32M');
    onTestFinished(() => fs.rmSync(image, { force: true }));
    const mounted = mountLoop(image, dir.root, 'errors=remount-ro');
    const acknowledged = new Map<string, number>();
    const served = new Served(dir, { LOG_LEVEL: 'error' });
    const url = await served.listening();
    await createSome(url, acknowledged);
    // What the kernel does by itself when it meets damage of its own.
    fs.writeFileSync(`/sys/fs/ext4/${mounted.device}/trigger_fs_error`, 'planted by a test');
    await createUntilGone(url, acknowledged);
    expect((await served.exited).code).toBe(74);
    mounted.unmount();
    repair(image);
    mountLoop(image, dir.root);
    await expectAllThere(dir, acknowledged);
  },
);

test('E6: a data directory that is deleted under the engine ends it with 74 instead of collecting what nobody will find', {
  timeout,
}, async () => {
  const dir = newDir();
  const served = new Served(dir, { LOG_LEVEL: 'error' });
  const url = await served.listening();
  await createSome(url, new Map());
  fs.rmSync(dir.workflowsDir, { recursive: true });
  const acknowledged = new Map<string, number>();
  await createUntilGone(url, acknowledged);
  expect([...acknowledged]).toEqual([]);
  const exit = await served.exited;
  expect(exit.code).toBe(74);
  expect(exit.stderr).toMatch(/no longer owns the data/);
});

test('E6: a data directory that is moved away and replaced ends it with 74; the old one, put back, has everything', {
  timeout,
}, async () => {
  const dir = newDir();
  const served = new Served(dir, { LOG_LEVEL: 'error' });
  const url = await served.listening();
  const acknowledged = new Map<string, number>();
  await createSome(url, acknowledged);
  const away = path.join(dir.root, 'away');
  fs.renameSync(dir.workflowsDir, away);
  fs.mkdirSync(dir.workflowsDir);
  // A moment after the last change it looks whether the data is still its own.
  await createSome(url, acknowledged, 1).catch(() => undefined);
  expect((await served.exited).code).toBe(74);
  fs.rmSync(dir.workflowsDir, { recursive: true });
  fs.renameSync(away, dir.workflowsDir);
  await expectAllThere(dir, acknowledged);
});

test.skipIf(noLoop !== null)(
  named(`E5: a write-back that is lost, ${lostWritebacks} times: the error is believed the first time`, noLoop),
  { timeout: timeout * lostWritebacks },
  async () => {
    for (let run = 0; run < lostWritebacks; run += 1) {
      const below = newDir();
      mountTmpfs(below.root, 'size=16m');
      const image = makeImage(path.join(below.root, 'image'), '64M', '-O', '^has_journal');
      const dir = newDir();
      const mounted = mountLoop(image, dir.root);
      const acknowledged = new Map<string, number>();
      const served = new Served(dir, { LOG_LEVEL: 'error' });
      const url = await served.listening();
      await createSome(url, acknowledged);
      const filler = path.join(below.root, 'filler');
      try {
        execFileSync('dd', ['if=/dev/zero', `of=${filler}`, 'bs=4096'], { stdio: 'ignore' });
      } catch {
        // It ends with an error when there is no room left, which is what it is for.
      }
      await createUntilGone(url, acknowledged);
      expect((await served.exited).code).toBe(74);
      fs.rmSync(filler);
      mounted.unmount();
      repair(image);
      const repaired = mountLoop(image, dir.root);
      await expectAllThere(dir, acknowledged);
      repaired.unmount();
    }
  },
);
