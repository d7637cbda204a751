/**
 * Goal: files and directories of another user are set aside and cost their own workflow only; where that is forbidden the
 * start ends with 77 and one line (FE1, FE2). A link called `blobs` is never written through. Method: the product as the
 * user nobody on files of root; a second part with links, as any user.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { live, newDir } from '../coordinator/restarts.ts';
import { api } from '../crash/served.ts';
import { emitted } from '../fixtures/emitted.ts';
import type { EngineDir } from '../fixtures/engine-dir.ts';

const isRoot = process.getuid?.() === 0;
const nobody = 65_534;
const file = (id: string) => ({ id, steps: [{ id: 'in', action: 'external_data', status: 'WAITING_FOR_DEPENDENCY' }] });

interface ServedAsNobody {
  url: string;
  /** Ends it in good order: by then all files are as they stay. */
  stop(): Promise<void>;
}

/** As `serve` in a process of the user nobody. Resolves with its address, or with how it ended. */
async function serveAsNobody(dir: EngineDir): Promise<ServedAsNobody | { code: number | null; stderr: string }> {
  const script = emitted('src/cli/cli.ts');
  // Made by the test run for its own user.
  fs.chmodSync(process.env.EMITTED_DIRECTORY!, 0o755);
  const env = { PORT: '0', WORKFLOWS_DIR: dir.workflowsDir, QUEUE_STATE_FILE: dir.queueStateFile, POOL_THREADS: '1' };
  const child: ChildProcess = spawn(process.execPath, [script, 'serve'], {
    cwd: dir.root,
    env: { PATH: process.env.PATH, ...env },
    uid: nobody,
    gid: nobody,
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let stdout = '';
  let stderr = '';
  child.stderr!.on('data', (chunk) => {
    stderr += String(chunk);
  });
  const closed = once(child, 'close');
  const stop = async () => {
    child.kill('SIGTERM');
    await closed;
  };
  const listening = new Promise<ServedAsNobody>((resolve) => {
    child.stdout!.on('data', (chunk) => {
      stdout += String(chunk);
      const url = /listening on (http:\/\/[^\s"]+)/.exec(stdout)?.[1];
      if (url !== undefined) resolve({ url, stop });
    });
  });
  const ended = closed.then(() => ({ code: child.exitCode, stderr }));
  return Promise.race([listening, ended]);
}

function give(dir: EngineDir): void {
  for (const name of [dir.root, dir.workflowsDir]) {
    fs.mkdirSync(name, { recursive: true });
    fs.chownSync(name, nobody, nobody);
  }
}

describe.skipIf(!isRoot)(isRoot ? 'as nobody' : 'as nobody: SKIPPED, only root can become another user', () => {
  test('a file and two directories of root are set aside, and the others go on', async () => {
    const dir = newDir();
    const [ofFile, readable, closed, own] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
    give(dir);
    for (const id of [ofFile, readable, closed, own]) dir.writeState(id, file(id));
    for (const id of [ofFile, own]) fs.chownSync(dir.directory(id), nobody, nobody);
    fs.chownSync(dir.stateFile(own), nobody, nobody);
    fs.chmodSync(dir.stateFile(ofFile), 0o600);
    fs.chmodSync(dir.directory(closed), 0o700);
    const served = await serveAsNobody(dir);
    if (!('url' in served)) throw new Error(served.stderr);
    const statuses = await Promise.all(
      [ofFile, readable, closed, own].map(async (id) => (await api(served.url, 'GET', `/workflows/${id}`)).status),
    );
    expect(statuses).toEqual([410, 410, 410, 200]);
    await served.stop();
    const entries = fs
      .readdirSync(dir.workflowsDir)
      .filter((name) => name !== '.engine')
      .sort();
    expect(entries).toEqual([ofFile, `${readable}.set-aside`, `${closed}.set-aside`, own].sort());
    // Nothing in them was touched.
    expect(fs.readdirSync(path.join(dir.workflowsDir, `${readable}.set-aside`))).toEqual(['state.json']);
    expect(
      dir
        .quarantined()
        .map((name) => name.slice(name.indexOf('Z-') + 2))
        .sort(),
    ).toEqual([`${ofFile}-state.json`, `${readable}-directory.json`, `${closed}-directory.json`].sort());
  });

  test.each([
    ['.engine', (dir: EngineDir) => path.join(dir.workflowsDir, '.engine')],
    ['the journal', (dir: EngineDir) => path.join(dir.workflowsDir, '.engine', 'journal')],
    ['the quarantine', (dir: EngineDir) => path.join(dir.workflowsDir, '.engine', 'quarantine')],
  ])('where %s is of root, the start ends with 77 and one line', async (_what, toPath) => {
    const dir = newDir();
    give(dir);
    fs.mkdirSync(path.join(dir.workflowsDir, '.engine', 'journal'), { recursive: true });
    fs.mkdirSync(path.join(dir.workflowsDir, '.engine', 'quarantine'), { recursive: true });
    for (const name of ['', 'journal', 'quarantine']) {
      const directory = path.join(dir.workflowsDir, '.engine', name);
      fs.chownSync(directory, nobody, nobody);
    }
    fs.chownSync(toPath(dir), 0, 0);
    const ended = await serveAsNobody(dir);
    expect(ended).toMatchObject({
      code: 77,
      stderr: expect.stringContaining(`cannot be used: EACCES (at ${toPath(dir)})`),
    });
    expect('stderr' in ended && ended.stderr.trim().split('\n')).toHaveLength(1);
  });

  test('blobs of root in a directory of its own are set aside, and the workflow goes on', async () => {
    const dir = newDir();
    const id = randomUUID();
    give(dir);
    dir.writeState(id, file(id));
    fs.chownSync(dir.directory(id), nobody, nobody);
    fs.chownSync(dir.stateFile(id), nobody, nobody);
    fs.mkdirSync(path.join(dir.directory(id), 'blobs'), { mode: 0o700 });
    const served = await serveAsNobody(dir);
    if (!('url' in served)) throw new Error(served.stderr);
    const body = { step_id: 'in', content: 'x'.repeat(200_000) };
    expect((await api(served.url, 'POST', `/workflows/${id}/external-data`, body)).status).toBe(201);
    // While it runs, the next state.json may lie beside the last one under a name of its own.
    await served.stop();
    expect(dir.blobs(id)).toHaveLength(1);
    expect(fs.readdirSync(dir.directory(id)).sort()).toEqual(['blobs', 'blobs.set-aside', 'state.json']);
    expect(dir.quarantined().map((name) => name.slice(name.indexOf('Z-') + 2))).toEqual([`${id}-blobs-directory.json`]);
  });

  test('a socket of root ends the start with 77: nobody knows whether its owner lives (OS3)', async () => {
    const dir = newDir();
    const socket = path.join(dir.workflowsDir, '.engine', 'owner-1.sock');
    give(dir);
    fs.mkdirSync(path.dirname(socket));
    fs.chownSync(path.dirname(socket), nobody, nobody);
    const server = net.createServer().listen(socket);
    await once(server, 'listening');
    onTestFinished(() => void server.close());
    expect(await serveAsNobody(dir)).toEqual({
      code: 77,
      stderr: `WORKFLOWS_DIR ${dir.workflowsDir} cannot be used: EACCES (at ${socket}); this user must be allowed to list, read and write it\n`,
    });
  });

  test('a lock file of root that cannot be read is stale where a socket can be held (LF3)', async () => {
    const dir = newDir();
    give(dir);
    const lockFile = path.join(dir.workflowsDir, '.engine', 'lock');
    fs.mkdirSync(path.dirname(lockFile));
    fs.chownSync(path.dirname(lockFile), nobody, nobody);
    fs.writeFileSync(lockFile, '{}', { mode: 0o600 });
    expect(await serveAsNobody(dir)).toHaveProperty('url');
  });

  test('a directory that cannot be set aside ends the start with 77 and one line', async () => {
    const dir = newDir();
    const id = randomUUID();
    give(dir);
    dir.writeState(id, file(id));
    // Of root, in a directory whose sticky bit lets no one rename what is not his.
    fs.chmodSync(dir.workflowsDir, 0o1777);
    fs.chownSync(dir.workflowsDir, 0, 0);
    const ended = await serveAsNobody(dir);
    expect(ended).toMatchObject({ code: 77, stderr: expect.stringMatching(/cannot be used: E(PERM|ACCES) /) });
    expect('stderr' in ended && ended.stderr.trim().split('\n')).toHaveLength(1);
  });
});

describe('a link called blobs in a directory that was copied in', () => {
  test('is set aside at the start, and outputs go into a directory of the workflow', async () => {
    const dir = newDir();
    const elsewhere = newDir();
    const id = randomUUID();
    dir.writeState(id, file(id));
    fs.mkdirSync(elsewhere.workflowsDir);
    fs.symlinkSync(elsewhere.workflowsDir, path.join(dir.directory(id), 'blobs'));
    const { engine } = await live(dir);
    expect((await engine.health()).notices.join('\n')).toContain(
      `blobs of workflow ${id} is a link, not a directory; it was set aside in `,
    );
    await engine.externalData(id, { step_id: 'in', content: 'x'.repeat(200_000) });
    expect((await engine.finished(id)).status).toBe('COMPLETED');
    expect(fs.readdirSync(elsewhere.workflowsDir)).toEqual([]);
    expect(dir.blobs(id)).toHaveLength(1);
  });

  test('is set aside when it is found by the first write', async () => {
    const dir = newDir();
    const elsewhere = newDir();
    fs.mkdirSync(elsewhere.workflowsDir);
    const { engine } = await live(dir);
    const { id } = await engine.submit(
      { name: 'x', steps: [{ id: 'in', action: 'external_data' }] },
      { waitMs: 60_000 },
    );
    fs.symlinkSync(elsewhere.workflowsDir, path.join(dir.directory(id), 'blobs'));
    await engine.externalData(id, { step_id: 'in', content: 'x'.repeat(200_000) });
    expect((await engine.finished(id)).status).toBe('COMPLETED');
    expect(fs.readdirSync(elsewhere.workflowsDir)).toEqual([]);
    expect(dir.blobs(id)).toHaveLength(1);
  });
});
