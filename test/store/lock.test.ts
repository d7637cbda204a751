// Goal: one owner, whatever the path; a dead owner holds nothing. Method: processes of their own, killed for real.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createNodeDisk, type Disk } from '../../src/store/disk.ts';
import { takeLock } from '../../src/store/lock.ts';
import type { LockTime } from '../../src/store/lock-file.ts';
import { emitted } from '../fixtures/emitted.ts';
import { createDataDir, type DataDir, open } from './data-dir.ts';

function startOwner(workflowsDir: string, queueStateFile: string): ChildProcess {
  const child = spawn(process.execPath, [emitted('test/store/lock-owner.ts'), workflowsDir, queueStateFile]);
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
  });
  return child;
}

async function ended(child: ChildProcess): Promise<{ status: unknown; stderr: string }> {
  let stderr = '';
  child.stderr?.on('data', (chunk) => {
    stderr += String(chunk);
  });
  const [status] = await once(child, 'close');
  return { status, stderr };
}

async function opened(child: ChildProcess): Promise<void> {
  if (child.stdout === null) throw new Error('no output');
  const [said] = await once(child.stdout, 'data');
  expect(String(said)).toBe('open\n');
}

function lockFile(dir: DataDir): string {
  return path.join(dir.engineDir, 'lock');
}

/** As on a platform without abstract sockets: the name of the directory is not to be had, so the file has to do. */
function withoutSocket(): Disk {
  const real = createNodeDisk();
  return { ...real, realpathSync: (file) => `${real.realpathSync(file)}/no-such-entry` };
}

test('a second process ends with status 75 and one line that names the directory and the pid of the owner', async () => {
  const dir = createDataDir();
  await open(dir);
  const { status, stderr } = await ended(startOwner(dir.workflowsDir, dir.queueStateFile));
  expect(status).toBe(75);
  expect(stderr).toContain(dir.workflowsDir);
  expect(stderr).toContain(`process ${process.pid}`);
  expect(stderr.split('\n')).toHaveLength(1);
});

test('the same directory by another name is the same directory', async () => {
  const dir = createDataDir();
  await open(dir);
  const link = path.join(dir.root, 'link');
  fs.symlinkSync(dir.workflowsDir, link);
  await expect(open({ ...dir, workflowsDir: link })).rejects.toMatchObject({ exitStatus: 75 });
  const relative = path.relative(process.cwd(), dir.workflowsDir);
  await expect(open({ ...dir, workflowsDir: relative })).rejects.toMatchObject({ exitStatus: 75 });
});

test.skipIf(process.platform !== 'linux')(
  'two engines of different directories cannot have one queue file',
  async () => {
    const dir = createDataDir();
    await open(dir);
    const other = { ...dir, workflowsDir: path.join(dir.root, 'other workflows') };
    const before = fs.readFileSync(dir.queueStateFile, 'utf8');
    const second = startOwner(other.workflowsDir, dir.queueStateFile);
    // If it were let in, it would end by itself.
    second.stdin?.end();
    const { status, stderr } = await ended(second);
    expect(status).toBe(75);
    expect(stderr).toContain(`QUEUE_STATE_FILE ${dir.queueStateFile} is in use`);
    expect(stderr.split('\n')).toHaveLength(1);
    // By another name it is the same file, whoever asks.
    const link = path.join(dir.root, 'link.json');
    fs.symlinkSync(dir.queueStateFile, link);
    await expect(open({ ...other, queueStateFile: link })).rejects.toMatchObject({ exitStatus: 75 });
    expect(fs.readFileSync(dir.queueStateFile, 'utf8')).toBe(before);
    // The one that was refused holds nothing, and beside the file there is room.
    await open({ ...other, queueStateFile: path.join(dir.root, 'own.json') });
  },
);

test('after SIGKILL of the owner the next start succeeds at once', async () => {
  const dir = createDataDir();
  const owner = startOwner(dir.workflowsDir, dir.queueStateFile);
  await opened(owner);
  await expect(open(dir)).rejects.toThrow(`process ${owner.pid}`);
  owner.kill('SIGKILL');
  await once(owner, 'exit');
  expect(fs.existsSync(lockFile(dir))).toBe(true);
  await open(dir);
});

test('of many that start at once exactly one opens', async () => {
  const dir = createDataDir();
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => open(dir)));
  const refused = results.filter((result) => result.status === 'rejected');
  expect(refused).toHaveLength(19);
  for (const result of refused) expect(result.reason).toMatchObject({ exitStatus: 75 });
});

test('a closed store gives everything up, and the owner that is refused leaves the lock alone', async () => {
  const dir = createDataDir();
  const store = await open(dir);
  const before = fs.readFileSync(lockFile(dir), 'utf8');
  await expect(open(dir)).rejects.toThrow('this process already');
  expect(fs.readFileSync(lockFile(dir), 'utf8')).toBe(before);
  await store.close();
  expect(fs.existsSync(lockFile(dir))).toBe(false);
  await open(dir);
});

const parentStartTime = (): string => {
  const stat = fs.readFileSync(`/proc/${process.ppid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
};
const bootId = (): string => fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();

test.skipIf(process.platform !== 'linux').each([
  ['of a process that is dead', { pid: 2 ** 22 + 1, startTime: '1', bootId: null }],
  [
    'whose pid was given to a process that started at another time',
    { pid: process.ppid, startTime: '1', bootId: null },
  ],
  ['of another boot', { pid: process.ppid, startTime: null, bootId: 'another' }],
  ['that was half written', null],
])('a lock file %s is stale', async (_whose, owner) => {
  const dir = createDataDir();
  fs.mkdirSync(dir.engineDir, { recursive: true });
  const text = owner === null ? '{"pid":' : JSON.stringify({ ...owner, nonce: 'n' });
  for (const disk of [createNodeDisk(), withoutSocket()]) {
    fs.writeFileSync(lockFile(dir), text);
    const lock = await takeLock(disk, dir.workflowsDir, lockFile(dir), dir.queueStateFile);
    expect(lock.isHeld()).toBe(true);
    await lock.release();
    expect(fs.existsSync(lockFile(dir))).toBe(false);
  }
});

test.skipIf(process.platform !== 'linux')(
  'a lock file of a living process is respected where its socket is not seen',
  async () => {
    const dir = createDataDir();
    fs.mkdirSync(dir.engineDir, { recursive: true });
    const owner = { pid: process.ppid, startTime: parentStartTime(), bootId: bootId(), nonce: 'n' };
    fs.writeFileSync(lockFile(dir), JSON.stringify(owner));
    await expect(open(dir)).rejects.toThrow(`process ${process.ppid}`);
    expect(JSON.parse(fs.readFileSync(lockFile(dir), 'utf8'))).toEqual(owner);
  },
);

test.skipIf(process.platform !== 'linux')(
  'where the lock file was deleted, the socket still keeps a second owner out',
  async () => {
    const dir = createDataDir();
    await open(dir);
    fs.rmSync(lockFile(dir));
    await expect(open(dir)).rejects.toThrow('in use by another process');
    expect(fs.existsSync(lockFile(dir))).toBe(false);
  },
);

test('without a socket the lock file alone keeps a second owner out', async () => {
  const dir = createDataDir();
  fs.mkdirSync(dir.engineDir, { recursive: true });
  const lock = await takeLock(withoutSocket(), dir.workflowsDir, lockFile(dir), dir.queueStateFile);
  await expect(takeLock(withoutSocket(), dir.workflowsDir, lockFile(dir), dir.queueStateFile)).rejects.toMatchObject({
    exitStatus: 75,
  });
  await lock.release();
});

test('a lock whose file somebody has replaced is no longer held, and releasing it leaves the other one', async () => {
  const dir = createDataDir();
  fs.mkdirSync(dir.engineDir, { recursive: true });
  const lock = await takeLock(createNodeDisk(), dir.workflowsDir, lockFile(dir), dir.queueStateFile);
  fs.writeFileSync(lockFile(dir), JSON.stringify({ pid: 1, startTime: null, bootId: null, nonce: 'other' }));
  expect(lock.isHeld()).toBe(false);
  await lock.release();
  expect(fs.existsSync(lockFile(dir))).toBe(true);
});

test.each(['EACCES', 'EPERM'])('LF3: without a socket, a lock file that gives %s is left as it is', async (code) => {
  const dir = createDataDir();
  fs.mkdirSync(dir.engineDir, { recursive: true });
  fs.writeFileSync(lockFile(dir), 'of another user');
  const disk = withoutSocket();
  const closed: Disk = {
    ...disk,
    readFileSync(file) {
      if (file === lockFile(dir)) throw Object.assign(new Error(code), { code });
      return disk.readFileSync(file);
    },
  };
  const taken = takeLock(closed, dir.workflowsDir, lockFile(dir), dir.queueStateFile);
  await expect(taken).rejects.toMatchObject({ code });
  expect(fs.readFileSync(lockFile(dir), 'utf8')).toBe('of another user');
});

/** Records what is waited for; `during` runs in place of the pause. */
function steppedPace(during: () => void = () => undefined) {
  const waits: number[] = [];
  const beats: { ms: number; call: () => void; isEnded: boolean }[] = [];
  const pace: LockTime = {
    wait: async (ms) => {
      waits.push(ms);
      during();
    },
    every(ms, call) {
      const beat = { ms, call, isEnded: false };
      beats.push(beat);
      return () => {
        beat.isEnded = true;
      };
    },
  };
  return { pace, waits, beats };
}

const elsewhere = { pid: 1, startTime: '1', bootId: null, nonce: 'n', pidNamespace: 'pid:[1]' };
/** The parent of this process, which lives, as an owner of the same boot and pid namespace. */
const alive =
  process.platform === 'linux'
    ? {
        pid: process.ppid,
        startTime: parentStartTime(),
        bootId: bootId(),
        nonce: 'n',
        pidNamespace: fs.readlinkSync('/proc/self/ns/pid'),
      }
    : elsewhere;

test.skipIf(process.platform !== 'linux').each([
  // Of another container: the pid says nothing here, the heartbeat does.
  { owner: { ...elsewhere, hasSocket: false, beat: '000000000007' }, grows: true, status: 75, waits: [4_000] },
  { owner: { ...elsewhere, hasSocket: false, beat: '000000000007' }, grows: false, status: null, waits: [4_000] },
  // Of another machine, or of this one before it was started again.
  {
    owner: { ...elsewhere, bootId: 'another', pidNamespace: null, hasSocket: false, beat: '000000000007' },
    grows: true,
    status: 75,
    waits: [4_000],
  },
  // It had a socket, and nobody listens on one.
  { owner: { ...elsewhere, hasSocket: true }, grows: false, status: null, waits: [] },
  // Its pid lives here: another process has it by now, or the pid is of another container of the same name.
  { owner: { ...alive, hasSocket: true }, grows: false, status: null, waits: [] },
  { owner: { ...alive, hasSocket: false, beat: '000000000007' }, grows: false, status: 75, waits: [] },
])('LF1, LF2: the owner $owner, whose heartbeat grows: $grows', async ({ owner, grows, status, waits }) => {
  const dir = createDataDir();
  fs.mkdirSync(dir.engineDir, { recursive: true });
  fs.writeFileSync(lockFile(dir), JSON.stringify(owner));
  const stepped = steppedPace(() => {
    if (grows) fs.writeFileSync(lockFile(dir), JSON.stringify({ ...owner, beat: '000000000008' }));
  });
  const disk = owner.hasSocket ? createNodeDisk() : withoutSocket();
  const taken = takeLock(disk, dir.workflowsDir, lockFile(dir), dir.queueStateFile, stepped.pace);
  if (status === null) await (await taken).release();
  else await expect(taken).rejects.toMatchObject({ exitStatus: status });
  expect(stepped.waits).toEqual(waits);
});

test.skipIf(process.platform !== 'linux')(
  'LF2: a directory that another engine has taken meanwhile is its own, though it has beaten as often',
  async () => {
    const dir = createDataDir();
    fs.mkdirSync(dir.engineDir, { recursive: true });
    const owner = { ...elsewhere, hasSocket: false, beat: '000000000007' };
    fs.writeFileSync(lockFile(dir), JSON.stringify(owner));
    const { pace } = steppedPace(() => fs.writeFileSync(lockFile(dir), JSON.stringify({ ...owner, nonce: 'other' })));
    const taken = takeLock(withoutSocket(), dir.workflowsDir, lockFile(dir), dir.queueStateFile, pace);
    await expect(taken).rejects.toMatchObject({ exitStatus: 75 });
    expect(JSON.parse(fs.readFileSync(lockFile(dir), 'utf8')).nonce).toBe('other');
  },
);

test('LF2: an owner without a socket beats every second in a line of one length, until it releases the lock', async () => {
  const dir = createDataDir();
  fs.mkdirSync(dir.engineDir, { recursive: true });
  const { pace, beats } = steppedPace();
  const lock = await takeLock(withoutSocket(), dir.workflowsDir, lockFile(dir), dir.queueStateFile, pace);
  expect(lock.isFileOnly).toBe(true);
  expect(beats).toMatchObject([{ ms: 1_000, isEnded: false }]);
  const shown = () => fs.readFileSync(lockFile(dir), 'utf8');
  const before = shown();
  beats[0]!.call();
  beats[0]!.call();
  expect(JSON.parse(shown())).toEqual({ ...JSON.parse(before), beat: '000000000002' });
  expect(shown()).toHaveLength(before.length);
  // It does not write into the file of one that has taken over.
  fs.writeFileSync(lockFile(dir), JSON.stringify(elsewhere));
  beats[0]!.call();
  expect(JSON.parse(shown())).toEqual(elsewhere);
  await lock.release();
  expect(beats[0]!.isEnded).toBe(true);
});

test.skipIf(process.platform !== 'linux')(
  'an owner with a socket does not beat, and takes its socket with it',
  async () => {
    const dir = createDataDir();
    fs.mkdirSync(dir.engineDir, { recursive: true });
    const { pace, beats } = steppedPace();
    const lock = await takeLock(createNodeDisk(), dir.workflowsDir, lockFile(dir), dir.queueStateFile, pace);
    expect(lock.isFileOnly).toBe(false);
    expect(beats).toEqual([]);
    expect(fs.readdirSync(dir.engineDir).sort()).toEqual(['lock', 'owner-1.sock']);
    await lock.release();
    expect(fs.readdirSync(dir.engineDir)).toEqual([]);
  },
);
